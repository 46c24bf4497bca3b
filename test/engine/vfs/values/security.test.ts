// Stored security descriptors, which are bound to the object's rights on disk; acl(5), xattr(7).
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, closeSync, openSync, statSync } from "node:fs";
import { decodeNtAcl, encodeNtAcl, NTACL } from "../../../../src/engine/vfs/format/ntacl.ts";
import { aclOfMode, AclTag, hashRights, type PosixAcl } from "../../../../src/engine/security/posix-acl.ts";
import type { FileNode, ObjectSecurity } from "../../../../src/engine/vfs/store.ts";
import { Errno } from "../../../../src/linux/errno.ts";
import { Scratch } from "../../../../src/linux/libc.ts";
import { getXattr, setXattr } from "../../../../src/linux/xattr.ts";
import { AceType, simpleAce } from "../../../../src/wire/security/acl.ts";
import type { SecurityDescriptor } from "../../../../src/wire/security/security-descriptor.ts";
import { parseSid } from "../../../../src/wire/security/sid.ts";
import { fromHex } from "../../../wire/encoding.ts";
import { Fixture } from "../share-fixture.ts";

const OWNER = 54_321;
const DESCRIPTOR: SecurityDescriptor = {
  control: 0x8004,
  owner: parseSid("S-1-22-1-54321"),
  group: parseSid("S-1-22-2-54321"),
  dacl: {
    revision: 2,
    aces: [
      simpleAce(AceType.ACCESS_DENIED, 0, 2, parseSid("S-1-5-7")),
      simpleAce(AceType.ACCESS_ALLOWED, 0, 0x1f01ff, parseSid("S-1-22-1-54321")),
    ],
  },
  sacl: undefined,
};
const LISTED: PosixAcl = [
  { tag: AclTag.USER_OBJ, permissions: 6, id: 0 },
  { tag: AclTag.USER, permissions: 4, id: 77 },
  { tag: AclTag.GROUP_OBJ, permissions: 4, id: 0 },
  { tag: AclTag.MASK, permissions: 4, id: 0 },
  { tag: AclTag.OTHER, permissions: 0, id: 0 },
];

