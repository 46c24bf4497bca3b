// SIDs of users without an account on the machine.
import { expect, test } from "bun:test";
import { serverSid, userSid } from "../../../src/manager/users/user-sid.ts";
import { parseSid } from "../../../src/wire/security/sid.ts";

const GUID = "00112233445566778899aabbccddeeff";

test("user SIDs belong to the server's domain and do not depend on the name's case", () => {
  expect(parseSid(serverSid(GUID)).subAuthorities[0]).toBe(21);
  expect(userSid(GUID, "Anna")).toBe(userSid(GUID, "anna"));
  expect(userSid(GUID, "anna")).not.toBe(userSid(GUID, "anne"));
  expect(serverSid(GUID)).not.toBe(serverSid("ff".repeat(16)));
  const { authority, subAuthorities } = parseSid(userSid(GUID, "anna"));
  expect([authority, subAuthorities.length]).toEqual([5, 5]);
  expect(subAuthorities[4]).toBeGreaterThanOrEqual(0x4000_0000);
});
