// `status --watch`: each client's throughput, until the reader or a signal ends it.
import { afterEach, expect, test } from "bun:test";
import { TESTER, TESTER2 } from "../../peer/test-server.ts";
import { type ControlledServer, minismbd, startControlled } from "../client/control-rig.ts";
import { createFile, mountShare, readFile, writeFile } from "../client/raw-files.ts";
import { EXECUTABLE } from "../client/server.ts";

const PIECE = 65_536;
/** Client, user, writes, reads, requests a second. */
const ROW = /^(127\.0\.0\.1) +(\S+) +([\d.]+ [KMG]?i?B)\/s +([\d.]+ [KMG]?i?B)\/s +(\d+)$/gm;

let server: ControlledServer;
afterEach(() => server.stop());

function startWatch() {
  const words = [EXECUTABLE, "status", "--watch=0.2", "--control", server.socket];
  const child = Bun.spawn(words, { stdout: "pipe", stderr: "pipe" });
  let text = "";
  const reading = (async () => {
    for await (const chunk of child.stdout) text += Buffer.from(chunk).toString();
  })();
  return { child, reading, text: () => text };
}

test("each client has a line with what it writes and reads a second", async () => {
  server = await startControlled();
  const writer = await mountShare(server, TESTER, "test");
  const reader = await mountShare(server, TESTER2, "test");
  const written = await createFile(writer, "film.mkv");
  const read = await createFile(reader, "song.mp3");
  await writeFile(reader, read, 0, new Uint8Array(PIECE));
  const watch = startWatch();
  const rates = (user: string): { writes: string; reads: string; requests: number }[] =>
    [...watch.text().matchAll(ROW)]
      .filter(([, , name]) => name === user)
      .map(([, , , writes = "", reads = "", requests]) => ({ writes, reads, requests: Number(requests) }));
  const isSeen = (): boolean =>
    rates(TESTER.user).some(({ writes, requests }) => writes.includes("M") && requests > 10) &&
    rates(TESTER2.user).some(({ reads, requests }) => reads.includes("M") && requests > 10);
  const end = performance.now() + 20_000;
  for (let i = 0; !isSeen() && performance.now() < end; i++) {
    await writeFile(writer, written, i * PIECE, new Uint8Array(PIECE));
    await readFile(reader, read, 0, PIECE);
  }
  expect([isSeen(), watch.text()]).toEqual([true, expect.stringMatching(/^Client +User +Writes +Reads/)]);
  // Nobody writes any more: the next lines say so.
  const before = watch.text().length;
  const isQuiet = (): boolean => /minismbd-tester +0 B\/s +0 B\/s +0\n/.test(watch.text().slice(before));
  while (!isQuiet() && performance.now() < end + 10_000) await Bun.sleep(20);
  expect(isQuiet()).toBe(true);
  watch.child.kill("SIGINT");
  await watch.child.exited;
  await watch.reading;
  for (const { client } of [writer, reader]) client.close();
}, 60_000);

test("it ends with the server, and refuses what is no number of seconds", async () => {
  server = await startControlled();
  const watch = startWatch();
  while (!watch.text().includes("Client")) await Bun.sleep(20);
  process.kill(server.pid, "SIGTERM");
  expect(await watch.child.exited).toBe(1);
  expect(await new Response(watch.child.stderr).text()).toMatch(/^minismbd: .*\n$/);
  const refused = minismbd("status", "--watch=never");
  expect([refused.status, refused.err]).toEqual([
    1,
    "minismbd: --watch: 'never' is not a number of seconds\n",
  ]);
  await server.stop().catch(() => undefined);
  server = await startControlled();
});
