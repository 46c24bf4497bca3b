// Moves a file's values with its name: an entry is prepared for the new name before the rename and put in
// place after it. Data files stay where they are in a rename within one folder; another folder's sidecar gets
// hard links to them, or copies where the disk has no links. All functions run as the server.
import { eachName } from "../../../linux/dir.ts";
import { renameAt, unlinkAt } from "../../../linux/directory-entries.ts";
import { Errno } from "../../../linux/errno.ts";
import { Open, closeFd } from "../../../linux/open.ts";
import { emptyStatx, statFd } from "../../../linux/stat.ts";
import { upcase } from "../../../wire/fscc/upcase.ts";
import { identityOf } from "../format/file-stat.ts";
import type { Failure } from "../store.ts";
import {
  copyDataFile,
  encodePointer,
  generationOf,
  holdForCopy,
  linkDataFile,
  openDataFile,
  removeDataFile,
  setGeneration,
} from "./data-file.ts";
import {
  type EntryValues,
  type NamedPointer,
  type Subject,
  eachPointer,
  readEntryValues,
  renameEntry,
  tryOpenEntry,
  waitsForDisk,
  withOwnPointers,
} from "./entry.ts";
import { pointersOf, putEntry, replaceEntry } from "./entry-change.ts";
import { dataFileName, entryNameOf, isHashed, nextNameOf } from "./entry-name.ts";
import {
  makeSidecar,
  removeSidecarEntry,
  removeSidecarIfEmpty,
  tryWithSidecar,
  withSidecar,
  withValues,
} from "./folder.ts";

/** What a new name does with the data files: it has the same, links or copies of them, or only copies. */
const DataFiles = { SAME: 0, MOVED: 1, COPIED: 2 } as const;
type DataFiles = (typeof DataFiles)[keyof typeof DataFiles];

const facts = emptyStatx();

/** What the last prepared entry does with the data files; it is finished before another is prepared. */
let prepared: DataFiles = DataFiles.SAME;
/** The data files of the last staged entry. */
let stagedData: readonly string[] = [];

/**
 * Called before a file is renamed to `newName`, or linked (`isLink`): writes its values to a prepared entry.
 * Returns false where the file has none; -EAGAIN on the event loop where this has to wait for the disk.
 */
export function prepareSidecarMove(
  from: number,
  subject: Subject,
  to: number,
  newName: string,
  isLink = false,
): boolean | Failure {
  const isSameFolder = identityOfFolder(from) === identityOfFolder(to);
  prepared = isLink ? DataFiles.COPIED : isSameFolder ? DataFiles.SAME : DataFiles.MOVED;
  return tryWithSidecar<boolean | Failure>(from, false, (old) =>
    withValues<boolean | Failure>(from, old, subject, (values, writer) => {
      if (values === undefined || writer === undefined) return false;
      if (subject.mustNotWait === true && waitsForDisk(values)) return -Errno.EAGAIN;
      const sidecar = makeSidecar(to);
      if (sidecar < 0) return sidecar;
      let result = takeDataFiles(old, writer, sidecar, values);
      if (result === 0)
        result = replaceEntry(sidecar, nextNameOf(newName), { ...subject, name: newName }, values);
      if (result === 0 && prepared === DataFiles.SAME) result = passDataFiles(sidecar, writer, values);
      closeFd(sidecar);
      return result < 0 ? result : true;
    }),
  );
}

/** Replaces the pointers by those that the new name has. */
function takeDataFiles(old: number, writer: number, sidecar: number, values: EntryValues): 0 | Failure {
  const taken: NamedPointer[] = [];
  for (const { name, pointer } of eachPointer(values)) {
    const fd = openDataFile(old, pointer, writer, Open.RDONLY);
    if (fd === -Errno.ENODATA) continue;
    const next = fd < 0 ? fd : takeDataFile(fd, { name, pointer }, sidecar);
    if (typeof next === "number") {
      if (prepared !== DataFiles.SAME) for (const one of taken) removeDataFile(sidecar, one.pointer);
      return next;
    }
    taken.push(next);
    values.set(name, encodePointer(next.pointer));
  }
  return 0;
}

