// What one client can take of the page: connections, time, requests a second, sessions. Others go on.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import {
  ask,
  type LoggedOn,
  logOn,
  sendRaw,
  startWeb,
  statusesOf,
  type WebServer,
  webProcessOf,
} from "../client/web-rig.ts";

let server: WebServer;

beforeAll(async () => {
  server = await startWeb();
});
afterAll(() => server.stop());

const PER_ADDRESS = 16;
const IN_ALL = 96;

/** Connects from an address of loopback and says nothing. */
function hold(localAddress: string, first = ""): Promise<Socket> {
  const { promise, reject, resolve } = Promise.withResolvers<Socket>();
  const socket = connect({ host: "127.0.0.1", port: server.webPort, localAddress }, () => {
    if (first !== "") socket.write(first);
    resolve(socket);
  });
  socket.on("error", reject);
  return promise;
}

const ended = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    if (socket.destroyed) resolve();
    socket.resume();
    socket.once("close", () => resolve());
    socket.once("error", () => undefined);
  });

async function statusFrom(localAddress: string): Promise<number> {
  const socket = await hold(localAddress, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
  let text = "";
  socket.on("data", (bytes: Uint8Array) => (text += Buffer.from(bytes).toString("latin1")));
  await ended(socket);
  return statusesOf(text)[0] ?? 0;
}

test("a user's ninth session ends the first", async () => {
  const sessions: LoggedOn[] = [];
  for (let i = 0; i < 9; i++) sessions.push(await logOn(server));
  const status = async (of: LoggedOn | undefined): Promise<number> =>
    (await ask(server, "/api/v1/session", { headers: of?.headers ?? {} })).status;
  expect([await status(sessions[0]), await status(sessions[1]), await status(sessions[8])]).toEqual([
    401, 200, 200,
  ]);
});

test("one address has no more than its share of connections, and the others are served", async () => {
  const held: Socket[] = [];
  for (let i = 0; i < PER_ADDRESS; i++) held.push(await hold("127.0.0.2"));
  const more = await hold("127.0.0.2");
  await ended(more);
  expect(await statusFrom("127.0.0.3")).toBe(200);
  expect(held.some((socket) => socket.destroyed)).toBe(false);
  for (const socket of held) socket.destroy();
});

test("many addresses that say nothing give way to one that asks", async () => {
  const held: Socket[] = [];
  for (let i = 0; i < IN_ALL; i++) held.push(await hold(`127.0.1.${1 + Math.floor(i / PER_ADDRESS)}`));
  for (let i = 0; i < 5; i++) expect(await statusFrom("127.0.0.4")).toBe(200);
  for (const socket of held) socket.destroy();
});

// Ten seconds, while the tests of other files run.
test.concurrent("a head that does not end is given up after ten seconds, as is silence", async () => {
  const began = performance.now();
  const [slow, silent] = await Promise.all([
    sendRaw(server, ["GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: "]),
    sendRaw(server, []),
  ]);
  expect([statusesOf(slow.text), slow.isClosed]).toEqual([[408], true]);
  expect(silent).toEqual({ text: "", isClosed: true });
  expect(performance.now() - began).toBeGreaterThan(9_000);
});

test("a thousand requests at once are answered 429 beyond fifty a second, and others are served", async () => {
  const one = "GET /missing HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
  const { text } = await sendRaw(server, [one.repeat(1000)], (so) => so.includes(" 429 "));
  expect(statusesOf(text)[0]).toBe(404);
  expect(statusesOf(text).at(-1)).toBe(429);
  expect(await statusFrom("127.0.0.5")).toBe(200);
});

test("an address gains no requests by connecting anew", async () => {
  const end = performance.now() + 10_000;
  let last = 0;
  while (last !== 429 && performance.now() < end) {
    const statuses = await Promise.all(Array.from({ length: 10 }, () => statusFrom("127.0.0.7")));
    last = statuses.at(-1) ?? 0;
  }
  expect(last).toBe(429);
});

test("a client that takes nothing of its answers costs a bounded memory", async () => {
  const pid = webProcessOf(server) ?? 0;
  const socket = await hold("127.0.0.6");
  const one = Buffer.from("GET /api/v1/openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".repeat(100));
  socket.pause();
  for (let i = 0; i < 100; i++) socket.write(one);
  for (let i = 0; i < 3; i++) expect(await statusFrom("127.0.0.8")).toBe(200);
  const rollup = await Bun.file(`/proc/${pid}/smaps_rollup`).text();
  expect(Number(/^Anonymous:\s+(\d+)/m.exec(rollup)?.[1])).toBeLessThan(40 * 1024);
  socket.destroy();
});
