// The sidecar of a folder: named values without extended attributes, in a hidden directory of the folder that
// contains the file; a folder's own values are inside itself, so that they move with it. All functions run as
// the thread's current user; names and stats are those of the object at the time of the call.
import { Errno } from "../../../linux/errno.ts";
import { eachName } from "../../../linux/dir.ts";
import { makeDirectoryAt, setOwnerFd, unlinkAt } from "../../../linux/directory-entries.ts";
import { Open, closeFd, openAt } from "../../../linux/open.ts";
import { emptyStatx, statFd } from "../../../linux/stat.ts";
import { setFatAttributes } from "../../../linux/fat-attributes.ts";
import { removeDataFile } from "./data-file.ts";
import {
  type EntryValues,
  type OpenEntry,
  type Subject,
  eachPointer,
  hasParts,
  matchesExactly,
  isEntryOf,
  openEntry,
  pointerName,
  pointersIn,
  readEntryValue,
  readEntryValues,
  tryOpenEntry,
  valueNameOf,
  valueNames,
  waitsForDisk,
  withOwnPointers,
  withoutForged,
} from "./entry.ts";
import { putEntry, removeEntry, replaceEntry } from "./entry-change.ts";
import { ifUnlocked } from "./lock.ts";
import { keepingFolderTimes } from "../context/folder-times.ts";
import { entryNameOf, nextNameOf } from "./entry-name.ts";
import type { Failure } from "../store.ts";
import { STREAM_PREFIX } from "../format/value-names.ts";
import { SIDECAR_DIRECTORY } from "../name/own-names.ts";
import { sweepAtRandom } from "./orphans.ts";

// The sidecar belongs to the folder's owner, who must be able to remove the folder; entries belong to the
// server.
const SIDECAR_MODE = 0o700;
const FAT_HIDDEN = 0x02;
const FAT_DIRECTORY = 0x10;

/** How often a missing entry is looked up again where a rename is not atomic for other threads. */
const MAX_LOOKS = 2;
const folderFacts = emptyStatx();

/** A larger stream gets a data file; so do further ones beyond the total of those in the entry. */
export const MAX_STREAM_IN_ENTRY_BYTES = 16_384;
const MAX_STREAMS_IN_ENTRY_BYTES = 65_536;

/** Opens the sidecar of a folder (O_PATH; the caller closes it); -ENOENT where there is none. */
export function openSidecar(folder: number): number | Failure {
  return openAt(folder, SIDECAR_DIRECTORY, Open.PATH | Open.DIRECTORY | Open.NOFOLLOW);
}

/** The same; creates the sidecar where it is missing, and replaces a file or symlink of that name. */
export function makeSidecar(folder: number): number | Failure {
  const there = openSidecar(folder);
  return there >= 0 ? there : keepingFolderTimes(folder, SIDECAR_DIRECTORY, () => makeMissing(folder, there));
}

function makeMissing(folder: number, there: Failure): number | Failure {
  if (there === -Errno.ENOTDIR || there === -Errno.ELOOP) unlinkAt(folder, SIDECAR_DIRECTORY, false);
  const made = makeDirectoryAt(folder, SIDECAR_DIRECTORY, SIDECAR_MODE);
  if (made < 0 && made !== -Errno.EEXIST) return made;
  const sidecar = openSidecar(folder);
  if (sidecar < 0 || made < 0) return sidecar;
  // Failures do not matter: FAT has no owners, other disks no hidden attribute. A directory that is not empty
  // is not the new one: a user who moved another directory in its place must not become its owner.
  if (statFd(folder, folderFacts) === 0 && isEmpty(sidecar))
    setOwnerFd(sidecar, folderFacts.uid, folderFacts.gid);
  hideDirectory(folder);
  return sidecar;
}

function isEmpty(directory: number): boolean {
  let isNone = true;
  const failure = eachName(directory, () => (isNone = false));
  return isNone && failure === 0;
}

function hideDirectory(folder: number): void {
  const fd = openAt(folder, SIDECAR_DIRECTORY, Open.RDONLY | Open.DIRECTORY | Open.NOFOLLOW);
  if (fd < 0) return;
  setFatAttributes(fd, FAT_DIRECTORY | FAT_HIDDEN);
  closeFd(fd);
}

/** Calls `action` with the sidecar of a folder; returns `missing` where there is none. */
export function withSidecar<T>(folder: number, missing: T, action: (sidecar: number) => T): T {
  const sidecar = openSidecar(folder);
  if (sidecar < 0) return missing;
  try {
    return action(sidecar);
  } finally {
    closeFd(sidecar);
  }
}

