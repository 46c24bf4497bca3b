// A server with a thousand shares: reading and changing its configuration delays no client.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "../../../src/wire/header.ts";
import { TESTER } from "../../peer/test-server.ts";
import { type ControlledServer, request, startControlled } from "../client/control-rig.ts";
import { callOn, type Mount, mountShare } from "../client/raw-files.ts";

const SHARES = 1000;
/** A reload of a thousand shares takes a hundred milliseconds of the processor or more, in turns of three. */
const LEAST_ECHOES = 8;

let server: ControlledServer;
let mount: Mount;

beforeAll(async () => {
  const parameters = { "valid users": TESTER.user, "read only": "no" };
  const many = Array.from({ length: SHARES - 1 }, (_, i) => ({ name: `share${i}`, parameters }));
  server = await startControlled({ shares: [{ name: "test" }, ...many] });
  mount = await mountShare(server, TESTER, "test");
}, 30_000);
afterAll(() => server.stop());

/** How many ECHOs are answered, one after the other, until the work is done. */
async function echoesDuring(work: Promise<unknown>): Promise<number> {
  let isDone = false;
  const end = work.finally(() => (isDone = true));
  let count = 0;
  for (; !isDone; count++)
    await mount.client.demand(
      "ECHO",
      callOn(mount, Command.ECHO, (writer) => {
        writer.u16(4);
        writer.u16(0);
      }),
    );
  await end;
  return count;
}

test("clients are answered all the time that a reload takes", async () => {
  const reload = request(server.socket, { command: "reload" });
  expect(await echoesDuring(reload)).toBeGreaterThan(LEAST_ECHOES);
  expect((await reload).end).toBe("ok");
});

test("reloads that are asked for at once all have the configuration that was there before", async () => {
  const config = join(server.directory, "minismbd.conf");
  const ask = (name: string) => {
    appendFileSync(config, `[${name}]\npath = /tmp\n`);
    return request(server.socket, { command: "reload" });
  };
  const answers = await Promise.all(["one", "two", "three"].map(ask));
  expect(answers.map(({ end }) => end)).toEqual(["ok", "ok", "ok"]);
  const { items } = await request(server.socket, { command: "shares" });
  expect(items).toHaveLength(SHARES + 3);
});

test("a change of one share of a thousand changes its line alone", async () => {
  const config = join(server.directory, "minismbd.conf");
  const before = readFileSync(config, "utf8").split("\n");
  const answer = await request(server.socket, {
    command: "set-share",
    name: "share500",
    parameters: { "read only": "yes" },
  });
  expect(answer.end).toBe("ok");
  expect(answer.items[0]).toMatchObject({ name: "share500", readOnly: true });
  const after = readFileSync(config, "utf8").split("\n");
  const changed = after.flatMap((line, index) => (line === before[index] ? [] : [line.trim()]));
  expect(changed).toEqual(["read only = yes"]);
}, 60_000);

test("all shares are listed with what testparm says of them", async () => {
  const { end, items } = await request(server.socket, { command: "configured-shares" });
  expect(end).toBe("ok");
  expect(items).toHaveLength(SHARES + 3);
}, 60_000);
