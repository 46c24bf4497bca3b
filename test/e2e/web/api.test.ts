// The API with a token, as Home Assistant, Prometheus and scripts use it: each change is seen by an SMB client.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { minismbd } from "../client/control-rig.ts";
import { accessOf } from "../client/config-rig.ts";
import { createCall, mountShare } from "../client/raw-files.ts";
import { demandSmbclient, hasSmbclient } from "../client/smbclient.ts";
import { ask, startWeb, type WebAnswer, type WebServer } from "../client/web-rig.ts";
import { TESTER, TESTER2 } from "../../peer/test-server.ts";

let server: WebServer;
let token: string;
let reading: string;
beforeAll(async () => {
  const directory = process.env["TMPDIR"] ?? "/tmp";
  const socket = join(directory, `minismbd-api-${process.pid}.sock`);
  const runner = ["sh", "-c", 'exec "$@" --control "$0"', socket];
  server = await startWeb({ runner, shares: [{ name: "test", parameters: { "admin users": "," } }] });
  const make = (isReadOnly: boolean): string => {
    const wanted = JSON.stringify({ name: `reads only: ${isReadOnly}`, isReadOnly });
    const { out } = minismbd("control", "--control", socket, "--json", "add-token", "--arguments", wanted);
    return (JSON.parse(out) as { items: { token: string }[] }).items[0]?.token ?? "";
  };
  token = make(false);
  reading = make(true);
});
afterAll(() => server.stop());

interface How {
  readonly body?: unknown;
  readonly etag?: string | undefined;
  readonly as?: string;
}

function api(method: string, path: string, { as = token, body, etag }: How = {}): Promise<WebAnswer> {
  const headers = { Authorization: `Bearer ${as}`, ...(etag !== undefined && { "If-Match": etag }) };
  return ask(server, `/api/v1/${path}`, { method, headers, ...(body !== undefined && { body }) });
}

async function etagOf(path = "shares"): Promise<string> {
  return (await api("GET", path)).headers["etag"] ?? "";
}

function folder(name: string): string {
  const path = join(server.directory, name);
  mkdirSync(path, { recursive: true });
  chmodSync(path, 0o777);
  return path;
}

const HOSTILE = `<img src=x onerror=alert(1)>`;

test("the API describes itself, and has the server's numbers for Prometheus", async () => {
  const { body, status } = await ask(server, "/api/v1/openapi.json");
  expect([status, (body as { openapi: string }).openapi]).toEqual([200, "3.1.0"]);
  const metrics = await ask(server, "/metrics", { headers: { Authorization: `Bearer ${reading}` } });
  expect([metrics.status, metrics.text]).toEqual([
    200,
    expect.stringMatching(/^minismbd_requests_total \d+$/m),
  ]);
  expect((await ask(server, "/metrics")).status).toBe(401);
});

test("a share is made, given to one user, changed and removed", async () => {
  const etag = await etagOf();
  expect(etag).toMatch(/^"[\w-]+"$/);
  const body = { name: "Ünser Ordner", parameters: { path: folder("api"), "read only": "no" } };
  const made = await api("POST", "shares", { body, etag });
  expect([made.status, made.text]).toEqual([201, expect.stringContaining('"isServed":true')]);
  expect(await accessOf(server, TESTER2, "Ünser Ordner")).toBe("write");
  if (hasSmbclient())
    expect(await demandSmbclient(server, ["ls"], { share: "Ünser Ordner" })).toContain("blocks available");
  // The page of somebody else, who has not seen that.
  const stale = await api("DELETE", "shares/test", { etag });
  expect([stale.status, stale.body]).toEqual([
    409,
    { error: expect.stringContaining("was changed meanwhile"), code: "changed" },
  ]);
  expect((await api("DELETE", "shares/test")).status).toBe(409);
  const place = `shares/${encodeURIComponent("Ünser Ordner")}`;
  const shut = { body: { [TESTER2.user]: "none" }, etag: made.headers["etag"] };
  const access = await api("PUT", `${place}/access`, shut);
  expect([access.status, (access.body as { access: unknown }).access]).toEqual([
    200,
    [
      { user: TESTER.user, access: "admin" },
      { user: TESTER2.user, access: "none" },
    ],
  ]);
  expect(await accessOf(server, TESTER2, "Ünser Ordner")).toBe("refused");
  // 'admin users' of [global] would make him root in every share.
  const plain = await api("PUT", `${place}/access`, {
    body: { [TESTER.user]: "write" },
    etag: access.headers["etag"],
  });
  expect(plain.body).toMatchObject({ access: [{ access: "write" }, { access: "none" }] });
  const next = { body: { parameters: { comment: HOSTILE } }, etag: plain.headers["etag"] };
  expect((await api("PUT", place, next)).status).toBe(200);
  expect(((await api("GET", place)).body as { comment: string }).comment).toBe(HOSTILE);
  expect((await api("DELETE", place, { etag: "*" })).status).toBe(204);
  expect(await accessOf(server, TESTER, "Ünser Ordner")).toBe("absent");
});

