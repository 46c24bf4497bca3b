// Removing, renaming and linking: a name is checked to be the object's before it is touched, and what must not
// replace does not. [MS-FSA] 2.1.5.15.12 (rename), 2.1.5.15.6 (link).
import { Errno } from "../../../linux/errno.ts";
import { RENAME_NOREPLACE, linkAt, linkFd, renameAt, unlinkAt } from "../../../linux/directory-entries.ts";
import { closeFd } from "../../../linux/open.ts";
import { ModeType, emptyStatx, statAt, statFd } from "../../../linux/stat.ts";
import { deviceOf, identityOf } from "../format/file-stat.ts";
import { hasHardLinks, traitsOf } from "../context/disk-traits.ts";
import { isGivenUp } from "../context/given-up.ts";
import { joinPath, splitPath } from "../name/names.ts";
import type { ShareContext } from "../context/share-context.ts";
import {
  type NewNameTarget,
  linkWithValues,
  renameWithValues,
  unlinkWithValues,
} from "../values/follow-name.ts";
import { type Failure, FileKind, type Found } from "../store.ts";
import { removeVetoed } from "./vetoed-leftovers.ts";
import { temporaryName } from "../name/own-names.ts";

const statx = emptyStatx();

/** Where something is to get a name, and what has that name now. */
export interface Target {
  readonly path: string;
  readonly name: string;
  /** "" where nothing has the name. */
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

/** Whether `path`, whose parent is open as `directory`, (still) names the object `identity`. */
function names(context: ShareContext, directory: number, path: string, identity: string): boolean {
  const { name } = splitPath(path);
  if (statAt(directory, name, statx) < 0) return false;
  if (identityOf(statx) === identity) return true;
  if (!context.grant.followSymlinks) return false;
  // The name may be a symlink that leads to the object.
  const fd = context.openPath(path);
  if (fd < 0) return false;
  const isIt = statFd(fd, statx) === 0 && identityOf(statx) === identity;
  closeFd(fd);
  return isIt;
}

/** `FileStore.remove`. A symlink that was followed to the object is removed itself, not the object. */
export function removeName(
  context: ShareContext,
  path: string,
  identity: string,
  isDirectory: boolean,
): 0 | Failure {
  const { parent, name } = splitPath(path);
  if (name === "") return -Errno.EBUSY;
  return context.inDirectory(parent, (directory) => {
    if (!names(context, directory, path, identity)) return -Errno.ENOENT;
    // It may have been opened anew by now.
    if (isGivenUp()) return -Errno.ETIMEDOUT;
    const { directories } = context;
    const change = directories.begin(directory);
    let result = unlinkWithValues(context, directory, name, isDirectory);
    // A symlink to a directory is no directory.
    if (result === -Errno.ENOTDIR && isDirectory) result = unlinkAt(directory, name, false);
    const isFull = isDirectory && (result === -Errno.ENOTEMPTY || result === -Errno.EEXIST);
    if (isFull && removeVetoed(context, directory, name) === 0)
      result = unlinkWithValues(context, directory, name, true);
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
): { path: string } | Failure {
  const source = splitPath(from);
  if (source.name === "") return -Errno.EBUSY;
  const isSame = to.identity === identity;
  // The object under its own name: the case of the last component changes, or nothing does.
  const isRespelled = isSame && to.path === from;
  if (to.identity !== "" && !isSame && !replace) return -Errno.EEXIST;
  const target = splitPath(to.path);
  const newName = isRespelled ? to.name : target.name;
  const newPath = joinPath(target.parent, newName);
  if (newPath === from) return { path: from };
  if (newName === "") return -Errno.EBUSY;
  const result = context.inDirectory(source.parent, (fromDirectory) => {
    if (!names(context, fromDirectory, from, identity)) return -Errno.ENOENT;
    return context.inDirectory(target.parent, (toDirectory) => {
      const { directories } = context;
      const oldChange = directories.begin(fromDirectory);
      const newChange = directories.begin(toDirectory);
      const old: NewNameTarget = { directory: fromDirectory, name: source.name };
      const replacesElsewhere = to.identity !== "" && !isSame && source.parent !== target.parent;
      const place: NewNameTarget = { directory: toDirectory, name: newName, replacesElsewhere };
      const isAlias = isSame && !isRespelled && hasOtherName(fromDirectory, source.name);
      // Only what was looked up is replaced: what has got that name since may be open.
      const mayReplace = replace && !isSame && to.identity !== "";
      const isAsked = mayReplace && names(context, toDirectory, to.path, to.identity);
      const kind = { isRespelled: isSame && !isAlias, isAlias, replace: isSame ? replace : isAsked };
      const move = () => (isGivenUp() ? -Errno.ETIMEDOUT : moveName(old, place, kind));
      const failure = renameWithValues(context, old, place, move);
      if (failure < 0) return failure;
      directories.commit(oldChange, fromDirectory, undefined, source.name);
      // In one directory both changes are the same entry, and the second sets its times right.
      directories.commit(newChange, toDirectory, newName);
      return 0;
    });
  });
  return result < 0 ? result : { path: newPath };
}

/** Whether a name is not the only one of its object; a disk that ignores case finds one name by many spellings. */
function hasOtherName(directory: number, name: string): boolean {
  if (statAt(directory, name, statx) < 0) return true;
  return statx.links > 1 || (statx.mode & ModeType.MASK) === ModeType.SYMLINK;
}

interface MoveKind {
  readonly isRespelled: boolean;
  /** The target is another hard link of the same object: rename(2) would do nothing and say it did. */
  readonly isAlias: boolean;
  readonly replace: boolean;
}

function moveName(from: NewNameTarget, to: NewNameTarget, kind: MoveKind): 0 | Failure {
  if (kind.isAlias) return kind.replace ? unlinkAt(from.directory, from.name, false) : -Errno.EEXIST;
  if (kind.replace && !kind.isRespelled) return renameAt(from.directory, from.name, to.directory, to.name, 0);
  const result = renameAt(from.directory, from.name, to.directory, to.name, RENAME_NOREPLACE);
  if (kind.isRespelled && (result === -Errno.EEXIST || isUnsupported(result))) return respell(from, to);
  return isUnsupported(result) ? moveWithoutFlag(from, to) : result;
}

function isUnsupported(result: number): boolean {
  return result === -Errno.EINVAL || result === -Errno.ENOSYS || result === -Errno.EOPNOTSUPP;
}

/** Where the disk itself ignores case, the new spelling counts as taken: by way of a third name. */
function respell(from: NewNameTarget, to: NewNameTarget): 0 | Failure {
  const between = temporaryName();
  let result = renameAt(from.directory, from.name, from.directory, between, 0);
  if (result < 0) return result;
  result = moveWithoutFlag({ directory: from.directory, name: between }, to);
  if (result < 0) renameAt(from.directory, between, from.directory, from.name, 0);
  return result;
}

/** Without RENAME_NOREPLACE: a link cannot replace; a directory or a disk without links is looked at first. */
function moveWithoutFlag(from: NewNameTarget, to: NewNameTarget): 0 | Failure {
  const linked = linkAt(from.directory, from.name, to.directory, to.name);
  if (linked === 0) return unlinkAt(from.directory, from.name, false);
  if (linked === -Errno.EEXIST) return linked;
  const there = statAt(to.directory, to.name, statx);
  if (there === 0) return -Errno.EEXIST;
  if (there !== -Errno.ENOENT) return there;
  return renameAt(from.directory, from.name, to.directory, to.name, 0);
}

/** `FileStore.link` for the object `identity` that `fd` holds, which is no directory. */
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
    const change = directories.begin(directory);
    const result = linkWithValues(context, fd, { directory, name }, () => {
      const made = linkFd(fd, directory, name);
      // Only what was looked up is replaced: what has got that name since may be open.
      const isAsked = made === -Errno.EEXIST && isTaken && names(context, directory, to.path, to.identity);
      return isAsked ? linkOver(fd, directory, name) : (made as 0 | Failure);
    });
    if (result === 0 && !isTaken) directories.commit(change, directory, name);
    // [MS-FSA] 2.1.5.15.6: not a matter of rights.
    return result === -Errno.EPERM && !linksOn(context, fd) ? -Errno.EOPNOTSUPP : result;
  });
}

/** Whether the disk of `fd` may have hard links at all. */
function linksOn(context: ShareContext, fd: number): boolean {
  return statFd(fd, statx) < 0 || hasHardLinks(traitsOf(context, deviceOf(statx), fd));
}

/** The old name is replaced in one step: at no time is there none. */
function linkOver(fd: number, directory: number, name: string): 0 | Failure {
  const between = temporaryName();
  const result = linkFd(fd, directory, between);
  if (result < 0) return result;
  const renamed = renameAt(directory, between, directory, name, 0);
  if (renamed < 0) unlinkAt(directory, between, false);
  return renamed;
}
