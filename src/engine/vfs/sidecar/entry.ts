// Reads and replaces the entries of a sidecar on disk. An invalid entry counts as missing, so that a broken
// sidecar never makes a copy fail, and is replaced when the next value is set. All functions run as the
// thread's current user.
import { randomFillSync } from "node:crypto";
import { openBeneath } from "../../../linux/beneath.ts";
import { Errno } from "../../../linux/errno.ts";
import { effectiveUid } from "../../../linux/identity.ts";
import { readPlain, syncData, writePlain } from "../../../linux/io.ts";
import { renameAt, unlinkAt } from "../../../linux/directory-entries.ts";
import { Open, Resolve, closeFd, openAt } from "../../../linux/open.ts";
import { ModeType, type Statx, emptyStatx, statFd } from "../../../linux/stat.ts";
import { isGivenUp } from "../context/given-up.ts";
import {
  type EntrySubject,
  type EntryTable,
  MAX_ENTRY_BYTES,
  decodeEntryTable,
  encodeEntry,
  entryTableEnd,
} from "./format.ts";
import { isHashed, isSameLongName, temporaryEntryName } from "./entry-name.ts";
import type { Failure } from "../store.ts";

/** Size of the first read of an entry. */
const HEAD_BYTES = 4096;
const ENTRY_MODE = 0o600;
// FAT stores birth times in steps of up to two seconds.
const BIRTH_TOLERANCE_SECONDS = 2.5;
/** Precision of a time in seconds as a float64. */
const INODE_BIRTH_TOLERANCE_SECONDS = 1e-5;
// Entries up to this size are not synced to disk before the call returns, unless they contain security.*
// values.
const MAX_UNSYNCED_BYTES = 65_536;
const SYNCED_PREFIX = "security.";

const serverUid = effectiveUid();

const head = new Uint8Array(HEAD_BYTES);
const facts = emptyStatx();
const random = new Uint8Array(8);

let changes = 0;

/** Number of renames of entries by this thread; a change of it makes cached names of entries stale. */
export function sidecarChanges(): number {
  return changes;
}

/** renameat(2) of an entry, counted by `sidecarChanges`. */
export function renameEntry(from: number, name: string, to: number, newName: string): 0 | Failure {
  changes++;
  return renameAt(from, name, to, newName, 0);
}

/** The file whose entry is read or written: the facts by which an entry is matched with it. */
export interface Subject {
  readonly name: string;
  readonly stat: Statx;
  /** Inode numbers last as long as the file; not on FAT nor on FUSE. */
  readonly hasStableInodes: boolean;
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
  const extents = new Map([...entry.table.extents].filter(([name]) => !name.startsWith(SYNCED_PREFIX)));
  return { ...entry, table: { ...entry.table, extents } };
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

function birthOf(stat: Statx): number {
  return stat.hasBirth ? stat.birthSeconds + stat.birthNanoseconds / 1e9 : Number.NaN;
}

function modifiedOf(stat: Statx): number {
  return stat.modifySeconds + stat.modifyNanoseconds / 1e9;
}

/** All valid values of an entry; a failure where one could not be read. */
export function readEntryValues(entry: OpenEntry): Map<string, Uint8Array> | Failure {
  const values = new Map<string, Uint8Array>();
  for (const name of entry.table.extents.keys()) {
    const value = tryReadValue(entry, name);
    if (typeof value === "number") return value;
    if (value !== undefined) values.set(name, value);
  }
  return values;
}

/**
 * Replaces or creates an entry atomically: a reader finds the old or the new one, even after the server was
 * killed. -E2BIG beyond the limits.
 */
export function replaceEntry(
  sidecar: number,
  entryName: string,
  subject: Subject,
  values: ReadonlyMap<string, Uint8Array>,
): 0 | Failure {
  const temporary = temporaryEntryName(randomFillSync(random));
  const flags = Open.WRONLY | Open.CREAT | Open.EXCL | Open.NOFOLLOW;
  const fd = openAt(sidecar, temporary, flags, ENTRY_MODE);
  if (fd < 0) return fd;
  let failure: 0 | Failure = writeEntry(fd, subject, values);
  const closed = closeFd(fd);
  // NFS and FUSE may report a full disk at close(2) only.
  if (failure === 0 && closed < 0) failure = closed;
  if (failure === 0 && isGivenUp()) failure = -Errno.ETIMEDOUT;
  if (failure === 0) failure = renameEntry(sidecar, temporary, sidecar, entryName);
  // Another program has put a directory there.
  if (failure === -Errno.EISDIR && unlinkAt(sidecar, entryName, true) === 0) {
    failure = renameEntry(sidecar, temporary, sidecar, entryName);
  }
  if (failure < 0) unlinkAt(sidecar, temporary, false);
  return failure;
}

function writeEntry(fd: number, subject: Subject, values: ReadonlyMap<string, Uint8Array>): 0 | Failure {
  const failure = statFd(fd, facts);
  if (failure < 0) return failure;
  const bytes = encodeEntry(subjectRecord(subject, facts), values);
  if (bytes === undefined) return -Errno.E2BIG;
  for (let at = 0; at < bytes.length;) {
    const written = writePlain(fd, bytes, at, bytes.length - at, at);
    if (written <= 0) return written === 0 ? -Errno.ENOSPC : written;
    at += written;
  }
  return mustSync(values, bytes.length) ? syncData(fd) : 0;
}

/**
 * Like extended attributes, values reach the disk with the next flush, except large ones and access rights.
 */
function mustSync(values: ReadonlyMap<string, Uint8Array>, bytes: number): boolean {
  if (bytes > MAX_UNSYNCED_BYTES) return true;
  for (const name of values.keys()) if (name.startsWith(SYNCED_PREFIX)) return true;
  return false;
}

function subjectRecord({ name, stat }: Subject, entry: Statx): EntrySubject {
  return {
    name,
    birth: birthOf(stat),
    entryBirth: birthOf(entry),
    size: stat.size,
    modified: modifiedOf(stat),
    inodeLow: stat.inodeLow,
    inodeHigh: stat.inodeHigh,
    entryInodeLow: entry.inodeLow,
    entryInodeHigh: entry.inodeHigh,
  };
}
