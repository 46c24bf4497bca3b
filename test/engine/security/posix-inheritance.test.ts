// Inheritable ACEs and default POSIX ACLs; acl(5).
import { expect, test } from "bun:test";
import { defaultAclOf, withInherited } from "../../../src/engine/security/posix-inheritance.ts";
import { descriptorOfAcl } from "../../../src/engine/security/posix-rights.ts";
import { aclOfMode, type PosixAcl } from "../../../src/engine/security/posix-acl.ts";
import { FileGeneric } from "../../../src/wire/security/access.ts";
import { AceFlag, AceType, simpleAce } from "../../../src/wire/security/acl.ts";
import type { SecurityDescriptor } from "../../../src/wire/security/security-descriptor.ts";
import { formatSid, parseSid } from "../../../src/wire/security/sid.ts";

const { OBJECT_INHERIT: OI, CONTAINER_INHERIT: CI, INHERIT_ONLY: IO } = AceFlag;

function makeDescriptor(
  ...entries: (readonly [flags: number, sid: string, mask: number])[]
): SecurityDescriptor {
  const aces = entries.map(([flags, sid, mask]) =>
    simpleAce(AceType.ACCESS_ALLOWED, flags, mask, parseSid(sid)),
  );
  return { control: 0, owner: undefined, group: undefined, dacl: { revision: 2, aces }, sacl: undefined };
}

function formatAcl(acl: PosixAcl | null): string | undefined {
  return acl?.map(({ tag, permissions, id }) => `${tag}:${id}:${permissions}`).join(" ");
}

test("returns null without ACEs that files and directories at all levels inherit", () => {
  expect(defaultAclOf(makeDescriptor([0, "S-1-1-0", FileGeneric.ALL]))).toBeNull();
  expect(defaultAclOf({ ...makeDescriptor(), dacl: null })).toBeNull();
  for (const flags of [OI, CI | IO, OI | CI | AceFlag.NO_PROPAGATE_INHERIT])
    expect(defaultAclOf(makeDescriptor([flags, "S-1-1-0", FileGeneric.ALL]))).toBeNull();
});

test("the default ACL has entries for users, the creator and others", () => {
  const acl = defaultAclOf(
    makeDescriptor(
      [OI | CI, "S-1-22-1-9", FileGeneric.READ | FileGeneric.WRITE],
      [OI | CI | IO, "S-1-3-0", FileGeneric.READ],
      [OI | CI, "S-1-1-0", FileGeneric.READ],
      [0, "S-1-22-1-5", FileGeneric.ALL],
    ),
  );
  expect(formatAcl(acl)).toBe("1:0:5 2:9:7 4:0:5 16:0:7 32:0:5");
});

test("the creator gets all permissions if no ACE is for CREATOR OWNER", () => {
  expect(formatAcl(defaultAclOf(makeDescriptor([OI | CI, "S-1-22-2-7", FileGeneric.READ])))).toBe(
    "1:0:7 4:0:0 8:7:5 16:0:5 32:0:0",
  );
});

test("an entry of the default ACL makes an equal ACE inheritable, or becomes an INHERIT_ONLY ACE", () => {
  const inherited = defaultAclOf(makeDescriptor([OI | CI, "S-1-22-1-9", FileGeneric.READ]));
  const access: PosixAcl = [
    { tag: 1, permissions: 7, id: 0 },
    { tag: 2, permissions: 5, id: 9 },
    { tag: 4, permissions: 0, id: 0 },
    { tag: 0x10, permissions: 5, id: 0 },
    { tag: 0x20, permissions: 0, id: 0 },
  ];
  const descriptor = withInherited(descriptorOfAcl(access, 5, 6), inherited ?? []);
  expect(descriptor.dacl?.aces.map(({ sid, flags }) => `${formatSid(sid)} ${flags}`)).toEqual([
    "S-1-22-1-5 0",
    "S-1-22-1-9 3",
    "S-1-22-2-6 0",
    "S-1-1-0 0",
    "S-1-3-0 11",
  ]);
  expect(formatAcl(defaultAclOf(descriptor))).toBe(formatAcl(inherited));
  expect(withInherited(descriptorOfAcl(aclOfMode(0o755), 5, 6), aclOfMode(0)).dacl?.aces).toHaveLength(3);
});
