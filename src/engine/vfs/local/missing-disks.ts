// Tells where a share's disk is not mounted, so that nobody writes to the disk below its mount point by
// accident: what is written there is hidden once the disk is mounted again.
//
// A disk is missing where /etc/fstab has a mount point for the share's directory and nothing is mounted
// there, and where the share was served from a mount that is gone. The second lasts until that mount is back
// or the server is restarted: who unmounts a disk for good and serves the folder in its place restarts the
// server. Other directories, such as those of the root file system, are never missing.
import { currentMounts, isBelow, type Mount } from "../../../linux/mountinfo.ts";

const MAX_SHARES = 4096;

export class MissingDisks {
  private readonly mounts: () => readonly Mount[];
  private planned: readonly string[] = [];
  /** The mount point that a share was served from last, by the share's path. */
  private readonly served = new Map<string, string>();

  constructor(mounts: () => readonly Mount[] = currentMounts) {
    this.mounts = mounts;
  }

  /** `points`: the mount points of /etc/fstab. */
  plan(points: readonly string[]): void {
    this.planned = points;
  }

  /**
   * Returns the mount point whose disk is missing; undefined where the share's directory, which is on the
   * mount `mountId`, may be served. `path`: of the share; `realPath`: without symbolic links.
   */
  check(path: string, realPath: string, mountId: number): string | undefined {
    const mounts = this.mounts();
    const present = mounts.find((mount) => mount.mountId === mountId)?.mountPoint;
    // Kernels before 5.8 do not tell the mount, and without /proc there is no table.
    if (present === undefined) return undefined;
    const isMounted = (point: string): boolean => mounts.some((mount) => mount.mountPoint === point);
    const before = this.served.get(path);
    if (before !== undefined && isBelow(realPath, before) && !isMounted(before)) return before;
    const planned = this.planned.find((point) => isBelow(realPath, point) && !isMounted(point));
    if (planned !== undefined) return planned;
    this.served.delete(path);
    if (present !== "/" && this.served.size < MAX_SHARES) this.served.set(path, present);
    return undefined;
  }

  /** As `check`, by the path of the share alone. */
  isMissing(path: string): boolean {
    const mounts = this.mounts();
    if (mounts.length === 0) return false;
    const isMounted = (point: string): boolean => mounts.some((mount) => mount.mountPoint === point);
    const before = this.served.get(path);
    if (before !== undefined && !isMounted(before)) return true;
    return this.planned.some((point) => isBelow(path, point) && !isMounted(point));
  }
}

export const missingDisks = new MissingDisks();
