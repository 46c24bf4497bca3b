// The access check of [MS-DTYP] 2.5.3.2, and tokens.
import { expect, test } from "bun:test";
import { grantedAccess } from "../../../src/engine/security/access-rights.ts";
import {
  gidOfSid,
  hasSid,
  makeToken,
  userSidOf,
  ownsOnDisk,
  uidOfSid,
} from "../../../src/engine/security/token.ts";
import { Access, FileGeneric } from "../../../src/wire/security/access.ts";
import { AceFlag, AceType, simpleAce } from "../../../src/wire/security/acl.ts";
import type { SecurityDescriptor } from "../../../src/wire/security/security-descriptor.ts";
import { parseSid } from "../../../src/wire/security/sid.ts";

const alice = makeToken({
  uid: 1001,
  gid: 100,
  groups: [27],
  sid: undefined,
  isGuest: false,
});
const { ACCESS_ALLOWED, ACCESS_DENIED } = AceType;
const OWNER_RIGHTS = "S-1-3-4";
const ALICE = "S-1-22-1-1001";
const IMPLICIT = Access.READ_CONTROL | Access.WRITE_DAC;

type Entry = readonly [type: AceType, sid: string, mask: number, flags?: number];

function makeDescriptor(owner: string, ...entries: Entry[]): SecurityDescriptor {
  const aces = entries.map(([type, sid, mask, flags = 0]) => simpleAce(type, flags, mask, parseSid(sid)));
  return {
    control: 0,
    owner: parseSid(owner),
    group: undefined,
    dacl: { revision: 2, aces },
    sacl: undefined,
  };
}

test("ACEs of the user's SIDs are evaluated in order", () => {
  const entries: Entry[] = [
    [ACCESS_DENIED, "S-1-22-2-27", Access.WRITE_DATA],
    [ACCESS_ALLOWED, ALICE, Access.READ_DATA | Access.WRITE_DATA],
    [ACCESS_DENIED, ALICE, Access.READ_DATA],
    [ACCESS_ALLOWED, "S-1-22-1-7", FileGeneric.ALL],
    [ACCESS_ALLOWED, "S-1-5-11", Access.READ_EA],
  ];
  expect(grantedAccess(makeDescriptor("S-1-22-1-7", ...entries), alice)).toBe(
    Access.READ_DATA | Access.READ_EA,
  );
});

test("INHERIT_ONLY ACEs grant nothing on the object itself", () => {
  const later: Entry = [ACCESS_ALLOWED, ALICE, FileGeneric.ALL, AceFlag.INHERIT_ONLY];
  expect(grantedAccess(makeDescriptor("S-1-22-1-7", later), alice)).toBe(0);
});

test("generic rights are mapped to file rights", () => {
  const all: Entry = [ACCESS_ALLOWED, "S-1-1-0", Access.GENERIC_READ];
  expect(grantedAccess(makeDescriptor("S-1-22-1-7", all), alice)).toBe(FileGeneric.READ);
});

test("the owner has READ_CONTROL and WRITE_DAC unless the DACL has an ACE for OWNER RIGHTS", () => {
  expect(grantedAccess(makeDescriptor(ALICE), alice)).toBe(IMPLICIT);
  const limit: Entry = [ACCESS_ALLOWED, OWNER_RIGHTS, Access.READ_DATA];
  expect(grantedAccess(makeDescriptor(ALICE, limit), alice)).toBe(Access.READ_DATA);
  expect(grantedAccess(makeDescriptor("S-1-22-1-7", limit), alice)).toBe(0);
});

test("with isOwner, ACEs of the descriptor's foreign owner SID apply to the user", () => {
  const foreign = "S-1-5-21-1-2-3-1000";
  const entry: Entry = [ACCESS_ALLOWED, foreign, Access.READ_DATA];
  expect(grantedAccess(makeDescriptor(foreign, entry), alice, true)).toBe(IMPLICIT | Access.READ_DATA);
  expect(grantedAccess(makeDescriptor(foreign, entry), alice, false)).toBe(0);
});

test("no DACL grants everything, an empty one nothing", () => {
  expect(grantedAccess({ ...makeDescriptor("S-1-22-1-7"), dacl: null }, alice)).toBe(FileGeneric.ALL);
  expect(grantedAccess(makeDescriptor("S-1-22-1-7"), alice)).toBe(0);
});

test("a guest is in neither Authenticated Users nor Users", () => {
  const guest = makeToken({ uid: 65534, gid: 65534, groups: [], sid: undefined, isGuest: true });
  expect(hasSid(guest, parseSid("S-1-5-11"))).toBe(false);
  expect(hasSid(guest, parseSid("S-1-5-32-545"))).toBe(false);
  expect(hasSid(guest, parseSid("S-1-1-0"))).toBe(true);
  expect(hasSid(alice, parseSid("S-1-22-2-100"))).toBe(true);
});

test("a user with a SID of its own has neither the SID nor the objects of its uid", () => {
  const sid = parseSid("S-1-5-21-1-2-3-1073741824");
  const named = makeToken({ uid: 1001, gid: 100, groups: [], sid, isGuest: false });
  expect(hasSid(named, parseSid(ALICE))).toBe(false);
  expect(userSidOf(named)).toEqual(sid);
  expect([ownsOnDisk(named, 1001), ownsOnDisk(alice, 1001)]).toEqual([false, true]);
});

test("uids and gids are read from SIDs of Samba and NFS", () => {
  expect(uidOfSid(parseSid("S-1-22-1-4000000000"))).toBe(4_000_000_000);
  expect(uidOfSid(parseSid("S-1-5-88-1-7"))).toBe(7);
  expect(gidOfSid(parseSid("S-1-22-2-7"))).toBe(7);
  for (const sid of ["S-1-22-2-7", "S-1-22-1-4294967295", "S-1-5-21-1-2-3-7", "S-1-22-1", "S-1-22-1-7-7"])
    expect(uidOfSid(parseSid(sid))).toBeUndefined();
});