test("a user is added, logs on, is kicked, and deleted", async () => {
  const anna = { user: "anna ö", password: "Tulip-Bulb-3" };
  const added = await api("POST", "users", { body: { name: anna.user, password: anna.password } });
  expect([added.status, added.body]).toEqual([201, { name: "anna ö", isAdmin: false, isStored: true }]);
  const mount = await mountShare(server, anna, "test");
  const kicked = await api("POST", "kick", { body: { user: anna.user } });
  expect([kicked.status, kicked.body]).toEqual([200, [expect.objectContaining({ user: anna.user })]]);
  expect(await mount.client.outcome(createCall(mount, ""))).toBe("closed");
  expect((await api("DELETE", `users/${encodeURIComponent(anna.user)}`)).status).toBe(204);
  expect(await accessOf(server, anna, "test")).toBe("refused");
  const last = await api("DELETE", `users/${TESTER.user.toUpperCase()}`);
  expect([last.status, last.body]).toEqual([
    400,
    { error: expect.stringContaining("last user"), code: "refused" },
  ]);
});

test("a token for reading alone reads everything and changes nothing", async () => {
  for (const path of ["status", "connections", "shares", "settings", "users", "disks", "tokens", "log"])
    expect([path, (await api("GET", path, { as: reading })).status]).toEqual([path, 200]);
  const before = readFileSync(join(server.directory, "minismbd.conf"), "utf8");
  for (const [method, path, body] of [
    ["POST", "shares", { name: "x", parameters: { path: "/tmp" } }],
    ["DELETE", "shares/test", undefined],
    ["PATCH", "settings", { workgroup: "X" }],
    ["POST", "users", { name: "x", password: "x" }],
    ["POST", "tokens", { name: "x", isReadOnly: false }],
    ["POST", "kick", { user: TESTER.user }],
    ["POST", "reload", undefined],
  ] as const) {
    const answer = await api(method, path, { as: reading, body, etag: "*" });
    expect([method, path, answer.status]).toEqual([method, path, 403]);
  }
  expect(readFileSync(join(server.directory, "minismbd.conf"), "utf8")).toBe(before);
  expect((await api("GET", "status", { as: `${token}x` })).status).toBe(401);
});

test("what fails has a sentence, a code and a status", async () => {
  for (const [method, path, body, status, code] of [
    ["GET", "shares/nothing", undefined, 404, "not-found"],
    ["PUT", "shares/test", { parameters: { "create mask": "9" } }, 400, "refused"],
    ["PUT", "shares/test", { parameter: {} }, 400, "bad-argument"],
    ["POST", "log-level", { level: "loud" }, 400, "bad-argument"],
    ["POST", "users", { name: TESTER.user, password: "x" }, 409, "exists"],
    ["POST", "setup", { code: "x", user: "x", password: "x" }, 400, "refused"],
    ["POST", "kick", { user: "nobody-here" }, 404, "not-found"],
  ] as const) {
    const answer = await api(method, path, { body, etag: "*" });
    const found = answer.body as { error: unknown; code: unknown };
    expect([path, answer.status, found.code, typeof found.error]).toEqual([path, status, code, "string"]);
  }
});

test("a file that was broken by hand is said, and nothing is written over it", async () => {
  const file = join(server.directory, "minismbd.conf");
  const before = readFileSync(file, "utf8");
  const broken = `${before}[global]\nserver signing = sometimes\n`;
  writeFileSync(file, broken);
  const answer = await api("PATCH", "settings", { body: { workgroup: "X" }, etag: "*" });
  expect([answer.status, answer.body]).toEqual([
    400,
    { error: expect.stringContaining("'sometimes' is not a value of 'server signing'"), code: "refused" },
  ]);
  expect(readFileSync(file, "utf8")).toBe(broken);
  writeFileSync(file, before);
});
