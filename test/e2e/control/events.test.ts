// Programs that follow the server over the control socket while clients come, work and are kicked.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { TESTER } from "../../peer/test-server.ts";
import { connectTo, type ControlledServer, request, startControlled } from "../client/control-rig.ts";
import { createFile, mountShare, writeFile } from "../client/raw-files.ts";

let server: ControlledServer;
beforeAll(async () => {
  server = await startControlled({ parameters: { "reload on change": "no" } });
});
afterAll(() => server.stop());

interface Event {
  readonly event: string;
  readonly data: Record<string, unknown> & readonly Record<string, unknown>[];
}

/** Follows the events; `until` takes them up to the first that fits. */
async function follow() {
  const socket: Socket = await connectTo(server.socket);
  socket.write('{"version":1,"command":"events"}\n');
  const lines = linesOf(socket);
  const until = async (isMeant: (event: Event) => boolean): Promise<Event> => {
    for (;;) {
      const { value } = await lines.next();
      const { item } = JSON.parse(value ?? "{}") as { item?: Event };
      if (item === undefined) throw new Error(`the stream has ended: ${value}`);
      if (isMeant(item)) return item;
    }
  };
  return { until, end: () => socket.destroy() };
}

async function* linesOf(socket: Socket): AsyncGenerator<string> {
  let text = "";
  for await (const chunk of socket.setEncoding("utf8")) {
    const lines = (text + (chunk as string)).split("\n");
    text = lines.pop() ?? "";
    yield* lines;
  }
}

test("a follower sees a client log on, its traffic, a change, and its end", async () => {
  const events = await follow();
  expect((await events.until(({ event }) => event === "status")).data).toMatchObject({ connections: 0 });
  const mount = await mountShare(server, TESTER, "test");
  const logged = await events.until(
    ({ event, data }) => event === "log" && String(data["text"]).includes("logged on"),
  );
  expect(logged.data).toMatchObject({ level: "info", text: expect.stringContaining(TESTER.user) });
  const file = await createFile(mount, "a.bin");
  await writeFile(mount, file, 0, new Uint8Array(50_000));
  const busy = await events.until(({ event, data }) => event === "connections" && data.length > 0);
  expect(busy.data).toMatchObject([{ users: [TESTER.user], remoteAddress: "127.0.0.1" }]);
  const path = join(server.directory, "new");
  mkdirSync(path);
  await request(server.socket, { command: "add-share", name: "new", parameters: { path } });
  const kinds: unknown[] = [];
  while (kinds.length < 2) kinds.push((await events.until(({ event }) => event === "changed")).data["what"]);
  expect(kinds).toEqual(["configuration", "users"]);
  await request(server.socket, { command: "kick", user: TESTER.user });
  await events.until(({ event, data }) => event === "connections" && data.length === 0);
  events.end();
});

test("a follower who leaves is forgotten, and one who never reads delays nobody", async () => {
  const silent = await connectTo(server.socket);
  silent.pause();
  silent.on("error", () => undefined);
  silent.write('{"version":1,"command":"events"}\n');
  for (let i = 0; i < 20; i++) {
    const events = await follow();
    await events.until(({ event }) => event === "connections");
    events.end();
  }
  expect((await request(server.socket, { command: "status" })).end).toBe("ok");
  silent.destroy();
});

test("the last lines of the log are found by level and text", async () => {
  await request(server.socket, { command: "log" });
  await request(server.socket, { command: "kick", user: "nobody-here" });
  const mount = await mountShare(server, TESTER, "test");
  mount.client.close();
  const { items } = await request(server.socket, { command: "log", level: "info", text: "LOGGED ON" });
  expect(items.at(-1)).toMatchObject({ level: "info", text: expect.stringContaining(TESTER.user) });
  expect(Math.abs(Number(items.at(-1)?.["time"]) - Date.now())).toBeLessThan(60_000);
  expect(await request(server.socket, { command: "log", level: "loud" })).toMatchObject({
    message: "'level' is one of error, warn, info, debug",
  });
});
