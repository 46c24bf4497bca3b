// security.NTACL and the hash of POSIX rights, against values that Debian's smbd 4.17.12 wrote (getfattr -e
// hex on ext4, files of uid 1 and gid 1, acl_xattr with and without "ignore system acls").
import { expect, test } from "bun:test";
import { decodeNtAcl, encodeNtAcl, NtAclBinding } from "../../../../src/engine/vfs/format/ntacl.ts";
import {
  aclOfMode,
  decodePosixAcl,
  encodePosixAcl,
  hashRights,
  isExtended,
  modeOfAcl,
} from "../../../../src/engine/security/posix-acl.ts";
import { WireError } from "../../../../src/wire/cursor.ts";
import { formatSid } from "../../../../src/wire/security/sid.ts";
import { fromHex, toHex } from "../../../wire/encoding.ts";

const FILE_V4 =
  "04000400000002000400020001004f216580cdb53d7dd0f686a29393c2a8b1572845219de14a4704841ff12334df" +
  "0000000000000000000000000000000000000000000000000000000000000000706f7369785f61636c0038de8ffec47add01" +
  "5f0ddce15a160bb7b99b243a95100e06591f048c0bddaf32a8837e4bdaea2140" +
  "0000000000000000000000000000000000000000000000000000000000000000" +
  "01000480b4000000d000000000000000e0000000" +
  "01050000000000051500000005ae4dcee5567103443b9fe4e8030000" +
  "01020000000000160200000001000000" +
  "0200700004000000" +
  "00001400a9001200010100000000000100000000" +
  "00001800a90012000102000000000016020000000100000000001800ff011f00010200000000001601000000020000000000" +
  "2400ff011f0001050000000000051500000005ae4dcee5567103443b9fe4e8030000";
const FILE_ACL =
  "0200000001000700ffffffff0200070001000000020007000200000004000500ffffffff" +
  "080005000100000010000700ffffffff20000500ffffffff";
const DIRECTORY_ACL =
  "0200000001000700ffffffff020007000100000004000500ffffffff080005000100000010000700ffffffff20000500ffffffff";
const DIRECTORY_HASH = "37e2159b2a8649f46b086da02c029f69f09637d94af8cd3c5622baff722e37c2";
const FILE_V3 =
  "0300030000000200040002000000" +
  "00".repeat(64) +
  "0000010004806400000080000000000000009000000001050000000000051500000005ae4dcee5567103443b9fe4e8030000" +
  "01020000000000160200000001000000020084000500000000001400bf0112000101000000000001000000000000" +
  "1400ff011f000101000000000005120000000000" +
  "1800bf0112000102000000000016020000000100000000001800ff011f000102000000000016010000000200000000002400" +
  "ff011f0001050000000000051500000005ae4dcee5567103443b9fe4e8030000";

// Written by the ksmbd of Linux 6.12.95: set by smbcacls on a file of uid 544, gid 0 and mode 0775.
const KSMBD =
  "0400040000000200040002000100d7458d45bbff377e2768a770f28900e0f0ce2f6b6c2af26b10a4de06d5672de400000000" +
  "00000000000000000000000000000000000000000000000000000000706f7369785f61636c0026f031aacf7add014e6fa263" +
  "4225694b6af48cb3102039be38d27c3f48a0a19a3b49e6e036b4baae00000000000000000000000000000000000000000000" +
  "0000000000000000000001000400b4000000c400000000000000d00000000102000000000005200000002002000001010000" +
  "0000000100000000030040000200000000001400ff011f000101000000000001000000000000240089001200010500000000" +
  "000515000000010000000200000003000000ea030000";
const KSMBD_ACL =
  "0200000001000700ffffffff02000400ea03000004000700ffffffff080007000000000010000700ffffffff20000500ffff" +
  "ffff";

test("without an access ACL ksmbd's hash ignores the entries of the default ACL", () => {
  const access = decodePosixAcl(fromHex(KSMBD_ACL));
  const rights = { access: undefined, uid: 0, gid: 0, mode: 0o40755 };
  const [one, other] = [access, aclOfMode(0o700)].map((inherited) =>
    toHex(hashRights({ ...rights, inherited })),
  );
  expect(one).toBe(other);
  expect(one).not.toBe(toHex(hashRights({ ...rights, inherited: undefined })));
});

test("a client's descriptor that ksmbd stored without SELF_RELATIVE is read", () => {
  const stored = decodeNtAcl(fromHex(KSMBD));
  const { owner, group, dacl } = stored.descriptor;
  expect([owner, group].map((sid) => sid && formatSid(sid))).toEqual(["S-1-5-32-544", "S-1-1-0"]);
  expect(dacl?.aces.map(({ sid, mask }) => `${formatSid(sid)} ${mask.toString(16)}`)).toEqual([
    "S-1-1-0 1f01ff",
    "S-1-5-21-1-2-3-1002 120089",
  ]);
  const access = decodePosixAcl(fromHex(KSMBD_ACL));
  const rights = { access, inherited: undefined, uid: 544, gid: 0, mode: 0o100775 };
  expect(toHex(hashRights(rights))).toBe(toHex(stored.rightsHash));
});

