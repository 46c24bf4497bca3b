// Methods of the page's server by RFC 9110: HEAD, OPTIONS, 405 with Allow, 401 with a scheme, conditional requests.
import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  ask,
  logOn,
  type LoggedOn,
  sendRaw,
  startWeb,
  statusesOf,
  type WebServer,
} from "../client/web-rig.ts";

let server: WebServer;
let session: LoggedOn;

beforeAll(async () => {
  server = await startWeb();
  session = await logOn(server);
});
afterAll(() => server.stop());

const DELETE = { method: "DELETE" };

test.each([
  ["/", "GET, HEAD, OPTIONS"],
  ["/metrics", "GET, HEAD, OPTIONS"],
  ["/api/v1/openapi.json", "GET, HEAD, OPTIONS"],
  ["/api/v1/status", "GET, HEAD, OPTIONS"],
  ["/api/v1/settings", "GET, PATCH, HEAD, OPTIONS"],
  ["/api/v1/shares/docs/access", "PUT, OPTIONS"],
])(
  "%s: another method is answered 405 with what it allows, OPTIONS 204 with the same",
  async (path, allowed) => {
    const refused = await ask(server, path, allowed.includes("PATCH") ? DELETE : { method: "TRACE" });
    expect([refused.status, refused.headers["allow"]]).toEqual([405, allowed]);
    expect(refused.body).toEqual({ error: expect.any(String), code: "wrong-method" });
    const options = await ask(server, path, { method: "OPTIONS" });
    expect([options.status, options.headers["allow"], options.text]).toEqual([204, allowed, ""]);
  },
);

test("OPTIONS of a path that is not there is answered 404", async () => {
  expect((await ask(server, "/missing", { method: "OPTIONS" })).status).toBe(404);
  expect((await ask(server, "/api/v1/missing", { method: "OPTIONS" })).status).toBe(404);
});

test("HEAD of the events has their head and an end", async () => {
  const answer = await ask(server, "/api/v1/events", { method: "HEAD", headers: session.headers });
  expect([answer.status, answer.headers["content-type"], answer.text]).toEqual([
    200,
    "text/event-stream",
    "",
  ]);
});

test("after a HEAD of the events the connection takes the next request", async () => {
  const line = `Host: 127.0.0.1\r\nCookie: ${session.cookie.replace("__Host-", "")}\r\n\r\n`;
  const bytes = `HEAD /api/v1/events HTTP/1.1\r\n${line}GET /missing HTTP/1.1\r\n${line}`;
  const { text } = await sendRaw(server, [bytes], (so) => statusesOf(so).length === 2);
  expect(statusesOf(text)).toEqual([200, 404]);
});

test("HEAD of the events without a session is answered 401", async () => {
  expect((await ask(server, "/api/v1/events", { method: "HEAD" })).status).toBe(401);
});

test("HEAD has the headers of GET and no body", async () => {
  for (const path of ["/", "/api/v1/status", "/api/v1/shares", "/api/v1/openapi.json"]) {
    const get = await ask(server, path, { headers: session.headers });
    const head = await ask(server, path, { method: "HEAD", headers: session.headers });
    expect([head.status, head.text, head.headers["content-type"]]).toEqual([
      200,
      "",
      get.headers["content-type"] ?? "",
    ]);
    expect(head.headers["etag"]).toBe(get.headers["etag"]);
  }
});

test("a 401 names the scheme of the API's tokens, for which no browser asks", async () => {
  for (const path of ["/api/v1/status", "/api/v1/session", "/metrics"]) {
    const { headers, status } = await ask(server, path);
    expect([status, headers["www-authenticate"]]).toEqual([401, "Bearer"]);
  }
});

test("a file of the page that the browser has is answered 304", async () => {
  const { headers } = await ask(server, "/");
  const etag = headers["etag"] ?? "";
  for (const given of [etag, `"other", W/${etag}`, "*"])
    expect((await ask(server, "/", { headers: { "If-None-Match": given } })).status).toBe(304);
  expect((await ask(server, "/", { headers: { "If-None-Match": '"other"' } })).status).toBe(200);
});
