// Converts security descriptors to POSIX ACLs and back; acl(5). A descriptor becomes the bits that its
// evaluation gives to the owner, the group, each Unix user and group that it names, and all others, so that
// programs on the server have about the same rights. A POSIX ACL becomes a descriptor with one ACE for each
// entry.
import { Access, FileGeneric } from "../../wire/security/access.ts";
import { type Ace, ACL_REVISION, AceFlag, AceType, simpleAce } from "../../wire/security/acl.ts";
import type { SecurityDescriptor } from "../../wire/security/security-descriptor.ts";
import { type Sid, sameSid, WellKnownSid } from "../../wire/security/sid.ts";
import { AclTag, type PosixAcl, type PosixAclEntry } from "./posix-acl.ts";
import { grantedAccess } from "./access-rights.ts";
import { gidOfSid, sidOfGid, sidOfUid, uidOfSid } from "./token.ts";

/** The rights of each permission bit. The write bit includes DELETE. */
const MAY_READ = FileGeneric.READ;
const MAY_WRITE = FileGeneric.WRITE | Access.DELETE | Access.DELETE_CHILD;
const MAY_EXECUTE = FileGeneric.EXECUTE;
const BASE_ACCESS = Access.READ_ATTRIBUTES | Access.READ_CONTROL | Access.SYNCHRONIZE;
/** Rights that an owner has whatever the bits are. */
export const OWNER_ACCESS: number =
  Access.WRITE_DAC | Access.WRITE_OWNER | Access.WRITE_ATTRIBUTES | Access.WRITE_EA;

/** Returns the access mask of permission bits (4 read, 2 write, 1 execute). */
export function maskOfBits(bits: number): number {
  let mask: number = BASE_ACCESS;
  if ((bits & 4) !== 0) mask |= MAY_READ;
  if ((bits & 2) !== 0) mask |= MAY_WRITE;
  if ((bits & 1) !== 0) mask |= MAY_EXECUTE;
  return (bits & 7) === 7 ? FileGeneric.ALL & ~(Access.WRITE_DAC | Access.WRITE_OWNER) : mask >>> 0;
}

/**
 * Returns the descriptor of an object that has none stored. With `readImpliesExecute` who may read may also
 * execute, as in the access check by mode bits: the x bit is about programs on the server, not about clients.
 * `ownerSid` is the SID of an owner who is not identified by the uid; he gets all rights, and the file system
 * refuses what the bits forbid.
 */
export function descriptorOfAcl(
  acl: PosixAcl,
  uid: number,
  gid: number,
  readImpliesExecute = false,
  ownerSid?: Sid,
): SecurityDescriptor {
  const owner = ownerSid ?? sidOfUid(uid);
  const group = sidOfGid(gid);
  const limit = acl.find(({ tag }) => tag === AclTag.MASK)?.permissions ?? 7;
  const maskOf = (bits: number): number =>
    maskOfBits(readImpliesExecute && (bits & 4) !== 0 ? bits | 1 : bits);
  const aces: Ace[] = [];
  const allow = (sid: Sid, mask: number): void => {
    aces.push(simpleAce(AceType.ACCESS_ALLOWED, 0, mask >>> 0, sid));
  };
  for (const { tag, permissions, id } of limitNamedEntries(acl)) {
    if (tag === AclTag.USER_OBJ)
      allow(owner, ownerSid ? FileGeneric.ALL : maskOf(permissions) | OWNER_ACCESS);
    else if (tag === AclTag.USER) allow(sidOfUid(id), maskOf(permissions & limit));
    else if (tag === AclTag.GROUP_OBJ) allow(group, maskOf(permissions & limit));
    else if (tag === AclTag.GROUP) allow(sidOfGid(id), maskOf(permissions & limit));
    else if (tag === AclTag.OTHER) allow(WellKnownSid.WORLD, maskOf(permissions));
  }
  return { control: 0, owner, group, dacl: { revision: ACL_REVISION, aces }, sacl: undefined };
}

/**
 * The ACEs of an access ACL and a default ACL of this many named entries each are less than 64 KiB, the limit
 * of a DACL.
 */
const MAX_NAMED_ACES = 1300;

/** Returns `acl` without the named users and groups for which a DACL has no room. */
export function limitNamedEntries(acl: PosixAcl): PosixAcl {
  if (acl.length <= MAX_NAMED_ACES) return acl;
  let named = 0;
  return acl.filter(({ tag }) => (tag !== AclTag.USER && tag !== AclTag.GROUP) || ++named <= MAX_NAMED_ACES);
}

