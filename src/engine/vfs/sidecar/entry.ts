// Entries of a sidecar on disk: read, replaced in one step, removed. Whatever is no sound entry counts as none, so
// that a broken sidecar never fails a copy, and the next value set replaces it. Everything is done as the thread is.
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

/** What an entry is read into at first: small values come with it. */
const HEAD_BYTES = 4096;
const ENTRY_MODE = 0o600;
// FAT keeps the times of a birth in steps of up to two seconds.
const BIRTH_TOLERANCE_SECONDS = 2.5;
/** What a number of 64 bits loses of a time in nanoseconds. */
const INODE_BIRTH_TOLERANCE_SECONDS = 1e-5;
// What a small value is that need not be on the disk before the answer; access rights always are.
const MAX_UNSYNCED_BYTES = 65_536;
const SYNCED_PREFIX = "security.";

const serverUid = effectiveUid();

const head = new Uint8Array(HEAD_BYTES);
const facts = emptyStatx();
const random = new Uint8Array(8);

let changes = 0;

/** How many entries this thread has put in their place so far. */
export function sidecarChanges(): number {
  return changes;
}

/** renameat(2) of an entry, counted. */
export function renameEntry(from: number, name: string, to: number, newName: string): 0 | Failure {
  changes++;
  return renameAt(from, name, to, newName, 0);
}

/** What a file has to be for an entry to be its own. */
export interface Subject {
  readonly name: string;
  readonly stat: Statx;
  /** The disk's inode numbers last: not so on FAT and in user space. */
  readonly hasStableInodes: boolean;
}

/** An entry that is open for reading; `fd` is to be closed. */
export interface OpenEntry {
  readonly fd: number;
  /** Who has written it. */
  readonly uid: number;
  readonly table: EntryTable;
}

/** What says that there is no entry, or something that is none. */
const absentErrnos: ReadonlySet<number> = new Set(
  [Errno.ENOENT, Errno.ENOTDIR, Errno.ELOOP, Errno.ENXIO, Errno.ENAMETOOLONG].map((errno) => -errno),
);

/** A sound entry of the sidecar, or undefined; `entryName` may be a path, no component of which is a symlink. */
export function openEntry(sidecar: number, entryName: string): OpenEntry | undefined {
  const entry = tryOpenEntry(sidecar, entryName);
  return typeof entry === "number" ? undefined : entry;
}

/** The same, or why it cannot be said: it may well be there, and must not be replaced then. */
export function tryOpenEntry(sidecar: number, entryName: string): OpenEntry | undefined | Failure {
  // NONBLOCK: a FIFO that somebody put there must not hold the server.
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
 * The entry without what nobody but the server or the file's owner may say of the file: who owns a folder can put
 * entries of his own into its sidecar, also for the files that others have in it.
 */
export function withoutForged(entry: OpenEntry, subject: Subject): OpenEntry {
  if (entry.uid === serverUid || entry.uid === subject.stat.uid) return entry;
  const extents = new Map([...entry.table.extents].filter(([name]) => !name.startsWith(SYNCED_PREFIX)));
  return { ...entry, table: { ...entry.table, extents } };
}

/** A value of an open entry, whole and sound, or undefined. */
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
 * Whether an entry was written for the file that bears its name now. Only what is certain counts: where the entry
 * itself lies as it was written, and the file is another one than then, it is a stranger's. A folder that was
 * copied has new entries and new files, and keeps its values.
 */
export function isEntryOf(entry: OpenEntry, subject: Subject): boolean {
  const was = entry.table.subject;
  // Two long names may share a hash; any other entry was found by the disk's own comparison of names.
  if (isHashed(subject.name) && !isSameLongName(was.name, subject.name)) return false;
  // A folder's own values lie inside it: nothing can come between.
  if (subject.name === "" || statFd(entry.fd, facts) < 0) return true;
  if (subject.hasStableInodes) {
    const isInPlace = facts.inodeLow === was.entryInodeLow && facts.inodeHigh === was.entryInodeHigh;
    const { stat } = subject;
    const isSameInode = stat.inodeLow === was.inodeLow && stat.inodeHigh === was.inodeHigh;
    // A number that is free is given again, at once by some disks.
    const isSameBirth = !(Math.abs(birthOf(stat) - was.birth) > INODE_BIRTH_TOLERANCE_SECONDS);
    return !isInPlace || (isSameInode && isSameBirth);
  }
  const isInPlace = isNear(birthOf(facts), was.entryBirth);
  return !isInPlace || !isFar(birthOf(subject.stat), was.birth);
}

/** Whether the entry tells of just this file as it is: what a rename leaves as it was. */
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

// Not a number, for a time that is not known, is neither near nor far.
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

/** All values of an entry; those that are not sound are left out. A failure where one could not be read. */
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
 * Puts an entry in place of the one of that name, if any: whoever looks, also after the server was killed, finds the
 * old one or the new one. 0, -E2BIG beyond the limits, or what the disk says.
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
  // NFS and user space may say at the end only that the disk is full.
  if (failure === 0 && closed < 0) failure = closed;
  if (failure === 0 && isGivenUp()) failure = -Errno.ETIMEDOUT;
  if (failure === 0) failure = renameEntry(sidecar, temporary, sidecar, entryName);
  // Nobody but a stranger made that.
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

/** As with extended attributes, what is stored is on the disk with the next flush: except what guards a file. */
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
