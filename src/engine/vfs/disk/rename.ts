// Removes, renames and links names: [MS-FSA] 2.1.5.15.12 (rename), 2.1.5.15.6 (link). Each checks first that
// the name still is the object's, and replaces only what the caller looked up.
import { Errno } from "../../../linux/errno.ts";
import { RENAME_NOREPLACE, linkAt, linkFd, renameAt, unlinkAt } from "../../../linux/directory-entries.ts";
import { closeFd } from "../../../linux/open.ts";
import { ModeType, emptyStatx, statAt, statFd } from "../../../linux/stat.ts";
import { deviceOf, identityOf } from "../format/file-stat.ts";
import { hasHardLinks, traitsOf } from "../context/disk-traits.ts";
import { isGivenUp } from "../context/given-up.ts";
import { joinPath, splitPath } from "../name/names.ts";
import { hasOtherSpelling } from "./other-spelling.ts";
import type { ShareContext } from "../context/share-context.ts";
import {
  type NameInDirectory,
  linkWithValues,
  renameWithValues,
  unlinkWithValues,
} from "../values/follow-name.ts";
import { type Failure, FileKind, type Found } from "../store.ts";
import { removeVetoed } from "./vetoed-leftovers.ts";
import { temporaryName } from "../name/own-names.ts";

const statx = emptyStatx();

/** The new name of a rename or link, and the object that has that name now. */
export interface Target {
  readonly path: string;
  readonly name: string;
  /** "" where the name is free. */
  readonly identity: string;
  readonly isDirectory: boolean;
}

export function targetOf(found: Found): Target {
  const { path, name, node } = found;
  return {
    path,
    name,
    identity: node?.identity ?? "",
    isDirectory: node?.stat.kind === FileKind.DIRECTORY,
  };
}

/**
 * 0 where `path`, whose parent is open as `directory`, (still) names the object `identity`. -ENOENT where it
 * does not, another failure where that cannot be told: a removal must not count as done then.
 */
function checkName(context: ShareContext, directory: number, path: string, identity: string): 0 | Failure {
  const { name } = splitPath(path);
  const failure = statAt(directory, name, statx);
  if (failure < 0) return failure;
  if (identityOf(statx) === identity) return 0;
  if (!context.grant.followSymlinks) return -Errno.ENOENT;
  // The name may be a symlink to the object.
  const fd = context.openPath(path);
  if (fd === -Errno.EMFILE || fd === -Errno.ENFILE) return fd;
  if (fd < 0) return -Errno.ENOENT;
  const isSame = statFd(fd, statx) === 0 && identityOf(statx) === identity;
  closeFd(fd);
  return isSame ? 0 : -Errno.ENOENT;
}

/** `FileStore.remove`. Where the object was reached by a symlink, the symlink is removed. */
export function removeName(
  context: ShareContext,
  path: string,
  identity: string,
  isDirectory: boolean,
): 0 | Failure {
  const { parent, name } = splitPath(path);
  if (name === "") return -Errno.EBUSY;
  return context.inDirectory(parent, (directory) => {
    const named = checkName(context, directory, path, identity);
    if (named < 0) return named;
    // After the time-out a client may have opened it again.
    if (isGivenUp()) return -Errno.ETIMEDOUT;
    const { directories } = context;
    const change = directories.begin(directory);
    let result = unlinkWithValues(context, directory, name, isDirectory);
    // The name may be a symlink to the directory.
    if (result === -Errno.ENOTDIR && isDirectory) result = unlinkAt(directory, name, false);
    const isFull = isDirectory && (result === -Errno.ENOTEMPTY || result === -Errno.EEXIST);
    if (isFull) {
      const emptied = removeVetoed(context, directory, name);
      if (emptied === -Errno.EAGAIN) return emptied;
      if (emptied === 0) result = unlinkWithValues(context, directory, name, true);
    }
    if (result === 0) directories.commit(change, directory, undefined, name);
    return result === -Errno.EEXIST ? -Errno.ENOTEMPTY : result;
  });
}

/** `FileStore.rename`. */
export function renamePath(
  context: ShareContext,
  from: string,
  identity: string,
  to: Target,
  replace: boolean,
  keepsCompanion = false,
): { path: string } | Failure {
  const source = splitPath(from);
  if (source.name === "") return -Errno.EBUSY;
  const isSame = to.identity === identity;
  // The target is the object's own name: only the case of the last component changes, or nothing.
  const isSameName = isSame && to.path === from;
  if (to.identity !== "" && !isSame && !replace) return -Errno.EEXIST;
  const target = splitPath(to.path);
  const newName = isSameName ? to.name : target.name;
  const newPath = joinPath(target.parent, newName);
  if (newPath === from) return { path: from };
  if (newName === "") return -Errno.EBUSY;
  const result = context.inDirectory(source.parent, (fromDirectory) => {
    const named = checkName(context, fromDirectory, from, identity);
    if (named < 0) return named;
    return context.inDirectory(target.parent, (toDirectory) => {
      const { directories } = context;
      if (to.identity === "" && hasOtherSpelling(context, toDirectory, target.parent, newName))
        return -Errno.EEXIST;
      const oldChange = directories.begin(fromDirectory);
      const newChange = directories.begin(toDirectory);
      const oldEntry: NameInDirectory = { directory: fromDirectory, name: source.name };
      const replacesElsewhere = to.identity !== "" && !isSame && source.parent !== target.parent;
      const newEntry: NameInDirectory = {
        directory: toDirectory,
        name: newName,
        replacesElsewhere,
        keepsCompanion,
      };
      const isOtherLink = isSame && !isSameName && hasOtherName(fromDirectory, source.name);
      // Replaces only the object that was looked up: another one that has the name by now may be open.
      const mayReplace = replace && !isSame && to.identity !== "";
      const isExpected = mayReplace && checkName(context, toDirectory, to.path, to.identity) === 0;
      const kind = {
        isSpellingChange: isSame && !isOtherLink,
        isOtherLink,
        replace: isSame ? replace : isExpected,
      };
      const move = () => (isGivenUp() ? -Errno.ETIMEDOUT : renameName(oldEntry, newEntry, kind));
      const failure = renameWithValues(context, oldEntry, newEntry, move);
      if (failure < 0) return failure;
      directories.commit(oldChange, fromDirectory, undefined, source.name);
      // Within one directory both changes concern the same cache entry; the second updates its times.
      directories.commit(newChange, toDirectory, newName);
      return 0;
    });
  });
  return result < 0 ? result : { path: newPath };
}

