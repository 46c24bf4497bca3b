// SIDs, ACLs and security descriptors: published values, round trips, malformed ones.
// Recorded security descriptors are in ../fscc/recorded.test.ts.
import { expect, test } from "bun:test";
import { EMPTY, Reader, WireError } from "../../../src/wire/cursor.ts";
import {
  AceFlag,
  AceType,
  type Acl,
  aclSize,
  decodeAcl,
  encodeAcl,
  simpleAce,
} from "../../../src/wire/security/acl.ts";
import {
  decodeSecurityDescriptor,
  encodeSecurityDescriptor,
  SecurityControl,
  type SecurityDescriptor,
  securityDescriptorSize,
} from "../../../src/wire/security/security-descriptor.ts";
import {
  appendRid,
  formatSid,
  parseSid,
  readSid,
  sameSid,
  sidSize,
  WellKnownSid,
  writeSid,
} from "../../../src/wire/security/sid.ts";
import { encodeBytes, fromHex, toHex } from "../encoding.ts";

test("reads, writes, formats and parses SIDs", () => {
  // [MS-DTYP] 2.4.2.4: BUILTIN_ADMINISTRATORS is S-1-5-32-544.
  const hex = "01020000000000052000000020020000";
  const sid = readSid(new Reader(fromHex(hex)));
  expect(formatSid(sid)).toBe("S-1-5-32-544");
  expect(sameSid(sid, WellKnownSid.BUILTIN_ADMINISTRATORS)).toBe(true);
  expect(toHex(encodeBytes(writeSid, sid))).toBe(hex);
  expect(sidSize(sid)).toBe(16);
  const domain = "S-1-5-21-3623811015-3361044348-30300820";
  expect(formatSid(appendRid(parseSid(domain), 1013))).toBe(`${domain}-1013`);
  expect(formatSid(parseSid("S-1-0x100000000000-1"))).toBe("S-1-0x100000000000-1");
});

test("parseSid throws WireError for other text", () => {
  for (const text of [
    "",
    "S-1",
    "S-2-5",
    "S-1-5-",
    "S-1-5-4294967296",
    "S-1-5-x",
    `S-1-5${"-1".repeat(16)}`,
  ]) {
    expect(() => parseSid(text)).toThrow(WireError);
  }
});

test("readSid throws WireError for malformed bytes", () => {
  for (const hex of ["", "0200000000000005", "0110000000000005", "0101000000000005"]) {
    expect(() => readSid(new Reader(fromHex(hex)))).toThrow(WireError);
  }
});

const acl: Acl = {
  revision: 4,
  aces: [
    simpleAce(AceType.ACCESS_DENIED, 0, 2, WellKnownSid.WORLD),
    simpleAce(
      AceType.ACCESS_ALLOWED,
      AceFlag.OBJECT_INHERIT | AceFlag.CONTAINER_INHERIT,
      0x1f_01ff,
      WellKnownSid.LOCAL_SYSTEM,
    ),
    {
      type: AceType.ACCESS_ALLOWED_OBJECT,
      flags: 0,
      mask: 1,
      objectType: new Uint8Array(16).fill(1),
      sid: WellKnownSid.NETWORK,
      applicationData: EMPTY,
    },
    {
      type: AceType.ACCESS_ALLOWED_CALLBACK,
      flags: 0,
      mask: 1,
      sid: WellKnownSid.WORLD,
      applicationData: fromHex("61727478"),
    },
  ],
};

test("encodes and decodes ACLs", () => {
  const encoded = encodeBytes(encodeAcl, acl);
  expect(encoded.length).toBe(aclSize(acl));
  expect(decodeAcl(encoded)).toEqual(acl);
});

test("accepts ACL revision 3, which smbcacls 4.17 writes when it removes entries", () => {
  // Captured from `smbcacls -I remove`, one of its three ACEs.
  const sent = "03001c000100000000001400890012000101000000000001000000 00".replaceAll(" ", "");
  const decoded = decodeAcl(fromHex(sent));
  expect(decoded).toMatchObject({ revision: 3, aces: [{ mask: 0x120089 }] });
  expect(toHex(encodeBytes(encodeAcl, decoded))).toBe(sent);
});

const brokenAcls: Readonly<Record<string, string>> = {
  "an unknown revision": "0500080000000000",
  "a size below its head": "0200070000000000",
  "a size past the end": "0200090000000000",
  "more entries than bytes": "0200080001000000",
  "an entry past the end": "02001c0001000000 00001800 ff011f00 0101000000000005 12000000",
  "an entry of odd size": "02001d0001000000 00001500 ff011f00 0101000000000005 12000000 00",
  "an unknown kind": "02001c0001000000 40001400 ff011f00 0101000000000005 12000000",
  "a SID larger than its entry": "02001c0001000000 00001400 ff011f00 0102000000000005 12000000",
};

for (const [what, hex] of Object.entries(brokenAcls)) {
  test(`an ACL with ${what} throws WireError`, () => {
    expect(() => decodeAcl(fromHex(hex))).toThrow(WireError);
  });
}

const descriptor: SecurityDescriptor = {
  control: SecurityControl.SELF_RELATIVE | SecurityControl.DACL_PRESENT | SecurityControl.DACL_PROTECTED,
  owner: WellKnownSid.BUILTIN_ADMINISTRATORS,
  group: WellKnownSid.BUILTIN_USERS,
  dacl: acl,
  sacl: undefined,
};

test("encodes and decodes security descriptors", () => {
  const encoded = encodeBytes(encodeSecurityDescriptor, descriptor);
  expect(encoded.length).toBe(securityDescriptorSize(descriptor));
  expect(decodeSecurityDescriptor(encoded)).toEqual(descriptor);
});

test("a NULL DACL differs from an absent one", () => {
  const open = { ...descriptor, dacl: null };
  const decoded = decodeSecurityDescriptor(encodeBytes(encodeSecurityDescriptor, open));
  expect(decoded.dacl).toBe(null);
  expect(decoded.control & SecurityControl.DACL_PRESENT).not.toBe(0);
  const none = decodeSecurityDescriptor(
    encodeBytes(encodeSecurityDescriptor, { ...descriptor, dacl: undefined }),
  );
  expect(none.dacl).toBe(undefined);
  expect(none.control & SecurityControl.DACL_PRESENT).toBe(0);
});

test("malformed security descriptors throw WireError", () => {
  const good = encodeBytes(encodeSecurityDescriptor, descriptor);
  const change = (at: number, value: number) => {
    const bad = good.slice();
    bad[at] = value;
    return () => decodeSecurityDescriptor(bad);
  };
  expect(change(0, 2)).toThrow(WireError);
  expect(change(3, 0)).toThrow(WireError);
  expect(change(4, 16)).toThrow(WireError);
  expect(change(4, 22)).toThrow(WireError);
  expect(change(17, 255)).toThrow(WireError);
});