/** The kernel accepts more, but an extended attribute may not have room for them. */
const MAX_NAMED_ACL_ENTRIES = 64;

/** Returns the uid on disk of a user's SID; several SIDs may have the same uid. */
export type UidOf = (sid: Sid) => number | undefined;

/** Returns the POSIX ACL closest to the descriptor's DACL, for an object of this uid and gid. */
export function aclOfDescriptor(
  descriptor: SecurityDescriptor,
  uid: number,
  gid: number,
  isDirectory: boolean,
  uidOf: UidOf = uidOfSid,
): PosixAcl {
  const named = namedEntries(descriptor, isDirectory, uidOf);
  // Rights of SIDs that map to the owner's uid are part of USER_OBJ.
  const owners = named.find(({ tag, id }) => tag === AclTag.USER && id === uid)?.permissions ?? 0;
  const otherNamed = named.filter(({ tag, id }) => id !== (tag === AclTag.USER ? uid : gid));
  const ownerSids = [sidOfUid(uid), sidOfGid(gid)];
  const groupSids = [sidOfGid(gid), ...groupSidOf(descriptor, gid)];
  return assembleAcl(
    owners | bitsFor(descriptor, ownerSids, isDirectory, true),
    bitsFor(descriptor, groupSids, isDirectory),
    bitsFor(descriptor, [], isDirectory),
    otherNamed,
  );
}

/** Returns the ACL in the kernel's order. With named entries it has a mask, which restricts none of them. */
export function assembleAcl(
  user: number,
  group: number,
  other: number,
  named: readonly PosixAclEntry[],
): PosixAcl {
  const sorted = [...named].sort((a, b) => a.tag - b.tag || a.id - b.id);
  const mask = sorted.reduce((all, { permissions }) => all | permissions, group);
  return [
    { tag: AclTag.USER_OBJ, permissions: user, id: 0 },
    ...sorted.filter(({ tag }) => tag === AclTag.USER),
    { tag: AclTag.GROUP_OBJ, permissions: group, id: 0 },
    ...sorted.filter(({ tag }) => tag === AclTag.GROUP),
    ...(sorted.length === 0 ? [] : [{ tag: AclTag.MASK, permissions: mask, id: 0 }]),
    { tag: AclTag.OTHER, permissions: other, id: 0 },
  ];
}

/** Returns the permission bits of a user who has `sids` and the SIDs of `ALL_USERS`. */
export function bitsFor(
  descriptor: SecurityDescriptor,
  sids: readonly Sid[],
  isDirectory: boolean,
  isOwner = false,
): number {
  const token = {
    sids: [...sids, ...ALL_USERS],
    uid: -1,
    gid: -1,
    groups: [],
    domainSids: new Map<number, readonly Sid[]>(),
    domainUser: undefined,
    isNamed: false,
    isRoot: false,
  };
  return bitsOfRights(grantedAccess(descriptor, token, isOwner), isDirectory);
}

/** Returns an entry for each Unix user and group that the DACL names. */
export function namedEntries(
  descriptor: SecurityDescriptor,
  isDirectory: boolean,
  uidOf: UidOf,
): PosixAclEntry[] {
  const entries = new Map<string, PosixAclEntry>();
  for (const sid of namedSids(descriptor, uidOf)) {
    const user = uidOf(sid);
    const tag = user === undefined ? AclTag.GROUP : AclTag.USER;
    const id = user ?? gidOfSid(sid) ?? 0;
    const key = `${tag}:${id}`;
    const known = entries.get(key)?.permissions;
    if (known === undefined && entries.size >= MAX_NAMED_ACL_ENTRIES) continue;
    entries.set(key, { tag, permissions: bitsFor(descriptor, [sid], isDirectory) | (known ?? 0), id });
  }
  return [...entries.values()];
}

/** SIDs that every user has who logs on; their rights go to OTHER. */
const ALL_USERS = [
  WellKnownSid.WORLD,
  WellKnownSid.NETWORK,
  WellKnownSid.AUTHENTICATED_USERS,
  WellKnownSid.BUILTIN_USERS,
];

/** The Unix users and groups for which the DACL has ACEs, each once. */
function namedSids(descriptor: SecurityDescriptor, uidOf: UidOf): Sid[] {
  const named: Sid[] = [];
  for (const { sid, flags } of descriptor.dacl?.aces ?? []) {
    if ((flags & AceFlag.INHERIT_ONLY) !== 0) continue;
    if (uidOf(sid) === undefined && gidOfSid(sid) === undefined) continue;
    if (!named.some((known) => sameSid(known, sid))) named.push(sid);
  }
  return named;
}

