import { afterAll, beforeEach, expect, test } from "bun:test";
import { chmodSync, existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError } from "../../../src/manager/config/parse.ts";
import { ntHash, passwordFault } from "../../../src/manager/users/nt-hash.ts";
import {
  findSpelling,
  formatPasswordFile,
  parsePasswordFile,
  putUser,
  readPasswordFile,
  updatePasswordFile,
} from "../../../src/manager/users/password-file.ts";
import { UserDirectory } from "../../../src/manager/users/user-directory.ts";
import { foldUserName, showName, userNameFault } from "../../../src/manager/users/user-name.ts";

const directory = mkdtempSync(join(tmpdir(), "minismbd-users-"));
const file = join(directory, "ksmbdpwd.db");
beforeEach(() => rmSync(file, { force: true }));
afterAll(() => rmSync(directory, { recursive: true }));

// [MS-NLMP] 4.2.2.1.2: NTOWFv1 of "Password".
const MS_PASSWORD = "a4f49c406510bdcab6824ee7c30fd852";
const LINE = `anna:${Buffer.from(MS_PASSWORD, "hex").toString("base64")}`;

test("ntHash gives the hash of [MS-NLMP] 4.2.2.1.2", () => {
  expect(ntHash("Password")).toBe(MS_PASSWORD);
});

test("a password has at most 128 bytes of UTF-8", () => {
  expect(passwordFault("ä".repeat(64))).toBeUndefined();
  expect(passwordFault("ä".repeat(64) + "x")).toBe("a password has at most 128 bytes");
  for (const text of ["\ud800", "a\ufffdb"]) expect(passwordFault(text)).toBe("a password must be UTF-8");
});

const other = (name: string) => `${name}:${Buffer.from(ntHash("other"), "hex").toString("base64")}`;

// ksmbd-tools 3.5.2 reads such files like this.
test("blank lines are skipped, a later line of a user counts, and case tells users apart", () => {
  const table = parsePasswordFile(`\n${LINE}\n\n${other("ANNA")}\n${other("anna")}\n`, file);
  expect([...table]).toEqual([
    ["anna", ntHash("other")],
    ["ANNA", ntHash("other")],
  ]);
});

test("a name means the user of that spelling, else the only one of another", () => {
  const table = parsePasswordFile(`${LINE}\n${other("Bob")}\n${other("bob")}\n`, file);
  expect(findSpelling(table, "ANNA")).toBe("anna");
  expect(findSpelling(table, "Bob")).toBe("Bob");
  expect(findSpelling(table, "BOB")).toBeUndefined();
});

test.each([
  ["anna", "not USER:HASH, take the line out or set the password again"],
  [
    "anna:AAAA",
    "the hash of 'anna' is not the base64 of 16 bytes, take the line out and set the password again",
  ],
  [
    `${LINE}=`,
    "the hash of 'anna' is not the base64 of 16 bytes, take the line out and set the password again",
  ],
  [
    LINE.replace("==", "==" + "x"),
    "the hash of 'anna' is not the base64 of 16 bytes, take the line out and set the password again",
  ],
  [LINE.replace("anna", ""), "a user name must not be empty, take the line out"],
  [LINE.replace("anna", "x".repeat(48)), "a user name has at most 47 bytes, take the line out"],
])("one bad line rejects the file: %s", (line, message) => {
  const good = LINE.replace("anna", "good");
  expect(() => parsePasswordFile(`${good}\n${line}\n`, "db")).toThrow(new ConfigError("db:2", message));
});

test("the file is written sorted, with mode 0640, without leaving a temporary file", () => {
  updatePasswordFile(file, (table) => {
    putUser(table, "zoe", ntHash("z"));
    putUser(table, "Anna", ntHash("Password"));
    putUser(table, "bob", ntHash("b"));
  });
  const names = readFileSync(file, "utf8")
    .split("\n")
    .map((line) => line.split(":")[0]);
  expect(names).toEqual(["Anna", "bob", "zoe", ""]);
  expect(statSync(file).mode & 0o7777).toBe(0o640);
  expect(readdirSync(directory)).toEqual(["ksmbdpwd.db"]);
  expect(parsePasswordFile(formatPasswordFile(readPasswordFile(file)), file)).toEqual(readPasswordFile(file));
});

