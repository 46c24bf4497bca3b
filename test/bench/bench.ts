// Benchmarks this server and Debian's smbd alternately, with the same clients and folder, and prints both
// figures and their ratio. Usage: npm run bench -- [--folder DIR] [--runs N] [--mib N] [--only TEXT] [--depth
// N] The default folder is in memory (/dev/shm).
import { chownSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeRandomFile } from "../e2e/client/sample-files.ts";
import { startServer } from "../e2e/client/server.ts";
import { connectionWords, runProgram } from "../e2e/client/smbclient.ts";
import { hasSmbd, startSmbd } from "../peer/smbd.ts";
import { makeDirectory, removeDirectory, TESTER, TESTER_UID, type TestServer } from "../peer/test-server.ts";
import type { Job, ProtectionName } from "./jobs.ts";
import { cpuSeconds, memoryOf } from "./processes.ts";

const MIB = 1024 * 1024;
const SHARE = "bench";
const CONNECTIONS = 200;
const SMALL_FILES = 2000;
const LISTED_FILES = 5000;
const RANDOM_READS = 40_000;

const { values: options } = parseArgs({
  options: {
    folder: { type: "string", default: "/dev/shm" },
    runs: { type: "string", default: "3" },
    mib: { type: "string", default: "1024" },
    depth: { type: "string", default: "8" },
    only: { type: "string", default: "" },
  },
});
const runs = Number(options.runs);
const mib = Number(options.mib);
const depth = Number(options.depth);

/** A benchmark; `measure` makes one run and returns its figures by row name. */
interface Figure {
  readonly name: string;
  readonly unit: string;
  /** Decimal places. */
  readonly digits: number;
  readonly measure: (server: TestServer) => Promise<Readonly<Record<string, number>>>;
}

const samples = new Map<string, Map<string, number[]>>();

function jobOf(server: TestServer, job: Partial<Job> & Pick<Job, "kind">): Job {
  return {
    host: server.host,
    port: server.port,
    user: TESTER.user,
    password: TESTER.password,
    share: SHARE,
    protection: "plain",
    file: "big",
    count: 1,
    depth: 1,
    size: MIB,
    ...job,
  };
}

/** Runs a job in a separate process. Returns the seconds that its client measured. */
async function runJob(server: TestServer, job: Partial<Job> & Pick<Job, "kind">): Promise<number> {
  const words = [process.execPath, join(import.meta.dir, "client.ts"), JSON.stringify(jobOf(server, job))];
  const { status, output } = await runProgram(words);
  if (status !== 0) throw new Error(`${server.name}, ${job.kind}: ${output}`);
  return JSON.parse(output).seconds;
}

function sequential(kind: "read" | "write", protection: ProtectionName): Figure {
  const name = `${kind} ${mib} MiB, raw client, ${protection}`;
  return {
    name,
    unit: "MiB/s",
    digits: 0,
    async measure(server) {
      const before = cpuSeconds(server.pid);
      const file = kind === "read" ? "big" : `written-${server.name}`;
      const seconds = await runJob(server, { kind, protection, file, count: mib, depth });
      // The time of smbd's process for this connection is counted once its parent has reaped it.
      await Bun.sleep(100);
      const cpu = cpuSeconds(server.pid) - before;
      return { [name]: mib / seconds, [`${name}: server CPU`]: (cpu * 1024) / mib };
    },
  };
}

function smbclient(kind: "read" | "write", protection: "off" | "sign" | "encrypt"): Figure {
  const name = `${kind} ${mib} MiB, smbclient, ${protection}`;
  return {
    name,
    unit: "MiB/s",
    digits: 0,
    async measure(server) {
      const command =
        kind === "read" ? "get big /dev/null" : `put ${server.shares.get(SHARE)}/big written-${server.name}`;
      const words = ["smbclient", `//${server.host}/${SHARE}`, ...connectionWords(server, { protection })];
      const before = cpuSeconds(server.pid);
      const start = performance.now();
      const { status, output } = await runProgram([...words, "-c", command]);
      const seconds = (performance.now() - start) / 1000;
      if (status !== 0 || output.includes("NT_STATUS")) throw new Error(`${server.name}: ${output}`);
      await Bun.sleep(100);
      const cpu = cpuSeconds(server.pid) - before;
      return { [name]: mib / seconds, [`${name}: server CPU`]: (cpu * 1024) / mib };
    },
  };
}

function simple(
  name: string,
  unit: string,
  job: Partial<Job> & Pick<Job, "kind">,
  figure: (seconds: number) => number,
): Figure {
  return {
    name,
    unit,
    digits: 0,
    async measure(server) {
      const file = job.kind === "files" ? `files-${server.name}` : job.file;
      const folder = join(server.shares.get(SHARE) ?? "", file ?? "");
      if (job.kind === "files") makeFolder(folder);
      const seconds = await runJob(server, { ...job, ...(file === undefined ? {} : { file }) });
      if (job.kind === "files") rmSync(folder, { recursive: true });
      return { [name]: figure(seconds) };
    },
  };
}

