// Watching a directory of a file system that asks a network or another process for everything: by its volume's worker.
import type { ShareGrant } from "../../../port/port.ts";
import { acquireVolume, releaseVolume } from "../volume/mounted-volume.ts";
import { deviceOfPath } from "../disk/share-directory.ts";
import type { Failure } from "../store.ts";
import { ownerWithoutRoot } from "../volume/call.ts";

/** A share's disk is looked up this often while its directories are watched one after the other. */
const KEPT_MS = 1_000;

let last = { path: "", atMs: Number.NEGATIVE_INFINITY, isRemote: false };

/** Has the volume's worker watch a directory: the watch's number or a failure; undefined where that is not needed. */
export function watchElsewhere(
  reach: ShareGrant,
  path: string,
  queue: number,
  mask: number,
): Promise<number | Failure> | undefined {
  const now = performance.now();
  if (last.path === reach.path && now - last.atMs < KEPT_MS && !last.isRemote) return undefined;
  const volume = acquireVolume(deviceOfPath(reach.path));
  const { isRemote } = volume;
  last = { path: reach.path, atMs: now, isRemote };
  if (!isRemote) {
    releaseVolume(volume);
    return undefined;
  }
  const owner = ownerWithoutRoot(reach);
  const { followSymlinks, crossMounts } = reach;
  const how = { path: reach.path, followSymlinks, crossMounts };
  return volume.callElsewhere(owner, undefined, "watchDirectory", [queue, how, path, mask]).finally(() => {
    volume.forgetShare(owner.id);
    releaseVolume(volume);
  });
}
