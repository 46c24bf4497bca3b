// Disks that an administrator has ejected: their shares are refused until they are unmounted, or nobody could
// unmount them, because clients connect again at once.
import { addWatch, closeInotify, createInotify, drainInotify, Inotify } from "../linux/inotify.ts";
import { currentMounts, type Mount, mountOf } from "../linux/mountinfo.ts";
import { AT_FDCWD, closeFd, Open, openAt } from "../linux/open.ts";

/** No watch number of the kernel. */
const UNWATCHED = -1;

export class EjectedDisks {
  /**
   * The watch of each mount, by its number. The kernel gives a number to the next mount at once, but tells of
   * the unmount, which a watch does not prevent: inotify(7), IN_UNMOUNT.
   */
  private readonly mounts = new Map<number, number>();
  private readonly table: () => readonly Mount[];
  private queue = -1;

  constructor(table: () => readonly Mount[] = currentMounts) {
    this.table = table;
  }

  add({ mountId, mountPoint }: Mount): void {
    if (this.queue < 0) this.queue = createInotify();
    this.mounts.set(mountId, this.watch(mountPoint));
  }

  /** True where the path is on an ejected disk that is still mounted. */
  has(path: string): boolean {
    if (this.mounts.size === 0) return false;
    const mounts = this.table();
    // The table cannot be read now: that unmounts nothing, and any path may be on the disk.
    if (mounts.length === 0) return true;
    this.forgetUnmounted(mounts);
    const mount = mountOf(mounts, path);
    return mount !== undefined && this.mounts.has(mount.mountId);
  }

  private watch(mountPoint: string): number {
    const fd = openAt(AT_FDCWD, mountPoint, Open.PATH | Open.DIRECTORY);
    if (fd < 0) return UNWATCHED;
    const watch = addWatch(this.queue, fd, Inotify.DELETE_SELF);
    closeFd(fd);
    return watch < 0 ? UNWATCHED : watch;
  }

  private forgetUnmounted(mounts: readonly Mount[]): void {
    const unmounted = new Set<number>();
    drainInotify(this.queue, (watch, mask) => {
      if ((mask & (Inotify.UNMOUNT | Inotify.IGNORED)) !== 0) unmounted.add(watch);
    });
    for (const [id, watch] of this.mounts)
      if (unmounted.has(watch) || !mounts.some(({ mountId }) => mountId === id)) this.mounts.delete(id);
    if (this.mounts.size > 0 || this.queue < 0) return;
    closeInotify(this.queue);
    this.queue = -1;
  }
}
