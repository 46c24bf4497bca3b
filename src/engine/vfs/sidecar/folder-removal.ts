// Removal of a folder whose only entry is its sidecar. Runs as the server.
import { randomFillSync } from "node:crypto";
import { eachName } from "../../../linux/dir.ts";
import { renameAt, unlinkAt } from "../../../linux/directory-entries.ts";
import { Errno } from "../../../linux/errno.ts";
import { Open, closeFd, openAt } from "../../../linux/open.ts";
import { emptyStatx, statFd } from "../../../linux/stat.ts";
import { isSidecarName } from "../name/own-names.ts";
import type { Failure } from "../store.ts";
import { type EntryValues, type Subject, eachPointer, waitsForDisk } from "./entry.ts";
import { replaceEntry } from "./entry-change.ts";
import { dataFileName, entryNameOf, temporaryEntryName } from "./entry-name.ts";
import { makeSidecar, removeSidecarIfEmpty, withSidecar, withValues } from "./folder.ts";

/** Entries removed by one call, which keeps its thread for milliseconds; more on a slow disk. */
const MAX_REMOVED = 256;
/** The sidecar has more entries: call again. */
export const UNFINISHED: Failure = -Errno.EINPROGRESS;

const facts = emptyStatx();
const OWN = entryNameOf("");

/**
 * Removes a folder that contains only its sidecar; -ENOTEMPTY where it has other entries, -EAGAIN where the
 * event loop must leave it to a worker, UNFINISHED while the sidecar has many entries of files that are gone.
 * The folder's own values are restored when a file was created in it meanwhile.
 */
export function removeFolderWithSidecar(parent: number, name: string, mustNotWait = false): 0 | Failure {
  const folder = openAt(parent, name, Open.PATH | Open.DIRECTORY | Open.NOFOLLOW);
  if (folder < 0) return folder;
  const result = removeOpenFolder(parent, name, folder, mustNotWait);
  closeFd(folder);
  return result;
}

function removeOpenFolder(parent: number, name: string, folder: number, mustNotWait: boolean): 0 | Failure {
  const others = hasOtherEntries(folder);
  if (typeof others === "number") return others;
  if (others) return -Errno.ENOTEMPTY;
  const own: Subject = { name: "", stat: facts, hasStableInodes: false };
  const small = withSidecar<EntryValues | undefined | Failure>(folder, -Errno.ENOTEMPTY, (sidecar) =>
    withValues<EntryValues | undefined>(folder, sidecar, own, (values = new Map()) =>
      waitsForDisk(values) ? undefined : values,
    ),
  );
  if (typeof small === "number") return small;
  if (small === undefined) return mustNotWait ? -Errno.EAGAIN : removeWithDataFiles(parent, name, folder);
  if (!removeOthers(folder, [OWN])) return UNFINISHED;
  withSidecar<void>(folder, undefined, (sidecar) => void unlinkAt(sidecar, OWN, false));
  removeSidecarIfEmpty(folder);
  const result = unlinkAt(parent, name, true);
  if (result < 0 && small.size > 0) {
    const sidecar = makeSidecar(folder);
    if (statFd(folder, facts) === 0) replaceEntry(sidecar, OWN, own, small);
    closeFd(sidecar);
  }
  return result;
}

/** The folder's own entry and data files wait in the parent's sidecar until the folder is removed. */
function removeWithDataFiles(parent: number, name: string, folder: number): 0 | Failure {
  const data = withSidecar<string[]>(folder, [], (sidecar) => ownDataFiles(folder, sidecar));
  if (!removeOthers(folder, [OWN, ...data])) return UNFINISHED;
  const shelter = makeSidecar(parent);
  if (shelter < 0) return shelter;
  const entry = temporaryEntryName(randomFillSync(new Uint8Array(8)));
  const moved: [string, string][] = [];
  withSidecar<void>(folder, undefined, (sidecar) => {
    for (const file of data) if (renameAt(sidecar, file, shelter, file, 0) === 0) moved.push([file, file]);
    if (renameAt(sidecar, OWN, shelter, entry, 0) === 0) moved.push([OWN, entry]);
  });
  removeSidecarIfEmpty(folder);
  const result = unlinkAt(parent, name, true);
  const back = result < 0 ? makeSidecar(folder) : -1;
  for (const [own, waiting] of moved) {
    if (back >= 0) renameAt(shelter, waiting, back, own, 0);
    else unlinkAt(shelter, waiting, false);
  }
  if (back >= 0) closeFd(back);
  closeFd(shelter);
  removeSidecarIfEmpty(parent);
  return result;
}

function ownDataFiles(folder: number, sidecar: number): string[] {
  const own: Subject = { name: "", stat: facts, hasStableInodes: false };
  const names = withValues<string[]>(folder, sidecar, own, (values = new Map()) =>
    eachPointer(values).map(({ pointer }) => dataFileName(pointer.id)),
  );
  return typeof names === "number" ? [] : names;
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

/**
 * Removes entries whose files do not exist any more, but not those in `kept`. False where there may be more.
 */
function removeOthers(folder: number, kept: readonly string[]): boolean {
  return withSidecar(folder, true, (sidecar) => {
    const names: string[] = [];
    eachName(sidecar, (name) => {
      if (!kept.includes(name)) names.push(name);
      return names.length < MAX_REMOVED;
    });
    let removed = 0;
    for (const name of names) if (unlinkAt(sidecar, name, false) === 0) removed++;
    // What cannot be removed, such as a directory, shows when the folder is removed.
    return names.length < MAX_REMOVED || removed === 0;
  });
}
