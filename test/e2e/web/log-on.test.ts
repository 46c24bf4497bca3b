// Log-on to the web page: who may, what a session is, and what ends it.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { TESTER, TESTER2 } from "../../peer/test-server.ts";
import { ask, logOn, startWeb, type WebServer } from "../client/web-rig.ts";

let server: WebServer;

beforeAll(async () => {
  server = await startWeb({ parameters: { "logon failure delay": "100" } });
});
afterAll(() => server.stop());

const SESSION = "/api/v1/session";

test("without a session there is the server's name, and nothing else", async () => {
  const answer = await ask(server, SESSION);
  expect(answer.status).toBe(401);
  expect(answer.body).toMatchObject({ code: "not-logged-on", serverName: "MINISMBD", firstRun: false });
  for (const path of ["/api/v1/status", "/api/v1/connections", "/api/v1/users"])
    expect((await ask(server, path)).status).toBe(401);
});

test("an administrator logs on with a cookie that scripts and other sites do not get", async () => {
  const answer = await ask(server, SESSION, { method: "POST", body: TESTER });
  expect(answer.status).toBe(200);
  expect(answer.body).toMatchObject({ user: TESTER.user, serverName: "MINISMBD" });
  const [cookie = ""] = answer.setCookie;
  expect(cookie).toMatch(/^__Host-minismbd=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Secure$/);
  const session = await ask(server, SESSION, { headers: { Cookie: cookie.split(";")[0] ?? "" } });
  expect([session.status, session.body]).toEqual([200, answer.body]);
});

test("a session reads, and changes with its X-CSRF alone", async () => {
  const { cookie, csrf } = await logOn(server);
  const status = await ask(server, "/api/v1/status", { headers: { Cookie: cookie } });
  expect(status.body).toMatchObject({ pid: server.pid, serverName: "MINISMBD" });
  const change = (headers: Record<string, string>) =>
    ask(server, "/api/v1/log-level", { method: "POST", body: { level: "debug" }, headers });
  expect((await change({ Cookie: cookie })).status).toBe(403);
  expect((await change({ Cookie: cookie, "X-CSRF": `${csrf.slice(1)}x` })).status).toBe(403);
  expect((await change({ Cookie: cookie, "X-CSRF": csrf })).status).toBe(204);
});

test("a session ends with the log-off", async () => {
  const { cookie, headers } = await logOn(server);
  const off = await ask(server, SESSION, { method: "DELETE", headers });
  expect([off.status, off.setCookie[0]]).toEqual([
    204,
    "__Host-minismbd=; Path=/; HttpOnly; SameSite=Strict; Secure; Max-Age=0",
  ]);
  expect((await ask(server, SESSION, { headers: { Cookie: cookie } })).status).toBe(401);
});

test.each([
  ["a wrong password", { user: TESTER.user, password: "Wrong-Horse-9" }],
  ["an unknown user", { user: "minismbd-nobody", password: TESTER.password }],
  ["a user who is no administrator", TESTER2],
  ["a user who is no administrator with a wrong password", { user: TESTER2.user, password: "Wrong" }],
])("%s is refused in the same words, and told in the log", async (_, body) => {
  const answer = await ask(server, SESSION, { method: "POST", body });
  expect([answer.status, answer.setCookie]).toEqual([401, []]);
  expect(answer.body).toMatchObject({
    error: "that is no user and password of an administrator ('web admin users')",
  });
  expect(server.log()).toContain(`log-on of '${body.user}' from 127.0.0.1 refused: web page: `);
});

test("plain HTTP on loopback has a cookie of its own", async () => {
  const answer = await ask(server, SESSION, { method: "POST", body: TESTER, isPlain: true });
  expect(answer.setCookie[0]).toMatch(/^minismbd=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
});

test("the first run of a machine that was set up already is refused, and each attempt is held back as a guess", async () => {
  const body = { code: "aaaa-bbbb-cccc-dddd", user: "somebody", password: "Somebody-1" };
  const began = performance.now();
  const answers = await Promise.all([1, 2].map(() => ask(server, "/api/v1/setup", { method: "POST", body })));
  expect(answers.map(({ status }) => status)).toEqual([400, 400]);
  expect(performance.now() - began).toBeGreaterThan(99);
});
