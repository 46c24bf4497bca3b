// Attributes and creation time on NTFS: in the disk's own attributes, and in a named value what these cannot
// hold. To ntfs-3g a file of at most one byte with SYSTEM and without HIDDEN is a FIFO or a socket (Interix):
// nobody could open it, and every descriptor of it breaks, so SYSTEM is kept aside until the file has data.
import { Errno } from "../../../linux/errno.ts";
import { Scratch } from "../../../linux/libc.ts";
import { FileSystemMagic, ModeType, type Statx, emptyStatx, statFd } from "../../../linux/stat.ts";
import type { EntryXattrs } from "../../../linux/entry-xattrs.ts";
import { getXattr, setXattr } from "../../../linux/xattr.ts";
import { FileAttribute, STORED_ATTRIBUTES } from "../../../wire/fscc/attributes.ts";
import { type DiskTraits, NTFS_ATTRIBUTES_XATTR, traitsOf } from "../context/disk-traits.ts";
import type { ShareContext } from "../context/share-context.ts";
import type { DosAttributes } from "../format/dos-attributes.ts";
import { deviceOf, identityOf } from "../format/file-stat.ts";
import type { Failure, FileStat } from "../store.ts";
import { getNamedValue, removeNamedValue, setNamedValue } from "./named-values.ts";

const NTFS_CREATED_XATTR = "system.ntfs_crtime_be";
/** The attributes that the disk cannot hold: four bytes, big-endian. */
const KEPT_XATTR = "user.minismbd.attributes";
const { SYSTEM, HIDDEN, SPARSE_FILE } = FileAttribute;
/** All bits that a kept value may have. */
const KEPT_BITS = SYSTEM | SPARSE_FILE;
/** The largest size of what ntfs-3g takes for a FIFO (no data) or a socket (one byte). */
const MAX_SPECIAL_BYTES = 1;
const SECONDS_1601_TO_1970 = 11_644_473_600;
const TICKS = 10_000_000n;

const room = new Scratch(16);
const facts = emptyStatx();

/** The file that this thread's `readNtfs` was called for last: a change of its attributes follows at once. */
let lastRead = { identity: "", hasKept: false };

/**
 * The attributes of a descriptor's object, whose statx is `from`; as the server. Returns a SYSTEM that was
 * kept aside to the disk where the file has data by now.
 */
export function readNtfs(context: ShareContext, fd: number, from: Statx, path: string): DosAttributes {
  const found = parseNtfs((name) => getXattr(fd, name, room));
  const native = found.attributes;
  if (native === undefined || !isRegular(from)) return found;
  const kept = keptBits(getNamedValue(context, fd, path, KEPT_XATTR));
  lastRead = { identity: identityOf(from), hasKept: kept !== 0 };
  found.attributes = native | kept;
  if ((kept & SYSTEM) !== 0 && from.size > MAX_SPECIAL_BYTES && !context.grant.readOnly) {
    const isRemoved = keepBits(context, fd, path, kept & ~SYSTEM) === 0;
    if (isRemoved) setNative(fd, found.attributes & STORED_ATTRIBUTES);
  }
  return found;
}

/**
 * The same for a directory's entry. Changes `from` to a regular file where a look-up would make one of a FIFO
 * or socket.
 */
export function readNtfsOfEntry(
  context: ShareContext,
  traits: DiskTraits,
  from: Statx,
  entry: EntryXattrs,
): DosAttributes {
  const found = parseNtfs((name) => entry.get(name, room));
  if (found.attributes === undefined) return found;
  const isFile = isSpecial(from.mode & ModeType.MASK) && mayHeal(context);
  if (isFile && looksSpecial(traits, found.attributes, from.size))
    from.mode = ModeType.REGULAR | (from.mode & 0o7777);
  // A request to the driver for each entry would make listings a third slower. SPARSE_FILE of a file without
  // holes is seen by an open alone.
  const mayHaveKept = from.size <= MAX_SPECIAL_BYTES || from.blocks * 512 < from.size;
  if (!isRegular(from) || !mayHaveKept) return found;
  const length = entry.get(KEPT_XATTR, room);
  if (length > 0) found.attributes |= keptBits(room.bytes.subarray(0, length));
  return found;
}

function parseNtfs(fetch: (name: string) => number): DosAttributes {
  const found: DosAttributes = { attributes: undefined, birthSeconds: undefined, birthNanoseconds: 0 };
  if (fetch(NTFS_ATTRIBUTES_XATTR) === 4) found.attributes = room.view.getUint32(0, false);
  if (fetch(NTFS_CREATED_XATTR) === 8) {
    const ticks = room.view.getBigUint64(0, false);
    found.birthSeconds = Number(ticks / TICKS) - SECONDS_1601_TO_1970;
    found.birthNanoseconds = Number(ticks % TICKS) * 100;
  }
  return found;
}

function keptBits(value: Uint8Array | Failure): number {
  if (typeof value === "number" || value.length !== 4) return 0;
  return Buffer.from(value).readUInt32BE() & KEPT_BITS;
}

function isRegular(stat: Statx): boolean {
  return (stat.mode & ModeType.MASK) === ModeType.REGULAR;
}

/** True where ntfs-3g would show a file of this size and these attributes as a FIFO or socket. */
function looksSpecial(traits: DiskTraits, attributes: number, size: number): boolean {
  return (
    traits.type === FileSystemMagic.FUSE &&
    (attributes & (SYSTEM | HIDDEN)) === SYSTEM &&
    size <= MAX_SPECIAL_BYTES
  );
}

