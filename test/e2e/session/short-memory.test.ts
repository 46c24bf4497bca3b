// The server while the machine's memory is short, and when it no longer is: /proc/meminfo is replaced in a mount
// namespace of its own.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeDirectory, TESTER, TESTER2 } from "../../peer/test-server.ts";
import { type ControlledServer, request, startControlled } from "../client/control-rig.ts";
import { createFile, type Mount, mountShare, readFile, writeFile } from "../client/raw-files.ts";

const isRoot = process.getuid?.() === 0;
const SCRIPT = 'mount --bind "$0" /proc/meminfo; exec "$@"';
const MIB = 1024 * 1024;
const WAIT_MS = 30_000;
const directory = makeDirectory("minismbd-short");
const meminfo = join(directory, "meminfo");
let server: ControlledServer;

function setAvailable(mib: number): void {
  writeFileSync(meminfo, `MemTotal: 131072 kB\nMemFree: 1024 kB\nMemAvailable: ${mib * 1024} kB\n`);
}

async function statusOf(): Promise<Record<string, unknown>> {
  const { items } = await request(server.socket, { command: "status" });
  return items[0] ?? {};
}

/** Works with the file until the server has taken `step`; returns its status then. */
async function workUntil(mount: Mount, isThere: (step: number) => boolean): Promise<Record<string, unknown>> {
  const data = new Uint8Array(MIB).fill(0x5a);
  const file = await createFile(mount, "work");
  for (const end = performance.now() + WAIT_MS; performance.now() < end; await Bun.sleep(50)) {
    await writeFile(mount, file, 0, data);
    expect(Buffer.from(await readFile(mount, file, 0, MIB)).equals(data)).toBe(true);
    const status = await statusOf();
    if (isThere(Number(status["memoryStep"]))) return status;
  }
  throw new Error(`the step was not taken:\n${server.log()}`);
}

beforeAll(async () => {
  if (!isRoot) return;
  setAvailable(80);
  server = await startControlled({
    parameters: { "buffer budget": "16M", "smb2 max read": "1M", "smb2 max write": "1M" },
    runner: ["unshare", "--mount", "sh", "-c", SCRIPT, meminfo],
  });
});
afterAll(async () => {
  if (isRoot) await server.stop();
  rmSync(directory, { recursive: true });
});

test.skipIf(!isRoot)(
  "a client that is logged on is served while memory is short, other log-ons are refused until it is not",
  async () => {
    const mount = await mountShare(server, TESTER, "test");
    expect(await workUntil(mount, (step) => step === 0)).toMatchObject({ bufferBudgetBytes: 16 * MIB });
    setAvailable(2);
    expect(await workUntil(mount, (step) => step === 4)).toMatchObject({ bufferBudgetBytes: 2 * MIB });
    await expect(mountShare(server, TESTER2, "test")).rejects.toThrow("INSUFFICIENT_RESOURCES");
    expect(server.log()).toContain("memory is short (2 of 128 MiB available)");
    expect(server.log()).toMatch(/refused.*memory is short|memory is short.*refused/);
    setAvailable(80);
    await workUntil(mount, (step) => step < 4);
    const other = await mountShare(server, TESTER2, "test");
    other.client.close();
    mount.client.close();
  },
  60_000,
);
