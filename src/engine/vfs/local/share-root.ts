// The directory of a share: one descriptor and one directory cache for all its stores, counted by reference.
import { readProcLink } from "../../../linux/directory-entries.ts";
import { Errno } from "../../../linux/errno.ts";
import { currentMounts } from "../../../linux/mountinfo.ts";
import { closeFd } from "../../../linux/open.ts";
import { eventLoop } from "../../../loop/event-loop.ts";
import { type Timer, timers } from "../../../loop/timers.ts";
import type { DirectoryIdentity } from "../../../port/directory.ts";
import type { MaybePromise, ShareGrant } from "../../../port/port.ts";
import { DirectoryCache } from "../context/directory-cache.ts";
import {
  type MountedVolume,
  acquireVolume,
  dropWorkersCaches,
  releaseVolume,
  volumeEvents,
} from "../volume/mounted-volume.ts";
import {
  type ShareDirectory,
  deviceOfPath,
  isMounted,
  isSameDirectory,
  isShareDirectoryLost,
  openCachedShareDirectory,
} from "../disk/share-directory.ts";
import { ownerWithoutRoot } from "../volume/call.ts";
import { BackupCount } from "./backup-limits.ts";
import { missingDisks } from "./missing-disks.ts";
import { NameTunnel } from "./name-tunnel.ts";
import type { Failure } from "../store.ts";

const roots = new Map<string, ShareRoot>();
/** How often the shares in use are checked for a lost disk. */
const CHECK_MS = 5_000;
let checkTimer: Timer | undefined;

function checkLater(): Timer {
  return timers.set(CHECK_MS, () => {
    checkTimer = undefined;
    checkShareRoots();
    if (roots.size > 0) checkTimer = checkLater();
  });
}

/** Reports the lost ones to their stores. */
export function checkShareRoots(): void {
  for (const root of [...roots.values()]) root.check();
}

/** Drops the caches of directories, of the event loop and of the volumes' workers. */
export function dropDirectoryCaches(): void {
  for (const root of roots.values()) root.directories.clear();
  dropWorkersCaches();
}

/** Before Linux 5.8 a directory's mount is unknown: that one which should be there has to exist. */
function isOnMount(directory: ShareDirectory, mountId: number): boolean {
  if (directory.mountId !== 0) return directory.mountId === mountId;
  return currentMounts().some((mount) => mount.mountId === mountId);
}

function isGranted(directory: ShareDirectory, granted: DirectoryIdentity): boolean {
  if (isSameDirectory(directory, granted, false)) return true;
  const volume = acquireVolume(directory.device);
  const { isRemote } = volume;
  releaseVolume(volume);
  return isSameDirectory(directory, granted, isRemote);
}

export class ShareRoot {
  readonly fd: number;
  readonly directories = new DirectoryCache();
  readonly tunnel = new NameTunnel();
  readonly backups = new BackupCount(() => performance.now());
  /** The volume that the directory itself lies on. */
  readonly volume: MountedVolume;
  private readonly path: string;
  /** Of the share that opened it first. */
  private readonly grant: ShareGrant;
  private readonly directory: ShareDirectory;
  private lossListeners: Set<() => void> | undefined = new Set();
  /** Volumes mounted below the share, by device number, as far as they have been used. */
  private readonly volumesBelow = new Map<number, MountedVolume>();
  private references = 1;
  /** The descriptor is closed: its number may be another client's file. */
  isEnded = false;

  private constructor(grant: ShareGrant, directory: ShareDirectory) {
    this.grant = grant;
    this.path = grant.path;
    this.directory = directory;
    this.fd = directory.fd;
    this.volume = acquireVolume(directory.device);
  }

  /**
   * Returns the root for the grant's path; pair with `release`. -EINVAL for a relative path, -ENOENT,
   * -ENOTDIR and so on. Where the path now leads to another directory (a disk was mounted), makes a new root;
   * users of the old one keep it. -ESTALE where it is not the grant's directory, -ENOMEDIUM where
   * the share's disk is not mounted. A promise where the disk has to be asked.
   */
  static acquire(grant: ShareGrant): MaybePromise<ShareRoot | Failure> {
    const { path } = grant;
    if (!path.startsWith("/")) return -Errno.EINVAL;
    const cached = openCachedShareDirectory(path);
    if (cached !== -Errno.EAGAIN) return ShareRoot.adopt(grant, cached);
    const volume = acquireVolume(deviceOfPath(path));
    const owner = ownerWithoutRoot(grant);
    return volume.callInWorker(owner, undefined, "openShareDirectory", [path]).then((directory) => {
      volume.forgetShare(owner.id);
      const root = ShareRoot.adopt(grant, directory);
      releaseVolume(volume);
      return root;
    });
  }

