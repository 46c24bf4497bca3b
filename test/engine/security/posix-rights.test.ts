// Descriptors made of POSIX rights and the other way round; acl(5).
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

function described(...entries: (readonly [type: AceType, sid: string, mask: number])[]): SecurityDescriptor {
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

function shown(acl: PosixAcl): string {
  return acl.map(({ tag, permissions, id }) => `${tag}:${id}:${permissions}`).join(" ");
}

test("every mode comes back as it was", () => {
  for (let mode = 0; mode <= 0o777; mode++) {
    const acl = aclOfMode(mode);
    const back = aclOfDescriptor(descriptorOfAcl(acl, 5, 6), 5, 6, false);
    // What everybody may, owner and group may as well: a descriptor cannot take it from them without a denial.
    const other = mode & 7;
    expect(shown(back)).toBe(shown(aclOfMode(mode | (other << 3) | ((((mode >> 3) & 7) | other) << 6))));
  }
});

test("Unix users and groups that the list names get entries of their own, and a mask", () => {
  const acl = aclOfDescriptor(
    described(
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
  expect(shown(acl)).toBe(
    `${USER_OBJ}:0:7 ${USER}:9:6 ${GROUP_OBJ}:0:0 ${GROUP}:7:4 ${MASK}:0:6 ${OTHER}:0:0`,
  );
  // And shown again, each is there.
  expect(descriptorOfAcl(acl, 5, 6).dacl?.aces.length).toBe(5);
});

test("a denial takes the bit from those it names", () => {
  const acl = aclOfDescriptor(
    described(
      [ACCESS_DENIED, "S-1-22-1-5", Access.WRITE_DATA | Access.APPEND_DATA],
      [ACCESS_ALLOWED, "S-1-1-0", FileGeneric.ALL],
    ),
    5,
    6,
    false,
  );
  expect(shown(acl)).toBe(shown(aclOfMode(0o577)));
});

test("who may do anything in a directory may pass through it", () => {
  const acl = aclOfDescriptor(described([ACCESS_ALLOWED, "S-1-1-0", Access.LIST_DIRECTORY]), 5, 6, true);
  expect(shown(acl)).toBe(shown(aclOfMode(0o555)));
});

test("no list opens the object to all, an empty one closes it", () => {
  expect(shown(aclOfDescriptor({ ...described(), dacl: null }, 5, 6, false))).toBe(shown(aclOfMode(0o777)));
  expect(shown(aclOfDescriptor(described(), 5, 6, false))).toBe(shown(aclOfMode(0)));
});

test("a list of strangers alone says nothing that POSIX could", () => {
  expect(isExpressible(described([ACCESS_ALLOWED, "S-1-5-21-1-2-3-1000", FileGeneric.ALL]))).toBe(false);
  expect(isExpressible(described([ACCESS_ALLOWED, "S-1-5-11", FileGeneric.ALL]))).toBe(true);
  expect(isExpressible(described())).toBe(true);
  // Nobody is allowed anything, which a mode can say.
  expect(isExpressible(described([ACCESS_ALLOWED, "S-1-3-0", FileGeneric.ALL]))).toBe(true);
  expect(isExpressible(described([ACCESS_DENIED, "S-1-5-21-1-2-3-1000", FileGeneric.ALL]))).toBe(true);
});
