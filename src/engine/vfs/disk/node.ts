// What is done to an object that an O_PATH descriptor holds: its stat, rights, data, times, mode and attributes.
// Synchronous, over plain data: on the event loop or in a volume's worker.
import { Errno } from "../../../linux/errno.ts";
import { setModeFd, setTimesFd } from "../../../linux/directory-entries.ts";
import { Open, closeFd, openAt, reopen } from "../../../linux/open.ts";
import { Access, ModeType, accessFd, emptyStatx, statFd } from "../../../linux/stat.ts";
import { FileAttribute, SETTABLE_ATTRIBUTES, STORED_ATTRIBUTES } from "../../../wire/fscc/attributes.ts";
import { emptyStat, fillStat, identityOf } from "../format/file-stat.ts";
import type { DosAttributes } from "../format/dos-attributes.ts";
import { withBothTimes } from "../context/disk-traits.ts";
import { maxValueBytesOf } from "../values/named-values.ts";
import { attributesInMode, modeOfAttributes } from "../format/mode-attributes.ts";
import { splitPath } from "../name/names.ts";
import { readNodeDescriptor } from "../values/security.ts";
import type { ShareContext } from "../context/share-context.ts";
import { type Failure, FileKind, type FileStat, type OpenMode, type TimeChange } from "../store.ts";
import { readStored, writeStored } from "../values/stored-attributes.ts";
import { isHiddenByName } from "../name/veto.ts";

const statx = emptyStatx();

/**
 * The stat of an object; `path` is the on-disk path it was opened by. `known` is what is stored for it, where somebody
 * has just stored that.
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

/** What a FileNode is made of. */
export interface NodeFacts {
  readonly stat: FileStat;
  /** As `FileNode.access` says; -1 where it is asked anew each time. */
  readonly rights: number;
  /** As `NamedValues.maxValueBytes` says. */
  readonly maxValueBytes: number;
}

/** `statNode`, and the user's rights where the loop may not ask for them itself. */
export function describeNode(
  context: ShareContext,
  fd: number,
  path: string,
  known?: DosAttributes,
): NodeFacts | Failure {
  const stat = statNode(context, fd, path, known);
  if (typeof stat === "number") return stat;
  const rights = context.isWorker ? nodeAccess(context, fd, stat) : -1;
  return { stat, rights, maxValueBytes: maxValueBytesOf(context, fd, stat.device) };
}

/** `FileNode.access`. */
export function nodeAccess(context: ShareContext, fd: number, stat: FileStat): number {
  const { identity } = context;
  if (identity.enter() < 0) return 0;
  try {
    return accessAsUser(context, fd, stat);
  } finally {
    identity.leave();
  }
}

function accessAsUser(context: ShareContext, fd: number, stat: FileStat): number {
  let rights = 0;
  const both = accessFd(fd, Access.READ | Access.WRITE);
  if (both === -Errno.ENOSYS || both === -Errno.EPERM) return accessByMode(context, stat);
  if (both === 0) rights = Access.READ | Access.WRITE;
  else if (accessFd(fd, Access.READ) === 0) rights = Access.READ;
  else if (accessFd(fd, Access.WRITE) === 0) rights = Access.WRITE;
  return accessFd(fd, Access.EXECUTE) === 0 ? rights | Access.EXECUTE : rights;
}

/** By owner, group and mode alone, as path_resolution(7) tells it. */
function accessByMode(context: ShareContext, stat: FileStat): number {
  const { mode, uid, gid, kind } = stat;
  const user = context.identity;
  if (user.uid === 0) return kind === FileKind.DIRECTORY || (mode & 0o111) !== 0 ? 7 : 6;
  if (user.uid === uid) return (mode >> 6) & 7;
  return user.gid === gid || user.groups.includes(gid) ? (mode >> 3) & 7 : mode & 7;
}

/** Opens the data of the object, as the user: a descriptor or a failure. */
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

/** The name is opened once more where /proc is missing, and must still name this object. */
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
  // By now it may be a FIFO, which is not waited for.
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

/** `FileNode.setTimes`. Where nothing keeps a birth time, it stays what the file system says. */
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
 * `FileNode.setMode`. A file that runs with the rights of its owner or group comes about where the masks for new files
 * have those bits too, and nowhere else: the share may act as root, or as one user for all.
 */
export function setNodeMode(context: ShareContext, fd: number, mode: number): 0 | Failure {
  const failure = statFd(fd, statx);
  if (failure < 0) return failure;
  const { createMask, forceCreateMode } = context.grant;
  const isDirectory = (statx.mode & ModeType.MASK) === ModeType.DIRECTORY;
  const kept = isDirectory ? 0o7777 : 0o1777 | createMask | forceCreateMode | statx.mode;
  return context.asUser(() => setModeFd(fd, mode & kept & 0o7777));
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
  // A full disk may still keep what the mode can say.
  const kept = storeInMode(context, fd, path, bits, stat);
  return kept === -Errno.EOPNOTSUPP ? failure : kept;
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
  return storeBits(context, fd, path, others | (isSparse ? FileAttribute.SPARSE_FILE : 0), stat);
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
 * Does `action` as the user, and where POSIX wants the owner but Windows would be content with the right to
 * write, as the server.
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

/** READONLY taken away must also let the file be written: a mode without the owner's write bit gets it. */
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

/** Where nothing is stored: what the mode can say of a file is kept there, the rest cannot be. */
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

/** A descriptor counts as long as the mode stays: who may change attributes must not get rid of it that way. */
function hasBoundDescriptor(context: ShareContext, fd: number, path: string): boolean {
  return context.grant.security.acl === "nt" && typeof readNodeDescriptor(context, fd, path) !== "number";
}

/** The bits to store for a file as it is: what its name alone makes HIDDEN is not stored. */
function storedBits(context: ShareContext, stat: FileStat, path: string): number {
  const bits = stat.attributes & STORED_ATTRIBUTES;
  return isHiddenByName(splitPath(path).name, context.grant) ? bits & ~FileAttribute.HIDDEN : bits;
}
