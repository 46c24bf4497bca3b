import { afterAll, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError } from "../../../src/manager/config/parse.ts";
import {
  findSystemUser,
  groupMembers,
  parseSystemAccounts,
  supplementaryGroups,
  SystemAccountFiles,
} from "../../../src/manager/users/system-accounts.ts";

const PASSWD = `root:x:0:0:root:/root:/bin/bash
anna:x:1000:1000:Anna:/home/anna:/bin/bash
bob:x:1001:100::/home/bob:/bin/sh
# comment
+::::::
broken
bad:x:-1:5::
huge:x:4294967295:5::
anna:x:0:0:second entry of a name:/:/bin/sh
`;
const GROUP = `root:x:0:
users:x:100:anna
staff:x:50:anna,bob
anna:x:1000:
empty:x:60:
bad:x:x:anna
`;
const accounts = parseSystemAccounts(PASSWD, GROUP);

test("users and groups are parsed; invalid lines are skipped", () => {
  expect([...accounts.users.keys()]).toEqual(["root", "anna", "bob"]);
  expect(accounts.users.get("anna")).toEqual({ name: "anna", uid: 1000, gid: 1000, home: "/home/anna" });
  expect([...accounts.groups.keys()]).toEqual(["root", "users", "staff", "anna", "empty"]);
});

test("supplementary groups do not include the primary one", () => {
  const anna = findSystemUser(accounts, "anna");
  const bob = findSystemUser(accounts, "BOB");
  expect(anna && supplementaryGroups(accounts, anna)).toEqual([100, 50]);
  expect(bob && supplementaryGroups(accounts, bob)).toEqual([50]);
});

test("members of a group include users whose primary group it is", () => {
  expect(groupMembers(accounts, "users")?.sort()).toEqual(["anna", "bob"]);
  expect(groupMembers(accounts, "empty")).toEqual([]);
  expect(groupMembers(accounts, "none")).toBeUndefined();
});

const directory = mkdtempSync(join(tmpdir(), "minismbd-accounts-"));
const passwd = join(directory, "passwd");
const group = join(directory, "group");
afterAll(() => rmSync(directory, { recursive: true }));
beforeEach(() => {
  for (const file of [passwd, group]) rmSync(file, { recursive: true, force: true });
  writeFileSync(passwd, PASSWD);
  writeFileSync(group, GROUP);
});

/** What fails like a broken disk: at the read, or when the file is examined. */
const FAULTS = [
  ["EISDIR", (file: string) => mkdirSync(file)],
  ["ELOOP", (file: string) => symlinkSync(file, file)],
] as const;

test.each(FAULTS)("while a file cannot be read (%s), the accounts stay as they were", (code, spoil) => {
  const files = new SystemAccountFiles(passwd, group);
  const faults: string[] = [];
  files.onFault = (text) => faults.push(text);
  expect(groupMembers(files.read(), "staff")).toEqual(["anna", "bob"]);
  rmSync(group);
  spoil(group);
  for (let question = 0; question < 2; question++)
    expect(groupMembers(files.read(), "staff")).toEqual(["anna", "bob"]);
  expect(faults).toEqual(
    Array(2).fill(`the accounts of ${passwd} and ${group} cannot be read (${code}); they stay as they were`),
  );
  rmSync(group, { recursive: true });
  writeFileSync(group, "staff:x:50:bob\n");
  expect(groupMembers(files.read(), "staff")).toEqual(["bob"]);
});

test.each(FAULTS)("a file that could never be read (%s) is not taken for an empty one", (code, spoil) => {
  rmSync(passwd);
  spoil(passwd);
  const files = new SystemAccountFiles(passwd, group);
  expect(() => files.read()).toThrow(
    new ConfigError("", `the accounts of ${passwd} and ${group} cannot be read (${code})`),
  );
  rmSync(passwd, { recursive: true });
  expect(files.read().users.size).toBe(0);
});
