// Stores DOS attributes ([MS-FSCC] 2.6) and creation time of an object: in the disk's own attributes (FAT,
// exFAT, NTFS), else in the value user.DOSATTRIB, which also has what the disk's own attributes cannot hold.
import { Errno } from "../../../linux/errno.ts";
import { getFatAttributes, setFatAttributes } from "../../../linux/fat-attributes.ts";
import type { EntryXattrs } from "../../../linux/entry-xattrs.ts";
import { Open, closeFd, reopen } from "../../../linux/open.ts";
import { Access, ModeType, type Statx, accessFd, emptyStatx, statFd } from "../../../linux/stat.ts";
import { getXattr, setXattr } from "../../../linux/xattr.ts";
import { attributesOnWire, FileAttribute, STORED_ATTRIBUTES } from "../../../wire/fscc/attributes.ts";
import { deviceOf, xattrRoom } from "../format/file-stat.ts";
import { type DiskTraits, traitsOf } from "../context/disk-traits.ts";
import {
  DOS_ATTRIBUTES_XATTR,
  type DosAttributes,
  readDosAttributes,
  writeDosAttributes,
} from "../format/dos-attributes.ts";
import { attributesOfMode } from "../format/mode-attributes.ts";
import type { ShareContext } from "../context/share-context.ts";
import { getSidecarValue, removeSidecarValue, setSidecarValue } from "../sidecar/folder.ts";
import type { Failure } from "../store.ts";
import { setModeFd } from "../../../linux/directory-entries.ts";
import { changeSidecar, inSidecar } from "./in-sidecar.ts";
import { readNtfs, writeNtfs } from "./ntfs-attributes.ts";

/** The attributes that FAT has, with the same numbers. */
const FAT_BITS = FileAttribute.READONLY | FileAttribute.HIDDEN | FileAttribute.SYSTEM | FileAttribute.ARCHIVE;
const FAT_DIRECTORY = 0x10;
const FAT_ROOT_INODE = 1;
/** FAT has birth times of 10 ms resolution, and clients set the times that they have read. */
const BIRTH_TOLERANCE_SECONDS = 2;

const facts = emptyStatx();

/** The stored attributes of a descriptor's object, whose statx is `from`; undefined where none are stored. */
export function readStored(
  context: ShareContext,
  fd: number,
  from: Statx,
  path: string,
): DosAttributes | undefined {
  if (!context.grant.storeDosAttributes) return undefined;
  const traits = traitsOf(context, deviceOf(from), fd);
  if (traits.hasNtfsAttributes) return readNtfsAndBirth(context, fd, from, path);
  if (traits.hasFatAttributes && isFileOrDirectory(from)) {
    const native = readFatByReopening(context, traits, fd);
    if (native !== undefined) return mergeFat(native, from, attributesInSidecar(context, fd, path));
  }
  if (traits.hasUserXattrs) return storedAttributes(fd);
  return isFileOrDirectory(from) ? attributesInSidecar(context, fd, path) : undefined;
}

function readNtfsAndBirth(context: ShareContext, fd: number, from: Statx, path: string): DosAttributes {
  const found = readNtfs(context, fd, from, path);
  if (found.birthSeconds !== undefined) return found;
  // The kernel's ntfs3 lacks this xattr: birth time of user.DOSATTRIB, else of the disk.
  const value = storedAttributes(fd);
  return value === undefined
    ? found
    : { ...found, birthSeconds: value.birthSeconds, birthNanoseconds: value.birthNanoseconds };
}

/** True for objects that can be opened without the side effects of devices, FIFOs and the like. */
export function isFileOrDirectory(stat: Statx): boolean {
  const type = stat.mode & ModeType.MASK;
  return type === ModeType.REGULAR || type === ModeType.DIRECTORY;
}

function attributesInSidecar(context: ShareContext, fd: number, path: string): DosAttributes | undefined {
  const value = inSidecar<Uint8Array | Failure>(context, fd, path, (folder, subject) =>
    getSidecarValue(folder, subject, DOS_ATTRIBUTES_XATTR),
  );
  return typeof value === "number" ? undefined : parseStored(value);
}

