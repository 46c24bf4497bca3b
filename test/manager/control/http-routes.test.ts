import { expect, test } from "bun:test";
import {
  answerOf,
  type ApiRequest,
  callOf,
  errorOf,
  methodsOf,
} from "../../../src/manager/control/http-routes.ts";
import { OPERATIONS } from "../../../src/manager/control/operations.ts";
import { ControlError } from "../../../src/manager/control/protocol.ts";

function call(method: string, target: string, body?: unknown, ifMatch?: string) {
  const [path = "", query = ""] = target.split("?");
  const request: ApiRequest = { method, path, query: new URLSearchParams(query), body, ifMatch };
  return callOf(request);
}

function refusalOf(run: () => unknown): ControlError {
  try {
    run();
  } catch (error) {
    if (error instanceof ControlError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

test("paths and methods name operations", () => {
  expect(call("GET", "/api/v1/connections")).toEqual({ operation: "connections", args: {} });
  expect(call("POST", "/api/v1/kick", { user: "anna" })).toEqual({
    operation: "kick",
    args: { user: "anna" },
  });
  expect(call("POST", "/api/v1/reload")).toEqual({ operation: "reload", args: {} });
  expect(call("DELETE", "/api/v1/session").operation).toBe("log-off");
  expect(methodsOf("/api/v1/session")).toEqual(["GET", "POST", "DELETE"]);
  expect(methodsOf("/api/v2/session")).toEqual([]);
});

test.each([
  ["GET", "/api/v1/nothing", undefined, "not-found"],
  ["GET", "/api/v1", undefined, "not-found"],
  ["GET", "/api/v1/status/", undefined, "not-found"],
  ["GET", "/api/v1/__proto__", undefined, "not-found"],
  ["GET", "/api/v1/%73tatus", undefined, "not-found"],
  ["POST", "/api/v1/status", {}, "wrong-method"],
  ["OPTIONS", "/api/v1/status", undefined, "wrong-method"],
  ["GET", "/api/v1/status?user=1", undefined, "bad-argument"],
  ["POST", "/api/v1/kick", { users: "anna" }, "bad-argument"],
  ["POST", "/api/v1/kick", [], "bad-request"],
  ["POST", "/api/v1/kick", "anna", "bad-request"],
  ["POST", "/api/v1/kick", null, "bad-request"],
])("%s %s with %p is %s", (method, target, body, code) => {
  expect(refusalOf(() => call(method, target, body)).code).toBe(code as never);
});

test("no two operations have one method and path", () => {
  const routes = Object.values(OPERATIONS).flatMap((row) =>
    "http" in row ? [`${row.http.method} ${row.http.path.replaceAll(/\{\w+\}/g, "{}")}`] : [],
  );
  expect(routes.filter((route, i) => routes.indexOf(route) !== i)).toEqual([]);
});

test("an answer is a list, the item, or nothing, and an error has its status", () => {
  expect(answerOf(OPERATIONS.users, [{ name: "anna" }])).toEqual({ status: 200, body: [{ name: "anna" }] });
  expect(answerOf(OPERATIONS.status, [{ pid: 1 }])).toEqual({ status: 200, body: { pid: 1 } });
  expect(answerOf(OPERATIONS.reload, [])).toEqual({ status: 204, body: undefined });
  expect(errorOf(new ControlError("too much", "too-many"))).toEqual({
    status: 429,
    body: { error: "too much", code: "too-many" },
  });
});

test.each([
  ["a/b", "a%2Fb"],
  ["<script>alert(1)</script>", "%3Cscript%3Ealert(1)%3C%2Fscript%3E"],
  ["..", "%2E%2E"],
  ["ä ö?#%", "%C3%A4%20%C3%B6%3F%23%25"],
  ["__proto__", "__proto__"],
])("the name %j in a path is one argument", (name, written) => {
  expect(call("GET", `/api/v1/shares/${written}`)).toEqual({ operation: "share", args: { name } });
});

test.each(["/api/v1/shares/%E4", "/api/v1/shares/%", "/api/v1/shares/a/b", "/api/v1/shares//access"])(
  "%s is no share",
  (path) => {
    const refusal = refusalOf(() => call("GET", path));
    expect(["not-found", "wrong-method"]).toContain(refusal.code);
  },
);

test("a change needs the ETag of what it was made from, or says that it does not matter", () => {
  const put = (ifMatch?: string) => call("PUT", "/api/v1/shares/a", { parameters: {} }, ifMatch);
  expect(put('"abc"').args).toEqual({ name: "a", parameters: {}, etag: "abc" });
  expect(put('W/"abc"').args).toMatchObject({ etag: "abc" });
  expect(put("*").args).toEqual({ name: "a", parameters: {} });
  expect(refusalOf(() => put()).code).toBe("changed");
  for (const wrong of ["abc", '"a", "b"', ""]) expect(refusalOf(() => put(wrong)).code).toBe("bad-request");
  const written = { parameters: {}, etag: "x" };
  expect(refusalOf(() => call("PUT", "/api/v1/shares/a", written, "*")).code).toBe("bad-argument");
  expect(
    refusalOf(() => call("PUT", "/api/v1/shares/a", { parameters: {}, etag: "x", name: "b" }, "*")).code,
  ).toBe("bad-argument");
});

test("a body that is one argument is taken as it is, whatever its names", () => {
  const access = { anna: "read", name: "write", __proto__: null };
  const { args } = call("PUT", "/api/v1/shares/a/access", access, "*");
  expect(args).toEqual({ name: "a", access });
  expect(call("GET", "/api/v1/log?level=warn&text=disk").args).toEqual({ level: "warn", text: "disk" });
  expect(refusalOf(() => call("GET", "/api/v1/log?level=warn&level=info")).code).toBe("bad-argument");
});
