// The head of a request: any bytes give a head or a fault, and what is accepted is read in one way.
import { expect, test } from "bun:test";
import { findHeadEnd, parseHead } from "../../../../src/manager/web/server/request-head.ts";

const parse = (text: string) => parseHead(Buffer.from(text, "latin1"));

test("a browser's request is read", () => {
  const head = parse(
    "POST /api/v1/shares?x=1&y=%20 HTTP/1.1\r\nHost: nas.local:8443\r\nAccept:text/html \r\nAccept: */*\r\n" +
      "Content-Length: 12\r\nConnection: keep-alive, Close\r\n\r\n",
  );
  expect(head).toMatchObject({
    method: "POST",
    path: "/api/v1/shares",
    query: "x=1&y=%20",
    bodyBytes: 12,
    isLast: true,
  });
  if ("status" in head) throw new Error(head.text);
  expect([...head.headers]).toEqual([
    ["host", "nas.local:8443"],
    ["accept", "text/html, */*"],
    ["content-length", "12"],
    ["connection", "keep-alive, Close"],
  ]);
});

test("the end of a head is the first empty line", () => {
  expect(findHeadEnd(Buffer.from("GET / HTTP/1.1\r\nA: b\r\n\r\nmore\r\n\r\n"))).toBe(24);
  for (const text of ["", "\r\n", "GET / HTTP/1.1\r\n", "a\n\nb", "a\r\n\rb"])
    expect(findHeadEnd(Buffer.from(text))).toBe(-1);
});

test("changes of any byte of a request give a head without control characters, or a fault", () => {
  const good = Buffer.from("POST /a?b HTTP/1.1\r\nHost: a\r\nX-CSRF: b\r\nContent-Length: 5\r\n\r\n");
  for (let at = 0; at < good.length - 4; at++)
    for (let byte = 0; byte < 256; byte++) {
      const changed = Buffer.from(good);
      changed[at] = byte;
      if (findHeadEnd(changed) !== good.length) continue;
      const head = parseHead(changed);
      if ("status" in head) continue;
      expect(head.bodyBytes <= 65_536 && head.headers.has("host")).toBe(true);
      for (const [name, value] of head.headers)
        expect(`${name}${value}`).not.toMatch(/[\0-\x08\x0a-\x1f\x7f]/);
      expect(head.path).toStartWith("/");
    }
});
