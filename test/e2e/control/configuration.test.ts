// Shares and settings that an administrator reads and changes over the control socket, with real clients who
// find each change.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { TESTER, TESTER2 } from "../../peer/test-server.ts";
import { accessOf } from "../client/config-rig.ts";
import { type Answer, type ControlledServer, request, startControlled } from "../client/control-rig.ts";
import { EXECUTABLE } from "../client/server.ts";
import { demandSmbclient, hasSmbclient, runProgram } from "../client/smbclient.ts";

const isRoot = process.getuid?.() === 0;
let server: ControlledServer;
let start: string;
beforeAll(async () => {
  server = await startControlled({ parameters: { "reload on change": "no" } });
  start = readFileSync(file(), "utf8");
});
afterAll(() => server.stop());
beforeEach(async () => {
  await write(start);
});

const file = (name = "minismbd.conf"): string => join(server.directory, name);
const ask = (command: string, fields: Record<string, unknown> = {}): Promise<Answer> =>
  request(server.socket, { command, ...fields });

async function write(text: string): Promise<void> {
  writeFileSync(file(), text);
  expect((await ask("reload")).end).toBe("ok");
}

function folder(name: string): string {
  const path = join(server.directory, name);
  mkdirSync(path, { recursive: true });
  chmodSync(path, 0o777);
  return path;
}

interface Detail {
  readonly parameters: readonly Record<string, unknown>[];
  readonly access: readonly { user: string; access: string }[];
  readonly faults: readonly Record<string, unknown>[];
}

async function detailOf(name: string): Promise<Detail> {
  return (await ask("share", { name })).items[0] as unknown as Detail;
}

test("a share that is added is served at once, changed, and gone when it is removed", async () => {
  const path = folder("photos");
  const parameters = { path, "read only": "no", comment: "Our photos" };
  const added = await ask("add-share", { name: "Photos", parameters });
  expect([added.message, added.end]).toEqual([undefined, "ok"]);
  expect(added.items).toMatchObject([{ name: "Photos", path, isServed: true, readOnly: false, faults: [] }]);
  expect(await accessOf(server, TESTER, "Photos")).toBe("write");
  if (hasSmbclient())
    expect(await demandSmbclient(server, ["ls"], { share: "Photos" })).toContain("blocks available");
  const text = readFileSync(file(), "utf8");
  expect(text).toBe(`${start}\n[Photos]\n\tpath = ${path}\n\tread only = no\n\tcomment = Our photos\n`);
  expect(
    (await ask("set-share", { name: "photos", parameters: { "read only": "yes", comment: null } })).end,
  ).toBe("ok");
  expect(await accessOf(server, TESTER, "Photos")).toBe("read");
  expect((await ask("remove-share", { name: "Photos" })).end).toBe("ok");
  expect(await accessOf(server, TESTER, "Photos")).toBe("absent");
  expect(readFileSync(file(), "utf8")).toBe(start);
});

test("a parameter is changed in the line of the file where it is written, and comments stay", async () => {
  const path = folder("docs");
  const extra = file("extra.conf");
  writeFileSync(
    extra,
    `# from another file\n[docs]\n\tpath = ${path}\n\twriteable = no ; for now\n# the end\n`,
  );
  await write(`${start}# before\ninclude = extra.conf\n`);
  const { parameters } = await detailOf("docs");
  const readOnly = parameters.find(({ name }) => name === "read only");
  expect(readOnly).toMatchObject({ value: "yes", kind: "boolean", isSet: true, file: extra, line: 4 });
  const changed = await ask("set-share", { name: "docs", parameters: { "read only": "no", comment: "hi" } });
  expect([changed.message, changed.end]).toEqual([undefined, "ok"]);
  expect(readFileSync(extra, "utf8")).toBe(
    `# from another file\n[docs]\n\tpath = ${path}\n\tread only = no ; for now\n\tcomment = hi\n# the end\n`,
  );
  expect(await accessOf(server, TESTER, "docs")).toBe("write");
});

test("the matrix says who may do what, and a change of it is what clients get", async () => {
  const path = folder("family");
  await write(`${start}[family]\npath = ${path}\nread only = no ; all may\n`);
  expect((await detailOf("family")).access).toEqual([
    { user: TESTER.user, access: "write" },
    { user: TESTER2.user, access: "write" },
  ]);
  const none = await ask("set-access", { name: "family", access: { [TESTER2.user]: "none" } });
  expect(none.items).toMatchObject([{ access: [{ access: "write" }, { access: "none" }] }]);
  expect(await accessOf(server, TESTER, "family")).toBe("write");
  expect(await accessOf(server, TESTER2, "family")).toBe("refused");
  expect(readFileSync(file(), "utf8")).toContain(
    `path = ${path}\nread only = no ; all may\n\tvalid users = ${TESTER.user}\n`,
  );
  expect((await ask("set-access", { name: "family", access: { [TESTER2.user]: "read" } })).end).toBe("ok");
  expect(await accessOf(server, TESTER2, "family")).toBe("read");
  const all = { [TESTER.user]: "none", [TESTER2.user]: "none" };
  const closed = await ask("set-access", { name: "family", access: all });
  expect([closed.end, closed["code" as never]]).toEqual(["error", "refused"]);
  const nobody = await ask("set-access", { name: "family", access: { "no-one": "read" } });
  expect(nobody).toMatchObject({ end: "error", code: "not-found", message: "there is no user 'no-one'" });
});

