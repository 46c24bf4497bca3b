// Between descriptors and POSIX rights, both ways. A list becomes the bits that its evaluation gives to the owner, to
// the group, to each Unix user and group that it names, and to everybody else, so that programs on the server meet
// about the same rights; bits become three entries, and one for each further entry of a POSIX list. acl(5).
import { Access, FileGeneric } from "../../wire/security/access.ts";
import { type Ace, ACL_REVISION, AceFlag, AceType, simpleAce } from "../../wire/security/acl.ts";
import type { SecurityDescriptor } from "../../wire/security/security-descriptor.ts";
import { type Sid, sameSid, WellKnownSid } from "../../wire/security/sid.ts";
import { AclTag, type PosixAcl, type PosixAclEntry } from "./posix-acl.ts";
import { grantedAccess } from "./access-rights.ts";
import { gidOfSid, sidOfGid, sidOfUid, uidOfSid } from "./token.ts";

/** What a set permission bit grants. DELETE goes with writing, as a directory's owner would expect. */
const MAY_READ = FileGeneric.READ;
const MAY_WRITE = FileGeneric.WRITE | Access.DELETE | Access.DELETE_CHILD;
const MAY_EXECUTE = FileGeneric.EXECUTE;
const BASE_ACCESS = Access.READ_ATTRIBUTES | Access.READ_CONTROL | Access.SYNCHRONIZE;
/** What is an owner's whatever the bits say. */
export const OWNER_ACCESS: number =
  Access.WRITE_DAC | Access.WRITE_OWNER | Access.WRITE_ATTRIBUTES | Access.WRITE_EA;

/** The access mask that permission bits stand for. */
export function maskOfBits(bits: number): number {
  let mask: number = BASE_ACCESS;
  if ((bits & 4) !== 0) mask |= MAY_READ;
  if ((bits & 2) !== 0) mask |= MAY_WRITE;
  if ((bits & 1) !== 0) mask |= MAY_EXECUTE;
  return (bits & 7) === 7 ? FileGeneric.ALL & ~(Access.WRITE_DAC | Access.WRITE_OWNER) : mask >>> 0;
}

/**
 * The descriptor of an object for which none is kept. Where it may come to be kept (`isKept`), who may read may execute,
 * as access by mode bits has it: the bit that lets a file run on the server says nothing of clients. An owner `named`
 * otherwise than by the uid has all rights; what the bits leave out is the disk's to refuse.
 */
export function descriptorOfAcl(
  acl: PosixAcl,
  uid: number,
  gid: number,
  isKept = false,
  named?: Sid,
): SecurityDescriptor {
  const owner = named ?? sidOfUid(uid);
  const group = sidOfGid(gid);
  const limit = acl.find(({ tag }) => tag === AclTag.MASK)?.permissions ?? 7;
  const maskOf = (bits: number): number => maskOfBits(isKept && (bits & 4) !== 0 ? bits | 1 : bits);
  const aces: Ace[] = [];
  const allow = (sid: Sid, mask: number): void => {
    aces.push(simpleAce(AceType.ACCESS_ALLOWED, 0, mask >>> 0, sid));
  };
  for (const { tag, permissions, id } of limitNamedEntries(acl)) {
    if (tag === AclTag.USER_OBJ) allow(owner, named ? FileGeneric.ALL : maskOf(permissions) | OWNER_ACCESS);
    else if (tag === AclTag.USER) allow(sidOfUid(id), maskOf(permissions & limit));
    else if (tag === AclTag.GROUP_OBJ) allow(group, maskOf(permissions & limit));
    else if (tag === AclTag.GROUP) allow(sidOfGid(id), maskOf(permissions & limit));
    else if (tag === AclTag.OTHER) allow(WellKnownSid.WORLD, maskOf(permissions));
  }
  return { control: 0, owner, group, dacl: { revision: ACL_REVISION, aces }, sacl: undefined };
}

/** A list and a default list of so many, as entries of a descriptor, are less than the 64 KiB that it may have. */
const MAX_NAMED_ACES = 1300;

/** The entries that a descriptor has room for: of very many users and groups the last are left out. */
export function limitNamedEntries(acl: PosixAcl): PosixAcl {
  if (acl.length <= MAX_NAMED_ACES) return acl;
  let named = 0;
  return acl.filter(({ tag }) => (tag !== AclTag.USER && tag !== AclTag.GROUP) || ++named <= MAX_NAMED_ACES);
}