export function parseStored(value: Uint8Array): DosAttributes | undefined {
  return readDosAttributes(new DataView(value.buffer, value.byteOffset, value.byteLength), value.length);
}

/**
 * Merges FAT's own bits, which take precedence, with the other bits and the birth time of the stored value.
 */
export function mergeFat(native: number, from: Statx, value: DosAttributes | undefined): DosAttributes {
  // FAT's root directory has no attributes of its own.
  const isRoot = from.inodeLow === FAT_ROOT_INODE && from.inodeHigh === 0;
  const asked = (value?.attributes ?? 0) & STORED_ATTRIBUTES;
  return {
    attributes: isRoot ? asked : (native & FAT_BITS) | (asked & ~FAT_BITS),
    birthSeconds: value?.birthSeconds,
    birthNanoseconds: value?.birthNanoseconds ?? 0,
  };
}

/** Reads FAT's attributes; undefined where that fails. Notes in `traits` that the driver lacks the ioctl. */
export function fatAttributes(traits: DiskTraits, fd: number): number | undefined {
  const bits = getFatAttributes(fd);
  if (bits === -Errno.ENOTTY || bits === -Errno.EOPNOTSUPP) traits.hasFatAttributes = false;
  return bits < 0 ? undefined : bits;
}

function readFatByReopening(context: ShareContext, traits: DiskTraits, fd: number): number | undefined {
  return context.identity.asServer(() => {
    const opened = reopen(fd, Open.RDONLY | Open.NONBLOCK | Open.NOCTTY);
    if (opened < 0) return undefined;
    const bits = fatAttributes(traits, opened);
    closeFd(opened);
    return bits;
  });
}

/**
 * Stores attributes and birth time of an object whose permission bits are `mode`, as the thread's current
 * user. -EOPNOTSUPP where they cannot be stored.
 */
export function writeStored(
  context: ShareContext,
  fd: number,
  path: string,
  mode: number,
  attributes: number,
  seconds: number,
  nanoseconds: number,
): 0 | Failure {
  const failure = statFd(fd, facts);
  if (failure < 0) return failure;
  const traits = traitsOf(context, deviceOf(facts), fd);
  if (traits.hasNtfsAttributes) {
    const result = writeNtfs(context, fd, facts, path, attributes, seconds, nanoseconds);
    if (result !== -Errno.EOPNOTSUPP && result !== -Errno.EINVAL) return result;
    // The kernel's ntfs3 cannot set the creation time.
    const isNear = facts.hasBirth && Math.abs(facts.birthSeconds - seconds) <= BIRTH_TOLERANCE_SECONDS;
    return isNear ? 0 : storeAttributes(fd, mode, attributesForKsmbd(attributes), seconds, nanoseconds);
  }
  if (traits.hasFatAttributes && isFileOrDirectory(facts)) {
    const isFarBirth = !facts.hasBirth || Math.abs(facts.birthSeconds - seconds) > BIRTH_TOLERANCE_SECONDS;
    const isBeyond = isFarBirth || (attributes & STORED_ATTRIBUTES & ~FAT_BITS) !== 0;
    const result = writeFat(traits, fd, attributes);
    if (result === 0 && !isBeyond) return removeSidecarAttributes(context, fd, path);
    if (result < 0 && result !== -Errno.ENOTTY && result !== -Errno.EINVAL) return result;
  } else if (traits.hasUserXattrs) {
    const result = storeAttributes(fd, mode, attributesForKsmbd(attributes), seconds, nanoseconds);
    if (result !== -Errno.EOPNOTSUPP) return result;
    traits.hasUserXattrs = false;
  }
  const denied = accessFd(fd, Access.WRITE);
  if (denied < 0 && denied !== -Errno.ENOSYS) return denied;
  const value = writeDosAttributes(attributes, seconds, nanoseconds);
  return changeSidecar(context, fd, path, (folder, subject) =>
    setSidecarValue(folder, subject, DOS_ATTRIBUTES_XATTR, value),
  );
}

