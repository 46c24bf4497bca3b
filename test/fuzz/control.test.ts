// Requests of the control socket, mutated: each line gets one answer, and the server goes on.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { TESTER } from "../peer/test-server.ts";
import { type ControlledServer, exchange, request, startControlled } from "../e2e/client/control-rig.ts";
import { createFile, mountShare } from "../e2e/client/raw-files.ts";
import { COMMANDS } from "../../src/manager/control/commands.ts";

const ROUNDS = 1000;
/** What a mutation puts in. */
const VALUES = [
  ...["null", "true", "-1", "1e999", "9007199254740993", "0.5", '""', '"\\u0000"', '"../../etc"', "[]", "{}"],
  ...[
    '"__proto__"',
    '"toString"',
    '{"then":1}',
    `"${"x".repeat(3000)}"`,
    "[[[[[[[[[[",
    '"\\ud800"',
    "\x7f\x00\xff",
  ],
];
const KEYS = [
  "version",
  "command",
  "user",
  "address",
  "session",
  "connection",
  "open",
  "share",
  "path",
  "level",
];
/** Those that end the server or what the test needs, or that have no end. */
const NOT_SENT = new Set(["stop", "reload", "events"]);

let server: ControlledServer;
beforeAll(async () => {
  server = await startControlled();
});
afterAll(() => server.stop());

/** Park and Miller's generator: the same requests in each run. */
function generator(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state * 48_271) % 0x7fff_ffff;
    return state % limit;
  };
}

function makeLine(random: (limit: number) => number): string {
  const commands = Object.keys(COMMANDS).filter((name) => !NOT_SENT.has(name));
  const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T;
  const fields = new Map([
    ["version", "1"],
    ["command", JSON.stringify(pick(commands))],
  ]);
  for (let count = random(4); count > 0; count--) fields.set(pick(KEYS), pick(VALUES));
  let line = `{${[...fields].map(([key, value]) => `"${key}":${value}`).join(",")}}`;
  for (let count = random(3); count > 0; count--) {
    const at = random(line.length);
    const cut = line.slice(0, at);
    line = pick([cut, cut + pick(VALUES) + line.slice(at), cut + line.slice(at + 1), line + line.slice(at)]);
  }
  return line.replaceAll(/[\r\n]/g, " ");
}

test("every line gets one answer of JSON, a client of a share is served, and nothing leaks", async () => {
  const random = generator(4_711);
  const mount = await mountShare(server, TESTER, "test");
  await createFile(mount, "letter.txt");
  for (let round = 0; round < ROUNDS; round++) {
    const line = makeLine(random);
    if (line.trim() === "") continue;
    const answer = await exchange(server.socket, `${line}\n`);
    const isTooLong = Buffer.byteLength(line) > 4000;
    if (isTooLong && answer.length === 0) continue;
    const { end, message } = answer.at(-1) ?? {};
    expect([line, end === "ok" || (end === "error" && typeof message === "string")]).toEqual([line, true]);
  }
  const status = await request(server.socket, { command: "status" });
  expect(status.items).toMatchObject([{ pid: server.pid }]);
  expect((await mountShare(server, TESTER, "test")).client.close()).toBeUndefined();
  mount.client.close();
}, 120_000);
