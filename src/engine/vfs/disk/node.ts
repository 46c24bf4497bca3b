// Operations on the object of an O_PATH descriptor: stat, access rights, opening its data, times, mode and
// attributes.
import { Errno } from "../../../linux/errno.ts";
import { setModeFd, setTimesFd } from "../../../linux/directory-entries.ts";
import { Open, closeFd, openAt, reopen } from "../../../linux/open.ts";
import { Access, ModeType, accessFd, emptyStatx, statFd } from "../../../linux/stat.ts";
import { FileAttribute, SETTABLE_ATTRIBUTES, STORED_ATTRIBUTES } from "../../../wire/fscc/attributes.ts";
import { emptyStat, fillStat, identityOf } from "../format/file-stat.ts";
import type { DosAttributes } from "../format/dos-attributes.ts";
import { type DiskTraits, traitsOf, withBothTimes } from "../context/disk-traits.ts";
import { isAbsent, withCompanion } from "../values/apple-values.ts";
import { storesAttributes } from "../values/named-values.ts";
import { attributesInMode, modeOfAttributes } from "../format/mode-attributes.ts";
import { splitPath } from "../name/names.ts";
import { readNodeDescriptor } from "../values/security.ts";
import type { ShareContext } from "../context/share-context.ts";
import {
  type Failure,
  FileKind,
  type FileStat,
  OWNERLESS,
  type OpenMode,
  type TimeChange,
} from "../store.ts";
import { readStored, writeStored } from "../values/stored-attributes.ts";
import { isHiddenByName } from "../name/veto.ts";

const READ_WRITE = Access.READ | Access.WRITE;
const statx = emptyStatx();

/**
 * `FileNode.refresh`. `path` is the on-disk path by which the object was opened; `known`: its stored
 * attributes, where the caller has just stored them.
 */
export function statNode(
  context: ShareContext,
  fd: number,
  path: string,
  known?: DosAttributes,
): FileStat | Failure {
  const failure = statFd(fd, statx);
  if (failure < 0) return failure;
  const { grant } = context;
  const stored = known ?? readStored(context, fd, statx, path);
  return fillStat(emptyStat(), statx, stored, splitPath(path).name, grant);
}

/** The data from which a FileNode is made. */
export interface NodeFacts {
  readonly stat: FileStat;
  /** As `FileNode.access` returns them; -1 where the event loop asks anew each time. */
  readonly rights: number;
  /** `NamedValues.areAttributes`. */
  readonly areAttributes: boolean;
}

/**
 * `statNode`, and in a worker the user's rights, for which the event loop may not ask this disk. `bits`: what
 * `rightsInForce` has returned to the caller, else -1.
 */
export function describeNode(
  context: ShareContext,
  fd: number,
  path: string,
  known?: DosAttributes,
  bits = -1,
): NodeFacts | Failure {
  const stat = statNode(context, fd, path, known);
  if (typeof stat === "number") return stat;
  let rights = -1;
  if (bits >= 0) rights = withOwnerless(bits, traitsOf(context, stat.device, fd));
  else if (context.isWorker) rights = nodeAccess(context, fd, stat);
  return { stat, rights, areAttributes: storesAttributes(context, fd, stat.device) };
}

/** `FileNode.access`. */
export function nodeAccess(context: ShareContext, fd: number, stat: FileStat): number {
  const { identity } = context;
  if (identity.enter() < 0) return 0;
  let rights = 0;
  try {
    rights = rightsInForce(fd);
  } finally {
    identity.leave();
  }
  if (rights < 0) rights = accessByMode(context, stat);
  return withOwnerless(rights, traitsOf(context, stat.device, fd));
}

/** Adds OWNERLESS where it holds. */
export function withOwnerless(rights: number, { keepsOwners }: DiskTraits): number {
  return !keepsOwners && (rights & READ_WRITE) === READ_WRITE ? rights | OWNERLESS : rights;
}

/**
 * What the user in force may do with the object; -1 where the kernel cannot tell: faccessat2 is of Linux 5.8,
 * and filters of system calls refuse it with EPERM.
 */
export function rightsInForce(fd: number): number {
  let rights = 0;
  const both = accessFd(fd, Access.READ | Access.WRITE);
  if (both === -Errno.ENOSYS || both === -Errno.EPERM) return -1;
  if (both === 0) rights = Access.READ | Access.WRITE;
  else if (accessFd(fd, Access.READ) === 0) rights = Access.READ;
  else if (accessFd(fd, Access.WRITE) === 0) rights = Access.WRITE;
  return accessFd(fd, Access.EXECUTE) === 0 ? rights | Access.EXECUTE : rights;
}