test("a link to the file stays, and the file keeps a mode that gives less", () => {
  const target = join(directory, "elsewhere.db");
  writeFileSync(target, "");
  chmodSync(target, 0o604);
  symlinkSync(target, file);
  updatePasswordFile(file, (table) => putUser(table, "anna", ntHash("1")));
  expect(lstatSync(file).isSymbolicLink()).toBe(true);
  expect([...readPasswordFile(target).keys()]).toEqual(["anna"]);
  expect(statSync(target).mode & 0o7777).toBe(0o600);
  rmSync(target);
});

test("an update with another spelling keeps the first one", () => {
  updatePasswordFile(file, (table) => putUser(table, "Anna", ntHash("1")));
  updatePasswordFile(file, (table) => putUser(table, "aNNA", ntHash("2")));
  expect([...readPasswordFile(file)]).toEqual([["Anna", ntHash("2")]]);
  expect(findSpelling(readPasswordFile(file), "ANNA")).toBe("Anna");
});

test("a change that throws leaves the file unchanged and no lock", () => {
  writeFileSync(file, `${LINE}\n`);
  expect(() =>
    updatePasswordFile(file, () => {
      throw new Error("no");
    }),
  ).toThrow("no");
  expect(readFileSync(file, "utf8")).toBe(`${LINE}\n`);
  expect(existsSync(`${file}.tmp`)).toBe(false);
});

test("a corrupt file is not overwritten", () => {
  writeFileSync(file, "garbage\n");
  expect(() => updatePasswordFile(file, (table) => putUser(table, "x", ntHash("x")))).toThrow(ConfigError);
  expect(readFileSync(file, "utf8")).toBe("garbage\n");
});

test("a missing directory gives a one-line error", () => {
  const absent = join(directory, "none/db");
  expect(() => updatePasswordFile(absent, () => {})).toThrow(
    `${absent}: the password file cannot be written (ENOENT), make its directory`,
  );
});

test("a missing file has no users; a directory instead of the file is refused", () => {
  expect(readPasswordFile(file).size).toBe(0);
  expect(() => readPasswordFile(directory)).toThrow("cannot be read (EISDIR)");
});

test("invalid user names: length, colon, blanks, invisible characters", () => {
  expect(userNameFault("anna maria")).toBeUndefined();
  expect(userNameFault("ä".repeat(23))).toBeUndefined();
  for (const name of ["", "a:b", " a", "a ", "a\nb", "a\u200bb", "a\u202eb", "\ud800", "ä".repeat(24)])
    expect(userNameFault(name)).toBeDefined();
});

test("showName escapes characters that could forge a line", () => {
  expect(showName("a\nminismbd: error\u001b[31m")).toBe("a\\u{a}minismbd: error\\u{1b}[31m");
  expect(showName("x".repeat(10_000)).length).toBe(256);
});

// A name that differs by case or normal form must not be another user.
test("users are found without case and normal form; the configuration's override the file's", () => {
  writeFileSync(file, `${LINE}\n`);
  const users = new UserDirectory(file, new Map([["ZOË", ntHash("z")]]));
  expect(users.find("ANNA")).toEqual({ name: "anna", ntHash: MS_PASSWORD, isGuest: false, version: 1 });
  expect(users.find("zoe\u0308")?.name).toBe("ZOË");
  expect(users.find("anna\0")).toBeNull();
  expect(users.find("")).toBeNull();
  expect(foldUserName("ZOË")).toBe("zoë");
  users.reload(new Map([["Anna", ntHash("inline")]]));
  expect(users.find("anna")?.ntHash).toBe(ntHash("inline"));
  expect(users.find("zoë")).toBeNull();
});

test("a change of the file is reported until it was read; a corrupt file changes nothing", () => {
  writeFileSync(file, `${LINE}\n`);
  const users = new UserDirectory(file, new Map());
  expect(users.hasChanged()).toBe(false);
  writeFileSync(file, "garbage garbage\n");
  expect(users.hasChanged()).toBe(true);
  expect(() => users.reload(new Map())).toThrow(ConfigError);
  expect(users.hasChanged()).toBe(false);
  expect(users.find("anna")?.ntHash).toBe(MS_PASSWORD);
});
