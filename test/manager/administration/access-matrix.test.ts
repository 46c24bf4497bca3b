// Who may do what in a share, and the lists that say so.
import { expect, test } from "bun:test";
import {
  type Access,
  type AccessLists,
  type Accounts,
  formatList,
  matrixOf,
  planLists,
} from "../../../src/manager/administration/access-matrix.ts";
import { loadConfiguration } from "../../../src/manager/config/load.ts";
import { parseList } from "../../../src/manager/config/values.ts";
import { parseSystemAccounts } from "../../../src/manager/users/system-accounts.ts";

const ACCOUNTS: Accounts = {
  users: ["anna", "bob", "carl van", "dora"],
  groups: parseSystemAccounts("", "family:x:100:anna,bob\nkids:x:101:bob\n"),
  guestAccount: "nobody",
  hasNamesake: () => false,
};

/** Parameters of a share, as `valid users` and its value. */
type Lines = Readonly<Record<string, string>>;

function shareOf(lines: Lines) {
  const overrides = Object.entries({ path: "/srv", ...lines }).map(([key, value]) => ({
    section: "s",
    key,
    value,
    position: "--share",
  }));
  const share = loadConfiguration({ file: null, overrides }).shares.get("s");
  if (share === undefined) throw new Error("left out");
  return share;
}

function listsOf(lines: Lines): AccessLists {
  const words = (name: string): string[] => parseList(lines[name] ?? "");
  return {
    "valid users": "valid users" in lines ? words("valid users") : null,
    "invalid users": words("invalid users"),
    "read list": words("read list"),
    "write list": words("write list"),
    "admin users": words("admin users"),
  };
}

function plan(lines: Lines, wanted: Readonly<Record<string, Access>>): Record<string, string> {
  const planned = planLists(shareOf(lines), listsOf(lines), new Map(Object.entries(wanted)), ACCOUNTS);
  const written = Object.entries(planned).flatMap(([name, words]) =>
    words === null || words.length === 0 ? [] : [[name, formatList(words) ?? "?"]],
  );
  return Object.fromEntries(written) as Record<string, string>;
}

function matrix(lines: Lines): string {
  return matrixOf(shareOf(lines), ACCOUNTS)
    .map(({ access }) => access)
    .join(" ");
}

test("the matrix follows the lists, groups included", () => {
  expect(matrix({})).toBe("read read read read");
  expect(matrix({ "read only": "no" })).toBe("write write write write");
  expect(matrix({ "valid users": '@family "carl van"', "write list": "@kids" })).toBe("read write read none");
  expect(matrix({ "read only": "no", "admin users": "dora", "read list": "anna" })).toBe(
    "read write write admin",
  );
});

test.each<[string, Lines, Record<string, Access>, Record<string, string>]>([
  ["nothing for nothing", { "read only": "no" }, { anna: "write" }, {}],
  [
    "one of all to be kept out",
    { "read only": "no" },
    { bob: "none" },
    { "valid users": 'anna, "carl van", dora' },
  ],
  ["one more", { "valid users": "anna" }, { dora: "read" }, { "valid users": "anna, dora" }],
  [
    "one to write in a read-only share",
    { "valid users": "anna" },
    { anna: "write" },
    { "valid users": "anna", "write list": "anna" },
  ],
  ["one to read only", { "read only": "no" }, { anna: "read" }, { "read list": "anna" }],
  [
    "one to write again",
    { "read only": "no", "read list": "Anna bob" },
    { anna: "write" },
    { "read list": "bob" },
  ],
  [
    "a member of a group to be kept out",
    { "valid users": "@family" },
    { bob: "none" },
    { "valid users": "@family", "invalid users": "bob" },
  ],
  [
    "and let in again",
    { "valid users": "@family", "invalid users": "bob" },
    { bob: "read" },
    { "valid users": "@family" },
  ],
  [
    "one to administrate",
    { "valid users": "anna" },
    { anna: "admin" },
    { "valid users": "anna", "write list": "anna", "admin users": "anna" },
  ],
  [
    "and no more",
    { "valid users": "anna", "write list": "anna", "admin users": "anna" },
    { anna: "write" },
    { "valid users": "anna", "write list": "anna" },
  ],
  [
    "a member of a writing group to read",
    { "write list": "@family" },
    { bob: "read" },
    { "write list": "@family", "read list": "bob" },
  ],
  [
    "one to be kept out of a share for guests",
    { "guest ok": "yes" },
    { bob: "none" },
    { "invalid users": "bob" },
  ],
])("%s", (_, lines, wanted, expected) => {
  expect(plan(lines, wanted)).toEqual(expected);
});

test.each<[string, Lines, Record<string, Access>, string]>([
  ["a user who is not there", {}, { eve: "read" }, "there is no user 'eve'"],
  ["nobody at all", { "valid users": "anna" }, { anna: "none" }, "nobody could connect then"],
  [
    "nobody at all",
    {},
    { anna: "none", bob: "none", "carl van": "none", dora: "none" },
    "nobody could connect",
  ],
  [
    "what a group forbids",
    { "invalid users": "@kids" },
    { bob: "read" },
    "'bob' would get 'none' by a group",
  ],
  [
    "less than a group gives",
    { "admin users": "@kids", "write list": "@kids" },
    { bob: "write" },
    "by a group",
  ],
])("%s is refused", (_, lines, wanted, message) => {
  expect(() => plan(lines, wanted)).toThrow(message);
});

test("names of lists are quoted where a list would part them, and refused where it cannot hold them", () => {
  expect(formatList(["anna", "carl van", "@domain users", "a,b"])).toBe(
    'anna, "carl van", @"domain users", "a,b"',
  );
  expect(formatList(['a"b'])).toBeUndefined();
  expect(parseList(formatList(["anna", "carl van", "@domain users"]) ?? "")).toEqual([
    "anna",
    "carl van",
    "@domain users",
  ]);
});
