// Conversion of POSIX ACLs to descriptors and back; acl(5).
import { expect, test } from "bun:test";
import {
  aclOfDescriptor,
  descriptorOfAcl,
  isExpressible,
} from "../../../src/engine/security/posix-rights.ts";
import { aclOfMode, AclTag, type PosixAcl } from "../../../src/engine/security/posix-acl.ts";
import { Access, FileGeneric } from "../../../src/wire/security/access.ts";
import { AceType, simpleAce } from "../../../src/wire/security/acl.ts";
import type { SecurityDescriptor } from "../../../src/wire/security/security-descriptor.ts";
import { parseSid } from "../../../src/wire/security/sid.ts";

function makeDescriptor(
  ...entries: (readonly [type: AceType, sid: string, mask: number])[]
): SecurityDescriptor {
  const aces = entries.map(([type, sid, mask]) => simpleAce(type, 0, mask, parseSid(sid)));
  return {
    control: 0,
    owner: parseSid("S-1-22-1-5"),
    group: undefined,
    dacl: { revision: 2, aces },
    sacl: undefined,
  };
}

const { ACCESS_ALLOWED, ACCESS_DENIED } = AceType;

function formatAcl(acl: PosixAcl): string {
  return acl.map(({ tag, permissions, id }) => `${tag}:${id}:${permissions}`).join(" ");
}

test("every mode is the same after conversion to a descriptor and back", () => {
  for (let mode = 0; mode <= 0o777; mode++) {
    const acl = aclOfMode(mode);
    const back = aclOfDescriptor(descriptorOfAcl(acl, 5, 6), 5, 6, false);
    // Owner and group also get the bits of others: without deny ACEs a descriptor cannot withhold them.
    const other = mode & 7;
    expect(formatAcl(back)).toBe(
      formatAcl(aclOfMode(mode | (other << 3) | ((((mode >> 3) & 7) | other) << 6))),
    );
  }
});

test("Unix users and groups that the DACL names get named entries, and the ACL a mask", () => {
  const acl = aclOfDescriptor(
    makeDescriptor(
      [ACCESS_ALLOWED, "S-1-22-1-5", FileGeneric.ALL],
      [ACCESS_ALLOWED, "S-1-22-1-9", FileGeneric.READ | FileGeneric.WRITE],
      [ACCESS_ALLOWED, "S-1-22-2-7", FileGeneric.READ],
      [ACCESS_ALLOWED, "S-1-5-21-1-2-3-1000", FileGeneric.ALL],
    ),
    5,
    6,
    false,
  );
  const { USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER } = AclTag;
  expect(formatAcl(acl)).toBe(
    `${USER_OBJ}:0:7 ${USER}:9:6 ${GROUP_OBJ}:0:0 ${GROUP}:7:4 ${MASK}:0:6 ${OTHER}:0:0`,
  );
  // Converted back, each entry has an ACE.
  expect(descriptorOfAcl(acl, 5, 6).dacl?.aces.length).toBe(5);
});

test("a deny ACE removes the bit of its user", () => {
  const acl = aclOfDescriptor(
    makeDescriptor(
      [ACCESS_DENIED, "S-1-22-1-5", Access.WRITE_DATA | Access.APPEND_DATA],
      [ACCESS_ALLOWED, "S-1-1-0", FileGeneric.ALL],
    ),
    5,
    6,
    false,
  );
  expect(formatAcl(acl)).toBe(formatAcl(aclOfMode(0o577)));
});

test("any permission on a directory includes x", () => {
  const acl = aclOfDescriptor(makeDescriptor([ACCESS_ALLOWED, "S-1-1-0", Access.LIST_DIRECTORY]), 5, 6, true);
  expect(formatAcl(acl)).toBe(formatAcl(aclOfMode(0o555)));
});

test("no DACL gives mode 777, an empty one mode 0", () => {
  expect(formatAcl(aclOfDescriptor({ ...makeDescriptor(), dacl: null }, 5, 6, false))).toBe(
    formatAcl(aclOfMode(0o777)),
  );
  expect(formatAcl(aclOfDescriptor(makeDescriptor(), 5, 6, false))).toBe(formatAcl(aclOfMode(0)));
});

test("a DACL that allows only unknown SIDs is not expressible", () => {
  expect(isExpressible(makeDescriptor([ACCESS_ALLOWED, "S-1-5-21-1-2-3-1000", FileGeneric.ALL]))).toBe(false);
  expect(isExpressible(makeDescriptor([ACCESS_ALLOWED, "S-1-5-11", FileGeneric.ALL]))).toBe(true);
  expect(isExpressible(makeDescriptor())).toBe(true);
  // These grant nothing on the object, which a mode can express.
  expect(isExpressible(makeDescriptor([ACCESS_ALLOWED, "S-1-3-0", FileGeneric.ALL]))).toBe(true);
  expect(isExpressible(makeDescriptor([ACCESS_DENIED, "S-1-5-21-1-2-3-1000", FileGeneric.ALL]))).toBe(true);
  const named = makeDescriptor([ACCESS_ALLOWED, "S-1-5-21-1-2-3-1000", FileGeneric.ALL]);
  expect(isExpressible(named, () => 7)).toBe(true);
});
