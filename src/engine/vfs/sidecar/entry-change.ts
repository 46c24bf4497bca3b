// Replaces, renames and removes the entries of a sidecar, with the data files that they name. All functions
// run as the thread's current user.
import { randomFillSync } from "node:crypto";
import { unlinkAt } from "../../../linux/directory-entries.ts";
import { Errno } from "../../../linux/errno.ts";
import { syncData } from "../../../linux/io.ts";
import { Open, closeFd, openAt } from "../../../linux/open.ts";
import { type Statx, emptyStatx, statFd } from "../../../linux/stat.ts";
import { isGivenUp } from "../context/given-up.ts";
import type { Failure } from "../store.ts";
import { copyBytes, removeDataFile, writeAll } from "./data-file.ts";
import {
  type NamedPointer,
  type Subject,
  birthOf,
  eachPointer,
  isSynced,
  modifiedOf,
  openEntry,
  pointersIn,
  renameEntry,
  withOwnPointers,
} from "./entry.ts";
import { isNextName, temporaryEntryName } from "./entry-name.ts";
import { type EntrySubject, type EntryValue, encodeEntry } from "./format.ts";

const ENTRY_MODE = 0o600;
// Entries up to this size are not synced to disk before the call returns, unless they contain security.*
// values or pointers.
const MAX_UNSYNCED_BYTES = 65_536;

const facts = emptyStatx();
const random = new Uint8Array(8);

/**
 * Replaces or creates an entry atomically: a reader finds the old or the new one, even after the server was
 * killed. Then removes the data files that only the old one had. -E2BIG beyond the limits.
 */
export function replaceEntry(
  sidecar: number,
  entryName: string,
  subject: Subject,
  values: ReadonlyMap<string, EntryValue>,
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
  if (failure === 0) failure = putEntry(sidecar, temporary, entryName, eachPointer(values));
  if (failure < 0) unlinkAt(sidecar, temporary, false);
  return failure;
}

/**
 * Renames an entry within its sidecar; then removes the data files that only the replaced entry had: those
 * that `pointers`, of the renamed entry, do not name. Undefined where they are not known: none is removed.
 */
export function putEntry(
  sidecar: number,
  name: string,
  newName: string,
  pointers: readonly NamedPointer[] | undefined,
): 0 | Failure {
  // The data files of a prepared entry are those of the old name as well.
  const replaced = pointers === undefined || isNextName(newName) ? undefined : pointersOf(sidecar, newName);
  let result = renameEntry(sidecar, name, sidecar, newName);
  // Another program has put a directory there.
  if (result === -Errno.EISDIR && unlinkAt(sidecar, newName, true) === 0)
    result = renameEntry(sidecar, name, sidecar, newName);
  if (result < 0 || replaced === undefined) return result;
  const kept = new Set(pointers?.map(({ pointer }) => pointer.id));
  for (const { pointer } of replaced) if (!kept.has(pointer.id)) removeDataFile(sidecar, pointer);
  return result;
}

/** Removes an entry and its data files. */
export function removeEntry(sidecar: number, name: string): 0 | Failure {
  const pointers = pointersOf(sidecar, name) ?? [];
  const result = unlinkAt(sidecar, name, false);
  if (result === 0) for (const { pointer } of pointers) removeDataFile(sidecar, pointer);
  return result;
}

/** The pointers of an entry; undefined where there is none, or it cannot be read. */
export function pointersOf(sidecar: number, name: string): NamedPointer[] | undefined {
  const entry = openEntry(sidecar, name);
  if (entry === undefined) return undefined;
  const pointers = pointersIn(withOwnPointers(sidecar, entry));
  closeFd(entry.fd);
  return pointers;
}

function writeEntry(fd: number, subject: Subject, values: ReadonlyMap<string, EntryValue>): 0 | Failure {
  const failure = statFd(fd, facts);
  if (failure < 0) return failure;
  const image = encodeEntry(subjectRecord(subject, facts), values);
  if (image === undefined) return -Errno.E2BIG;
  let result = writeAll(fd, image.bytes, 0);
  let end = image.bytes.length;
  for (const part of image.parts) {
    if (result === 0) result = copyBytes(part.fd, part.offset, fd, end, part.length);
    end += part.length;
  }
  if (result < 0) return result;
  return mustSync(values, end) ? syncData(fd) : 0;
}

/**
 * Like extended attributes, values reach the disk with the next flush, except large ones, pointers to data
 * files and access rights.
 */
function mustSync(values: ReadonlyMap<string, EntryValue>, bytes: number): boolean {
  if (bytes > MAX_UNSYNCED_BYTES) return true;
  return [...values.keys()].some(isSynced);
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