/**
 * The descriptor's group SID, where it can denote the group on disk: any SID of a Windows group, but not the
 * SID of another Unix group.
 */
function groupSidOf({ group }: SecurityDescriptor, gid: number): Sid[] {
  if (group === undefined) return [];
  const other = gidOfSid(group);
  return other === undefined || other === gid ? [group] : [];
}

function bitsOfRights(rights: number, isDirectory: boolean): number {
  let bits = 0;
  if ((rights & Access.READ_DATA) !== 0) bits |= 4;
  if ((rights & (Access.WRITE_DATA | Access.APPEND_DATA)) !== 0) bits |= 2;
  if ((rights & Access.EXECUTE) !== 0) bits |= 1;
  // POSIX needs w to remove names. Windows users may traverse any directory (SeChangeNotifyPrivilege), so x
  // is added.
  if (isDirectory && (rights & Access.DELETE_CHILD) !== 0) bits |= 2;
  if (isDirectory && bits !== 0) bits |= 1;
  return bits;
}

/**
 * True if a POSIX ACL can express `descriptor` at least in part: one of its ACEs is for the owner, a Unix
 * user or group, or all users. Also true without allow ACEs that apply to the object itself, as a mode can
 * express no rights. False where it allows only accounts of Windows, which nobody here is.
 */
export function isExpressible(descriptor: SecurityDescriptor, uidOf: UidOf = uidOfSid): boolean {
  const aces = (descriptor.dacl?.aces ?? []).filter(appliesToObject);
  return !aces.some(({ type }) => ALLOWS.has(type)) || aces.some((ace) => isKnown(descriptor, ace, uidOf));
}

function isKnown({ owner }: SecurityDescriptor, { sid }: Ace, uidOf: UidOf): boolean {
  return (
    uidOf(sid) !== undefined ||
    gidOfSid(sid) !== undefined ||
    ALL_USERS.some((known) => sameSid(known, sid)) ||
    sameSid(sid, WellKnownSid.OWNER_RIGHTS) ||
    (owner !== undefined && sameSid(sid, owner))
  );
}

/**
 * Returns `acl`, which `aclOfDescriptor` has made, with the permissions of the owner that he has by `mode`
 * and the DACL does not deny: where it allows accounts that are unknown here and does not name the owner, one
 * of them is likely to be the owner's.
 */
export function keepingOwner(
  acl: PosixAcl,
  descriptor: SecurityDescriptor,
  uid: number,
  mode: number,
  isDirectory: boolean,
  uidOf: UidOf = uidOfSid,
): PosixAcl {
  const { dacl, owner = sidOfUid(uid) } = descriptor;
  const aces = (dacl?.aces ?? []).filter(appliesToObject);
  const namesOwner = ({ sid }: Ace): boolean =>
    uidOf(sid) === uid || sameSid(sid, owner) || sameSid(sid, WellKnownSid.OWNER_RIGHTS);
  const isStranger = (ace: Ace): boolean => ALLOWS.has(ace.type) && !isKnown(descriptor, ace, uidOf);
  if (dacl === null || dacl === undefined || aces.some(namesOwner) || !aces.some(isStranger)) return acl;
  const allowed = simpleAce(AceType.ACCESS_ALLOWED, 0, FileGeneric.ALL, sidOfUid(uid));
  const withOwner = { ...descriptor, dacl: { ...dacl, aces: [...dacl.aces, allowed] } };
  const kept = (mode >> 6) & bitsFor(withOwner, [sidOfUid(uid)], isDirectory, true);
  return acl.map((entry) =>
    entry.tag === AclTag.USER_OBJ ? { ...entry, permissions: entry.permissions | kept } : entry,
  );
}

/**
 * [MS-DTYP] 2.4.2.4: ACEs for CREATOR OWNER and CREATOR GROUP apply to new objects only, INHERIT_ONLY or not.
 */
function appliesToObject({ flags, sid }: Ace): boolean {
  const { CREATOR_OWNER, CREATOR_GROUP } = WellKnownSid;
  if ((flags & AceFlag.INHERIT_ONLY) !== 0) return false;
  return !sameSid(sid, CREATOR_OWNER) && !sameSid(sid, CREATOR_GROUP);
}

const ALLOWS: ReadonlySet<number> = new Set([
  AceType.ACCESS_ALLOWED,
  AceType.ACCESS_ALLOWED_OBJECT,
  AceType.ACCESS_ALLOWED_CALLBACK,
  AceType.ACCESS_ALLOWED_CALLBACK_OBJECT,
]);
