// The server on a machine that reports little memory: /proc/meminfo is replaced in a mount namespace of its own.
import { expect, test } from "bun:test";
import { closeSync, fsyncSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeDirectory } from "../../peer/test-server.ts";
import { EXECUTABLE, startServer } from "../client/server.ts";
import { demandSmbclient } from "../client/smbclient.ts";

const isRoot = process.getuid?.() === 0;
const SCRIPT = 'mount --bind "$0" /proc/meminfo; exec "$@"';

/** Starts the server with that much memory, serves a client, and returns what it has locked, in MiB. */
async function lockedMibWith(memoryMib: number): Promise<number> {
  // Pages of a file that was just built are not dropped before they are on the disk.
  const executable = openSync(EXECUTABLE, "r");
  fsyncSync(executable);
  closeSync(executable);
  const directory = makeDirectory("minismbd-meminfo");
  const meminfo = join(directory, "meminfo");
  const kib = memoryMib * 1024;
  writeFileSync(meminfo, `MemTotal: ${kib} kB\nMemFree: ${kib} kB\nMemAvailable: ${kib} kB\n`);
  try {
    const server = await startServer({ runner: ["unshare", "--mount", "sh", "-c", SCRIPT, meminfo] });
    await demandSmbclient(server, ["mkdir made", "ls"]);
    const status = readFileSync(`/proc/${server.pid}/status`, "utf8");
    await server.stop();
    return Number(/^VmLck:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

// The kernel counts the whole range that is to be locked as it is used.
test.skipIf(!isRoot)("with 120 MiB of memory the code that is used is locked", async () => {
  expect(await lockedMibWith(120)).toBeGreaterThan(80);
});

test.skipIf(!isRoot)("with 60 MiB, and with 512 MiB, nothing is locked", async () => {
  expect(await lockedMibWith(60)).toBe(0);
  expect(await lockedMibWith(512)).toBe(0);
});