/** Removes the value, which would contradict FAT's own attributes; -EAGAIN where a worker must do it. */
function removeSidecarAttributes(context: ShareContext, fd: number, path: string): 0 | Failure {
  const result = changeSidecar(context, fd, path, (folder, subject) =>
    removeSidecarValue(folder, subject, DOS_ATTRIBUTES_XATTR),
  );
  return result === -Errno.EAGAIN ? result : 0;
}

function writeFat(traits: DiskTraits, fd: number, attributes: number): 0 | Failure {
  const opened = reopen(fd, Open.RDONLY | Open.NONBLOCK | Open.NOCTTY);
  if (opened < 0) return opened;
  const before = fatAttributes(traits, opened);
  let result = before === undefined ? -Errno.ENOTTY : 0;
  const wanted = (attributes & FAT_BITS) | ((before ?? 0) & FAT_DIRECTORY);
  if (before !== undefined && before !== wanted) result = setFatAttributes(opened, wanted);
  closeFd(opened);
  return result;
}

/** Adds DIRECTORY (by `facts`) or NORMAL: ksmbd relies on the stored value for both. */
function attributesForKsmbd(attributes: number): number {
  const isDirectory = (facts.mode & ModeType.MASK) === ModeType.DIRECTORY;
  return attributesOnWire(isDirectory ? attributes | FileAttribute.DIRECTORY : attributes);
}

/** The values as they are read back after they were written: times in units of 100 ns. */
export function storedForm(attributes: number, seconds: number, nanoseconds: number): DosAttributes {
  const birthNanoseconds = nanoseconds - (nanoseconds % 100);
  return { attributes, birthSeconds: seconds, birthNanoseconds };
}

/**
 * True where a new object's attributes need not be stored: on a disk without extended attributes, where each
 * object would need a file in the sidecar, and the mode implies the same attributes.
 */
export function isImpliedByMode(
  context: ShareContext,
  traits: DiskTraits,
  from: Statx,
  attributes: number,
): boolean {
  if (traits.hasUserXattrs || traits.hasNtfsAttributes) return false;
  const isDirectory = (from.mode & ModeType.MASK) === ModeType.DIRECTORY;
  const said = attributesOfMode(from.mode, isDirectory, context.grant.modeMapping);
  return (attributes & STORED_ATTRIBUTES) === said;
}

/** user.DOSATTRIB of a descriptor's object; undefined where it has none. */
export function storedAttributes(fd: number): DosAttributes | undefined {
  const length = getXattr(fd, DOS_ATTRIBUTES_XATTR, xattrRoom);
  return length <= 0 ? undefined : readDosAttributes(xattrRoom.view, length);
}

/** The same for a directory's entry. */
export function storedAttributesOfEntry(entry: EntryXattrs): DosAttributes | undefined {
  const length = entry.get(DOS_ATTRIBUTES_XATTR, xattrRoom);
  return length <= 0 ? undefined : readDosAttributes(xattrRoom.view, length);
}

/**
 * Stores user.DOSATTRIB of an object whose permission bits are `mode`; -EOPNOTSUPP where the file system has
 * no extended attributes.
 */
export function storeAttributes(
  fd: number,
  mode: number,
  attributes: number,
  seconds: number,
  nanoseconds: number,
): 0 | Failure {
  const value = writeDosAttributes(attributes, seconds, nanoseconds);
  const result = setXattr(fd, DOS_ATTRIBUTES_XATTR, value);
  if (result !== -Errno.EACCES || (mode & 0o200) !== 0) return result;
  // Only root may set an xattr of a file with a read-only mode, but its owner can make it writable for a
  // moment.
  if (setModeFd(fd, mode | 0o200) < 0) return result;
  const again = setXattr(fd, DOS_ATTRIBUTES_XATTR, value);
  const restored = setModeFd(fd, mode);
  return again < 0 ? again : restored;
}