  /** Takes over the directory's descriptor. */
  private static adopt(grant: ShareGrant, directory: ShareDirectory | Failure): ShareRoot | Failure {
    const { path, mountId } = grant;
    if (typeof directory === "number") return directory;
    if (mountId !== 0 && !isOnMount(directory, mountId)) {
      closeFd(directory.fd);
      return -Errno.ENOMEDIUM;
    }
    // Whoever may rename on the way to the share could otherwise choose what is served as whom.
    if (grant.directory !== null && !isGranted(directory, grant.directory)) {
      closeFd(directory.fd);
      return -Errno.ESTALE;
    }
    const existing = roots.get(path);
    if (existing !== undefined && existing.directory.identity === directory.identity) {
      closeFd(directory.fd);
      return existing.retain();
    }
    // The path led to another directory before: if that is lost, report it to its stores now.
    existing?.check();
    const realPath = readProcLink(directory.fd);
    const point = typeof realPath === "string" && missingDisks.check(path, realPath, directory.mountId);
    if (typeof point === "string") {
      closeFd(directory.fd);
      return -Errno.ENOMEDIUM;
    }
    const root = new ShareRoot(grant, directory);
    roots.set(path, root);
    checkTimer ??= checkLater();
    return root;
  }

  /**
   * True once the disk is unmounted, unplugged or covered by another mount, or the directory was replaced.
   */
  get isLost(): boolean {
    return this.lossListeners === undefined;
  }

  /** Calls `action` once, when the root is lost. Returns a function that removes `action` again. */
  onLoss(action: () => void): () => void {
    if (this.lossListeners === undefined) eventLoop.soon(action);
    this.lossListeners?.add(action);
    return () => this.lossListeners?.delete(action);
  }

  /** Marks the root as lost and reports that to its stores; the next `acquire` opens the path anew. */
  lose(): void {
    const { lossListeners } = this;
    if (lossListeners !== undefined && lossListeners.size > 0) volumeEvents.lost(this.grant.name, this.path);
    this.lossListeners = undefined;
    if (roots.get(this.path) === this) roots.delete(this.path);
    for (const action of lossListeners ?? []) action();
  }

  /** Checks that the path still leads to this directory. */
  check(): void {
    if (isShareDirectoryLost(this.path, this.directory, this.volume.isRemote)) this.lose();
  }

  /** Adds a reference, which keeps the descriptor open; pair with `release`. */
  retain(): this {
    this.references++;
    return this;
  }

  release(): void {
    if (--this.references > 0) return;
    this.directories.clear();
    for (const volume of this.volumesBelow.values()) releaseVolume(volume);
    this.volumesBelow.clear();
    // An answer that comes after the last store was closed takes a reference again, and gives it back.
    if (this.isEnded) return;
    this.isEnded = true;
    if (roots.get(this.path) === this) roots.delete(this.path);
    this.closeDirectory();
  }

  /**
   * Of a disk that was unmounted while it was in use (`umount -l`, as when it is pulled out) the last
   * descriptor to be closed ends the file system, which writes all that is cached: a worker waits for that.
   */
  private closeDirectory(): void {
    const { fd, volume } = this;
    if (!this.isLost && isMounted(this.directory.mountId)) {
      closeFd(fd);
      releaseVolume(volume);
      return;
    }
    const owner = ownerWithoutRoot(this.grant);
    void volume.callInWorker(owner, undefined, "close", [fd]).finally(() => {
      volume.forgetShare(owner.id);
      releaseVolume(volume);
    });
  }

  /** Returns the volume with this device number, valid until the root's last `release`. */
  volumeOf(device: number): MountedVolume {
    if (device === this.volume.device) return this.volume;
    let volume = this.volumesBelow.get(device);
    if (volume === undefined) {
      volume = acquireVolume(device);
      this.volumesBelow.set(device, volume);
    }
    return volume;
  }

  forgetShare(share: number): void {
    this.volume.forgetShare(share);
    for (const volume of this.volumesBelow.values()) volume.forgetShare(share);
  }
}
