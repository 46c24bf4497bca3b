// The access check of [MS-DTYP] 2.5.3.2 and the tokens it is asked with.
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

function described(owner: string, ...entries: Entry[]): SecurityDescriptor {
  const aces = entries.map(([type, sid, mask, flags = 0]) => simpleAce(type, flags, mask, parseSid(sid)));
  return {
    control: 0,
    owner: parseSid(owner),
    group: undefined,
    dacl: { revision: 2, aces },
    sacl: undefined,
  };
}

test("entries count in their order, for the user's SIDs alone", () => {
  const entries: Entry[] = [
    [ACCESS_DENIED, "S-1-22-2-27", Access.WRITE_DATA],
    [ACCESS_ALLOWED, ALICE, Access.READ_DATA | Access.WRITE_DATA],
    [ACCESS_DENIED, ALICE, Access.READ_DATA],
    [ACCESS_ALLOWED, "S-1-22-1-7", FileGeneric.ALL],
    [ACCESS_ALLOWED, "S-1-5-11", Access.READ_EA],
  ];
  expect(grantedAccess(described("S-1-22-1-7", ...entries), alice)).toBe(Access.READ_DATA | Access.READ_EA);
});

test("entries for what will be made count for nothing yet", () => {
  const later: Entry = [ACCESS_ALLOWED, ALICE, FileGeneric.ALL, AceFlag.INHERIT_ONLY];
  expect(grantedAccess(described("S-1-22-1-7", later), alice)).toBe(0);
});

test("generic rights stand for those of files", () => {
  const all: Entry = [ACCESS_ALLOWED, "S-1-1-0", Access.GENERIC_READ];
  expect(grantedAccess(described("S-1-22-1-7", all), alice)).toBe(FileGeneric.READ);
});

test("the owner reads and changes the list, unless it speaks of owners", () => {
  expect(grantedAccess(described(ALICE), alice)).toBe(IMPLICIT);
  const limit: Entry = [ACCESS_ALLOWED, OWNER_RIGHTS, Access.READ_DATA];
  expect(grantedAccess(described(ALICE, limit), alice)).toBe(Access.READ_DATA);
  expect(grantedAccess(described("S-1-22-1-7", limit), alice)).toBe(0);
});

test("another server's name for the owner is the uid on disk", () => {
  const foreign = "S-1-5-21-1-2-3-1000";
  const entry: Entry = [ACCESS_ALLOWED, foreign, Access.READ_DATA];
  expect(grantedAccess(described(foreign, entry), alice, true)).toBe(IMPLICIT | Access.READ_DATA);
  expect(grantedAccess(described(foreign, entry), alice, false)).toBe(0);
});

test("no list protects nothing, an empty one everything", () => {
  expect(grantedAccess({ ...described("S-1-22-1-7"), dacl: null }, alice)).toBe(FileGeneric.ALL);
  expect(grantedAccess(described("S-1-22-1-7"), alice)).toBe(0);
});

test("guests are no authenticated users", () => {
  const guest = makeToken({ uid: 65534, gid: 65534, groups: [], sid: undefined, isGuest: true });
  expect(hasSid(guest, parseSid("S-1-5-11"))).toBe(false);
  expect(hasSid(guest, parseSid("S-1-5-32-545"))).toBe(false);
  expect(hasSid(guest, parseSid("S-1-1-0"))).toBe(true);
  expect(hasSid(alice, parseSid("S-1-22-2-100"))).toBe(true);
});

test("who has a name alone is not all that its uid is", () => {
  const sid = parseSid("S-1-5-21-1-2-3-1073741824");
  const named = makeToken({ uid: 1001, gid: 100, groups: [], sid, isGuest: false });
  expect(hasSid(named, parseSid(ALICE))).toBe(false);
  expect(userSidOf(named)).toEqual(sid);
  expect([ownsOnDisk(named, 1001), ownsOnDisk(alice, 1001)]).toEqual([false, true]);
});

test("Unix ids by their SIDs, Samba's and NFS's", () => {
  expect(uidOfSid(parseSid("S-1-22-1-4000000000"))).toBe(4_000_000_000);
  expect(uidOfSid(parseSid("S-1-5-88-1-7"))).toBe(7);
  expect(gidOfSid(parseSid("S-1-22-2-7"))).toBe(7);
  for (const sid of ["S-1-22-2-7", "S-1-22-1-4294967295", "S-1-5-21-1-2-3-7", "S-1-22-1", "S-1-22-1-7-7"])
    expect(uidOfSid(parseSid(sid))).toBeUndefined();
});
