// Reads the entries of a sidecar on disk. An invalid entry counts as missing, so that a broken
// sidecar never makes a copy fail, and is replaced when the next value is set. All functions run as the
// thread's current user.
import { openBeneath } from "../../../linux/beneath.ts";
import { Errno } from "../../../linux/errno.ts";
import { effectiveUid } from "../../../linux/identity.ts";
import { readPlain } from "../../../linux/io.ts";
import { renameAt } from "../../../linux/directory-entries.ts";
import { Open, Resolve, closeFd } from "../../../linux/open.ts";
import { ModeType, type Statx, emptyStatx, statAt, statFd } from "../../../linux/stat.ts";
import { type Pointer, decodePointer } from "./data-file.ts";
import {
  type EntryTable,
  type EntryValue,
  MAX_ENTRY_BYTES,
  decodeEntryTable,
  entryTableEnd,
} from "./format.ts";
import { dataFileName, isHashed, isSameLongName } from "./entry-name.ts";
import type { Failure } from "../store.ts";

/** Size of the first read of an entry. */
const HEAD_BYTES = 4096;
// FAT stores birth times in steps of up to two seconds.
const BIRTH_TOLERANCE_SECONDS = 2.5;
/** Precision of a time in seconds as a float64. */
const INODE_BIRTH_TOLERANCE_SECONDS = 1e-5;
const SYNCED_PREFIX = "security.";
/** Longer values are copied from entry to entry, not loaded; earlier versions stored streams in the entry. */
const MAX_LOADED_BYTES = 65_536;
/**
 * With the value's name behind it: the name under which an entry has the pointer to the value's data file.
 */
const POINTER_PREFIX = "minismbd.file.";

const serverUid = effectiveUid();

const head = new Uint8Array(HEAD_BYTES);
const facts = emptyStatx();

let changes = 0;
/** The new names of the latest changes, at their number modulo MAX_PUT. */
const MAX_PUT = 64;
const put: string[] = [];

/** Number of renames of entries by this thread. */
export function sidecarChanges(): number {
  return changes;
}

/**
 * The new names of the renames of entries after the first `count`; undefined where some are not known any
 * more.
 */
export function entriesPutSince(count: number): string[] | undefined {
  if (changes - count > MAX_PUT) return undefined;
  return Array.from({ length: changes - count }, (_, i) => put[(count + i) % MAX_PUT] ?? "");
}

/** renameat(2) of an entry, counted by `sidecarChanges`. */
export function renameEntry(from: number, name: string, to: number, newName: string): 0 | Failure {
  put[changes % MAX_PUT] = newName;
  changes++;
  return renameAt(from, name, to, newName, 0);
}

/** The file whose entry is read or written: the facts by which an entry is matched with it. */
export interface Subject {
  readonly name: string;
  readonly stat: Statx;
  /** Inode numbers last as long as the file; not on FAT nor on FUSE. */
  readonly hasStableInodes: boolean;
  /** True on the event loop: a change that has to wait for the disk fails with -EAGAIN. */
  readonly mustNotWait?: boolean;
}

/** An entry that is open for reading; the caller closes `fd`. */
export interface OpenEntry {
  readonly fd: number;
  /** The entry's owner: the user who has written it. */
  readonly uid: number;
  readonly table: EntryTable;
}

/** Errors of open(2) that mean that there is no entry, or something else in its place. */
const absentErrnos: ReadonlySet<number> = new Set(
  [Errno.ENOENT, Errno.ENOTDIR, Errno.ELOOP, Errno.ENXIO, Errno.ENAMETOOLONG].map((errno) => -errno),
);

/** Opens a valid entry of the sidecar; `entryName` may be a path, in which symlinks are not followed. */
export function openEntry(sidecar: number, entryName: string): OpenEntry | undefined {
  const entry = tryOpenEntry(sidecar, entryName);
  return typeof entry === "number" ? undefined : entry;
}

/** The same; a failure where the entry could not be read, and must not be replaced. */
export function tryOpenEntry(sidecar: number, entryName: string): OpenEntry | undefined | Failure {
  // NONBLOCK: a FIFO placed there must not block the server.
  const flags = Open.RDONLY | Open.NOFOLLOW | Open.NONBLOCK | Open.NOCTTY;
  const fd = openBeneath(sidecar, entryName, flags, 0, Resolve.NO_SYMLINKS);
  if (fd < 0) return absentErrnos.has(fd) ? undefined : fd;
  const table = readTable(fd);
  if (typeof table === "object") return { fd, uid: facts.uid, table };
  closeFd(fd);
  return table;
}

