// Finds the sidecar that holds an object's values, and locks it for changes.
import { readProcLink } from "../../../linux/directory-entries.ts";
import { Errno } from "../../../linux/errno.ts";
import { openBeneath } from "../../../linux/beneath.ts";
import { Open, Resolve, closeFd } from "../../../linux/open.ts";
import { ModeType, type Statx, emptyStatx, statAt, statFd } from "../../../linux/stat.ts";
import { deviceOf, identityOf } from "../format/file-stat.ts";
import { traitsOf } from "../context/disk-traits.ts";
import { splitPath } from "../name/names.ts";
import type { ShareContext } from "../context/share-context.ts";
import type { Subject } from "../sidecar/entry.ts";
import { lockFolders, unlockFolders } from "../sidecar/lock.ts";
import type { Failure } from "../store.ts";

/** Attempts to find a file that another program renames meanwhile. */
const MAX_ROUNDS = 4;
const stat = emptyStatx();
const namedStat = emptyStatx();

/**
 * Calls `action`, as the server, with the folder whose sidecar has the object's values: the object itself if
 * it is a folder, else the one that contains its name now. -ENOENT where the object has no name below the
 * root any more.
 */
export function inSidecar<T>(
  context: ShareContext,
  fd: number,
  path: string,
  action: (folder: number, subject: Subject) => T,
): T | Failure {
  return context.identity.asServer(() => {
    const failure = statFd(fd, stat);
    if (failure < 0) return failure;
    const { hasStableInodes } = traitsOf(context, deviceOf(stat), fd);
    const mustNotWait = !context.isWorker;
    if ((stat.mode & ModeType.MASK) === ModeType.DIRECTORY) {
      return action(fd, { name: "", stat, hasStableInodes, mustNotWait });
    }
    return atLocation(context, fd, path, { stat, hasStableInodes, mustNotWait }, action);
  });
}

/**
 * The same, always with the folder that contains the object's name, also for a folder. -ENOENT for the
 * share's own directory, too.
 */
export function besideObject<T>(
  context: ShareContext,
  fd: number,
  path: string,
  action: (folder: number, subject: Subject) => T,
): T | Failure {
  return context.identity.asServer(() => {
    const failure = statFd(fd, stat);
    if (failure < 0) return failure;
    if (path === "" && (stat.mode & ModeType.MASK) === ModeType.DIRECTORY) return -Errno.ENOENT;
    const { hasStableInodes } = traitsOf(context, deviceOf(stat), fd);
    return atLocation(context, fd, path, { stat, hasStableInodes, mustNotWait: !context.isWorker }, action);
  });
}

function atLocation<T>(
  context: ShareContext,
  fd: number,
  path: string,
  subject: Omit<Subject, "name">,
  action: (folder: number, subject: Subject) => T,
): T | Failure {
  const location = locate(context, fd, path, stat);
  if (typeof location === "number") return location;
  try {
    return action(location.folder, { ...subject, name: location.name });
  } finally {
    closeFd(location.folder);
  }
}

/**
 * `inSidecar` for an action that changes values, under the folder's lock, which also excludes renames by the
 * server. -EAGAIN where the event loop would have to wait for the lock. With `find` the folder is that of
 * `besideObject`.
 */
export function changeSidecar(
  context: ShareContext,
  fd: number,
  path: string,
  action: (folder: number, subject: Subject) => 0 | Failure,
  find: typeof inSidecar = inSidecar,
): 0 | Failure {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const result = find<0 | Failure | undefined>(context, fd, path, (folder, subject) => {
      const locks = lockFolders([folder], context.isWorker);
      if (locks === undefined) return -Errno.EAGAIN;
      try {
        // It may have been renamed before the lock was taken.
        const { name } = subject;
        if (name === "") return action(folder, subject);
        const isThere = statAt(folder, name, namedStat) === 0 && identityOf(namedStat) === identityOf(stat);
        return isThere ? action(folder, subject) : undefined;
      } finally {
        unlockFolders(locks);
      }
    });
    if (result !== undefined) return result;
  }
  return -Errno.ENOENT;
}

interface SidecarLocation {
  /** O_PATH; the caller closes it. */
  readonly folder: number;
  readonly name: string;
}

/**
 * Finds a name that is the object's now: the one by which it was opened, the current one by /proc, which
 * costs two system calls more, or the former through symlinks.
 */
function locate(context: ShareContext, fd: number, path: string, of: Statx): SidecarLocation | Failure {
  if (path !== "") {
    const location = openLocation(context, path, of, Resolve.NO_SYMLINKS);
    if (typeof location !== "number") return location;
  }
  const current = pathBelow(readProcLink(context.rootFd), readProcLink(fd));
  if (current !== undefined && current !== path) {
    const location = openLocation(context, current, of, Resolve.NO_SYMLINKS);
    if (typeof location !== "number") return location;
  }
  return openLocation(context, path, of, 0);
}

/** The part of an absolute path below a directory; undefined where it is not below it. */
export function pathBelow(root: string | Failure, path: string | Failure): string | undefined {
  if (typeof root === "number" || typeof path === "number") return undefined;
  const prefix = root === "/" ? "/" : `${root}/`;
  return path.startsWith(prefix) ? path.slice(prefix.length) : undefined;
}

function openLocation(
  context: ShareContext,
  path: string,
  of: Statx,
  resolve: number,
): SidecarLocation | Failure {
  const { parent, name } = splitPath(path);
  const folder = openBeneath(context.rootFd, parent, Open.PATH | Open.DIRECTORY, 0, resolve);
  if (folder < 0) return folder;
  if (statAt(folder, name, namedStat) === 0 && identityOf(namedStat) === identityOf(of)) {
    return { folder, name };
  }
  closeFd(folder);
  return -Errno.ENOENT;
}