test("version 4 of smbd is read, and the value written has the same descriptor at the same offset", () => {
  const stored = decodeNtAcl(fromHex(FILE_V4));
  expect(stored.version).toBe(4);
  expect(stored.binding).toBe(NtAclBinding.RIGHTS);
  const { owner, group, dacl } = stored.descriptor;
  expect(owner && formatSid(owner)).toBe("S-1-5-21-3461197317-57759461-3835640644-1000");
  expect(group && formatSid(group)).toBe("S-1-22-2-1");
  expect(dacl?.aces.map(({ sid, mask }) => `${formatSid(sid)} ${mask.toString(16)}`)).toEqual([
    "S-1-1-0 1200a9",
    "S-1-22-2-1 1200a9",
    "S-1-22-1-2 1f01ff",
    "S-1-5-21-3461197317-57759461-3835640644-1000 1f01ff",
  ]);
  const written = toHex(encodeNtAcl(stored.descriptor, stored.rightsHash, { seconds: 0, nanoseconds: 0 }));
  // The hash of the descriptor (64 bytes) and the time (8 bytes) differ.
  const comparable = (hex: string): string => hex.slice(0, 28) + hex.slice(156, 176) + hex.slice(192);
  expect(comparable(written)).toBe(comparable(FILE_V4));
});

test("the rights of a file and of a directory have smbd's hashes", () => {
  const rights = { uid: 1, gid: 1 };
  const file = decodePosixAcl(fromHex(FILE_ACL));
  expect(toHex(hashRights({ ...rights, access: file, inherited: undefined, mode: 0o100775 }))).toBe(
    toHex(decodeNtAcl(fromHex(FILE_V4)).rightsHash),
  );
  const directory = decodePosixAcl(fromHex(DIRECTORY_ACL));
  expect(toHex(hashRights({ ...rights, access: directory, inherited: directory, mode: 0o40775 }))).toBe(
    DIRECTORY_HASH,
  );
});

test("version 3 without a hash, as smbd writes it with `ignore system acls`, is bound to nothing", () => {
  const { version, binding, descriptor } = decodeNtAcl(fromHex(FILE_V3));
  expect({ version, binding }).toEqual({ version: 3, binding: NtAclBinding.NONE });
  expect(descriptor.dacl?.aces.length).toBe(5);
});

test("versions 1 and 2 have the descriptor after their headers", () => {
  const body = (start: number): string => {
    const offset = (at: number): string => toHex(new Uint8Array([start + at, 0, 0, 0]));
    return `01000080${offset(20)}${"00".repeat(12)}01020000000000160100000005000000`;
  };
  const first = decodeNtAcl(fromHex(`0100010000000200${body(8)}`));
  expect(first.descriptor.owner && formatSid(first.descriptor.owner)).toBe("S-1-22-1-5");
  const second = decodeNtAcl(fromHex(`020002000000020004000200${"ab".repeat(16)}${body(28)}`));
  expect(second.descriptor.owner && formatSid(second.descriptor.owner)).toBe("S-1-22-1-5");
  expect(second.binding).toBe(NtAclBinding.NONE);
});

test("an invalid NTACL, or one truncated at any length, throws WireError", () => {
  const whole = fromHex(FILE_V4);
  for (let length = 0; length < whole.length; length++) {
    expect(() => decodeNtAcl(whole.subarray(0, length))).toThrow(WireError);
  }
  const other = fromHex(FILE_V4);
  other[0] = 5;
  expect(() => decodeNtAcl(other)).toThrow(WireError);
  const before = fromHex(FILE_V4);
  // The owner's offset points before the descriptor.
  before[164] = 0x20;
  expect(() => decodeNtAcl(before)).toThrow(WireError);
});

test("POSIX ACLs are decoded and encoded in the kernel's form, and converted to and from modes", () => {
  const acl = decodePosixAcl(fromHex(FILE_ACL));
  expect(toHex(encodePosixAcl(acl))).toBe(FILE_ACL);
  expect(isExtended(acl)).toBe(true);
  expect(modeOfAcl(acl)).toBe(0o775);
  expect(modeOfAcl(aclOfMode(0o640))).toBe(0o640);
  expect(isExtended(aclOfMode(0o640))).toBe(false);
  expect(() => decodePosixAcl(fromHex("0100000001000700ffffffff"))).toThrow(WireError);
  expect(() => decodePosixAcl(fromHex("0200000001000700ffff"))).toThrow(WireError);
});
