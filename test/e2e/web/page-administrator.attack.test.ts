// What an administrator of the page cannot do: become root of the machine, write what he was not asked for into
// the configuration, or open a share by accident.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { TESTER, TESTER2 } from "../../peer/test-server.ts";
import { ask, type LoggedOn, logOn, startWeb, type WebAnswer, type WebServer } from "../client/web-rig.ts";

let server: WebServer;
let session: LoggedOn;

beforeAll(async () => {
  server = await startWeb({ parameters: { "reload on change": "no" } });
  session = await logOn(server);
});
afterAll(() => server.stop());

const configuration = (): string => readFileSync(join(server.directory, "minismbd.conf"), "utf8");

function folder(name: string): string {
  const path = join(server.directory, name);
  mkdirSync(path, { recursive: true });
  return path;
}

function change(method: string, path: string, body?: unknown): Promise<WebAnswer> {
  const headers = { ...session.headers, "If-Match": "*" };
  return ask(server, `/api/v1${path}`, { method, body, headers });
}

async function expectRefused(answers: Promise<WebAnswer>[], before: string): Promise<void> {
  const given = await Promise.all(answers);
  for (const { status, text } of given) expect({ status, text }).toMatchObject({ status: 400 });
  expect(configuration()).toBe(before);
}

const add = (name: string, path: string, more: Record<string, string> = {}): Promise<WebAnswer> =>
  change("POST", "/shares", { name, parameters: { path, ...more } });

test("no directory is shared by which he would become root", async () => {
  const before = configuration();
  symlinkSync("/etc", join(server.directory, "link"));
  for (const path of [
    "/",
    "//",
    "/etc",
    "/etc/",
    "/srv/../etc",
    "/proc",
    "/root/x",
    "/var/spool",
    "/run",
    "/home",
    "/%U",
  ])
    await expectRefused([add("Attack", path)], before);
  for (const path of [server.directory, join(server.directory, "link"), `${server.directory}/%U`])
    await expectRefused([add("Attack", path)], before);
  await expectRefused([add("Attack", "/etc", { available: "no" })], before);
  await expectRefused([change("PUT", "/shares/test", { parameters: { path: "/etc" } })], before);
  await expectRefused([add("Attack", `${server.directory}/plain/%U/../../../../etc`)], before);
  const check = await change("POST", "/check-path", { path: "/etc" });
  expect(check.body).toMatchObject({
    exists: true,
    message: expect.stringContaining("belongs to the system"),
  });
});

test("nor by a detour: a share of a disk that becomes one of a path, a setting that is a part of a path", async () => {
  const parameters = { path: "/etc", disk: "UUID=0123-4567" };
  expect((await change("POST", "/shares", { name: "Detour", parameters })).status).toBe(201);
  let before = configuration();
  await expectRefused([change("PUT", "/shares/Detour", { parameters: { disk: null } })], before);
  expect((await add("Part", join(folder("part"), "%D"))).status).toBe(201);
  before = configuration();
  await expectRefused([change("PATCH", "/settings", { workgroup: "../../../../../etc" })], before);
});

test("no file of the machine is named, and no way out of the shares", async () => {
  const before = configuration();
  for (const [name, value] of [
    // In the place of such as /etc/cron.d/x: a server that takes it must do no harm here.
    ["log file", "/nowhere/minismbd-attack"],
    ["root directory", "/"],
    ["username map", "/etc/shadow"],
    ["web key", "/etc/shadow"],
    ["web certificate", "/etc/shadow"],
    ["kerberos keytab file", "/tmp/x"],
    ["client share directories", "/"],
    ["volume directories", "/"],
    ["allow insecure wide links", "yes"],
    ["include", "/etc/passwd"],
    ["copy", "test"],
  ] as const)
    await expectRefused([change("PATCH", "/settings", { [name]: value })], before);
  for (const [name, value] of [
    ["wide links", "yes"],
    ["shadow:snapdir", "/etc"],
    ["guest account", "root"],
    ["include", "/etc/passwd"],
    ["copy", "test"],
    ["root preexec", "/bin/sh"],
  ] as const)
    await expectRefused([change("PUT", "/shares/test", { parameters: { [name]: value } })], before);
  const { body } = await change("GET", "/settings");
  const settings = body as { name: string; isEditable: boolean }[];
  expect(settings.find(({ name }) => name === "log file")?.isEditable).toBe(false);
  expect(settings.find(({ name }) => name === "log level")?.isEditable).toBe(true);
});

test("nothing but the value gets into the configuration", async () => {
  const before = configuration();
  const path = folder("plain");
  const lines = [
    "a\n[evil]\npath = /etc",
    "a\r\nguest ok = yes",
    "a\u2028b",
    "a\0b",
    "a # b",
    "a ; b",
    "\ud800",
    "a\\",
  ];
  for (const text of [...lines, "x".repeat(9000), " a", "a\u202eb", "\u0085"]) {
    await expectRefused([change("PUT", "/shares/test", { parameters: { comment: text } })], before);
  }
  await expectRefused([change("PATCH", "/settings", { "server string": "a\n[evil]" })], before);
  for (const name of [
    "a]\n[b",
    "[x]",
    "user:anna",
    "global",
    " GLOBAL ",
    "homes",
    "IPC$",
    "a;b",
    "a#b",
    "..",
    "a/b",
    "",
  ]) {
    const { status } = await add(name, path);
    expect({ name, status: status >= 400 }).toEqual({ name, status: true });
  }
  for (const key of ["a\nb", "", "path\n", "[x]", "__proto__", "constructor", "comment = x\nguest ok"])
    await expectRefused([change("PUT", "/shares/test", { parameters: { [key]: "yes" } })], before);
  for (const name of ["a\nb:c", "a:b", "a\0", "\ud800", "x".repeat(200), " a"])
    await expectRefused([change("POST", "/users", { name, password: "Correct-Horse-9" })], before);
  expect(configuration()).toBe(before);
});

test("a share is not another one's by its blanks", async () => {
  expect((await add("Two Words", folder("two"))).status).toBe(201);
  const before = configuration();
  expect((await add("Two  Words", folder("three"))).status).toBe(409);
  expect((await add("TWO\u00a0WORDS", folder("three"))).status).toBe(409);
  expect(configuration()).toBe(before);
});

test("an administrator by [global] can be given less in a share, and back", async () => {
  expect((await add("Own", folder("own"), { "read only": "no", "admin users": "," })).status).toBe(201);
  for (const access of ["admin", "write", "read", "none", "write"]) {
    const given = { [TESTER.user]: access, [TESTER2.user]: "read" };
    const answer = await change("PUT", "/shares/Own/access", given);
    expect(answer).toMatchObject({
      status: 200,
      body: { access: expect.arrayContaining([{ user: TESTER.user, access }]) },
    });
  }
});

test("a share of nobody is closed, not open", async () => {
  const path = folder("closed");
  expect((await add("Closed", path, { "valid users": TESTER.user })).status).toBe(201);
  const before = configuration();
  const none = { [TESTER.user]: "none", [TESTER2.user]: "none" };
  await expectRefused([change("PUT", "/shares/Closed/access", none)], before);
  await expectRefused([change("PUT", "/shares/Closed", { parameters: { "valid users": "" } })], before);
  expect((await change("PUT", "/shares/Closed", { parameters: { "valid users": "," } })).status).toBe(200);
  expect((await change("GET", "/shares/Closed")).body).toMatchObject({
    access: [
      { user: TESTER.user, access: "none" },
      { user: TESTER2.user, access: "none" },
    ],
  });
});