test("two people who edit one share: the second is told, and nothing of the first is lost", async () => {
  await write(`${start}[a]\npath = ${folder("a")}\n`);
  const etag = (await ask("share", { name: "a" }))["etag" as never];
  const first = await ask("set-share", { name: "a", parameters: { comment: "first" }, etag });
  expect(first.end).toBe("ok");
  const second = await ask("set-share", { name: "a", parameters: { comment: "second" }, etag });
  expect(second).toMatchObject({ end: "error", code: "changed" });
  expect(second.message).toContain(`changed meanwhile (${file()} at `);
  expect(readFileSync(file(), "utf8")).toContain("comment = first");
  // With the answer's etag the next change goes on.
  const next = { name: "a", parameters: { comment: "third" }, etag: first["etag" as never] };
  expect((await ask("set-share", next)).end).toBe("ok");
});

test("a file that another program changed, and that the server has not read, is not overwritten", async () => {
  await write(`${start}[a]\npath = ${folder("a")}\n`);
  const etag = (await ask("share", { name: "a" }))["etag" as never];
  writeFileSync(file(), `${start}[a]\npath = ${folder("b")}\n`);
  const answer = await ask("remove-share", { name: "a", etag });
  expect(answer).toMatchObject({ end: "error", code: "changed" });
  expect(readFileSync(file(), "utf8")).toContain("[a]");
});

test("of changes at the same time, by the socket and by addshare, none that was reported is lost", async () => {
  const path = folder("a");
  const add = async (name: string) =>
    (await ask("add-share", { name, parameters: { path } })).end === "ok" ? [name] : [];
  const addByCommand = async (name: string) => {
    const words = ["addshare", "-a", "-C", file(), "-o", `path = ${path}`, name];
    return (await runProgram([EXECUTABLE, ...words])).status === 0 ? [name] : [];
  };
  const made = await Promise.all(
    Array.from({ length: 4 }, (_, i) => [add(`socket-${i}`), addByCommand(`command-${i}`)]).flat(),
  );
  const written = [...readFileSync(file(), "utf8").matchAll(/^\[(\w+-\d)\]$/gm)].map(([, name]) => name);
  expect(written.sort()).toEqual(made.flat().sort());
  expect(made.flat().length).toBeGreaterThan(0);
  // Of two with one etag, one.
  const etag = (await ask("share", { name: "test" }))["etag" as never];
  const twice = await Promise.all(
    ["x", "y"].map((comment) => ask("set-share", { name: "test", parameters: { comment }, etag })),
  );
  expect(twice.map(({ end }) => end).sort()).toEqual(["error", "ok"]);
});

test.each([
  [
    "no parameter",
    { name: "a", parameters: { pathh: "/x" } },
    "bad-argument",
    "'pathh' is no parameter of a share",
  ],
  [
    "one of [global]",
    { name: "a", parameters: { "tcp port": "1" } },
    "bad-argument",
    "is no parameter of a share",
  ],
  [
    "a path that is not absolute",
    { name: "a", parameters: { path: "x" } },
    "bad-argument",
    "is not absolute",
  ],
  ["a line break", { name: "a", parameters: { comment: "x\n[b]\npath = /" } }, "bad-argument", "printable"],
  ["a comment sign", { name: "a", parameters: { comment: "x # y" } }, "bad-argument", "begin a comment"],
  ["a wrong boolean", { name: "a", parameters: { "read only": "maybe" } }, "refused", "is not a value of"],
  ["a wrong mode", { name: "a", parameters: { "create mask": "999" } }, "refused", "is not a value of"],
  [
    "a variable without value",
    { name: "a", parameters: { path: "/srv/%q" } },
    "refused",
    "has the variable %q",
  ],
  [
    "an emptied list",
    { name: "a", parameters: { "valid users": "" } },
    "bad-argument",
    "'valid users' is empty",
  ],
  [
    "a list that is not one",
    { name: "a", parameters: { "hosts allow": "300.1.1.1/99" } },
    "refused",
    "hosts allow",
  ],
  ["no share", { name: "nothing", parameters: { comment: "x" } }, "not-found", "there is no share 'nothing'"],
  ["[global]", { name: "global", parameters: { comment: "x" } }, "not-found", "there is no share 'global'"],
  ["a user", { name: "user:x", parameters: { password: "x" } }, "not-found", "there is no share"],
])("a change with %s is refused with a sentence, and the file stays", async (_, fields, code, message) => {
  const before = `${start}[a]\npath = ${folder("a")}\nvalid users = ${TESTER.user}\n`;
  await write(before);
  const answer = await ask("set-share", fields);
  expect(answer).toMatchObject({ end: "error", code, message: expect.stringContaining(message) });
  expect(readFileSync(file(), "utf8")).toBe(before);
  expect(existsSync(`${file()}.tmp`)).toBe(false);
});

