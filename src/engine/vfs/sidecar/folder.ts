// The sidecar of a folder: named values without extended attributes, in a hidden directory of the folder that
// contains the file; a folder's own values are inside itself, so that they move with it. All functions run as
// the thread's current user; names and stats are those of the object at the time of the call.
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
import { keepingFolderTimes } from "../context/folder-times.ts";
import { entryNameOf, isHashed, nextNameOf } from "./entry-name.ts";
import type { Failure } from "../store.ts";
import { SIDECAR_DIRECTORY, isSidecarName } from "../name/own-names.ts";
import { sweepAtRandom } from "./orphans.ts";

// The sidecar belongs to the folder's owner, who must be able to remove the folder; entries belong to the
// server.
const SIDECAR_MODE = 0o700;
const FAT_HIDDEN = 0x02;
const FAT_DIRECTORY = 0x10;

/** How often a missing entry is looked up again where a rename is not atomic for other threads. */
const MAX_LOOKS = 2;
const folderFacts = emptyStatx();
const entryFacts = emptyStatx();
const noValues: ReadonlyMap<string, Uint8Array> = new Map();

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
function withSidecar<T>(folder: number, missing: T, action: (sidecar: number) => T): T {
  const sidecar = openSidecar(folder);
  if (sidecar < 0) return missing;
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
    if (hasMoved) renameEntry(sidecar, nextName, sidecar, entryNameOf(subject.name));
    else unlinkAt(sidecar, nextName, false);
  });
  return hasMoved ? next : undefined;
}

/** Returns a value, or -ENODATA. */
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

/** All values, in a new map; a failure where they could not be read, and must not be replaced. */
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
 * Creates or replaces a value; -E2BIG beyond the limits. Removes other values for which `isValid` is false.
 */
export function setSidecarValue(
  folder: number,
  subject: Subject,
  name: string,
  value: Uint8Array,
  isValid?: (name: string) => boolean,
): 0 | Failure {
  const sidecar = makeSidecar(folder);
  if (sidecar < 0) return sidecar;
  const known = valuesOf(folder, sidecar, subject);
  if (known === undefined && subject.name !== "") sweepAtRandom(folder, sidecar);
  const values = known ?? new Map<string, Uint8Array>();
  if (typeof values === "object" && isValid !== undefined)
    for (const other of values.keys()) if (!isValid(other)) values.delete(other);
  let result: 0 | Failure;
  if (typeof values === "number") result = values;
  else result = replaceEntry(sidecar, entryNameOf(subject.name), subject, values.set(name, value));
  closeFd(sidecar);
  if (result < 0) removeSidecarIfEmpty(folder);
  return result;
}

/** Removes a value; -ENODATA where there is none. Removes an empty entry and an empty sidecar, too. */
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
  keepingFolderTimes(folder, SIDECAR_DIRECTORY, () => unlinkAt(folder, SIDECAR_DIRECTORY, true));
}

/** Removes the values of a name whose file was removed, or under which a new file was created. */
export function removeSidecarEntry(folder: number, name: string): void {
  const wasThere = withSidecar(folder, false, (sidecar) => {
    unlinkAt(sidecar, nextNameOf(name), false);
    return unlinkAt(sidecar, entryNameOf(name), false) === 0;
  });
  if (wasThere) removeSidecarIfEmpty(folder);
}

/**
 * Called before a file is renamed or linked to `newName`: writes its values to a prepared entry. Returns
 * false where the file has none.
 */
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
 * Called after that: makes the prepared entry the new name's, or removes it if the rename failed. False where
 * it does not exist. Where the rename of the entry fails, the next access to the entry repeats it.
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

/** Called after a rename: removes the old name's entry, unless the disk takes both names for the same. */
export function removeMovedEntry(from: number, name: string, to: number, newName: string): void {
  const mayBeOne = upcase(name) === upcase(newName) && identityOfFolder(from) === identityOfFolder(to);
  // On FUSE each spelling may have an inode number of its own; the listing tells.
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

/**
 * Does the work of `prepareSidecarMove` where that fails on a full disk: moves the entry itself, which needs
 * hardly any space. A server killed before the rename would lose the values. 0 also where the file has no
 * entry; -ENOSPC for a long name, whose entry has to be written anew.
 */
export function stageSidecarMove(from: number, name: string, to: number, newName: string): 0 | Failure {
  const staged = withSidecar<0 | Failure>(from, 0, (old) => {
    const made = makeSidecar(to);
    if (made < 0) return made;
    const result = isHashed(newName)
      ? -Errno.ENOSPC
      : renameEntry(old, entryNameOf(name), made, nextNameOf(newName));
    closeFd(made);
    return result === -Errno.ENOENT ? 0 : result;
  });
  if (staged < 0) removeSidecarIfEmpty(to);
  return staged;
}

/** Called after that and the rename: completes the move, or takes the entry back if the rename failed. */
export function finishStagedMove(
  from: number,
  name: string,
  to: number,
  newName: string,
  isDone: boolean,
): void {
  if (isDone) {
    finishSidecarMove(to, newName, true);
    removeSidecarIfEmpty(from);
    return;
  }
  withSidecar<void>(to, undefined, (made) =>
    withSidecar<void>(from, undefined, (old) => {
      renameEntry(made, nextNameOf(newName), old, entryNameOf(name));
    }),
  );
  removeSidecarIfEmpty(to);
}

/**
 * Removes a folder that contains only its sidecar; -ENOTEMPTY where it has other entries. The folder's own
 * values are restored when a file was created in it meanwhile.
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

/** Removes a folder's sidecar and returns the folder's own values; -ENOTEMPTY where there is no sidecar. */
function removeSidecarOf(folder: number, own: Subject): ReadonlyMap<string, Uint8Array> | Failure {
  const missing = -Errno.ENOTEMPTY;
  const values = withSidecar<ReadonlyMap<string, Uint8Array> | Failure>(folder, missing, (sidecar) => {
    const found = valuesOf(folder, sidecar, own) ?? noValues;
    if (typeof found === "object") emptySidecar(sidecar);
    return found;
  });
  if (typeof values === "object") removeSidecarIfEmpty(folder);
  return values;
}

/** True where a folder has any entry besides the sidecar; a failure where it could not be read. */
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
  // The folder's own entry last; the files of the others do not exist any more.
  for (const name of names) if (name !== entryNameOf("")) unlinkAt(sidecar, name, false);
  unlinkAt(sidecar, entryNameOf(""), false);
}