/** Rights by owner, group and mode alone; path_resolution(7). */
export function accessByMode(context: ShareContext, stat: FileStat): number {
  const { mode, uid, gid, kind } = stat;
  const user = context.identity;
  if (user.uid === 0) return kind === FileKind.DIRECTORY || (mode & 0o111) !== 0 ? 7 : 6;
  if (user.uid === uid) return (mode >> 6) & 7;
  return user.gid === gid || user.groups.includes(gid) ? (mode >> 3) & 7 : mode & 7;
}

/** Opens the data of the object as the user; returns a descriptor. */
export function openNode(
  context: ShareContext,
  fd: number,
  path: string,
  identity: string,
  kind: FileKind,
  mode: OpenMode,
): number | Failure {
  const flags = kind === FileKind.DIRECTORY ? Open.RDONLY | Open.DIRECTORY : openFlagsOf(mode);
  const user = context.identity;
  const denied = user.enter();
  if (denied < 0) return denied;
  try {
    return reopenNode(context, fd, path, identity, flags);
  } finally {
    user.leave();
  }
}

/** Reopens the descriptor; without /proc by its path, which must still name this object. */
function reopenNode(
  context: ShareContext,
  fd: number,
  path: string,
  identity: string,
  flags: number,
): number | Failure {
  const again = reopen(fd, flags);
  if (again !== -Errno.ENOENT) return again;
  const { parent, name } = splitPath(path);
  const directory = context.openDirectoryPath(parent);
  if (directory < 0) return directory;
  // NONBLOCK: the name may be a FIFO by now.
  const other = openAt(directory, name === "" ? "." : name, flags | Open.NOFOLLOW | Open.NONBLOCK);
  closeFd(directory);
  if (other < 0) return other;
  if (statFd(other, statx) === 0 && identityOf(statx) === identity) return other;
  closeFd(other);
  return -Errno.ENOENT;
}

function openFlagsOf(mode: OpenMode): number {
  const flags = mode.write ? (mode.read ? Open.RDWR : Open.WRONLY) : Open.RDONLY;
  return flags | Open.NOCTTY | (mode.writeThrough ? Open.DSYNC : 0);
}

/** `FileNode.setTimes`. A birth time that cannot be stored is ignored. */
export function setNodeTimes(
  context: ShareContext,
  fd: number,
  path: string,
  times: TimeChange,
): 0 | Failure {
  const { access, modify, birth } = withBothTimes(context, fd, times);
  if (access !== undefined || modify !== undefined) {
    const set = () =>
      setTimesFd(fd, access?.seconds, access?.nanoseconds ?? 0, modify?.seconds, modify?.nanoseconds ?? 0);
    const failure = asWriter(context, fd, set);
    if (failure < 0) return failure;
  }
  if (birth === undefined || !context.grant.storeDosAttributes) return 0;
  const stat = statNode(context, fd, path);
  if (typeof stat === "number") return stat;
  const bits = storedBits(context, stat, path);
  const failure = asWriter(context, fd, () =>
    writeStored(context, fd, path, stat.mode, bits, birth.seconds, birth.nanoseconds),
  );
  return failure === -Errno.EOPNOTSUPP ? 0 : failure;
}

/**
 * `FileNode.setMode`. setuid and setgid of a file can be set only where the share's create masks contain
 * them: the share may act as root, or as one user for all.
 */
export function setNodeMode(context: ShareContext, fd: number, mode: number): 0 | Failure {
  const failure = statFd(fd, statx);
  if (failure < 0) return failure;
  const { createMask, forceCreateMode } = context.grant;
  const isDirectory = (statx.mode & ModeType.MASK) === ModeType.DIRECTORY;
  const allowed = isDirectory ? 0o7777 : 0o1777 | createMask | forceCreateMode | statx.mode;
  const changed = context.asUser(() => setModeFd(fd, mode & allowed & 0o7777));
  if (changed < 0 || isDirectory || !context.grant.streams) return changed;
  const beside = withCompanion(context, fd, "", (companion) =>
    companion.isOwn ? setModeFd(companion.fd, mode & 0o666) : 0,
  );
  return beside < 0 && !isAbsent(beside) ? beside : 0;
}

/** `FileNode.setAttributes`. */
export function setNodeAttributes(
  context: ShareContext,
  fd: number,
  path: string,
  attributes: number,
): 0 | Failure {
  const stat = statNode(context, fd, path);
  if (typeof stat === "number") return stat;
  const bits = (attributes & SETTABLE_ATTRIBUTES) | (stat.attributes & FileAttribute.SPARSE_FILE);
  if (!context.grant.storeDosAttributes) return storeInMode(context, fd, path, bits, stat);
  const failure = storeBits(context, fd, path, bits, stat);
  if (failure === 0) return makeWritable(context, fd, path, bits, stat);
  if (failure !== -Errno.EOPNOTSUPP && failure !== -Errno.ENOSPC) return failure;
  // On a full disk the mode can still hold some attributes.
  const result = storeInMode(context, fd, path, bits, stat);
  return result === -Errno.EOPNOTSUPP ? failure : result;
}