/** Errors of `openSidecar` that mean that there is none, or something else in its place. */
const absentErrnos: ReadonlySet<number> = new Set(
  [Errno.ENOENT, Errno.ENOTDIR, Errno.ELOOP].map((errno) => -errno),
);

/** `withSidecar` that fails where the sidecar cannot be opened: what is in it must not count as missing. */
export function tryWithSidecar<T>(folder: number, missing: T, action: (sidecar: number) => T): T | Failure {
  const sidecar = openSidecar(folder);
  if (sidecar < 0) return absentErrnos.has(sidecar) ? missing : sidecar;
  try {
    return action(sidecar);
  } finally {
    closeFd(sidecar);
  }
}

/** Opens the entry of a file; undefined where it is missing, invalid, or was written for another file. */
export function entryOf(folder: number, sidecar: number, subject: Subject): OpenEntry | undefined {
  const entry = tryEntryOf(folder, sidecar, subject);
  return typeof entry === "number" ? undefined : entry;
}

/** The same; a failure where the entry could not be read. */
export function tryEntryOf(
  folder: number,
  sidecar: number,
  subject: Subject,
): OpenEntry | undefined | Failure {
  const moved = subject.name === "" ? undefined : finishInterruptedMove(folder, sidecar, subject);
  if (moved !== undefined) return withoutForged(moved, subject);
  let entry = tryOpenEntry(sidecar, entryNameOf(subject.name));
  // FUSE: while another thread replaces the entry by a rename, openat2 fails with ENOENT for a moment.
  for (let i = 0; entry === undefined && !subject.hasStableInodes && i < MAX_LOOKS; i++)
    entry = tryOpenEntry(sidecar, entryNameOf(subject.name));
  if (typeof entry !== "object") return entry;
  if (isEntryOf(entry, subject)) return withoutForged(entry, subject);
  closeFd(entry.fd);
  return undefined;
}

/**
 * Finishes a rename to this name that a killed server left unfinished; one that is still running is left
 * alone. Returns the prepared entry if it is this file's.
 */
function finishInterruptedMove(folder: number, sidecar: number, subject: Subject): OpenEntry | undefined {
  const nextName = nextNameOf(subject.name);
  const next = openEntry(sidecar, nextName);
  if (next === undefined) return undefined;
  const hasMoved = matchesExactly(next, subject);
  if (!hasMoved) closeFd(next.fd);
  ifUnlocked(folder, () => {
    if (hasMoved) putEntry(sidecar, nextName, entryNameOf(subject.name), pointersIn(next));
    else unlinkAt(sidecar, nextName, false);
  });
  return hasMoved ? next : undefined;
}

/** Returns a value of the entry itself; -ENODATA where there is none, -EFBIG for one with a data file. */
export function getSidecarValue(folder: number, subject: Subject, name: string): Uint8Array | Failure {
  return tryWithSidecar<Uint8Array | Failure>(folder, -Errno.ENODATA, (sidecar) => {
    const entry = tryEntryOf(folder, sidecar, subject);
    if (typeof entry !== "object") return entry ?? -Errno.ENODATA;
    const value = readEntryValue(entry, name);
    closeFd(entry.fd);
    return value ?? (entry.table.extents.has(pointerName(name)) ? -Errno.EFBIG : -Errno.ENODATA);
  });
}

/** The names of all values. */
export function listSidecarValues(folder: number, subject: Subject): string[] | Failure {
  return tryWithSidecar<string[] | Failure>(folder, [], (sidecar) => {
    const entry = tryEntryOf(folder, sidecar, subject);
    if (typeof entry !== "object") return entry ?? [];
    closeFd(entry.fd);
    return valueNames(entry);
  });
}

/**
 * Calls `action` with all values, in a new map, and the owner of their entry; without them where there is no
 * entry. A failure where they could not be read, and must not be replaced.
 */
export function withValues<T>(
  folder: number,
  sidecar: number,
  subject: Subject,
  action: (values?: EntryValues, writer?: number) => T,
): T | Failure {
  const entry = tryEntryOf(folder, sidecar, subject);
  if (typeof entry === "number") return entry;
  if (entry === undefined) return action();
  const values = readEntryValues(withOwnPointers(sidecar, entry));
  // FUSE leaves a hidden file where an open one is removed.
  const staysOpen = typeof values === "object" && hasParts(values);
  if (!staysOpen) closeFd(entry.fd);
  try {
    return typeof values === "number" ? values : action(values, entry.uid);
  } finally {
    if (staysOpen) closeFd(entry.fd);
  }
}

