// Requests that two readers could understand in two ways, and those beyond every bound: each is refused, and the
// connection ends with it, so that nothing hides behind it.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { ask, sendRaw, startWeb, statusesOf, type WebServer } from "../client/web-rig.ts";

let server: WebServer;

beforeAll(async () => {
  server = await startWeb();
});
afterAll(() => server.stop());

const HOST = "Host: 127.0.0.1\r\n";
const get = (headers: string, line = "GET / HTTP/1.1"): string => `${line}\r\n${headers}\r\n`;
const post = (headers: string, body = ""): string =>
  `POST /api/v1/session HTTP/1.1\r\n${HOST}Content-Type: application/json\r\n${headers}\r\n${body}`;
/** What an attacker hides behind another request. */
const HIDDEN = get(HOST, "GET /api/v1/openapi.json HTTP/1.1");

test.each<[string, string, number]>([
  ["no Host", get(""), 400],
  ["two Hosts", get(`${HOST}Host: localhost\r\n`), 400],
  ["HTTP/1.0", get(HOST, "GET / HTTP/1.0"), 505],
  ["HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\n", 505],
  ["no version", get(HOST, "GET /"), 400],
  ["two blanks in the first line", get(HOST, "GET  / HTTP/1.1"), 400],
  ["a proxy's target", get(HOST, "GET http://127.0.0.1/ HTTP/1.1"), 400],
  ["a tunnel's target", get(HOST, "CONNECT 127.0.0.1:445 HTTP/1.1"), 400],
  ["the target *", get(HOST, "OPTIONS * HTTP/1.1"), 400],
  ["chunks", post("Transfer-Encoding: chunked\r\n", "0\r\n\r\n"), 501],
  ["chunks and a length", post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "0\r\n\r\n"), 501],
  [
    "a length and chunks of another case",
    post("Content-Length: 5\r\nTRANSFER-ENCODING: xchunked\r\n", "0\r\n\r\n"),
    501,
  ],
  ["a blank before the colon", post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"), 400],
  ["a header that goes on in the next line", post("X: a\r\n Content-Length: 5\r\n"), 400],
  ["two lengths", post("Content-Length: 2\r\nContent-Length: 2\r\n", "{}"), 400],
  ["a list of lengths", post("Content-Length: 2, 2\r\n", "{}"), 400],
  ["a length with a sign", post("Content-Length: +2\r\n", "{}"), 400],
  ["a hexadecimal length", post("Content-Length: 0x2\r\n", "{}"), 400],
  ["a length below zero", post("Content-Length: -1\r\n"), 400],
  ["a length of many digits", post(`Content-Length: ${"9".repeat(40)}\r\n`), 400],
  ["a body of a gigabyte", post("Content-Length: 1073741824\r\n"), 413],
  ["a body of a GET", get(`${HOST}Content-Length: ${HIDDEN.length}\r\n`), 400],
  ["a lone line feed", get(`${HOST}A: b\nTransfer-Encoding: chunked\r\n`), 400],
  ["a lone carriage return", get(`${HOST}A: b\rC: d\r\n`), 400],
  ["a NUL", get(`${HOST}A: b\0c\r\n`), 400],
  ["a header without a name", get(`${HOST}: b\r\n`), 400],
  ["a header without a colon", get(`${HOST}abc\r\n`), 400],
  ["Expect", post("Expect: 100-continue\r\nContent-Length: 2\r\n", "{}"), 417],
  ["ten thousand cookies", get(`${HOST}Cookie: ${"a=b; ".repeat(10_000)}\r\n`), 431],
  ["a hundred headers", get(HOST + "A: b\r\n".repeat(100)), 431],
  ["a target of 10,000 bytes", get(HOST, `GET /${"a".repeat(10_000)} HTTP/1.1`), 431],
  ["a first line that does not end", "A".repeat(20_000), 431],
])("%s is refused, and what is hidden behind it is not read", async (_, bytes, status) => {
  const { isClosed, text } = await sendRaw(server, [bytes + HIDDEN]);
  expect([statusesOf(text), isClosed]).toEqual([[status], true]);
  expect(text).not.toContain("openapi");
});

test("TLS's records without a handshake, and noise, end the connection", async () => {
  expect(await sendRaw(server, [Uint8Array.of(0x16, 3, 1, 0, 4, 9, 9, 9, 9)])).toMatchObject({
    isClosed: true,
  });
  const noise = crypto.getRandomValues(new Uint8Array(20_000));
  noise[0] = 0x80;
  expect((await sendRaw(server, [noise])).isClosed).toBe(true);
});

test("requests that are sent at once are answered one after the other", async () => {
  const one = (path: string): string => get(HOST, `GET ${path} HTTP/1.1`);
  const bytes = one("/missing") + one("/") + one("/api/v1/session");
  const { text } = await sendRaw(server, [bytes], (so) => statusesOf(so).length === 3);
  expect(statusesOf(text)).toEqual([404, 200, 401]);
});

test("a request that comes byte by byte is answered", async () => {
  const bytes = [...get(`${HOST}Connection: close\r\n`)];
  expect(statusesOf((await sendRaw(server, bytes)).text)).toEqual([200]);
});

test.each([
  ["is no JSON", "{", "application/json"],
  ["is no object", "[]", "application/json"],
  ["is not UTF-8", Uint8Array.of(0x22, 0xff, 0x22), "application/json"],
  ["has a form's type, which another page may send", '{"user":"a","password":"b"}', "text/plain"],
  ["has no type", '{"user":"a","password":"b"}', ""],
  ["is deeply nested", "[".repeat(60_000), "application/json"],
  ["has an argument of no operation", '{"user":"a","password":"b","__proto__":{"a":1}}', "application/json"],
])("a body that %s is a bad request", async (_, body, type) => {
  const length = typeof body === "string" ? body.length : body.length;
  const head =
    `POST /api/v1/session HTTP/1.1\r\n${HOST}Connection: close\r\nContent-Length: ${length}\r\n` +
    (type === "" ? "" : `Content-Type: ${type}\r\n`);
  const { text } = await sendRaw(server, [`${head}\r\n`, body]);
  expect(statusesOf(text)).toEqual([400]);
});

test.each([
  "/../../etc/passwd",
  "/..%2f..%2fetc%2fpasswd",
  "//etc/passwd",
  "/index.html/..",
  "/%00",
  "/a?b=c",
])("%s is no file of the page", async (path) => {
  const { text } = await sendRaw(server, [get(`${HOST}Connection: close\r\n`, `GET ${path} HTTP/1.1`)]);
  expect(statusesOf(text)).toEqual([404]);
});

test("the server serves after all of it, by the same process", async () => {
  expect((await ask(server, "/")).status).toBe(200);
  expect(server.log()).not.toContain("process is gone");
  expect(server.log()).not.toContain("warn: web page:");
});
