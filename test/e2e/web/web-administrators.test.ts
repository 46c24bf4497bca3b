// `web admin users`: who may use the web page without being root in the shares, and that nobody else may.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { TESTER, TESTER2 } from "../../peer/test-server.ts";
import { minismbd } from "../client/control-rig.ts";
import { closeFile, createFile, mountShare } from "../client/raw-files.ts";
import { reload } from "../client/reload-rig.ts";
import { ask, logOn, startWeb, type WebServer } from "../client/web-rig.ts";

let server: WebServer;

const SHARES = { test: { "admin users": TESTER2.user }, plain: {} };

beforeAll(async () => {
  server = await startWeb({
    parameters: { "web admin users": TESTER.user, "admin users": TESTER2.user },
    shares: [{ name: "test", parameters: SHARES.test }, { name: "plain" }],
  });
});
afterAll(() => server.stop());

const statusFor = async ({ user, password }: typeof TESTER): Promise<number> =>
  (await ask(server, "/api/v1/session", { method: "POST", body: { user, password } })).status;

async function reloadWith(globals: Record<string, string>): Promise<void> {
  await reload(server, { globals: { "web port": String(server.webPort), ...globals }, shares: SHARES });
}

async function ownerOf(account: typeof TESTER): Promise<number> {
  const mount = await mountShare(server, account, "plain");
  const name = `${account.user}.txt`;
  await closeFile(mount, await createFile(mount, name));
  mount.client.close();
  return statSync(join(server.shares.get("plain") ?? "", name)).uid;
}

test("whom it names logs on to the page, whom `admin users` of [global] names does not", async () => {
  expect([await statusFor(TESTER), await statusFor(TESTER2)]).toEqual([200, 401]);
  const { headers } = await logOn(server);
  const { body } = await ask(server, "/api/v1/users", { headers });
  expect(body).toMatchObject([
    { name: TESTER.user, isAdmin: true },
    { name: TESTER2.user, isAdmin: false },
  ]);
});

test.if(process.getuid?.() === 0)("he is not root in the shares, where `admin users` are", async () => {
  expect(await ownerOf(TESTER)).not.toBe(0);
  expect(await ownerOf(TESTER2)).toBe(0);
});

test("a user of a share's `admin users` alone is no administrator of the page", async () => {
  await reloadWith({ "admin users": TESTER.user });
  expect([await statusFor(TESTER), await statusFor(TESTER2)]).toEqual([200, 401]);
});

test("without it those of `admin users` in [global] are, and a comma names nobody", async () => {
  await reloadWith({ "admin users": TESTER2.user });
  expect([await statusFor(TESTER), await statusFor(TESTER2)]).toEqual([401, 200]);
  await reloadWith({ "admin users": TESTER2.user, "web admin users": "," });
  expect([await statusFor(TESTER), await statusFor(TESTER2)]).toEqual([401, 401]);
});

test("a session ends with the right, and nobody removes the last administrator by the page", async () => {
  await reloadWith({ "web admin users": TESTER.user });
  const { headers } = await logOn(server);
  const asking = { method: "PATCH", headers: { ...headers, "If-Match": "*" } };
  for (const value of [",", null, "nobody-here"]) {
    const answer = await ask(server, "/api/v1/settings", { ...asking, body: { "web admin users": value } });
    expect([answer.status, answer.text]).toEqual([400, expect.stringContaining("nobody could administrate")]);
  }
  expect((await ask(server, "/api/v1/status", { headers })).status).toBe(200);
  await reloadWith({ "web admin users": TESTER2.user });
  expect((await ask(server, "/api/v1/status", { headers })).status).toBe(401);
});

test("testparm says that nobody has a name", async () => {
  await reloadWith({ "web admin users": `${TESTER.user}x` });
  const config = join(server.directory, "minismbd.conf");
  const users = join(server.directory, "ksmbdpwd.db");
  const { err, out } = minismbd("testparm", "-s", config, "-P", users);
  expect(out + err).toContain(`'web admin users' of [global]: there is no user '${TESTER.user}x'`);
  expect(readFileSync(config, "utf8")).toContain("web admin users");
});