/**
 * Lets `change` change a file's values, creates the sidecar and the entry where they are missing, and
 * replaces the entry. Removes values for which `isValid` is false. -EAGAIN on the event loop where the change
 * has to wait for the disk.
 */
export function changeValues(
  folder: number,
  subject: Subject,
  isValid: ((name: string) => boolean) | undefined,
  change: (values: EntryValues, sidecar: number) => 0 | Failure,
): 0 | Failure {
  const sidecar = makeSidecar(folder);
  if (sidecar < 0) return sidecar;
  const result = withValues<0 | Failure>(folder, sidecar, subject, (known) => {
    if (known === undefined && subject.name !== "") sweepAtRandom(folder, sidecar);
    const values: EntryValues = known ?? new Map();
    if (subject.mustNotWait === true && waitsForDisk(values)) return -Errno.EAGAIN;
    if (isValid !== undefined)
      for (const stored of values.keys()) if (!isValid(valueNameOf(stored))) values.delete(stored);
    const old = new Set(eachPointer(values).map(({ pointer }) => pointer.id));
    const changed = change(values, sidecar);
    if (changed < 0) return changed;
    const failure = replaceEntry(sidecar, entryNameOf(subject.name), subject, values);
    if (failure < 0)
      for (const { pointer } of eachPointer(values))
        if (!old.has(pointer.id)) removeDataFile(sidecar, pointer);
    return failure;
  });
  closeFd(sidecar);
  if (result < 0) removeSidecarIfEmpty(folder);
  return result;
}

/**
 * Creates or replaces a value; -E2BIG beyond the limits, and for a stream that gets a data file instead.
 * Removes other values for which `isValid` is false.
 */
export function setSidecarValue(
  folder: number,
  subject: Subject,
  name: string,
  value: Uint8Array,
  isValid?: (name: string) => boolean,
): 0 | Failure {
  return changeValues(folder, subject, isValid, (values) => {
    values.delete(pointerName(name));
    values.set(name, value);
    return name.startsWith(STREAM_PREFIX) && !fitsInEntry(values, value) ? -Errno.E2BIG : 0;
  });
}

/** True where a stream may be in the entry: every change of any value rewrites it. */
function fitsInEntry(values: EntryValues, value: Uint8Array): boolean {
  if (value.length > MAX_STREAM_IN_ENTRY_BYTES) return false;
  let total = 0;
  for (const [name, other] of values)
    if (name.startsWith(STREAM_PREFIX) && !("fd" in other)) total += other.length;
  return total <= MAX_STREAMS_IN_ENTRY_BYTES;
}

/** Removes a value; -ENODATA where there is none. Removes an empty entry and an empty sidecar, too. */
export function removeSidecarValue(folder: number, subject: Subject, name: string): 0 | Failure {
  const result = tryWithSidecar<0 | Failure>(folder, -Errno.ENODATA, (sidecar) =>
    withValues<0 | Failure>(folder, sidecar, subject, (values) => {
      if (values === undefined) return -Errno.ENODATA;
      const waits = waitsForDisk(values);
      // Both, where one is left from an earlier change.
      const isInEntry = values.delete(name);
      if (!values.delete(pointerName(name)) && !isInEntry) return -Errno.ENODATA;
      if (subject.mustNotWait === true && waits) return -Errno.EAGAIN;
      const entryName = entryNameOf(subject.name);
      if (values.size > 0) return replaceEntry(sidecar, entryName, subject, values);
      const removed = removeEntry(sidecar, entryName);
      return removed === -Errno.ENOENT ? 0 : removed;
    }),
  );
  if (result === 0) removeSidecarIfEmpty(folder);
  return result;
}

export function removeSidecarIfEmpty(folder: number): void {
  keepingFolderTimes(folder, SIDECAR_DIRECTORY, () => unlinkAt(folder, SIDECAR_DIRECTORY, true));
}

/** Removes the values of a name whose file was removed, or under which a new file was created. */
export function removeSidecarEntry(folder: number, name: string): void {
  const wasThere = withSidecar(folder, false, (sidecar) => {
    unlinkAt(sidecar, nextNameOf(name), false);
    return removeEntry(sidecar, entryNameOf(name)) === 0;
  });
  if (wasThere) removeSidecarIfEmpty(folder);
}