test.each([
  ["global", "bad-argument"],
  ["a]\n[b", "bad-argument"],
  ["x/y", "bad-argument"],
  ["../x", "bad-argument"],
  ["homes", "bad-argument"],
  ["user:x", "bad-argument"],
  [" ", "bad-argument"],
  ["ipc$", "bad-argument"],
  ["TEST", "exists"],
])("a share cannot be added as %j: %s", async (name, code) => {
  const answer = await ask("add-share", { name, parameters: { path: "/tmp" } });
  expect(answer).toMatchObject({ end: "error", code });
  expect(readFileSync(file(), "utf8")).toBe(start);
});

test("faults are told beside their parameter, those of a left-out share too", async () => {
  await write(`${start}[bad]\ncomment = x\n[typo]\npath = ${folder("typo")}\nvalid users = nobody-here\n`);
  const { items } = await ask("configured-shares");
  const at = (name: string) => items.find((share) => share["name"] === name);
  expect(at("bad")).toMatchObject({
    isServed: false,
    faults: [{ kind: "error", message: expect.any(String) }],
  });
  const line = readFileSync(file(), "utf8").split("\n").indexOf("valid users = nobody-here") + 1;
  const { faults } = await detailOf("typo");
  expect(faults).toContainEqual({
    parameter: "valid users",
    kind: "warning",
    message: "'valid users' of [typo]: there is no user 'nobody-here'",
    file: file(),
    line,
  });
});

test("settings are shown and changed, and somebody can always administrate", async () => {
  await write(start.replace("[global]", `[global]\n\tadmin users = ${TESTER.user} ; me`));
  const { items } = await ask("settings");
  expect(items.find(({ name }) => name === "workgroup")).toMatchObject({
    value: "WORKGROUP",
    isDefault: false,
  });
  expect(items.find(({ name }) => name === "password")).toBeUndefined();
  const changed = await ask("set-settings", { parameters: { "server string": "Attic" } });
  expect(changed.items.find(({ name }) => name === "server string")).toMatchObject({ value: "Attic" });
  for (const value of [null, "nobody-here"]) {
    const answer = await ask("set-settings", { parameters: { "admin users": value } });
    expect(answer).toMatchObject({
      code: "refused",
      message: expect.stringContaining("nobody could administrate"),
    });
  }
  expect(readFileSync(file(), "utf8")).toContain(`\tadmin users = ${TESTER.user} ; me\n`);
});

test("secrets of users in the configuration are shown to nobody", async () => {
  await write(`${start}[user:anna]\npassword = Very-Secret-1\n`);
  const answers = [
    await ask("configured-shares"),
    await ask("settings"),
    await ask("share", { name: "test" }),
  ];
  expect(JSON.stringify(answers)).not.toContain("Very-Secret-1");
  expect(await ask("share", { name: "user:anna" })).toMatchObject({ code: "not-found" });
});

test.skipIf(!isRoot)("without room for the new file the old one stays, and the code says why", async () => {
  const small = folder("small");
  const mounted = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=4096", "none", small]);
  expect(mounted.stderr.toString()).toBe("");
  try {
    const text = `[a]\npath = ${folder("a")}\n`;
    writeFileSync(join(small, "a.conf"), text);
    await write(`${start}include = small/a.conf\n`);
    const answer = await ask("set-share", { name: "a", parameters: { comment: "x" } });
    expect(answer).toMatchObject({ end: "error", code: "no-space" });
    expect(answer.message).toMatch(/a\.conf: the configuration cannot be written \(ENOSPC\), make room/);
    expect(readdirSync(small)).toEqual(["a.conf"]);
    expect(readFileSync(join(small, "a.conf"), "utf8")).toBe(text);
  } finally {
    await write(start);
    Bun.spawnSync(["umount", small]);
  }
});

test("a change waits for that of another program, and is refused while that one lasts", async () => {
  mkdirSync(`${file()}.tmp`);
  const answer = await ask("add-share", { name: "a", parameters: { path: folder("a") } });
  rmdirSync(`${file()}.tmp`);
  expect(answer).toMatchObject({
    code: "changed",
    message: expect.stringContaining("another change is under way"),
  });
  expect(readFileSync(file(), "utf8")).toBe(start);
});

test("a path is checked before it is shared", async () => {
  const check = async (path: string) => (await ask("check-path", { path })).items[0];
  expect(await check(folder("a"))).toMatchObject({ exists: true, isDirectory: true, message: "" });
  expect(await check(file())).toMatchObject({
    exists: true,
    isDirectory: false,
    message: "it is not a directory",
  });
  expect(await check("/no/such")).toMatchObject({ exists: false, message: "it does not exist" });
  expect(await check("relative")).toMatchObject({
    exists: false,
    message: expect.stringContaining("not absolute"),
  });
});