/** The kernel takes more, a disk's extended attribute does not. */
const MAX_NAMED_ACL_ENTRIES = 64;

/** The uid on disk that a SID stands for; several SIDs may stand for one. */
export type UidOf = (sid: Sid) => number | undefined;

/** The POSIX list that comes nearest to the descriptor's, for an object of this owner and group. */
export function aclOfDescriptor(
  descriptor: SecurityDescriptor,
  uid: number,
  gid: number,
  isDirectory: boolean,
  uidOf: UidOf = uidOfSid,
): PosixAcl {
  const named = namedEntries(descriptor, isDirectory, uidOf);
  // Whose files are the owner's on disk have what is theirs through the owner.
  const owners = named.find(({ tag, id }) => tag === AclTag.USER && id === uid)?.permissions ?? 0;
  const others = named.filter(({ tag, id }) => id !== (tag === AclTag.USER ? uid : gid));
  const ofOwner = [sidOfUid(uid), sidOfGid(gid)];
  const ofGroup = [sidOfGid(gid), ...groupSidOf(descriptor, gid)];
  return assembleAcl(
    owners | bitsFor(descriptor, ofOwner, isDirectory, true),
    bitsFor(descriptor, ofGroup, isDirectory),
    bitsFor(descriptor, [], isDirectory),
    others,
  );
}

/** In the kernel's order; where somebody is named there is a mask, which takes nothing from anybody. */
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

/** The permission bits that come to who has these SIDs, beside those that everybody has. */
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
    isNamed: false,
    isRoot: false,
  };
  return bitsOfRights(grantedAccess(descriptor, token, isOwner), isDirectory);
}

/** An entry for each Unix user and group that the list names. */
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

/** Everybody who could log on: what these may, all others of the server may too. */
const ALL_USERS = [
  WellKnownSid.WORLD,
  WellKnownSid.NETWORK,
  WellKnownSid.AUTHENTICATED_USERS,
  WellKnownSid.BUILTIN_USERS,
];

/** The Unix users and groups that the list has entries for, each once. */
function namedSids(descriptor: SecurityDescriptor, uidOf: UidOf): Sid[] {
  const named: Sid[] = [];
  for (const { sid, flags } of descriptor.dacl?.aces ?? []) {
    if ((flags & AceFlag.INHERIT_ONLY) !== 0) continue;
    if (uidOf(sid) === undefined && gidOfSid(sid) === undefined) continue;
    if (!named.some((known) => sameSid(known, sid))) named.push(sid);
  }
  return named;
}

/** The descriptor's group may be another server's name for the group on disk, but not that of another Unix group. */
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
  // Users of Windows may pass through directories whatever their list says, and who removes names writes.
  if (isDirectory && (rights & Access.DELETE_CHILD) !== 0) bits |= 2;
  if (isDirectory && bits !== 0) bits |= 1;
  return bits;
}

/**
 * Whether anybody whom `descriptor` allows something can be told by POSIX rights; a list that allows nobody anything
 * here, because it denies or is for what is made below, says nothing that they cannot say.
 */
export function isExpressible(descriptor: SecurityDescriptor): boolean {
  const { dacl, owner } = descriptor;
  const allowed = dacl?.aces.filter(allowsOnObject) ?? [];
  if (allowed.length === 0) return true;
  return allowed.some(
    ({ sid }) =>
      uidOfSid(sid) !== undefined ||
      gidOfSid(sid) !== undefined ||
      ALL_USERS.some((known) => sameSid(known, sid)) ||
      sameSid(sid, WellKnownSid.OWNER_RIGHTS) ||
      (owner !== undefined && sameSid(sid, owner)),
  );
}

/** [MS-DTYP] 2.4.2.4: the creator's entries are for what inherits them, flagged or not. */
function allowsOnObject({ type, flags, sid }: Ace): boolean {
  const { CREATOR_OWNER, CREATOR_GROUP } = WellKnownSid;
  if ((flags & AceFlag.INHERIT_ONLY) !== 0) return false;
  return ALLOWS.has(type) && !sameSid(sid, CREATOR_OWNER) && !sameSid(sid, CREATOR_GROUP);
}

const ALLOWS: ReadonlySet<number> = new Set([
  AceType.ACCESS_ALLOWED,
  AceType.ACCESS_ALLOWED_OBJECT,
  AceType.ACCESS_ALLOWED_CALLBACK,
  AceType.ACCESS_ALLOWED_CALLBACK_OBJECT,
]);
