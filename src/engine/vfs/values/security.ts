// Reads and writes an object's stored security descriptor and its rights on disk (mode and POSIX ACLs);
// acl(5), xattr(7). A stored descriptor is valid as long as the rights on disk are those that it was stored
// with, so that chmod(1) and setfacl(1) take precedence. All functions run as the server.
import { Errno } from "../../../linux/errno.ts";
import { Scratch } from "../../../linux/libc.ts";
import { setModeFd, setOwnerFd } from "../../../linux/directory-entries.ts";
import { emptyStatx, ModeType, type Statx, statFd } from "../../../linux/stat.ts";
import { getXattr, removeXattr, setXattr } from "../../../linux/xattr.ts";
import { WireError } from "../../../wire/cursor.ts";
import type { SecurityDescriptor } from "../../../wire/security/security-descriptor.ts";
import { isAbsent, withCompanion } from "./apple-values.ts";
import { getNamedValue, removeNamedValue, setNamedValue } from "./named-values.ts";
import { companionPath, withObjectOf } from "./object-of-companion.ts";
import { decodeNtAcl, encodeNtAcl, NTACL, type NtAcl, NtAclBinding } from "../format/ntacl.ts";
import {
  ACCESS_ACL,
  AclTag,
  aclOfMode,
  DEFAULT_ACL,
  decodePosixAcl,
  encodePosixAcl,
  hashRights,
  isExtended,
  modeOfAcl,
  type PosixAcl,
} from "../../security/posix-acl.ts";
import type { ShareContext } from "../context/share-context.ts";
import type { Failure, PosixRights, SecurityChange } from "../store.ts";

const statx = emptyStatx();
const room = new Scratch(65_536);

/**
 * `ObjectSecurity.readDescriptor`. An AppleDouble file without one has that of its object: users who have one
 * owner on disk would read there what the object's keeps from them.
 */
export function readNodeDescriptor(
  context: ShareContext,
  fd: number,
  path: string,
): SecurityDescriptor | Failure {
  const own = readOwnDescriptor(context, fd, path);
  if (own !== -Errno.ENODATA || context.grant.security.acl !== "nt") return own;
  return withObjectOf(context, fd, path, (object, objectPath) =>
    readOwnDescriptor(context, object, objectPath),
  );
}

function readOwnDescriptor(context: ShareContext, fd: number, path: string): SecurityDescriptor | Failure {
  const value = getNamedValue(context, fd, path, NTACL);
  if (typeof value === "number") {
    return value === -Errno.EOPNOTSUPP || value === -Errno.ENOENT ? -Errno.ENODATA : value;
  }
  const stored = decodeStored(value);
  if (stored === undefined) return -Errno.ENODATA;
  if (stored.binding === NtAclBinding.NONE || context.grant.security.ignoreSystemAcls)
    return stored.descriptor;
  if (stored.binding !== NtAclBinding.RIGHTS) return -Errno.ENODATA;
  const failure = statFd(fd, statx);
  if (failure < 0) return failure;
  return isBoundTo(fd, statx, stored) ? stored.descriptor : -Errno.ENODATA;
}