/** `FileNode.markForArchive`. */
export function markNodeForArchive(context: ShareContext, fd: number, path: string): 0 | Failure {
  const stat = statNode(context, fd, path);
  if (typeof stat === "number") return stat;
  if ((stat.attributes & FileAttribute.ARCHIVE) !== 0) return 0;
  return setNodeAttributes(context, fd, path, stat.attributes | FileAttribute.ARCHIVE);
}

/** `FileNode.setSparse`. */
export function setNodeSparse(
  context: ShareContext,
  fd: number,
  path: string,
  isSparse: boolean,
): 0 | Failure {
  const stat = statNode(context, fd, path);
  if (typeof stat === "number") return stat;
  const others = storedBits(context, stat, path) & ~FileAttribute.SPARSE_FILE;
  if (!context.grant.storeDosAttributes) return -Errno.EOPNOTSUPP;
  const bits = others | (isSparse ? FileAttribute.SPARSE_FILE : 0);
  const failure = storeBits(context, fd, path, bits, stat);
  if (failure < 0) return failure;
  // NTFS keeps the attribute of a file that is sparse on the disk.
  const now = statNode(context, fd, path);
  if (typeof now === "number") return now;
  return ((now.attributes ^ bits) & FileAttribute.SPARSE_FILE) === 0 ? 0 : -Errno.EOPNOTSUPP;
}

function storeBits(
  context: ShareContext,
  fd: number,
  path: string,
  bits: number,
  stat: FileStat,
): 0 | Failure {
  const { mode, birthSeconds, birthNanoseconds } = stat;
  return asWriter(context, fd, () =>
    writeStored(context, fd, path, mode, bits, birthSeconds, birthNanoseconds),
  );
}

/**
 * Calls `action` as the user. Where that fails because POSIX demands the owner, calls it as the server if the
 * user has write access, which is enough on Windows.
 */
function asWriter(context: ShareContext, fd: number, action: () => 0 | Failure): 0 | Failure {
  const failure = context.asUser(action);
  if (failure !== -Errno.EPERM && failure !== -Errno.EACCES) return failure;
  const { identity } = context;
  if (!identity.isSwitching) return failure;
  const stat = statNode(context, fd, "");
  if (typeof stat === "number") return stat;
  const mayWrite = stat.uid === identity.uid || (nodeAccess(context, fd, stat) & Access.WRITE) !== 0;
  return mayWrite ? action() : failure;
}

/** A client that clears READONLY must be able to write the file: adds the owner's write bit to its mode. */
function makeWritable(
  context: ShareContext,
  fd: number,
  path: string,
  bits: number,
  stat: FileStat,
): 0 | Failure {
  if (stat.kind !== FileKind.FILE || (bits & FileAttribute.READONLY) !== 0) return 0;
  if ((stat.attributes & FileAttribute.READONLY) === 0 || (stat.mode & 0o200) !== 0) return 0;
  return hasBoundDescriptor(context, fd, path) ? 0 : setNodeMode(context, fd, stat.mode | 0o200);
}

/** Maps the attributes to the file's mode; -EOPNOTSUPP where others than those are to be set. */
function storeInMode(
  context: ShareContext,
  fd: number,
  path: string,
  bits: number,
  stat: FileStat,
): 0 | Failure {
  const { modeMapping, createMask } = context.grant;
  const lost = SETTABLE_ATTRIBUTES & ~attributesInMode(modeMapping) & ~stat.attributes;
  if ((bits & lost) !== 0) return -Errno.EOPNOTSUPP;
  if (stat.kind !== FileKind.FILE) return 0;
  const mode = modeOfAttributes(stat.mode, bits, modeMapping, createMask & 0o022);
  if (mode === stat.mode) return 0;
  return hasBoundDescriptor(context, fd, path) ? -Errno.EOPNOTSUPP : setNodeMode(context, fd, mode);
}

/**
 * True where a stored descriptor would become invalid with a change of mode: setting attributes must not do
 * that.
 */
function hasBoundDescriptor(context: ShareContext, fd: number, path: string): boolean {
  return context.grant.security.acl === "nt" && typeof readNodeDescriptor(context, fd, path) !== "number";
}

/** The attributes to store for a file; without HIDDEN where its name alone makes it hidden. */
function storedBits(context: ShareContext, stat: FileStat, path: string): number {
  const bits = stat.attributes & STORED_ATTRIBUTES;
  return isHiddenByName(splitPath(path).name, context.grant) ? bits & ~FileAttribute.HIDDEN : bits;
}