/** Takes over `fd`. */
function takeDataFile(fd: number, { name, pointer }: NamedPointer, sidecar: number): NamedPointer | Failure {
  const generation = generationOf();
  if (prepared === DataFiles.SAME) {
    closeFd(fd);
    return { name, pointer: { ...pointer, generation: Math.max(generation, pointer.generation) + 1 } };
  }
  if (prepared === DataFiles.MOVED && linkDataFile(fd, sidecar, pointer) === 0) {
    closeFd(fd);
    return { name, pointer: { ...pointer, generation } };
  }
  // The old file is removed after the copy: what is written to it meanwhile would be lost.
  const failure = prepared === DataFiles.MOVED ? holdForCopy(fd) : 0;
  const copy = failure < 0 ? failure : copyDataFile(fd, sidecar);
  if (prepared !== DataFiles.MOVED) closeFd(fd);
  return typeof copy === "number" ? copy : { name, pointer: copy };
}

/** Makes the data files those of the prepared entry, so that the removal of the old one leaves them alone. */
function passDataFiles(sidecar: number, writer: number, values: EntryValues): 0 | Failure {
  for (const { pointer } of eachPointer(values)) {
    const failure = setGeneration(sidecar, pointer, writer);
    if (failure < 0) return failure;
  }
  return 0;
}

/**
 * Called after that: makes the prepared entry the new name's, or removes it if the rename failed. False where
 * it does not exist. Where the rename of the entry fails, the next access to the entry repeats it.
 */
export function finishSidecarMove(to: number, newName: string, isDone: boolean): boolean {
  const next = nextNameOf(newName);
  const result = withSidecar<number>(to, -Errno.ENOENT, (sidecar) => {
    const pointers = pointersOf(sidecar, next);
    if (isDone) return putEntry(sidecar, next, entryNameOf(newName), pointers);
    const removed = unlinkAt(sidecar, next, false);
    for (const { pointer } of pointers ?? []) {
      if (prepared !== DataFiles.SAME) removeDataFile(sidecar, pointer);
      else setGeneration(sidecar, { ...pointer, generation: pointer.generation - 1 });
    }
    return removed;
  });
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
  return statFd(folder, facts) < 0 ? undefined : identityOf(facts);
}

/**
 * Does the work of `prepareSidecarMove` where that fails on a full disk: moves the entry and its data files
 * themselves, which needs hardly any space. A server killed before the rename would lose the values. 0 also
 * where the file has no entry; -ENOSPC for a long name, whose entry has to be written anew.
 */
export function stageSidecarMove(from: number, name: string, to: number, newName: string): 0 | Failure {
  const staged = tryWithSidecar<0 | Failure>(from, 0, (old) => {
    if (isHashed(newName)) return -Errno.ENOSPC;
    const data = dataFilesOf(old, entryNameOf(name));
    if (typeof data === "number") return data;
    const made = makeSidecar(to);
    if (made < 0) return made;
    stagedData = data;
    const isElsewhere = identityOfFolder(from) !== identityOfFolder(to);
    let result = isElsewhere ? moveFiles(old, data, made) : 0;
    if (result === 0) {
      result = renameEntry(old, entryNameOf(name), made, nextNameOf(newName));
      if (result < 0 && isElsewhere) moveFiles(made, data, old);
    }
    closeFd(made);
    return result === -Errno.ENOENT ? 0 : result;
  });
  if (staged < 0) removeSidecarIfEmpty(to);
  return staged;
}

/** The data files that an entry names; a failure where it could not be read. */
function dataFilesOf(sidecar: number, entryName: string): string[] | Failure {
  const entry = tryOpenEntry(sidecar, entryName);
  if (typeof entry !== "object") return entry ?? [];
  const values = readEntryValues(withOwnPointers(sidecar, entry));
  closeFd(entry.fd);
  if (typeof values === "number") return values;
  return eachPointer(values).map(({ pointer }) => dataFileName(pointer.id));
}

/** Moves data files into another sidecar, all or none. */
function moveFiles(from: number, names: readonly string[], to: number): 0 | Failure {
  for (const [i, name] of names.entries()) {
    const result = renameAt(from, name, to, name, 0);
    // It has been lost before.
    if (result === 0 || result === -Errno.ENOENT) continue;
    for (const moved of names.slice(0, i)) renameAt(to, moved, from, moved, 0);
    return result;
  }
  return 0;
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
      if (identityOfFolder(from) !== identityOfFolder(to)) moveFiles(made, stagedData, old);
      renameEntry(made, nextNameOf(newName), old, entryNameOf(name));
    }),
  );
  removeSidecarIfEmpty(to);
}
