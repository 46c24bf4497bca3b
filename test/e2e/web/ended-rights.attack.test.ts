// Sessions and tokens of the page end with what they came from; guesses of passwords count with those of SMB.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { TESTER, TESTER2 } from "../../peer/test-server.ts";
import { Status } from "../../../src/wire/status.ts";
import { outcomeOf } from "../client/attack-rig.ts";
import { RawClient } from "../client/raw-client.ts";
import { reload } from "../client/reload-rig.ts";
import { ask, awaitLog, type LoggedOn, logOn, startWeb, type WebServer } from "../client/web-rig.ts";

/** For which the answer to a failure is held back. */
const HOLD_MS = 1500;

let server: WebServer;

beforeAll(async () => {
  server = await startWeb({ parameters: { "logon failure delay": String(HOLD_MS) } });
});
afterAll(() => server.stop());

const SESSION = "/api/v1/session";
const NEW = { user: TESTER.user, password: "Another-Horse-8" };

async function restart(admins: string, users = [TESTER, TESTER2]): Promise<void> {
  const globals = {
    "web port": String(server.webPort),
    "admin users": admins,
    "logon failure delay": String(HOLD_MS),
  };
  await reload(server, { globals, shares: { test: {} }, users });
}

const statusOf = async ({ headers }: LoggedOn): Promise<number> =>
  (await ask(server, SESSION, { headers })).status;

test("a session ends when its user is no administrator any more", async () => {
  const session = await logOn(server);
  await restart(TESTER2.user);
  expect(await statusOf(session)).toBe(401);
  await restart(TESTER.user);
  expect(await statusOf(session)).toBe(401);
});

test("a session ends when the password is another one", async () => {
  const session = await logOn(server);
  await restart(TESTER.user, [NEW, TESTER2]);
  expect(await statusOf(session)).toBe(401);
  await restart(TESTER.user);
});

test("a session ends when the user is deleted, and when he is made again", async () => {
  const session = await logOn(server);
  await restart(TESTER.user, [TESTER2]);
  expect(await statusOf(session)).toBe(401);
  await restart(TESTER.user);
  expect(await statusOf(session)).toBe(401);
});

test("a session outlives a reload that changes nothing of it", async () => {
  const session = await logOn(server);
  await restart(TESTER.user);
  expect(await statusOf(session)).toBe(200);
});

test("the events of a page end with its session", async () => {
  const { headers } = await logOn(server);
  const { promise: begun, resolve: onBody } = Promise.withResolvers<void>();
  const events = ask(server, "/api/v1/events", { headers, onBody });
  await begun;
  await ask(server, SESSION, { method: "DELETE", headers });
  const { status, text } = await events;
  expect(status).toBe(200);
  expect(text).toStartWith("event: status\ndata: {");
});

test("a token reads without a cookie and a CSRF header, changes only if it may, and ends when it is removed", async () => {
  const { headers } = await logOn(server);
  const make = async (name: string, isReadOnly: boolean) => {
    const answer = await ask(server, "/api/v1/tokens", {
      method: "POST",
      headers,
      body: { name, isReadOnly },
    });
    return answer.body as { id: string; token: string };
  };
  const reader = await make("reader", true);
  const writer = await make("writer", false);
  const as = ({ token }: { token: string }) => ({ Authorization: `Bearer ${token}` });
  const change = (of: { token: string }) =>
    ask(server, "/api/v1/log-level", { method: "POST", body: { level: "debug" }, headers: as(of) });
  expect((await ask(server, "/api/v1/status", { headers: as(reader) })).status).toBe(200);
  expect([(await change(reader)).status, (await change(writer)).status]).toEqual([403, 204]);
  const metrics = await ask(server, "/metrics", { headers: as(reader) });
  expect([metrics.status, metrics.headers["content-type"]]).toEqual([
    200,
    "text/plain; version=0.0.4; charset=utf-8",
  ]);
  expect(metrics.text).toContain("minismbd_uptime_seconds");
  expect((await ask(server, "/metrics", { headers })).status).toBe(401);
  expect((await ask(server, `/api/v1/tokens/${reader.id}`, { method: "DELETE", headers })).status).toBe(204);
  expect((await ask(server, "/api/v1/status", { headers: as(reader) })).status).toBe(401);
});

test("a token ends with the rights of the administrator who made it, and so does one that was made by it", async () => {
  await restart(`${TESTER.user}, ${TESTER2.user}`);
  const { headers } = await logOn(server, TESTER2.user, TESTER2.password);
  const make = async (how: Readonly<Record<string, string>>) => {
    const body = { name: "of the second one", isReadOnly: false };
    const answer = await ask(server, "/api/v1/tokens", { method: "POST", headers: how, body });
    expect(answer.body).toMatchObject({ owner: TESTER2.user });
    return { Authorization: `Bearer ${(answer.body as { token: string }).token}` };
  };
  const first = await make(headers);
  const tokens = [first, await make(first)];
  const statuses = () =>
    Promise.all(tokens.map(async (how) => (await ask(server, "/api/v1/status", { headers: how })).status));
  expect(await statuses()).toEqual([200, 200]);
  await restart(TESTER.user);
  expect(await statuses()).toEqual([401, 401]);
});

/** Of a guess that waits for others to be answered, and is then held back itself. */
const WAITED_MS = 2 * HOLD_MS - 500;

test("guesses on the page keep a guess by SMB waiting, and those by SMB one on the page", async () => {
  const byPage = (user: string) =>
    ask(server, SESSION, { method: "POST", body: { user, password: "guess" } });
  const connect = async (): Promise<RawClient> => {
    const client = await RawClient.connect(server, "127.0.0.1");
    await client.negotiate();
    return client;
  };
  const bySmb = async (user: string, connected = connect()): Promise<void> => {
    const client = await connected;
    expect(await outcomeOf(client.logOn({ user, password: "guess" }))).toBe(Status.LOGON_FAILURE);
    client.close();
  };
  const timeOf = async (work: Promise<unknown>): Promise<number> => {
    const began = performance.now();
    await work;
    return performance.now() - began;
  };
  // A user whom nobody has proved yet has four unanswered failures at one address.
  const four = [1, 2, 3, 4];
  const page = four.map(() => byPage("minismbd-a"));
  await awaitLog(server, "log-on of 'minismbd-a' from 127.0.0.1 refused", 4);
  expect(await timeOf(bySmb("minismbd-a"))).toBeGreaterThan(WAITED_MS);
  await Promise.all(page);
  const clients = await Promise.all(four.map(connect));
  const smb = clients.map((client) => bySmb("minismbd-b", Promise.resolve(client)));
  // Their checks take milliseconds, and hold their places for longer than this.
  await Bun.sleep(HOLD_MS / 2);
  expect(await timeOf(byPage("minismbd-b"))).toBeGreaterThan(HOLD_MS + 200);
  await Promise.all(smb);
}, 30_000);
