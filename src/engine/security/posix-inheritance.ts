// Converts inheritable ACEs of a directory to its default POSIX ACL, and back. acl(5), "object creation and
// default ACLs"; [MS-DTYP] 2.4.4.1.
import { type Ace, AceFlag, AceType, simpleAce } from "../../wire/security/acl.ts";
import type { SecurityDescriptor } from "../../wire/security/security-descriptor.ts";
import { type Sid, sameSid, WellKnownSid } from "../../wire/security/sid.ts";
import { AclTag, type PosixAcl } from "./posix-acl.ts";
import {
  assembleAcl,
  bitsFor,
  maskOfBits,
  namedEntries,
  OWNER_ACCESS,
  limitNamedEntries,
  type UidOf,
} from "./posix-rights.ts";
import { sidOfGid, sidOfUid, uidOfSid } from "./token.ts";

const INHERIT_BOTH = AceFlag.OBJECT_INHERIT | AceFlag.CONTAINER_INHERIT;
const NO_PROPAGATE = AceFlag.NO_PROPAGATE_INHERIT;
const ALL_BITS = 7;

/**
 * Returns the default ACL of a directory with `descriptor`; null if no ACE belongs in it. The kernel gives
 * the default ACL to new files and new directories alike, at all levels below: it has only ACEs that are
 * inherited so.
 */
export function defaultAclOf(descriptor: SecurityDescriptor, uidOf: UidOf = uidOfSid): PosixAcl | null {
  const { dacl } = descriptor;
  const aces = (dacl?.aces ?? []).filter(
    ({ flags }) => (flags & (INHERIT_BOTH | NO_PROPAGATE)) === INHERIT_BOTH,
  );
  if (!dacl || aces.length === 0) return null;
  const childDescriptor: SecurityDescriptor = {
    control: 0,
    owner: undefined,
    group: undefined,
    dacl: { revision: dacl.revision, aces: aces.map((ace) => ({ ...ace, flags: 0 })) },
    sacl: undefined,
  };
  const { CREATOR_OWNER, CREATOR_GROUP } = WellKnownSid;
  const hasCreatorOwner = aces.some(({ sid }) => sameSid(sid, CREATOR_OWNER));
  // The creator of a file owns it, and the kernel checks an owner by USER_OBJ alone: without an ACE for him
  // he gets all.
  const user = hasCreatorOwner ? bitsFor(childDescriptor, [CREATOR_OWNER], true) : ALL_BITS;
  const group = bitsFor(childDescriptor, [CREATOR_GROUP], true);
  const other = bitsFor(childDescriptor, [], true);
  return assembleAcl(user, group, other, namedEntries(childDescriptor, true, uidOf));
}

/**
 * Returns a directory's `descriptor` with inheritable ACEs for its default ACL. An entry with the SID
 * and mask of an ACE of the directory makes that ACE inheritable; any other becomes an INHERIT_ONLY ACE.
 */
export function withInherited(descriptor: SecurityDescriptor, inherited: PosixAcl): SecurityDescriptor {
  const { dacl } = descriptor;
  if (!dacl) return descriptor;
  const aces: Ace[] = [...dacl.aces];
  const limit = inherited.find(({ tag }) => tag === AclTag.MASK)?.permissions ?? ALL_BITS;
  for (const { tag, permissions, id } of limitNamedEntries(inherited)) {
    const sid = sidOfEntry(tag, id);
    const bits = tag === AclTag.USER_OBJ || tag === AclTag.OTHER ? permissions : permissions & limit;
    if (sid === undefined || bits === 0) continue;
    const mask = (maskOfBits(bits) | (tag === AclTag.USER_OBJ ? OWNER_ACCESS : 0)) >>> 0;
    const index = aces.findIndex((ace) => ace.mask === mask && sameSid(ace.sid, sid));
    const equal = aces[index];
    if (equal !== undefined) aces[index] = { ...equal, flags: INHERIT_BOTH };
    else aces.push(simpleAce(AceType.ACCESS_ALLOWED, INHERIT_BOTH | AceFlag.INHERIT_ONLY, mask, sid));
  }
  return { ...descriptor, dacl: { revision: dacl.revision, aces } };
}

function sidOfEntry(tag: number, id: number): Sid | undefined {
  switch (tag) {
    case AclTag.USER_OBJ:
      return WellKnownSid.CREATOR_OWNER;
    case AclTag.GROUP_OBJ:
      return WellKnownSid.CREATOR_GROUP;
    case AclTag.OTHER:
      return WellKnownSid.WORLD;
    case AclTag.USER:
      return sidOfUid(id);
    case AclTag.GROUP:
      return sidOfGid(id);
    default:
      return undefined;
  }
}
