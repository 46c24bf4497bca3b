// Creates, removes, renames and links names together with their named values, where these are in a sidecar.
// Called between `enter` and `leave` of the user; changes of the sidecar are done as the server.
import { Errno, isShortage } from "../../../linux/errno.ts";
import { unlinkAt } from "../../../linux/directory-entries.ts";
import { Open, closeFd, openAt } from "../../../linux/open.ts";
import { ModeType, emptyStatx, statAt, statFd } from "../../../linux/stat.ts";
import { deviceOf } from "../format/file-stat.ts";
import { type DiskTraits, traitsOf, needsSidecar } from "../context/disk-traits.ts";
import { isMarked } from "./overflow.ts";
import type { ShareContext } from "../context/share-context.ts";
import { lockFolders, unlockFolders } from "../sidecar/lock.ts";
import { removeFolderWithSidecar } from "../sidecar/folder-removal.ts";
import { removeSidecarEntry } from "../sidecar/folder.ts";
import {
  finishSidecarMove,
  finishStagedMove,
  prepareSidecarMove,
  removeMovedEntry,
  stageSidecarMove,
} from "../sidecar/move.ts";
import { releaseCopies } from "../sidecar/data-file.ts";
import type { Failure } from "../store.ts";
import { SIDECAR_DIRECTORY } from "../name/own-names.ts";
import {
  followLink,
  followRename,
  followingOf,
  isToUnlink,
  mayHaveCompanion,
  unlinkCompanion,
} from "../appledouble/follow.ts";
import { besideObject, inSidecar } from "./in-sidecar.ts";

const stat = emptyStatx();
const lacksSpace: ReadonlySet<number> = new Set([Errno.ENOSPC, Errno.EDQUOT, Errno.EIO]);

/** A name in an open directory. */
export interface NameInDirectory {
  readonly directory: number;
  readonly name: string;
  /**
   * The rename replaces an object in another folder than the source's, and that object may have values there.
   */
  readonly replacesElsewhere?: boolean;
  /** The AppleDouble file of the file that the rename replaces stays for the new one of the same owner. */
  readonly keepsCompanion?: boolean;
}

/**
 * The traits of the folder's disk; undefined where the folder has no sidecar and the disk does not need one.
 */
function traitsIfSidecar(context: ShareContext, directory: number): DiskTraits | undefined {
  if (statFd(directory, stat) < 0) return undefined;
  const traits = traitsOf(context, deviceOf(stat), directory);
  return needsSidecar(traits) || hasSidecar(directory) ? traits : undefined;
}

/** A disk with extended attributes has sidecars too, for values that do not fit. */
function hasSidecar(directory: number): boolean {
  return statAt(directory, SIDECAR_DIRECTORY, stat) === 0;
}

/** The same for a folder by its name. */
function holdsSidecar(directory: number, name: string): boolean {
  const folder = openAt(directory, name, Open.PATH | Open.DIRECTORY | Open.NOFOLLOW);
  if (folder < 0) return false;
  const isThere = hasSidecar(folder);
  closeFd(folder);
  return isThere;
}

function needsSidecarAt(context: ShareContext, directory: number): boolean {
  return statFd(directory, stat) === 0 && needsSidecar(traitsOf(context, deviceOf(stat), directory));
}

/**
 * Calls `action` with the sidecars of these folders locked. Returns -EAGAIN without calling it where the
 * event loop would have to wait for a lock.
 */
function withFolderLocks<T>(context: ShareContext, folders: readonly number[], action: () => T): T | Failure {
  const locks = context.identity.asServer(() => lockFolders(folders, context.isWorker));
  if (locks === undefined) return -Errno.EAGAIN;
  try {
    return action();
  } finally {
    unlockFolders(locks);
  }
}

/** Calls `create`, which makes a new object of that name, and removes values left from an earlier object. */
export function createWithoutOldValues(
  context: ShareContext,
  directory: number,
  name: string,
  create: () => number | Failure,
): number | Failure {
  // On a disk with extended attributes a new object has no overflow mark, so values in the sidecar are
  // ignored.
  if (!needsSidecarAt(context, directory)) return create();
  return withFolderLocks(context, [directory], () => {
    const result = create();
    if (result >= 0) removeOldValues(context, directory, name);
    return result;
  });
}

function removeOldValues(context: ShareContext, directory: number, name: string): void {
  context.identity.asServer(() => removeSidecarEntry(directory, name));
}

/** A client with the POSIX extensions sees AppleDouble files, and moves and removes them itself. */
function companionsFollow({ grant, isPosix }: ShareContext): boolean {
  return grant.streams && !isPosix;
}

/** unlinkat(2) of a name; a directory that contains only its sidecar counts as empty. */
export function unlinkWithValues(
  context: ShareContext,
  directory: number,
  name: string,
  isDirectory: boolean,
): 0 | Failure {
  const { identity } = context;
  const of = { directory, name };
  const mayFollow = companionsFollow(context) && mayHaveCompanion(of);
  const follows = mayFollow && identity.asServer(() => isToUnlink(of));
  if (typeof follows === "number") return follows;
  const result = unlinkWithSidecar(context, directory, name, isDirectory);
  if (follows && result === 0) identity.asServer(() => unlinkCompanion(of));
  return result;
}

function unlinkWithSidecar(
  context: ShareContext,
  directory: number,
  name: string,
  isDirectory: boolean,
): 0 | Failure {
  if (traitsIfSidecar(context, directory) === undefined) {
    const result = unlinkAt(directory, name, isDirectory);
    const isFull = isDirectory && (result === -Errno.ENOTEMPTY || result === -Errno.EEXIST);
    if (!isFull || !holdsSidecar(directory, name)) return result;
  }
  const folder = isDirectory ? openAt(directory, name, Open.PATH | Open.DIRECTORY | Open.NOFOLLOW) : -1;
  const folders = folder < 0 ? [directory] : [directory, folder];
  const result = withFolderLocks(context, folders, () => unlinkLocked(context, directory, name, isDirectory));
  if (folder >= 0) closeFd(folder);
  return result;
}

