// inotify watches on remote (network and FUSE) file systems, where inotify_add_watch(2) may wait: the
// volume's worker adds them.
import type { ShareGrant } from "../../../port/port.ts";
import { acquireVolume, releaseVolume } from "../volume/mounted-volume.ts";
import { deviceOfPath } from "../disk/share-directory.ts";
import type { Failure } from "../store.ts";
import { ownerWithoutRoot } from "../volume/call.ts";

/**
 * For how long a share counts as local without another look at its device: directories are watched in bursts.
 */
const CACHE_MS = 1_000;

let last = { path: "", atMs: Number.NEGATIVE_INFINITY, isRemote: false };

/**
 * Adds a watch on `path` in a worker where the share's directory lies on a remote file system. Resolves to
 * the watch descriptor or -errno. Undefined for a local share: the caller adds the watch itself.
 */
export function watchElsewhere(
  grant: ShareGrant,
  path: string,
  queue: number,
  mask: number,
): Promise<number | Failure> | undefined {
  const now = performance.now();
  if (last.path === grant.path && now - last.atMs < CACHE_MS && !last.isRemote) return undefined;
  const volume = acquireVolume(deviceOfPath(grant.path));
  const { isRemote } = volume;
  last = { path: grant.path, atMs: now, isRemote };
  if (!isRemote) {
    releaseVolume(volume);
    return undefined;
  }
  const owner = ownerWithoutRoot(grant);
  const { followSymlinks, crossMounts } = grant;
  const policy = { path: grant.path, followSymlinks, crossMounts };
  return volume.callInWorker(owner, undefined, "watchDirectory", [queue, policy, path, mask]).finally(() => {
    volume.forgetShare(owner.id);
    releaseVolume(volume);
  });
}