// Only root may set security.* attributes and owners.
describe.if(process.geteuid?.() === 0)("as root", () => {
  let share: Fixture;
  let node: FileNode;
  let security: ObjectSecurity;

  beforeEach(async () => {
    share = new Fixture();
    await share.touch("f");
    chownSync(share.at("f"), OWNER, OWNER);
    chmodSync(share.at("f"), 0o640);
    node = await share.node("f");
    security = node.security as ObjectSecurity;
  });
  afterEach(() => {
    node.close();
    share.dispose();
  });

  const keep = { uid: -1, gid: -1, acl: undefined, inherited: undefined, descriptor: DESCRIPTOR };

  function store(value: Uint8Array): void {
    const fd = openSync(share.at("f"), "r");
    expect(setXattr(fd, NTACL, value)).toBe(0);
    closeSync(fd);
  }

  test("a new file has no descriptor, and its mode is the access ACL", async () => {
    expect(await security.readDescriptor()).toBe(-Errno.ENODATA);
    expect(await security.readRights()).toEqual({ access: aclOfMode(0o640), inherited: undefined });
  });

  test("a descriptor is read back until the rights on disk change", async () => {
    expect(await security.write(keep)).toBe(0);
    expect(await security.readDescriptor()).toEqual(DESCRIPTOR);
    chmodSync(share.at("f"), 0o644);
    expect(await security.readDescriptor()).toBe(-Errno.ENODATA);
    chmodSync(share.at("f"), 0o640);
    expect(await security.readDescriptor()).toEqual(DESCRIPTOR);
    chownSync(share.at("f"), OWNER + 1, OWNER);
    expect(await security.readDescriptor()).toBe(-Errno.ENODATA);
  });

  test("a directory's descriptor is read back", async () => {
    await share.makeDirectory("d");
    const directory = await share.node("d");
    expect(await directory.security?.write(keep)).toBe(0);
    expect(await directory.security?.readDescriptor()).toEqual(DESCRIPTOR);
    directory.close();
  });

  test("owner and rights are set together, and setgid of a directory stays", async () => {
    expect(await security.write({ ...keep, uid: OWNER + 1, gid: OWNER + 2, acl: LISTED })).toBe(0);
    const { uid, gid, mode } = statSync(share.at("f"));
    expect([uid, gid, mode & 0o7777]).toEqual([OWNER + 1, OWNER + 2, 0o640]);
    expect(await security.readRights()).toMatchObject({ access: LISTED });
    expect(await security.readDescriptor()).toEqual(DESCRIPTOR);
    expect(await security.write({ ...keep, acl: aclOfMode(0o600) })).toBe(0);
    expect(await security.readRights()).toMatchObject({ access: aclOfMode(0o600) });
    await share.makeDirectory("d");
    chmodSync(share.at("d"), 0o2755);
    const directory = await share.node("d");
    expect(await directory.security?.write({ ...keep, uid: OWNER, acl: aclOfMode(0o770) })).toBe(0);
    expect(statSync(share.at("d")).mode & 0o7777).toBe(0o2770);
    directory.close();
  });

  test("where the disk has no room for the descriptor, the old rights are restored", async () => {
    expect(await security.write({ ...keep, acl: LISTED })).toBe(0);
    const aces = Array.from({ length: 3000 }, () =>
      simpleAce(AceType.ACCESS_ALLOWED, 0, 1, parseSid("S-1-1-0")),
    );
    const large = { ...DESCRIPTOR, dacl: { revision: 2, aces } };
    const result = await security.write({
      uid: -1,
      gid: -1,
      acl: aclOfMode(0o777),
      inherited: undefined,
      descriptor: large,
    });
    if (result === 0) return;
    expect([-Errno.ENOSPC, -Errno.E2BIG]).toContain(result);
    expect(await security.readRights()).toMatchObject({ access: LISTED });
    expect(await security.readDescriptor()).toEqual(DESCRIPTOR);
  });

  test("a default ACL is set, removed, and restored where the descriptor cannot be stored", async () => {
    await share.makeDirectory("d");
    const directory = await share.node("d");
    const own = directory.security as ObjectSecurity;
    expect(await own.write({ ...keep, inherited: LISTED })).toBe(0);
    expect(await own.readRights()).toMatchObject({ inherited: LISTED });
    expect(await own.readDescriptor()).toEqual(DESCRIPTOR);
    const aces = Array.from({ length: 3000 }, () =>
      simpleAce(AceType.ACCESS_ALLOWED, 0, 1, parseSid("S-1-1-0")),
    );
    const large = { ...DESCRIPTOR, dacl: { revision: 2, aces } };
    if ((await own.write({ ...keep, inherited: null, descriptor: large })) !== 0) {
      expect(await own.readRights()).toMatchObject({ inherited: LISTED });
    }
    expect(await own.write({ ...keep, inherited: null })).toBe(0);
    expect(await own.readRights()).toMatchObject({ inherited: undefined });
    directory.close();
  });

  test("a change without a descriptor removes the old one", async () => {
    // Version 1 is bound to nothing, so it would stay valid.
    const head = "0100010000000200";
    store(
      fromHex(
        `${head}010004801c000000000000000000000000000000010200000000001601000000 05000000`.replaceAll(
          " ",
          "",
        ),
      ),
    );
    expect((await security.readDescriptor()) as unknown).toMatchObject({ owner: parseSid("S-1-22-1-5") });
    expect(
      await security.write({
        uid: -1,
        gid: -1,
        acl: aclOfMode(0o600),
        inherited: undefined,
        descriptor: undefined,
      }),
    ).toBe(0);
    expect(await security.readDescriptor()).toBe(-Errno.ENODATA);
  });

  test("a descriptor bound to ksmbd's hash of a file without an ACL is valid", async () => {
    const rights = { access: undefined, inherited: undefined, uid: OWNER, gid: OWNER, mode: 0o100640 };
    store(encodeNtAcl(DESCRIPTOR, hashRights(rights), { seconds: 0, nanoseconds: 0 }));
    expect(await security.readDescriptor()).toEqual(DESCRIPTOR);
    chmodSync(share.at("f"), 0o600);
    expect(await security.readDescriptor()).toBe(-Errno.ENODATA);
  });

  test("a descriptor is written with ksmbd's hash if the share says so, and read with either", async () => {
    const other = new Fixture({ streamForm: "ksmbd" }, share);
    const same = await other.node("f");
    expect(await same.security?.write(keep)).toBe(0);
    expect(await security.readDescriptor()).toEqual(DESCRIPTOR);
    const fd = openSync(share.at("f"), "r");
    const out = new Scratch(1024);
    const length = getXattr(fd, NTACL, out);
    closeSync(fd);
    const rights = { access: undefined, inherited: undefined, uid: OWNER, gid: OWNER, mode: 0o100640 };
    const { rightsHash } = decodeNtAcl(out.bytes.subarray(0, length));
    expect(rightsHash).toEqual(new Uint8Array(hashRights(rights)));
    same.close();
    other.close();
  });

  test("a descriptor bound only to Samba's own view, or a damaged one, is ignored", async () => {
    const whole = encodeNtAcl(DESCRIPTOR, new Uint8Array(32), { seconds: 0, nanoseconds: 0 });
    // Version 3 with a hash: the descriptor follows at 80.
    const third = new Uint8Array(80 + 32);
    third.set(fromHex("0300030000000200040002000100"));
    third.set(fromHex("0100048064000000"), 80);
    for (const value of [third, whole, whole.subarray(0, 100), new Uint8Array(3)]) {
      store(value);
      expect(await security.readDescriptor()).toBe(-Errno.ENODATA);
    }
  });

  test("a write on a read-only share fails with EROFS", async () => {
    const other = new Fixture({ readOnly: true }, share);
    const same = await other.node("f");
    expect(await same.security?.write(keep)).toBe(-Errno.EROFS);
    same.close();
    other.close();
  });

  test("with `ignore system acls` the descriptor stays valid when the rights on disk change", async () => {
    expect(await security.write(keep)).toBe(0);
    chmodSync(share.at("f"), 0o666);
    const rules = { acl: "nt", ignoreSystemAcls: true, canChange: true, writersMayChange: false } as const;
    const more = { inheritOwnerName: false, inheritPermissions: false, inheritAcls: false };
    const other = new Fixture({ security: { ...rules, ...more } }, share);
    const same = await other.node("f");
    expect(await same.security?.readDescriptor()).toEqual(DESCRIPTOR);
    same.close();
    other.close();
  });
});
