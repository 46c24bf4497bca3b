import { expect, test } from "bun:test";
import {
  findSystemUser,
  groupMembers,
  parseSystemAccounts,
  supplementaryGroups,
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
