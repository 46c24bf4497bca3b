// Adds an inotify watch for a directory; an operation of the table because it may wait for a network or a
// FUSE server. inotify_add_watch(2).
import { addWatch } from "../../../linux/inotify.ts";
import { closeFd } from "../../../linux/open.ts";
import type { ShareContext } from "../context/share-context.ts";
import type { Failure } from "../store.ts";
import { type Reach, openDirectory } from "../watch/watched-directories.ts";

/** Returns the watch descriptor. */
export function watchDirectory(
  _: ShareContext,
  queue: number,
  reach: Reach,
  path: string,
  mask: number,
): number | Failure {
  const fd = openDirectory(reach, path);
  if (fd < 0) return fd;
  const watch = addWatch(queue, fd, mask);
  closeFd(fd);
  return watch;
}
