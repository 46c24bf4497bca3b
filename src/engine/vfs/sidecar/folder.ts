// Named values where the disk has no extended attributes: in a hidden directory of the folder that holds the file,
// and a folder's own inside itself, so that they go where the folder goes. Synchronous functions on descriptors, done
// as the thread is; names and stats are those of the object at the time of the call.
import { Errno } from "../../../linux/errno.ts";
import { eachName } from "../../../linux/dir.ts";
import { makeDirectoryAt, setOwnerFd, unlinkAt } from "../../../linux/directory-entries.ts";
import { Open, closeFd, openAt } from "../../../linux/open.ts";
import { emptyStatx, statFd } from "../../../linux/stat.ts";
import { upcase } from "../../../wire/fscc/upcase.ts";
import { identityOf } from "../format/file-stat.ts";
import { setFatAttributes } from "../../../linux/fat-attributes.ts";
import {
  type OpenEntry,
  type Subject,
  matchesExactly,
  isEntryOf,
  openEntry,
  renameEntry,
  readEntryValue,
  readEntryValues,
  replaceEntry,
  tryOpenEntry,
  withoutForged,
} from "./entry.ts";
import { ifUnlocked } from "./lock.ts";
import { entryNameOf, nextNameOf } from "./entry-name.ts";
import type { Failure } from "../store.ts";
import { SIDECAR_DIRECTORY, isSidecarName } from "../name/own-names.ts";
import { sweepAtRandom } from "./orphans.ts";

// The owner of a folder must be able to remove it with what is inside; the entries stay the server's.
const SIDECAR_MODE = 0o700;
const FAT_HIDDEN = 0x02;
const FAT_DIRECTORY = 0x10;

/** How often a missing entry is looked up again where a rename is not atomic for other threads. */
const MAX_LOOKS = 2;
const folderFacts = emptyStatx();
const entryFacts = emptyStatx();
const noValues: ReadonlyMap<string, Uint8Array> = new Map();

/** The sidecar of a folder as an O_PATH descriptor to be closed; -ENOENT where there is none. */
export function openSidecar(folder: number): number | Failure {
  return openAt(folder, SIDECAR_DIRECTORY, Open.PATH | Open.DIRECTORY | Open.NOFOLLOW);
}

