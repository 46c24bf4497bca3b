// What a directory hands down, between descriptors and POSIX: inheritable entries become the default list that the
// kernel gives to new objects, and are shown of it. acl(5), "object creation and default ACLs"; [MS-DTYP] 2.4.4.1.
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
 * The default list for what will be made in a directory; null where its list hands nothing down. The kernel gives it to
 * files and directories alike, and on to what is below: entries that are for less are not in it.
 */
export function defaultAclOf(descriptor: SecurityDescriptor, uidOf: UidOf = uidOfSid): PosixAcl | null {
  const { dacl } = descriptor;
  const aces = (dacl?.aces ?? []).filter(
    ({ flags }) => (flags & (INHERIT_BOTH | NO_PROPAGATE)) === INHERIT_BOTH,
  );
  if (!dacl || aces.length === 0) return null;
  const later: SecurityDescriptor = {
    control: 0,
    owner: undefined,
    group: undefined,
    dacl: { revision: dacl.revision, aces: aces.map((ace) => ({ ...ace, flags: 0 })) },
    sacl: undefined,
  };
  const { CREATOR_OWNER, CREATOR_GROUP } = WellKnownSid;
  const speaksOfOwner = aces.some(({ sid }) => sameSid(sid, CREATOR_OWNER));
  // Who makes a file owns it, and is judged as its owner alone, whatever else the list says of him.
  const user = speaksOfOwner ? bitsFor(later, [CREATOR_OWNER], true) : ALL_BITS;
  const named = namedEntries(later, true, uidOf);
  return assembleAcl(user, bitsFor(later, [CREATOR_GROUP], true), bitsFor(later, [], true), named);
}

/** `descriptor` of a directory with what its default list hands down. */
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
    const same = aces.findIndex((ace) => ace.mask === mask && sameSid(ace.sid, sid));
    const own = aces[same];
    if (own !== undefined) aces[same] = { ...own, flags: INHERIT_BOTH };
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
