// What pages of other origins try in an administrator's browser: names that resolve to this server, forged
// requests, frames, scripts; and headers by which a client pretends to be another one.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { hostname } from "node:os";
import { TESTER } from "../../peer/test-server.ts";
import { ask, awaitLog, type LoggedOn, logOn, startWeb, type WebServer } from "../client/web-rig.ts";

let server: WebServer;
let session: LoggedOn;

beforeAll(async () => {
  const parameters = {
    "logon failure delay": "100",
    "netbios aliases": "PHOTOBOX",
    "server spn names": "nas.example",
  };
  server = await startWeb({ parameters });
  session = await logOn(server);
});
afterAll(() => server.stop());

const STATUS = "/api/v1/status";
const own = (): string => `127.0.0.1:${server.webPort}`;

test.each([
  ...["minismbd", "MINISMBD.local", "minismbd.local.", "photobox", "photobox.local:1234", "nas.example"],
  ...["localhost", "127.0.0.1", "[::ffff:127.0.0.1]", hostname()],
])("the server answers to the name %s", async (Host) => {
  expect((await ask(server, STATUS, { headers: { ...session.headers, Host } })).status).toBe(200);
});

test.each([
  ...[
    "evil.example",
    "minismbd.evil.example",
    "minismbd.local.evil.example",
    "192.0.2.1",
    "[::1]",
    "127.0.0.2",
  ],
  ...["2130706433", "0x7f000001", "127.1", "minismbd@evil.example", "evil.example:443", "a b", "127.0.0.1:a"],
])("a name that resolves to this server but is not its own (%s) shows nothing", async (Host) => {
  for (const path of [STATUS, "/", "/metrics"]) {
    const answer = await ask(server, path, { headers: { ...session.headers, Host } });
    expect([answer.status, answer.text.includes("uptime"), answer.text.includes("<html")]).toEqual([
      421,
      false,
      false,
    ]);
  }
});

test.each([
  ["a foreign Origin", { Origin: "https://evil.example" }],
  ["the Origin null", { Origin: "null" }],
  ["another port of this host", { Origin: "https://127.0.0.1:1" }],
  ["this host without TLS", { Origin: "http://127.0.0.1" }],
  ["a request that the browser calls cross-site", { "Sec-Fetch-Site": "cross-site" }],
  ["a request that the browser calls same-site", { "Sec-Fetch-Site": "same-site" }],
])("%s is refused even with the session", async (_, headers) => {
  const body = { level: "debug" };
  const all = { ...session.headers, ...headers };
  expect((await ask(server, "/api/v1/log-level", { method: "POST", body, headers: all })).status).toBe(403);
  expect((await ask(server, STATUS, { headers: all })).status).toBe(403);
  const logOnThere = { method: "POST", body: TESTER, headers };
  expect((await ask(server, "/api/v1/session", logOnThere)).status).toBe(403);
});

test("the page's own requests pass", async () => {
  const headers = { ...session.headers, Origin: `https://${own()}`, "Sec-Fetch-Site": "same-origin" };
  const answer = await ask(server, "/api/v1/log-level", {
    method: "POST",
    body: { level: "debug" },
    headers,
  });
  expect(answer.status).toBe(204);
});

test("nothing is allowed to other origins: no answer has a header of CORS", async () => {
  const headers = { Origin: `https://${own()}`, "Access-Control-Request-Method": "POST" };
  const answers = [
    await ask(server, STATUS, { method: "OPTIONS", headers }),
    await ask(server, STATUS, { headers: { ...session.headers, ...headers } }),
  ];
  expect(answers.map(({ status }) => status)).toEqual([204, 200]);
  for (const { headers: found } of answers)
    expect(Object.keys(found).filter((name) => name.startsWith("access-control"))).toEqual([]);
});

test.each(["/", STATUS, "/missing", "/api/v1/session"])(
  "%s has the headers that protect the page",
  async (path) => {
    const { headers } = await ask(server, path);
    expect(headers["content-security-policy"]).toMatch(
      /^default-src 'none'; script-src 'self'; .*frame-ancestors 'none'$/,
    );
    expect(headers["content-security-policy"]).not.toContain("unsafe");
    expect(headers).toMatchObject({
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
      "referrer-policy": "same-origin",
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
      "cache-control": path === "/" ? "no-cache" : "no-store",
    });
    expect([headers["server"], headers["x-powered-by"], headers["strict-transport-security"]]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  },
);

test("headers of proxies change nothing", async () => {
  const forged = {
    "X-Forwarded-For": "192.0.2.9",
    "X-Forwarded-Host": "minismbd",
    "X-Forwarded-Proto": "https",
    "X-Real-IP": "192.0.2.9",
    Forwarded: "for=192.0.2.9;host=minismbd",
    "X-HTTP-Method-Override": "DELETE",
  };
  expect((await ask(server, "/", { headers: { ...forged, Host: "evil.example" } })).status).toBe(421);
  const body = { user: "minismbd-forger", password: "x" };
  expect((await ask(server, "/api/v1/session", { method: "POST", body, headers: forged })).status).toBe(401);
  await awaitLog(server, "log-on of 'minismbd-forger' from 127.0.0.1 refused");
});

test("a session's secret in other places is no session", async () => {
  const secret = session.cookie.split("=")[1] ?? "";
  const places = [
    { Cookie: `minismbd=${secret}` },
    { Cookie: `${session.cookie}; ${session.cookie}` },
    { Authorization: `Bearer ${secret}` },
    { Cookie: `__Host-minismbd=${secret}x` },
    { Cookie: `x__Host-minismbd=${secret}` },
  ];
  for (const headers of places) expect((await ask(server, STATUS, { headers })).status).toBe(401);
  expect((await ask(server, `${STATUS}?session=${secret}`)).status).toBe(400);
});