/** A descriptor that cannot be decoded counts as missing, so that the rights on disk apply. */
function decodeStored(value: Uint8Array): NtAcl | undefined {
  try {
    return decodeNtAcl(value);
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

function isBoundTo(fd: number, facts: Statx, stored: NtAcl): boolean {
  const { uid, gid, mode } = facts;
  const matches = (access: PosixAcl | undefined, inherited: PosixAcl | undefined): boolean =>
    Buffer.compare(hashRights({ access, inherited, uid, gid, mode }), stored.rightsHash) === 0;
  const access = readList(fd, ACCESS_ACL);
  const inherited = inheritedOf(fd, facts);
  if (matches(access ?? aclOfMode(mode), inherited)) return true;
  return matches(access, absentIfEmpty(inherited));
}

/** ksmbd hashes a missing default ACL as missing. */
function absentIfEmpty(acl: PosixAcl | undefined): PosixAcl | undefined {
  return acl?.length === 0 ? undefined : acl;
}

/** Samba hashes a directory's missing default ACL as one without entries. */
function inheritedOf(fd: number, facts: Statx): PosixAcl | undefined {
  const isDirectory = (facts.mode & ModeType.MASK) === ModeType.DIRECTORY;
  return isDirectory ? (readList(fd, DEFAULT_ACL) ?? []) : undefined;
}

/** Reads a POSIX ACL; undefined where there is none or it cannot be decoded. */
function readList(fd: number, name: string): PosixAcl | undefined {
  const length = getXattr(fd, name, room);
  if (length <= 0) return undefined;
  try {
    const acl = decodePosixAcl(room.bytes.subarray(0, length));
    return acl.length === 0 ? undefined : acl;
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

/** `ObjectSecurity.readRights`. */
export function readNodeRights(_: ShareContext, fd: number): PosixRights | Failure {
  const failure = statFd(fd, statx);
  if (failure < 0) return failure;
  const { mode } = statx;
  const isDirectory = (mode & ModeType.MASK) === ModeType.DIRECTORY;
  const inherited = isDirectory ? readList(fd, DEFAULT_ACL) : undefined;
  return { access: readList(fd, ACCESS_ACL) ?? aclOfMode(mode), inherited };
}

/**
 * `ObjectSecurity.write`: first the rights, then the descriptor bound to them. In between the old descriptor
 * is invalid and the new rights apply. Where the new descriptor cannot be stored, the old rights are
 * restored, which makes the old descriptor valid again.
 */
export function writeNodeSecurity(
  context: ShareContext,
  fd: number,
  path: string,
  change: SecurityChange,
): 0 | Failure {
  if (context.grant.readOnly) return -Errno.EROFS;
  const failure = statFd(fd, statx);
  if (failure < 0) return failure;
  const { uid, gid } = statx;
  const before = readNodeRights(context, fd);
  if (typeof before === "number") return before;
  const changed = writeRightsWithCompanion(context, fd, path, change);
  const result = changed < 0 ? changed : writeDescriptor(context, fd, path, change.descriptor);
  if (result < 0) {
    writeRightsWithCompanion(context, fd, path, {
      uid: change.uid < 0 ? -1 : uid,
      gid: change.gid < 0 ? -1 : gid,
      acl: before.access,
      inherited: change.inherited === undefined ? undefined : (before.inherited ?? null),
      descriptor: undefined,
    });
  }
  return result;
}

/** The AppleDouble file first: who may no longer read the object must not read its streams there. */
function writeRightsWithCompanion(
  context: ShareContext,
  fd: number,
  path: string,
  change: SecurityChange,
): 0 | Failure {
  const beside = context.grant.streams
    ? withCompanion(
        context,
        fd,
        path,
        ({ isOwn, fd: own }) => {
          if (!isOwn) return 0;
          const failure = writeRights(own, { ...change, inherited: undefined });
          return failure < 0 ? failure : removeDescriptor(context, own, companionPath(path));
        },
        null,
      )
    : 0;
  return beside < 0 && !isAbsent(beside) ? beside : writeRights(fd, change);
}

function writeRights(fd: number, { uid, gid, acl, inherited }: SecurityChange): 0 | Failure {
  let failure = uid >= 0 || gid >= 0 ? setOwnerFd(fd, uid, gid) : 0;
  if (failure >= 0 && inherited !== undefined) failure = writeInherited(fd, inherited);
  if (failure < 0 || acl === undefined) return failure;
  // chown(2) clears setuid and setgid of a file; they stay cleared.
  failure = statFd(fd, statx);
  return failure < 0 ? failure : writeAcl(fd, statx.mode & 0o7000, acl);
}

function writeDescriptor(
  context: ShareContext,
  fd: number,
  path: string,
  descriptor: SecurityDescriptor | undefined,
): 0 | Failure {
  if (descriptor === undefined) return removeDescriptor(context, fd, path);
  const failure = statFd(fd, statx);
  if (failure < 0) return failure;
  const { uid, gid, mode, changeSeconds, changeNanoseconds } = statx;
  // With both ACLs present, Samba and ksmbd compute the same hash.
  const isForKsmbd = context.grant.streamForm === "ksmbd";
  const list = readList(fd, ACCESS_ACL);
  const access = isForKsmbd ? list : (list ?? aclOfMode(mode));
  const asSamba = inheritedOf(fd, statx);
  const inherited = isForKsmbd ? absentIfEmpty(asSamba) : asSamba;
  const hash = hashRights({ access, inherited, uid, gid, mode });
  const time = { seconds: changeSeconds, nanoseconds: changeNanoseconds };
  return setNamedValue(context, fd, path, NTACL, encodeNtAcl(descriptor, hash, time), true);
}

/** Otherwise the old descriptor would become valid again when the rights it is bound to come back. */
function removeDescriptor(context: ShareContext, fd: number, path: string): 0 | Failure {
  const result = removeNamedValue(context, fd, path, NTACL);
  const isGone = result === -Errno.ENODATA || result === -Errno.EOPNOTSUPP || result === -Errno.ENOENT;
  return isGone ? 0 : result;
}

/** Sets or removes the default ACL; 0 on a disk without POSIX ACLs. */
function writeInherited(fd: number, inherited: PosixAcl | null): 0 | Failure {
  const result =
    inherited === null ? removeXattr(fd, DEFAULT_ACL) : setXattr(fd, DEFAULT_ACL, encodePosixAcl(inherited));
  const isNone = result === -Errno.EOPNOTSUPP || (inherited === null && result === -Errno.ENODATA);
  return isNone ? 0 : result;
}

function writeAcl(fd: number, special: number, acl: PosixAcl): 0 | Failure {
  if (!isExtended(acl)) {
    const removed = removeXattr(fd, ACCESS_ACL);
    if (removed < 0 && removed !== -Errno.ENODATA && removed !== -Errno.EOPNOTSUPP) return removed;
    return setModeFd(fd, special | modeOfAcl(acl));
  }
  const failure = setXattr(fd, ACCESS_ACL, encodePosixAcl(acl));
  if (failure !== -Errno.EOPNOTSUPP) return failure;
  // Without POSIX ACLs only the mode is set, from the base entries; nobody gains rights by that.
  return setModeFd(fd, special | modeOfAcl(acl.filter(({ tag }) => BASE_TAGS.has(tag))));
}

const BASE_TAGS: ReadonlySet<number> = new Set([AclTag.USER_OBJ, AclTag.GROUP_OBJ, AclTag.OTHER]);
