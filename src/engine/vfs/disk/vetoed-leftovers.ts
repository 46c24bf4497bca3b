// `delete veto files` of smb.conf(5): empties a directory that contains only vetoed names, so that it can be
// removed. Every step works on descriptors and follows no symlink.
import { DirentReader } from "../../../linux/dir.ts";
import { Errno } from "../../../linux/errno.ts";
import { unlinkAt } from "../../../linux/directory-entries.ts";
import { Open, closeFd, openAt } from "../../../linux/open.ts";
import type { ShareContext } from "../context/share-context.ts";
import type { Failure } from "../store.ts";

const MAX_DEPTH = 64;

/** False for a vetoed name that is deleted together with its directory. */
export function isNotVetoedLeftover(context: ShareContext, name: string): boolean {
  return !(context.grant.hiding.deleteVetoed && context.isVetoed(name));
}

/**
 * Deletes the contents of the directory `name` if all of its names are vetoed; -ENOTEMPTY where they are not,
 * -EAGAIN on the event loop: they may be a large tree. Runs as the thread's current user.
 */
export function removeVetoed(context: ShareContext, directory: number, name: string): 0 | Failure {
  if (!context.grant.hiding.deleteVetoed) return -Errno.ENOTEMPTY;
  if (!context.isWorker) return -Errno.EAGAIN;
  const fd = openAt(directory, name, Open.RDONLY | Open.DIRECTORY | Open.NOFOLLOW);
  if (fd < 0) return fd;
  const names = namesIn(fd);
  let result: 0 | Failure = -Errno.ENOTEMPTY;
  if (typeof names === "number") result = names;
  else if (names.every((one) => context.isVetoed(one))) result = removeAll(fd, names, 0);
  closeFd(fd);
  return result;
}

function namesIn(fd: number): string[] | Failure {
  const reader = new DirentReader();
  const names: string[] = [];
  let result = reader.advance(fd);
  for (; result > 0; result = reader.advance(fd)) if (!reader.isDots) names.push(reader.name);
  reader.release();
  return result < 0 ? result : names;
}

function removeAll(directory: number, names: readonly string[], depth: number): 0 | Failure {
  if (depth > MAX_DEPTH) return -Errno.ENOTEMPTY;
  for (const name of names) {
    let result = unlinkAt(directory, name, false);
    if (result === -Errno.EISDIR || result === -Errno.EPERM) result = removeTree(directory, name, depth);
    if (result < 0 && result !== -Errno.ENOENT) return result;
  }
  return 0;
}

function removeTree(directory: number, name: string, depth: number): 0 | Failure {
  const fd = openAt(directory, name, Open.RDONLY | Open.DIRECTORY | Open.NOFOLLOW);
  if (fd < 0) return fd;
  const names = namesIn(fd);
  const emptied = typeof names === "number" ? names : removeAll(fd, names, depth + 1);
  closeFd(fd);
  return emptied < 0 ? emptied : unlinkAt(directory, name, true);
}
