// A server with nothing to do sleeps: nothing wakes it up when nobody is connected, and next to nothing for idle clients.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { mountTest } from "../client/attack-rig.ts";
import { createFile, writeFile } from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";

/** Milliseconds that an idle server is watched for. */
const WINDOW_MS = 4000;

/** How often the thread of the server's event loop has gone to sleep. */
function sleepsOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/task/${pid}/status`, "utf8");
  return Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(status)?.[1]);
}

/** The fewest wake-ups of some windows: the end of a burst has some more of them. */
async function fewestWakeUps(pid: number): Promise<number> {
  let fewest = Infinity;
  for (let round = 0; round < 6 && fewest > 0; round++) {
    const before = sleepsOf(pid);
    await Bun.sleep(WINDOW_MS);
    fewest = Math.min(fewest, sleepsOf(pid) - before);
  }
  return fewest;
}

test("nothing wakes up a server that nobody is connected to", async () => {
  const server = await startServer();
  const mount = await mountTest(server);
  const file = await createFile(mount, "file");
  expect(await writeFile(mount, file, 0, new Uint8Array(100_000))).toBe(100_000);
  mount.client.close();
  expect(await fewestWakeUps(server.pid)).toBe(0);
  await server.stop();
}, 60_000);

test("an idle client with an open file wakes the server up at most once in four seconds", async () => {
  const server = await startServer();
  const mount = await mountTest(server);
  await createFile(mount, "file");
  expect(await fewestWakeUps(server.pid)).toBeLessThanOrEqual(1);
  mount.client.close();
  await server.stop();
}, 60_000);
