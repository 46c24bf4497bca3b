// SIDs of the server's users.
import { expect, test } from "bun:test";
import { parseSystemAccounts } from "../../../src/manager/users/system-accounts.ts";
import { userRid, userSid } from "../../../src/manager/users/user-sid.ts";
import { parseSid } from "../../../src/wire/security/sid.ts";

const MACHINE = "S-1-5-21-1-2-3";

test("user SIDs belong to the machine's domain and do not depend on the name's case", () => {
  expect(userSid(MACHINE, "Anna")).toBe(userSid(MACHINE, "anna"));
  expect(userSid(MACHINE, "anna")).not.toBe(userSid(MACHINE, "anne"));
  expect(userSid(MACHINE, "Anna", true)).not.toBe(userSid(MACHINE, "anna", true));
  const { authority, subAuthorities } = parseSid(userSid(MACHINE, "anna"));
  expect([authority, ...subAuthorities.slice(0, 4)]).toEqual([5, 21, 1, 2, 3]);
  expect(subAuthorities[4]).toBeGreaterThanOrEqual(0x4000_0000);
});

test("a user with an account on the machine has the RID that Samba computes from the uid", () => {
  const accounts = parseSystemAccounts("anna:x:1000:100::/:\nbig:x:4000000000:100::/:\n", "");
  expect(userRid("Anna", false, accounts)).toBe(3000);
  expect(userRid("Anna", true, accounts)).toBeGreaterThanOrEqual(0x4000_0000);
  expect(userRid("big", false, accounts)).toBe(userRid("big", false, parseSystemAccounts("", "")));
});