function readTable(fd: number): EntryTable | undefined | Failure {
  const failure = statFd(fd, facts);
  if (failure < 0) return failure;
  if ((facts.mode & ModeType.MASK) !== ModeType.REGULAR) return undefined;
  const { size } = facts;
  if (size > MAX_ENTRY_BYTES) return undefined;
  const length = readPlain(fd, head, 0, Math.min(HEAD_BYTES, size), 0);
  if (length < 0) return length;
  const end = entryTableEnd(head.subarray(0, length), size);
  if (end === undefined || end <= length) return decodeEntryTable(head.subarray(0, length), size);
  const large = new Uint8Array(end);
  const got = readPlain(fd, large, 0, end, 0);
  if (got < 0) return got;
  return got === end ? decodeEntryTable(large, size) : undefined;
}

/**
 * Removes the security.* values from an entry that neither the server nor the file's owner wrote: the owner
 * of a folder can put entries into its sidecar for files that belong to others.
 */
export function withoutForged(entry: OpenEntry, subject: Subject): OpenEntry {
  if (entry.uid === serverUid || entry.uid === subject.stat.uid) return entry;
  return without(entry, (name) => name.startsWith(SYNCED_PREFIX));
}

/**
 * Removes pointers to data files of others from an entry that a user wrote. `openDataFile` refuses them, but
 * not once the server has written the entry anew, or is asked to remove them.
 */
export function withOwnPointers(sidecar: number, entry: OpenEntry): OpenEntry {
  if (entry.uid === serverUid) return entry;
  return without(entry, (name) => name.startsWith(POINTER_PREFIX) && !isOwnPointer(sidecar, entry, name));
}

function without(entry: OpenEntry, isForged: (name: string) => boolean): OpenEntry {
  const extents = new Map([...entry.table.extents].filter(([name]) => !isForged(name)));
  return { ...entry, table: { ...entry.table, extents } };
}

function isOwnPointer(sidecar: number, entry: OpenEntry, name: string): boolean {
  const value = readEntryValue(entry, name);
  const pointer = value === undefined ? undefined : decodePointer(value);
  if (pointer === undefined) return false;
  return statAt(sidecar, dataFileName(pointer.id), facts) === 0 && facts.uid === entry.uid;
}

/** A value of an open entry; undefined where it is missing, truncated or its checksum is wrong. */
export function readEntryValue(entry: OpenEntry, name: string): Uint8Array | undefined {
  const value = tryReadValue(entry, name);
  return typeof value === "number" ? undefined : value;
}

function tryReadValue(entry: OpenEntry, name: string): Uint8Array | undefined | Failure {
  const extent = entry.table.extents.get(name);
  if (extent === undefined) return undefined;
  const value = new Uint8Array(extent.length);
  let done = 0;
  while (done < extent.length) {
    const length = readPlain(entry.fd, value, done, extent.length - done, extent.offset + done);
    if (length < 0) return length;
    if (length === 0) return undefined;
    done += length;
  }
  return Bun.hash.crc32(value) === extent.checksum ? value : undefined;
}

/**
 * True where an entry was written for the file that has its name now. It is false only where that is certain:
 * the entry's own file is the one that was written, but the subject is another file. In a copied folder
 * entries and files are both new, and the values are kept.
 */
export function isEntryOf(entry: OpenEntry, subject: Subject): boolean {
  const was = entry.table.subject;
  // Two long names may have the same hash; plain names were compared by the disk.
  if (isHashed(subject.name) && !isSameLongName(was.name, subject.name)) return false;
  // A folder's own values are inside it, so they cannot belong to another folder.
  if (subject.name === "" || statFd(entry.fd, facts) < 0) return true;
  if (subject.hasStableInodes) {
    const isInPlace = facts.inodeLow === was.entryInodeLow && facts.inodeHigh === was.entryInodeHigh;
    const { stat } = subject;
    const isSameInode = stat.inodeLow === was.inodeLow && stat.inodeHigh === was.inodeHigh;
    // Some disks reuse an inode number at once.
    const isSameBirth = !(Math.abs(birthOf(stat) - was.birth) > INODE_BIRTH_TOLERANCE_SECONDS);
    return !isInPlace || (isSameInode && isSameBirth);
  }
  const isInPlace = isNear(birthOf(facts), was.entryBirth);
  return !isInPlace || !isFar(birthOf(subject.stat), was.birth);
}