/** Memory of a newly started server, first without connections, then with idle ones. */
const memory: Figure = {
  name: "memory",
  unit: "KiB",
  digits: 1,
  async measure(old) {
    const parameters = { "max connections": "1000" };
    const settings = { shares: [{ name: SHARE, path: old.shares.get(SHARE) ?? "", parameters }], parameters };
    const start = old.name === "smbd" ? startSmbd : startServer;
    const server = await start(settings);
    try {
      await Bun.sleep(2000);
      const idle = memoryOf(server.pid);
      // The first connections load and compile code that later ones share, so the cost of one is taken from
      // the second batch.
      const first = await holdConnections(server, CONNECTIONS);
      await Bun.sleep(12_000);
      const few = memoryOf(server.pid);
      const second = await holdConnections(server, CONNECTIONS);
      // Gives the server time for garbage collection and other deferred work.
      await Bun.sleep(12_000);
      const many = memoryOf(server.pid);
      await first();
      await second();
      return {
        "memory: Pss, idle": idle.pssKib,
        "memory: Anonymous, idle": idle.anonymousKib,
        [`memory: Anonymous, ${CONNECTIONS} connections`]: few.anonymousKib,
        "memory: Pss for each further connection": (many.pssKib - few.pssKib) / CONNECTIONS,
        "memory: Anonymous for each further connection": (many.anonymousKib - few.anonymousKib) / CONNECTIONS,
      };
    } finally {
      await server.stop();
    }
  },
};

/** Opens and logs on `count` connections. Returns a function that closes them. */
async function holdConnections(server: TestServer, count: number): Promise<() => Promise<void>> {
  const job = JSON.stringify(jobOf(server, { kind: "idle", count }));
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "client.ts"), job], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  if (!new TextDecoder().decode(value).startsWith("ready")) throw new Error("idle client did not log on");
  return async () => {
    await child.stdin.end();
    await child.exited;
  };
}

const figures: readonly Figure[] = [
  ...(["off", "sign", "encrypt"] as const).flatMap((p) => [smbclient("read", p), smbclient("write", p)]),
  ...(["plain", "gmac", "cmac", "gcm"] as const).flatMap((p) => [
    sequential("read", p),
    sequential("write", p),
  ]),
  simple(
    "random reads of 4 KiB, depth 32",
    "1/s",
    { kind: "random", size: 4096, depth: 32, count: RANDOM_READS },
    (seconds) => RANDOM_READS / seconds,
  ),
  simple(
    `create, write 1 KiB, close: ${SMALL_FILES} files`,
    "files/s",
    { kind: "files", size: 1024, count: SMALL_FILES },
    (seconds) => SMALL_FILES / seconds,
  ),
  simple(
    `listing of ${LISTED_FILES} files`,
    "ms",
    { kind: "list", file: "listed", size: 65_536, depth: 10, count: LISTED_FILES },
    (seconds) => seconds * 1000,
  ),
  memory,
];

function makeFolder(path: string): void {
  mkdirSync(path);
  if (process.getuid?.() === 0) chownSync(path, TESTER_UID, TESTER_UID);
}

function prepareFolder(path: string): void {
  makeFolder(path);
  writeRandomFile(join(path, "big"), mib * MIB);
  const listed = join(path, "listed");
  makeFolder(listed);
  for (let index = 0; index < LISTED_FILES; index++) {
    writeFileSync(join(listed, `a file with number ${index}.txt`), "");
  }
}

function median(list: readonly number[]): number {
  const sorted = [...list].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

function printRows(names: Iterable<string>, figure: Figure): void {
  for (const name of names) {
    const isCpu = name.endsWith("server CPU");
    const digits = isCpu ? 2 : figure.digits;
    const [ours = Number.NaN, theirs = Number.NaN] = ["minismbd", "smbd"].map((server) =>
      median(samples.get(name)?.get(server) ?? []),
    );
    const cells = [ours.toFixed(digits), theirs.toFixed(digits), (ours / theirs).toFixed(2)];
    const unit = isCpu ? "s/GiB" : figure.unit;
    console.log(`${name.padEnd(48)}${unit.padEnd(8)}${cells.map((cell) => cell.padStart(11)).join("")}`);
  }
}

async function main(): Promise<void> {
  const directory = makeDirectory("minismbd-bench", existsSync(options.folder) ? options.folder : undefined);
  const path = join(directory, "share");
  prepareFolder(path);
  const settings = { shares: [{ name: SHARE, path }] };
  const servers: TestServer[] = [];
  try {
    servers.push(await startServer(settings));
    if (hasSmbd()) servers.push(await startSmbd(settings));
    else console.log("smbd is not installed: only minismbd is measured");
    console.log(`${runs} runs each, medians; files in ${directory}`);
    console.log(`${"".padEnd(56)}${["minismbd", "smbd", "ratio"].map((c) => c.padStart(11)).join("")}`);
    for (const figure of figures.filter((each) => each.name.includes(options.only))) {
      const names = new Set<string>();
      for (let run = 0; run < runs; run++) {
        for (const server of servers) {
          for (const [name, value] of Object.entries(await figure.measure(server))) {
            names.add(name);
            const row = samples.get(name) ?? new Map<string, number[]>();
            samples.set(name, row);
            row.set(server.name, [...(row.get(server.name) ?? []), value]);
          }
        }
      }
      printRows(names, figure);
    }
  } finally {
    for (const server of servers) await server.stop();
    removeDirectory(directory);
  }
}

await main();