/**
 * True for a name of an object with several hard links, or for a symlink; false for another spelling of one
 * name.
 */
function hasOtherName(directory: number, name: string): boolean {
  if (statAt(directory, name, statx) < 0) return true;
  return statx.links > 1 || (statx.mode & ModeType.MASK) === ModeType.SYMLINK;
}

interface RenameKind {
  readonly isSpellingChange: boolean;
  /** The target is another hard link of the same object: rename(2) would do nothing and return 0. */
  readonly isOtherLink: boolean;
  readonly replace: boolean;
}

function renameName(from: NameInDirectory, to: NameInDirectory, kind: RenameKind): 0 | Failure {
  if (kind.isOtherLink) return kind.replace ? unlinkAt(from.directory, from.name, false) : -Errno.EEXIST;
  if (kind.replace && !kind.isSpellingChange)
    return renameAt(from.directory, from.name, to.directory, to.name, 0);
  const result = renameAt(from.directory, from.name, to.directory, to.name, RENAME_NOREPLACE);
  if (kind.isSpellingChange && (result === -Errno.EEXIST || isUnsupported(result)))
    return changeSpelling(from, to);
  return isUnsupported(result) ? renameWithoutFlag(from, to) : result;
}

function isUnsupported(result: 0 | Failure): boolean {
  return result === -Errno.EINVAL || result === -Errno.ENOSYS || result === -Errno.EOPNOTSUPP;
}

/** Renames by way of a temporary name: a case-insensitive disk reports the new spelling as existing. */
function changeSpelling(from: NameInDirectory, to: NameInDirectory): 0 | Failure {
  const temporary = temporaryName();
  let result = renameAt(from.directory, from.name, from.directory, temporary, 0);
  if (result < 0) return result;
  result = renameWithoutFlag({ directory: from.directory, name: temporary }, to);
  if (result < 0) renameAt(from.directory, temporary, from.directory, from.name, 0);
  return result;
}

/**
 * For disks without RENAME_NOREPLACE: link(2), which never replaces, then unlink(2). For directories and
 * disks without hard links the target is checked before rename(2).
 */
function renameWithoutFlag(from: NameInDirectory, to: NameInDirectory): 0 | Failure {
  const linked = linkAt(from.directory, from.name, to.directory, to.name);
  if (linked === 0) return unlinkAt(from.directory, from.name, false);
  if (linked === -Errno.EEXIST) return linked;
  const existing = statAt(to.directory, to.name, statx);
  if (existing === 0) return -Errno.EEXIST;
  if (existing !== -Errno.ENOENT) return existing;
  return renameAt(from.directory, from.name, to.directory, to.name, 0);
}

/** `FileStore.link` for the object `identity` of `fd`, which is not a directory. */
export function linkObject(
  context: ShareContext,
  fd: number,
  identity: string,
  to: Target,
  replace: boolean,
): 0 | Failure {
  const isTaken = to.identity !== "";
  if (isTaken && !replace) return -Errno.EEXIST;
  if (isTaken && to.identity === identity) return 0;
  if (isTaken && to.isDirectory) return -Errno.EISDIR;
  const { parent, name } = splitPath(to.path);
  return context.inDirectory(parent, (directory) => {
    const { directories } = context;
    if (!isTaken && hasOtherSpelling(context, directory, parent, name)) return -Errno.EEXIST;
    const change = directories.begin(directory);
    const result = linkWithValues(context, fd, { directory, name }, () => {
      const made = linkFd(fd, directory, name);
      // Replaces only the object that was looked up: another one that has the name by now may be open.
      const isExpected =
        made === -Errno.EEXIST && isTaken && checkName(context, directory, to.path, to.identity) === 0;
      return isExpected ? replaceByLink(fd, directory, name) : made;
    });
    if (result === 0 && !isTaken) directories.commit(change, directory, name);
    // [MS-FSA] 2.1.5.15.6: a disk without hard links; the user does not lack rights.
    return result === -Errno.EPERM && !mayHaveHardLinks(context, fd) ? -Errno.EOPNOTSUPP : result;
  });
}

/** False where the disk of `fd` has no hard links at all. */
function mayHaveHardLinks(context: ShareContext, fd: number): boolean {
  return statFd(fd, statx) < 0 || hasHardLinks(traitsOf(context, deviceOf(statx), fd));
}

/** Links to a temporary name and renames that, so that the name exists at all times. */
function replaceByLink(fd: number, directory: number, name: string): 0 | Failure {
  const temporary = temporaryName();
  const result = linkFd(fd, directory, temporary);
  if (result < 0) return result;
  const renamed = renameAt(directory, temporary, directory, name, 0);
  if (renamed < 0) unlinkAt(directory, temporary, false);
  return renamed;
}
