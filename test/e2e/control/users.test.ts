// Users whom an administrator adds, changes and deletes over the control socket, and who log on by SMB.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { Status } from "../../../src/wire/status.ts";
import { TESTER, TESTER2 } from "../../peer/test-server.ts";
import { accessOf } from "../client/config-rig.ts";
import { type Answer, type ControlledServer, request, startControlled } from "../client/control-rig.ts";
import { createCall, mountShare } from "../client/raw-files.ts";
import { demandSmbclient, hasSmbclient, runSmbclient } from "../client/smbclient.ts";

let server: ControlledServer;
beforeAll(async () => {
  const lists = { "admin users": TESTER.user, "invalid users": "somebody" };
  server = await startControlled({
    parameters: { "reload on change": "no", "admin users": TESTER.user },
    shares: [
      { name: "test", parameters: { "admin users": "," } },
      { name: "own", parameters: lists },
    ],
  });
});
afterAll(() => server.stop());

const ask = (command: string, fields: Record<string, unknown> = {}): Promise<Answer> =>
  request(server.socket, { command, ...fields });
const passwords = (): string => readFileSync(join(server.directory, "ksmbdpwd.db"), "utf8");

test("a user who is added logs on at once, with another password after a change, and no more when deleted", async () => {
  const anna = { user: "änna", password: "Tulip-Bulb-3" };
  const added = await ask("add-user", { name: anna.user, password: anna.password });
  expect(added).toEqual({ items: [{ name: "änna", isAdmin: false, isStored: true }], end: "ok" });
  expect(await accessOf(server, anna, "test")).toBe("write");
  if (hasSmbclient()) expect(await demandSmbclient(server, ["ls"], { user: anna })).toContain("blocks");
  expect(await ask("add-user", { name: "ÄNNA", password: "x" })).toMatchObject({ code: "exists" });
  const open = await mountShare(server, anna, "test");
  expect((await ask("set-password", { name: "änna", password: "Daffodil-4" })).end).toBe("ok");
  // The session of the old password has ended.
  expect(await open.client.outcome(createCall(open, ""))).toBe(Status.USER_SESSION_DELETED);
  expect(await accessOf(server, anna, "test")).toBe("refused");
  const next = { ...anna, password: "Daffodil-4" };
  expect(await accessOf(server, next, "test")).toBe("write");
  expect((await ask("remove-user", { name: "änna" })).end).toBe("ok");
  expect(await accessOf(server, next, "test")).toBe("refused");
  expect(passwords()).not.toContain("änna");
  expect(server.log()).toContain("by the administrator: user 'änna' deleted");
  expect(server.log()).not.toContain("Daffodil-4");
  if (hasSmbclient())
    expect((await runSmbclient(server, ["ls"], { user: next })).output).toContain("NT_STATUS_LOGON_FAILURE");
});

test.each([
  ["", "bad-argument", "'name' is not a text"],
  ["a:b", "bad-argument", "must not have a colon"],
  ["a\nb", "bad-argument", "must be printable"],
  [" a", "bad-argument", "blanks"],
  ["x".repeat(48), "bad-argument", "at most 47 bytes"],
  ["\ud800", "bad-argument", "UTF-8"],
  [TESTER.user.toUpperCase(), "exists", "names have no case"],
])("a user cannot be added as %j", async (name, code, message) => {
  const before = passwords();
  const answer = await ask("add-user", { name, password: "Some-Word-1" });
  expect(answer).toMatchObject({ end: "error", code, message: expect.stringContaining(message) });
  expect(passwords()).toBe(before);
});

test("a user who is not there, or whom the configuration names, is not changed", async () => {
  expect(await ask("set-password", { name: "nobody-here", password: "x" })).toMatchObject({
    code: "not-found",
  });
  expect(await ask("remove-user", { name: "nobody-here" })).toMatchObject({ code: "not-found" });
  expect(await ask("remove-user", { name: TESTER.user })).toMatchObject({
    code: "refused",
    message: expect.stringContaining("is the last user whom 'web admin users' names"),
  });
  expect(await accessOf(server, TESTER, "test")).toBe("write");
});

test("the list says who administrates, and the file keeps its mode", async () => {
  const { items } = await ask("users");
  expect(items).toEqual([
    { name: TESTER.user, isAdmin: true, isStored: true },
    { name: TESTER2.user, isAdmin: false, isStored: true },
  ]);
  expect(statSync(join(server.directory, "ksmbdpwd.db")).mode & 0o027).toBe(0);
});

test("a token is made, listed without its secret, and removed", async () => {
  const made = await ask("add-token", { name: "Home Assistant" });
  const [token] = made.items;
  expect(token).toMatchObject({
    name: "Home Assistant",
    isReadOnly: true,
    token: expect.stringMatching(/^minismbd_/),
  });
  const listed = await ask("tokens");
  expect(listed.items).toEqual([
    { id: token?.["id"], name: "Home Assistant", isReadOnly: true, created: token?.["created"] },
  ]);
  expect(server.log()).toContain("by the administrator: token 'Home Assistant' made, for reading alone");
  expect(server.log()).not.toContain(String(token?.["token"]));
  expect((await ask("remove-token", { id: token?.["id"] })).end).toBe("ok");
  expect((await ask("tokens")).items).toEqual([]);
  const [metrics] = (await ask("metrics")).items;
  expect(metrics?.["text"]).toMatch(/^minismbd_requests_total \d+$/m);
});