/** True where the entry's subject has the properties of this file that a rename does not change. */
export function matchesExactly(entry: OpenEntry, subject: Subject): boolean {
  const was = entry.table.subject;
  const { stat } = subject;
  if (subject.hasStableInodes) {
    return stat.inodeLow === was.inodeLow && stat.inodeHigh === was.inodeHigh;
  }
  return (
    stat.size === was.size &&
    Math.abs(modifiedOf(stat) - was.modified) <= BIRTH_TOLERANCE_SECONDS &&
    !isFar(birthOf(stat), was.birth)
  );
}

// NaN, an unknown time, is neither near nor far.
function isNear(a: number, b: number): boolean {
  return Math.abs(a - b) <= BIRTH_TOLERANCE_SECONDS;
}

function isFar(a: number, b: number): boolean {
  return Math.abs(a - b) > BIRTH_TOLERANCE_SECONDS;
}

export function birthOf(stat: Statx): number {
  return stat.hasBirth ? stat.birthSeconds + stat.birthNanoseconds / 1e9 : Number.NaN;
}

export function modifiedOf(stat: Statx): number {
  return stat.modifySeconds + stat.modifyNanoseconds / 1e9;
}

export function pointerName(name: string): string {
  return POINTER_PREFIX + name;
}

/** The names of an entry's values: those in the entry itself and those with a data file. */
export function valueNames({ table }: OpenEntry): string[] {
  return [...new Set([...table.extents.keys()].map(valueNameOf))];
}

/** The name of the value that an entry has under the name `stored`, itself or a pointer to it. */
export function valueNameOf(stored: string): string {
  return stored.startsWith(POINTER_PREFIX) ? stored.slice(POINTER_PREFIX.length) : stored;
}

/** The pointer to a value's data file; undefined where the value has none. */
export function pointerIn(entry: OpenEntry, name: string): Pointer | undefined {
  const value = readEntryValue(entry, pointerName(name));
  return value === undefined ? undefined : decodePointer(value);
}

/** True for values that are on disk before the change returns: access rights, and pointers. */
export function isSynced(name: string): boolean {
  return name.startsWith(SYNCED_PREFIX) || name.startsWith(POINTER_PREFIX);
}

/** A pointer and the name that it has in the entry, see `pointerName`. */
export interface NamedPointer {
  readonly name: string;
  readonly pointer: Pointer;
}

/** The pointers of an entry; undefined where one cannot be read. */
export function pointersIn(entry: OpenEntry): NamedPointer[] | undefined {
  const pointers: NamedPointer[] = [];
  for (const name of entry.table.extents.keys()) {
    if (!name.startsWith(POINTER_PREFIX)) continue;
    const value = readEntryValue(entry, name);
    const pointer = value === undefined ? undefined : decodePointer(value);
    if (pointer === undefined) return undefined;
    pointers.push({ name, pointer });
  }
  return pointers;
}

export type EntryValues = Map<string, EntryValue>;

/** True where large values are not loaded, but in the open entry. */
export function hasParts(values: ReadonlyMap<string, EntryValue>): boolean {
  for (const value of values.values()) if ("fd" in value) return true;
  return false;
}

/** True for values whose change waits for the disk: large ones are copied, and pointers are synced. */
export function waitsForDisk(values: ReadonlyMap<string, EntryValue>): boolean {
  for (const name of values.keys()) if (name.startsWith(POINTER_PREFIX)) return true;
  return hasParts(values);
}

export function eachPointer(values: ReadonlyMap<string, EntryValue>): NamedPointer[] {
  const pointers: NamedPointer[] = [];
  for (const [name, value] of values) {
    const pointer = name.startsWith(POINTER_PREFIX) && !("fd" in value) ? decodePointer(value) : undefined;
    if (pointer !== undefined) pointers.push({ name, pointer });
  }
  return pointers;
}

/**
 * All valid values of an entry; a failure where one could not be read. Large ones are not loaded: the entry
 * must stay open until the values are written.
 */
export function readEntryValues(entry: OpenEntry): EntryValues | Failure {
  const values: EntryValues = new Map();
  for (const [name, extent] of entry.table.extents) {
    if (extent.length > MAX_LOADED_BYTES) {
      values.set(name, { ...extent, fd: entry.fd });
      continue;
    }
    const value = tryReadValue(entry, name);
    if (typeof value === "number") return value;
    if (value !== undefined) values.set(name, value);
  }
  return values;
}
