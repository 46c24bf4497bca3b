// Which requests go further: by the server's names, by TLS, and by the page that sends them.
import { expect, test } from "bun:test";
import {
  cookieOf,
  judgeRequest,
  type JudgedRequest,
} from "../../../../src/manager/web/server/request-rules.ts";

const NAMES = new Set(["nas", "nas.local", "localhost"]);
const LAN = { remoteAddress: "192.168.1.20", localAddress: "192.168.1.5" };

function requestOf(headers: Record<string, string>, more: Partial<JudgedRequest> = {}): JudgedRequest {
  const all = new Map(Object.entries({ host: "nas.local:8443", ...headers }));
  return { method: "GET", path: "/", query: "", isSecure: true, ...LAN, ...more, headers: all };
}

const judge = (headers: Record<string, string>, more: Partial<JudgedRequest> = {}) =>
  judgeRequest(requestOf(headers, more), NAMES);

test("plain HTTP from the network is sent to TLS, by the name that was asked for", () => {
  expect(judge({}, { isSecure: false, path: "/a", query: "b=c" })).toEqual({
    status: 308,
    to: "https://nas.local:8443/a?b=c",
  });
  expect(judge({ host: "192.168.1.5:8443" }, { isSecure: false })).toEqual({
    status: 308,
    to: "https://192.168.1.5:8443/",
  });
});

test("what plain HTTP from the network would change is refused, and a foreign name is sent nowhere", () => {
  for (const method of ["POST", "PUT", "DELETE"])
    expect(judge({}, { isSecure: false, method, path: "/api/v1/session" })).toEqual({
      status: 403,
      text: "use https",
    });
  expect(judge({ host: "evil.example" }, { isSecure: false })).toMatchObject({ status: 421 });
});

test("plain HTTP from loopback is answered", () => {
  for (const remoteAddress of ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"])
    expect(judge({ host: "localhost" }, { isSecure: false, remoteAddress })).toBeUndefined();
  for (const remoteAddress of ["128.0.0.1", "::2", "1.127.0.0", "::ffff:192.168.1.20", ""])
    expect(judge({ host: "localhost" }, { isSecure: false, remoteAddress })).toMatchObject({ status: 308 });
});

test.each(["nas", "NAS.local", "nas.local.", "nas:1", "192.168.1.5", "[::ffff:192.168.1.5]:8443"])(
  "%s is the server",
  (host) => {
    expect(judge({ host })).toBeUndefined();
  },
);

test.each([
  ...[
    "evil.example",
    "nas.evil.example",
    "192.168.1.6",
    "[::1]",
    "nas.local..",
    "nas,evil",
    "nas:",
    "nas:123456",
  ],
  ...["user@nas", "nas/", "", "[nas]", "[192.168.1.5", "0xc0a80105", "3232235781"],
])("%s is not the server", (host) => {
  expect(judge({ host })).toMatchObject({ status: 421 });
});

test("an IPv6 address is its own in every spelling", () => {
  const own = { localAddress: "2001:db8::5" };
  for (const host of ["[2001:db8::5]", "[2001:DB8:0:0::5]:8443"])
    expect(judge({ host }, own)).toBeUndefined();
  expect(judge({ host: "[2001:db8::6]" }, own)).toMatchObject({ status: 421 });
});

test("the API answers its own page and programs, and the files anybody", () => {
  const api = { path: "/api/v1/status" };
  const own = { origin: "https://nas.local:8443", "sec-fetch-site": "same-origin" };
  for (const headers of [{}, own, { "sec-fetch-site": "none" }]) expect(judge(headers, api)).toBeUndefined();
  for (const origin of [
    "https://evil.example",
    "null",
    "",
    "http://nas.local:8443",
    "https://nas.local",
    "https://nas:8443",
  ])
    expect(judge({ origin }, api)).toMatchObject({ status: 403 });
  for (const site of ["cross-site", "same-site", "nonsense"]) {
    expect(judge({ "sec-fetch-site": site }, api)).toMatchObject({ status: 403 });
    expect(judge({ "sec-fetch-site": site })).toBeUndefined();
  }
});

test("a cookie is found by its whole name, and one that is there twice is none", () => {
  const find = (cookie: string) => cookieOf(new Map([["cookie", cookie]]), "__Host-minismbd");
  expect(find("a=b; __Host-minismbd=secret; c=d")).toBe("secret");
  expect(find("__Host-minismbd=a=b")).toBe("a=b");
  for (const other of [
    "",
    "x__Host-minismbd=a",
    "__Host-minismbdx=a",
    "__Host-minismbd=a; __Host-minismbd=b",
    "__host-minismbd=a",
  ])
    expect(find(other)).toBeUndefined();
});