function unlinkLocked(
  context: ShareContext,
  directory: number,
  name: string,
  isDirectory: boolean,
): 0 | Failure {
  const result = unlinkAt(directory, name, isDirectory);
  if (result === 0 && !isDirectory) removeOldValues(context, directory, name);
  // The kernel reports ENOTEMPTY only where the user may remove the directory.
  const isFull = isDirectory && (result === -Errno.ENOTEMPTY || result === -Errno.EEXIST);
  return isFull
    ? context.identity.asServer(() => removeFolderWithSidecar(directory, name, !context.isWorker))
    : result;
}

/** Calls `move`, which renames `from` to `to`, and moves the values along if it succeeds. */
export function renameWithValues(
  context: ShareContext,
  from: NameInDirectory,
  to: NameInDirectory,
  move: () => 0 | Failure,
): 0 | Failure {
  const { identity } = context;
  const mayFollow = companionsFollow(context) && (mayHaveCompanion(from) || mayHaveCompanion(to));
  const following = mayFollow
    ? identity.asServer(() => followingOf(from, to, to.keepsCompanion === true))
    : undefined;
  if (typeof following === "number") return following;
  if (following === undefined) return renameWithSidecar(context, from, to, move);
  return withFolderLocks(context, [from.directory, to.directory], () => {
    const result = renameWithSidecar(context, from, to, move);
    if (result === 0) identity.asServer(() => followRename(from, to, following));
    return result;
  });
}

function renameWithSidecar(
  context: ShareContext,
  from: NameInDirectory,
  to: NameInDirectory,
  move: () => 0 | Failure,
): 0 | Failure {
  let traits = traitsIfSidecar(context, from.directory);
  if (traits === undefined && to.replacesElsewhere === true) traits = traitsIfSidecar(context, to.directory);
  if (traits === undefined) return move();
  const folders = [from.directory, to.directory];
  return withFolderLocks(context, folders, () => renameLocked(context, traits, from, to, move));
}

function renameLocked(
  context: ShareContext,
  traits: DiskTraits,
  from: NameInDirectory,
  to: NameInDirectory,
  move: () => 0 | Failure,
): 0 | Failure {
  const { identity } = context;
  if (statAt(from.directory, from.name, stat) < 0) return move();
  if ((stat.mode & ModeType.MASK) === ModeType.DIRECTORY) {
    const result = move();
    if (result === 0) removeOldValues(context, to.directory, to.name);
    return result;
  }
  const { hasStableInodes } = traits;
  const subject = { name: from.name, stat, hasStableInodes, mustNotWait: !context.isWorker };
  const ready = identity.asServer(() => prepareSidecarMove(from.directory, subject, to.directory, to.name));
  if (ready === -Errno.EAGAIN) return ready;
  // The values could not be prepared (disk full) or read: the file is not moved without them.
  if (typeof ready === "number") {
    releaseCopies();
    return renameStaged(context, from, to, move);
  }
  const result = move();
  identity.asServer(() => {
    const isLaid = ready && finishSidecarMove(to.directory, to.name, result === 0);
    // Writers that waited find the new entry. FUSE leaves a hidden file where an open one is removed.
    releaseCopies();
    if (result < 0) return;
    if (isLaid) removeMovedEntry(from.directory, from.name, to.directory, to.name);
    else if (!ready) removeSidecarEntry(to.directory, to.name);
  });
  return result;
}

function renameStaged(
  { identity }: ShareContext,
  from: NameInDirectory,
  to: NameInDirectory,
  move: () => 0 | Failure,
): 0 | Failure {
  const staged = identity.asServer(() => stageSidecarMove(from.directory, from.name, to.directory, to.name));
  if (staged < 0) return staged;
  const result = move();
  identity.asServer(() => finishStagedMove(from.directory, from.name, to.directory, to.name, result === 0));
  return result;
}

/** Calls `link`, which adds the name `to` to the file of `fd`, and copies the file's values to that name. */
export function linkWithValues(
  context: ShareContext,
  fd: number,
  to: NameInDirectory,
  link: () => 0 | Failure,
): 0 | Failure {
  const result = linkWithSidecar(context, fd, to, link);
  if (result === 0 && companionsFollow(context))
    besideObject(context, fd, "", (directory, { name, stat: of }) => followLink({ directory, name }, to, of));
  return result;
}

function linkWithSidecar(
  context: ShareContext,
  fd: number,
  to: NameInDirectory,
  link: () => 0 | Failure,
): 0 | Failure {
  if (!isMarked(fd) && traitsIfSidecar(context, to.directory) === undefined) return link();
  return withFolderLocks(context, [to.directory], () => linkLocked(context, fd, to, link));
}

function linkLocked(
  context: ShareContext,
  fd: number,
  to: NameInDirectory,
  link: () => 0 | Failure,
): 0 | Failure {
  const ready = inSidecar<boolean | Failure>(context, fd, "", (folder, subject) =>
    prepareSidecarMove(folder, subject, to.directory, to.name, true),
  );
  if (ready === -Errno.EAGAIN) return ready;
  // A second name without the values would look like a loss.
  if (typeof ready === "number" && (lacksSpace.has(-ready) || isShortage(ready))) return ready;
  const result = link();
  context.identity.asServer(() => {
    if (ready === true) finishSidecarMove(to.directory, to.name, result === 0);
    else if (result === 0) removeSidecarEntry(to.directory, to.name);
  });
  return result;
}