/** The same, made where it is missing; what is no directory gives way to it. */
export function makeSidecar(folder: number): number | Failure {
  const there = openSidecar(folder);
  if (there >= 0) return there;
  if (there === -Errno.ENOTDIR || there === -Errno.ELOOP) unlinkAt(folder, SIDECAR_DIRECTORY, false);
  const made = makeDirectoryAt(folder, SIDECAR_DIRECTORY, SIDECAR_MODE);
  if (made < 0 && made !== -Errno.EEXIST) return made;
  const sidecar = openSidecar(folder);
  if (sidecar < 0 || made < 0) return sidecar;
  // Neither is needed for it to work: FAT knows no owners, other disks no hidden mark. What is not empty is not the
  // one that was made: somebody would have a directory given to him that he has put in its place.
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

/** Calls `action` with the sidecar of a folder, or answers `missing` where there is none. */
function withSidecar<T>(folder: number, missing: T, action: (sidecar: number) => T): T {
  const sidecar = openSidecar(folder);
  if (sidecar < 0) return missing;
  try {
    return action(sidecar);
  } finally {
    closeFd(sidecar);
  }
}

/** The entry of a file, which must be closed; undefined where there is none, or it is broken or a stranger's. */
export function entryOf(folder: number, sidecar: number, subject: Subject): OpenEntry | undefined {
  const entry = tryEntryOf(folder, sidecar, subject);
  return typeof entry === "number" ? undefined : entry;
}

/** The same, or why it cannot be said. */
function tryEntryOf(folder: number, sidecar: number, subject: Subject): OpenEntry | undefined | Failure {
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
 * Ends what a server that was killed had begun: the entry of a file that was being renamed to this name. Where one
 * is at it right now it is left to that. The entry, if it is this file's already.
 */
function finishInterruptedMove(folder: number, sidecar: number, subject: Subject): OpenEntry | undefined {
  const nextName = nextNameOf(subject.name);
  const next = openEntry(sidecar, nextName);
  if (next === undefined) return undefined;
  const hasMoved = matchesExactly(next, subject);
  if (!hasMoved) closeFd(next.fd);
  ifUnlocked(folder, () => {
    if (hasMoved) renameEntry(sidecar, nextName, sidecar, entryNameOf(subject.name));
    else unlinkAt(sidecar, nextName, false);
  });
  return hasMoved ? next : undefined;
}

/** A value, or -ENODATA. */
export function getSidecarValue(folder: number, subject: Subject, name: string): Uint8Array | Failure {
  return withSidecar<Uint8Array | Failure>(folder, -Errno.ENODATA, (sidecar) => {
    const entry = tryEntryOf(folder, sidecar, subject);
    if (typeof entry !== "object") return entry ?? -Errno.ENODATA;
    const value = readEntryValue(entry, name);
    closeFd(entry.fd);
    return value ?? -Errno.ENODATA;
  });
}

/** The names of all values. */
export function listSidecarValues(folder: number, subject: Subject): string[] {
  return withSidecar<string[]>(folder, [], (sidecar) => {
    const entry = entryOf(folder, sidecar, subject);
    if (entry === undefined) return [];
    closeFd(entry.fd);
    return [...entry.table.extents.keys()];
  });
}

/** All values, a map that is the caller's; a failure where they cannot be read, and so must not be replaced. */
function valuesOf(
  folder: number,
  sidecar: number,
  subject: Subject,
): Map<string, Uint8Array> | undefined | Failure {
  const entry = tryEntryOf(folder, sidecar, subject);
  if (typeof entry !== "object") return entry;
  const values = readEntryValues(entry);
  closeFd(entry.fd);
  return values;
}

/**
 * Creates or replaces a value: 0, -E2BIG beyond the limits, -ENOSPC, -EROFS and so on. Other values that `isKept` does
 * not know go with that.
 */
export function setSidecarValue(
  folder: number,
  subject: Subject,
  name: string,
  value: Uint8Array,
  isKept?: (name: string) => boolean,
): 0 | Failure {
  const sidecar = makeSidecar(folder);
  if (sidecar < 0) return sidecar;
  const known = valuesOf(folder, sidecar, subject);
  if (known === undefined && subject.name !== "") sweepAtRandom(folder, sidecar);
  const values = known ?? new Map<string, Uint8Array>();
  if (typeof values === "object" && isKept !== undefined)
    for (const other of values.keys()) if (!isKept(other)) values.delete(other);
  let result: 0 | Failure;
  if (typeof values === "number") result = values;
  else result = replaceEntry(sidecar, entryNameOf(subject.name), subject, values.set(name, value));
  closeFd(sidecar);
  if (result < 0) removeSidecarIfEmpty(folder);
  return result;
}

/** 0, or -ENODATA where there is no such value. The last value takes the entry with it, the last entry the sidecar. */
export function removeSidecarValue(folder: number, subject: Subject, name: string): 0 | Failure {
  const result = withSidecar<0 | Failure>(folder, -Errno.ENODATA, (sidecar) => {
    const values = valuesOf(folder, sidecar, subject);
    if (typeof values === "number") return values;
    if (values?.delete(name) !== true) return -Errno.ENODATA;
    const entryName = entryNameOf(subject.name);
    if (values.size > 0) return replaceEntry(sidecar, entryName, subject, values);
    const removed = unlinkAt(sidecar, entryName, false);
    return removed === -Errno.ENOENT ? 0 : removed;
  });
  if (result === 0) removeSidecarIfEmpty(folder);
  return result;
}

function removeSidecarIfEmpty(folder: number): void {
  unlinkAt(folder, SIDECAR_DIRECTORY, true);
}

/** Forgets what was kept for a name: its file is gone, or a new one has been made under it. */
export function removeSidecarEntry(folder: number, name: string): void {
  const wasThere = withSidecar(folder, false, (sidecar) => {
    unlinkAt(sidecar, nextNameOf(name), false);
    return unlinkAt(sidecar, entryNameOf(name), false) === 0;
  });
  if (wasThere) removeSidecarIfEmpty(folder);
}

/** Before a file is renamed or linked to a name: its values are laid ready beside that name. False: it has none. */
export function prepareSidecarMove(
  from: number,
  subject: Subject,
  to: number,
  newName: string,
): boolean | Failure {
  const values = withSidecar(from, undefined, (sidecar) => valuesOf(from, sidecar, subject));
  if (typeof values === "number") return values;
  if (values === undefined) return false;
  const sidecar = makeSidecar(to);
  if (sidecar < 0) return sidecar;
  const result = replaceEntry(sidecar, nextNameOf(newName), { ...subject, name: newName }, values);
  closeFd(sidecar);
  return result < 0 ? result : true;
}

/**
 * After that: the values laid ready become those of the new name, or, where it was not done, they are taken away.
 * False where they are not there; where the disk will not have them in their place, the next look puts them there.
 */
export function finishSidecarMove(to: number, newName: string, isDone: boolean): boolean {
  const result = withSidecar<number>(to, -Errno.ENOENT, (sidecar) =>
    isDone
      ? renameEntry(sidecar, nextNameOf(newName), sidecar, entryNameOf(newName))
      : unlinkAt(sidecar, nextNameOf(newName), false),
  );
  if (!isDone) removeSidecarIfEmpty(to);
  return result !== -Errno.ENOENT;
}

/** After a move: the old name's entry goes, unless the disk takes both names for one. */
export function removeMovedEntry(from: number, name: string, to: number, newName: string): void {
  const mayBeOne = upcase(name) === upcase(newName) && identityOfFolder(from) === identityOfFolder(to);
  // Where user space numbers inodes, each spelling has a number of its own: the directory knows.
  if (!mayBeOne || withSidecar(from, false, (sidecar) => listsEntry(sidecar, entryNameOf(name)))) {
    removeSidecarEntry(from, name);
  }
}

function listsEntry(sidecar: number, entryName: string): boolean {
  let count = 0;
  let isListed = false;
  eachName(sidecar, (entry) => {
    if (entry === entryName) isListed = true;
    if (upcase(entry) === upcase(entryName)) count++;
    return true;
  });
  return isListed && count > 1;
}

function identityOfFolder(folder: number): string | undefined {
  return statFd(folder, entryFacts) < 0 ? undefined : identityOf(entryFacts);
}

/** Moves the entry after its file in one step that needs no room; a server killed in between would lose it. */
export function moveSidecarEntry(
  from: { directory: number; name: string },
  to: { directory: number; name: string },
): void {
  withSidecar<void>(from.directory, undefined, (old) => {
    const made = makeSidecar(to.directory);
    if (made < 0) return;
    renameEntry(old, entryNameOf(from.name), made, entryNameOf(to.name));
    closeFd(made);
  });
}

/**
 * Removes a folder that is empty but for its sidecar, as the thread is: 0, -ENOTEMPTY where it has anything else.
 * Its own values are put back when a file appeared in it meanwhile.
 */
export function removeFolderWithSidecar(parent: number, name: string): 0 | Failure {
  const folder = openAt(parent, name, Open.PATH | Open.DIRECTORY | Open.NOFOLLOW);
  if (folder < 0) return folder;
  const own: Subject = { name: "", stat: folderFacts, hasStableInodes: false };
  const others = hasOtherEntries(folder);
  const values =
    typeof others === "number" ? others : others ? -Errno.ENOTEMPTY : removeSidecarOf(folder, own);
  const result = typeof values === "number" ? values : unlinkAt(parent, name, true);
  if (result < 0 && typeof values === "object" && values.size > 0) {
    const sidecar = makeSidecar(folder);
    if (statFd(folder, folderFacts) === 0) replaceEntry(sidecar, entryNameOf(""), own, values);
    closeFd(sidecar);
  }
  closeFd(folder);
  return result;
}

/** Removes a folder's sidecar: the folder's own values, -ENOTEMPTY where there is no sidecar. */
function removeSidecarOf(folder: number, own: Subject): ReadonlyMap<string, Uint8Array> | Failure {
  const missing = -Errno.ENOTEMPTY;
  const values = withSidecar<ReadonlyMap<string, Uint8Array> | Failure>(folder, missing, (sidecar) => {
    const kept = valuesOf(folder, sidecar, own) ?? noValues;
    if (typeof kept === "object") emptySidecar(sidecar);
    return kept;
  });
  if (typeof values === "object") removeSidecarIfEmpty(folder);
  return values;
}

/** Whether a folder has any entry but the sidecar; a failure where it cannot be said. */
function hasOtherEntries(folder: number): boolean | Failure {
  let found = false;
  const failure = eachName(folder, (name) => {
    found = !isSidecarName(name);
    return !found;
  });
  return failure < 0 ? failure : found;
}

function emptySidecar(sidecar: number): void {
  const names: string[] = [];
  eachName(sidecar, (name) => names.push(name) > 0);
  // The folder's own last: the others' files are gone already.
  for (const name of names) if (name !== entryNameOf("")) unlinkAt(sidecar, name, false);
  unlinkAt(sidecar, entryNameOf(""), false);
}