/**
 * Stores the attributes and, where the driver takes it, the creation time of an object, whose statx is
 * `from`. -EOPNOTSUPP or -EINVAL where the attributes are stored and the creation time is not.
 */
export function writeNtfs(
  context: ShareContext,
  fd: number,
  from: Statx,
  path: string,
  attributes: number,
  seconds: number,
  nanoseconds: number,
): 0 | Failure {
  const traits = traitsOf(context, deviceOf(from), fd);
  const wanted = attributes & STORED_ATTRIBUTES;
  const aside = isRegular(from) && looksSpecial(traits, wanted, from.size) ? SYSTEM : 0;
  // The driver sets ARCHIVE when a value is stored, so the disk's attributes come last.
  let failure: 0 | Failure = 0;
  const kept = isRegular(from) ? aside | missingSparse(fd, wanted) : 0;
  // All changes of attributes read them before; a file that was not read is new and has no value.
  const mayHaveKept = lastRead.hasKept && lastRead.identity === identityOf(from);
  if (kept !== 0 || mayHaveKept) failure = keepBits(context, fd, path, kept);
  if (failure === 0) failure = setNative(fd, wanted & ~aside);
  return failure < 0 ? failure : setCreationTime(fd, seconds, nanoseconds);
}

function setNative(fd: number, attributes: number): 0 | Failure {
  const value = new Uint8Array(4);
  // The driver preserves bits that cannot be set (directory, compressed, sparse).
  new DataView(value.buffer).setUint32(0, attributes, false);
  return setXattr(fd, NTFS_ATTRIBUTES_XATTR, value);
}

/** SPARSE_FILE where it is wanted and the disk's attributes do not have it. */
function missingSparse(fd: number, wanted: number): number {
  if ((wanted & SPARSE_FILE) === 0) return 0;
  const native = getXattr(fd, NTFS_ATTRIBUTES_XATTR, room) === 4 ? room.view.getUint32(0, false) : 0;
  return SPARSE_FILE & ~native;
}

function keepBits(context: ShareContext, fd: number, path: string, bits: number): 0 | Failure {
  if (bits === 0) {
    const removed = removeNamedValue(context, fd, path, KEPT_XATTR);
    return removed === -Errno.ENODATA || removed === -Errno.ENOENT ? 0 : removed;
  }
  const value = Buffer.alloc(4);
  value.writeUInt32BE(bits);
  return setNamedValue(context, fd, path, KEPT_XATTR, value);
}

function setCreationTime(fd: number, seconds: number, nanoseconds: number): 0 | Failure {
  const value = new Uint8Array(8);
  const ticks = BigInt(Math.max(seconds + SECONDS_1601_TO_1970, 0)) * TICKS;
  new DataView(value.buffer).setBigUint64(0, ticks + BigInt(Math.floor(nanoseconds / 100)), false);
  return setXattr(fd, NTFS_CREATED_XATTR, value);
}

/**
 * Called before the file of `fd` is cut to `size`: takes SYSTEM from the disk's attributes where the file
 * would become a FIFO or a socket.
 */
export function beforeTruncation(context: ShareContext, fd: number, size: number): 0 | Failure {
  if (size > MAX_SPECIAL_BYTES || context.grant.readOnly) return 0;
  const failure = statFd(fd, facts);
  if (failure < 0) return failure;
  const traits = traitsOf(context, deviceOf(facts), fd);
  if (!traits.hasNtfsAttributes || getXattr(fd, NTFS_ATTRIBUTES_XATTR, room) !== 4) return 0;
  const native = room.view.getUint32(0, false);
  if (!looksSpecial(traits, native, size)) return 0;
  const kept = keptBits(getNamedValue(context, fd, "", KEPT_XATTR));
  const result = keepBits(context, fd, "", SYSTEM | kept);
  return result < 0 ? result : setNative(fd, native & STORED_ATTRIBUTES & ~SYSTEM);
}

/**
 * Makes a file of what another program has left as a FIFO or socket: `fd` is a name's O_PATH descriptor,
 * `stat` its object. True where it was changed: `fd` is useless then, the name must be looked up again, and
 * `keepSystem` called.
 */
export function healSpecial(context: ShareContext, fd: number, stat: FileStat): boolean {
  if (!isSpecial(stat.format) || !mayHeal(context)) return false;
  const traits = traitsOf(context, stat.device, fd);
  if (!traits.hasNtfsAttributes || getXattr(fd, NTFS_ATTRIBUTES_XATTR, room) !== 4) return false;
  const native = room.view.getUint32(0, false);
  if (!looksSpecial(traits, native, stat.size)) return false;
  if (setNative(fd, native & STORED_ATTRIBUTES & ~SYSTEM) < 0) return false;
  // The kernel notices that the inode has another type now.
  statFd(fd, facts);
  return true;
}

/** Keeps SYSTEM for a file that `healSpecial` has made. */
export function keepSystem(context: ShareContext, fd: number, path: string): void {
  keepBits(context, fd, path, SYSTEM);
}

/** A Linux client sees FIFOs and sockets as they are on the disk. */
function mayHeal({ grant, isPosix }: ShareContext): boolean {
  return !grant.readOnly && !isPosix;
}

function isSpecial(format: number): boolean {
  return format === ModeType.FIFO || format === ModeType.SOCKET;
}
