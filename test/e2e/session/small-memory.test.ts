// The server on a machine that reports little memory: /proc/meminfo is replaced in a mount namespace of its own.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { closeSync, copyFileSync, fsyncSync, openSync, readdirSync } from "node:fs";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeDirectory } from "../../peer/test-server.ts";
import { writeRandomFile } from "../client/sample-files.ts";
import { EXECUTABLE, startServer } from "../client/server.ts";
import { demandSmbclient } from "../client/smbclient.ts";

const isRoot = process.getuid?.() === 0;
const SCRIPT = 'mount --bind "$0" /proc/meminfo; copy="$1"; shift 2; exec "$copy" "$@"';

/**
 * Pages of the executable that servers of other tests use as well are not dropped: these servers have a file of their
 * own.
 */
const home = makeDirectory("minismbd-executable");
const executable = join(home, "minismbd");
beforeAll(() => {
  copyFileSync(EXECUTABLE, executable);
  // Pages of a file that was just written are not dropped before they are on the disk.
  const descriptor = openSync(executable, "r");
  fsyncSync(descriptor);
  closeSync(descriptor);
}, 60_000);
afterAll(() => rmSync(home, { recursive: true }));

/** The server with that much memory, after a client has copied a file there and back. */
interface Served {
  readonly lockedMib: number;
  readonly anonymousMib: number;
  /** Names of the threads. */
  readonly threads: readonly string[];
  readonly words: readonly string[];
  readonly variables: readonly string[];
}

/** A thread may end while it is looked at. */
function attempt<Value>(look: () => Value): Value | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

async function serveWith(memoryMib: number): Promise<Served> {
  const directory = makeDirectory("minismbd-meminfo");
  const meminfo = join(directory, "meminfo");
  const sample = join(directory, "sample");
  const kib = memoryMib * 1024;
  writeFileSync(meminfo, `MemTotal: ${kib} kB\nMemFree: ${kib} kB\nMemAvailable: ${kib} kB\n`);
  writeRandomFile(sample, 8 * 1024 * 1024);
  const server = await startServer({
    runner: ["unshare", "--mount", "sh", "-c", SCRIPT, meminfo, executable],
  });
  try {
    await demandSmbclient(server, [`put ${sample} copy`, `get copy ${sample}.2`]);
    expect(readFileSync(`${sample}.2`).equals(readFileSync(sample))).toBe(true);
    const read = (name: string): string => readFileSync(`/proc/${server.pid}/${name}`, "utf8");
    const threadName = (task: string): string => read(`task/${task}/comm`).trim();
    return {
      lockedMib: Number(/^VmLck:\s+(\d+) kB/m.exec(read("status"))?.[1]) / 1024,
      anonymousMib: Number(/^Anonymous:\s+(\d+) kB/m.exec(read("smaps_rollup"))?.[1]) / 1024,
      threads: readdirSync(`/proc/${server.pid}/task`).map((task) => attempt(() => threadName(task)) ?? ""),
      words: read("cmdline").split("\0"),
      variables: read("environ").split("\0"),
    };
  } finally {
    await server.stop();
    rmSync(directory, { recursive: true });
  }
}

// The kernel counts the whole range that is to be locked as it is used.
test.skipIf(!isRoot)(
  "with 120 MiB the code that is used is locked, and one compiler is left out",
  async () => {
    const { lockedMib, variables } = await serveWith(120);
    expect(lockedMib).toBeGreaterThan(80);
    const options = variables.filter((variable) => variable.startsWith("BUN_JSC_")).toSorted();
    expect(options).toEqual(["BUN_JSC_forceMiniVMMode=1", "BUN_JSC_useDFGJIT=0"]);
  },
);

test.skipIf(!isRoot)("with 512 MiB nothing is locked, and the runtime has its own options", async () => {
  const { lockedMib, variables } = await serveWith(512);
  expect(lockedMib).toBe(0);
  expect(variables.filter((variable) => variable.startsWith("BUN_JSC_"))).toEqual([]);
});

test.skipIf(!isRoot)("with 60 MiB the interpreter alone runs the server, and nothing is locked", async () => {
  const { lockedMib, anonymousMib, threads, words, variables } = await serveWith(60);
  expect(lockedMib).toBe(0);
  expect(variables).toContain("BUN_JSC_useBaselineJIT=0");
  expect(words.slice(0, 2)).toEqual([executable, "serve"]);
  expect(threads.filter((name) => /JIT|WarmUp/.test(name))).toEqual([]);
  // 15 to 19; by compiled code 20 to 24.
  expect(anonymousMib).toBeLessThan(20);
});
