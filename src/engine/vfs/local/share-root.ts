// A share's directory: opened once for all stores on it, counted, with what is remembered of the files below.
import { Errno } from "../../../linux/errno.ts";
import { closeFd } from "../../../linux/open.ts";
import type { MaybePromise, ShareGrant } from "../../../port/port.ts";
import { DirectoryCache } from "../context/directory-cache.ts";
import { type MountedVolume, acquireVolume, releaseVolume } from "../volume/mounted-volume.ts";
import {
  type ShareDirectory,
  deviceOfPath,
  isShareDirectoryLost,
  openCachedShareDirectory,
} from "../disk/share-directory.ts";
import { ownerWithoutRoot } from "../volume/call.ts";
import type { Failure } from "../store.ts";

const roots = new Map<string, ShareRoot>();
/** How often it is looked whether the disks of the shares in use are still there. */
const CHECK_MS = 5_000;
let checking: ReturnType<typeof setTimeout> | undefined;

function checkLater(): ReturnType<typeof setTimeout> {
  const timer = setTimeout(() => {
    checking = undefined;
    for (const root of [...roots.values()]) root.check();
    if (roots.size > 0) checking = checkLater();
  }, CHECK_MS);
  timer.unref();
  return timer;
}

/** The directory of a share while at least one store uses it. */
export class ShareRoot {
  readonly fd: number;
  readonly directories = new DirectoryCache();
  /** What the directory itself lies on. */
  readonly volume: MountedVolume;
  private readonly path: string;
  private readonly place: ShareDirectory;
  private whenLost: Set<() => void> | undefined = new Set();
  /** Other disks that are mounted below and were come to. */
  private readonly others = new Map<number, MountedVolume>();
  private references = 1;

  private constructor(path: string, place: ShareDirectory) {
    this.path = path;
    this.place = place;
    this.fd = place.fd;
    this.volume = acquireVolume(place.device);
  }

  /**
   * The root for an absolute path; -ENOTDIR, -ENOENT and so on. Where another directory (a disk mounted
   * meanwhile) stands at the path, a new root is made and the old one lives on for those who hold it. A promise
   * where a disk has to be asked.
   */
  static acquire(grant: ShareGrant): MaybePromise<ShareRoot | Failure> {
    const { path } = grant;
    if (!path.startsWith("/")) return -Errno.EINVAL;
    const cached = openCachedShareDirectory(path);
    if (cached !== -Errno.EAGAIN) return ShareRoot.adopt(path, cached);
    const volume = acquireVolume(deviceOfPath(path));
    const owner = ownerWithoutRoot(grant);
    return volume.callElsewhere(owner, undefined, "openShareDirectory", [path]).then((place) => {
      volume.forgetShare(owner.id);
      const root = ShareRoot.adopt(path, place);
      releaseVolume(volume);
      return root;
    });
  }

  /** Takes over the place's descriptor. */
  private static adopt(path: string, place: ShareDirectory | Failure): ShareRoot | Failure {
    if (typeof place === "number") return place;
    const known = roots.get(path);
    if (known !== undefined && known.place.identity === place.identity) {
      closeFd(place.fd);
      known.references++;
      return known;
    }
    const root = new ShareRoot(path, place);
    roots.set(path, root);
    checking ??= checkLater();
    // Those who use what stood here before need not wait for the next round to hear of it.
    known?.check();
    return root;
  }

  /** Its disk is gone, or another stands in its place. */
  get isLost(): boolean {
    return this.whenLost === undefined;
  }

  /** Calls `action` once, when the root is lost; answers how to take that back. */
  onLoss(action: () => void): () => void {
    this.whenLost?.add(action);
    return () => this.whenLost?.delete(action);
  }

  /** Nothing is done here any more: who uses it is told, and the path is looked up anew for others. */
  lose(): void {
    const { whenLost } = this;
    this.whenLost = undefined;
    if (roots.get(this.path) === this) roots.delete(this.path);
    for (const action of whenLost ?? []) action();
  }

  /** Looks whether the path still leads here. */
  check(): void {
    if (isShareDirectoryLost(this.path, this.place)) this.lose();
  }

  /** One more who needs the descriptor; pair with `release`. */
  hold(): void {
    this.references++;
  }

  /** Another hold on it. */
  retain(): this {
    this.references++;
    return this;
  }

  release(): void {
    if (--this.references > 0) return;
    if (roots.get(this.path) === this) roots.delete(this.path);
    this.directories.clear();
    closeFd(this.fd);
    for (const volume of this.others.values()) releaseVolume(volume);
    this.others.clear();
    releaseVolume(this.volume);
  }

  /** The volume with this device number, as long as the root lives. */
  volumeOf(device: number): MountedVolume {
    if (device === this.volume.device) return this.volume;
    let volume = this.others.get(device);
    if (volume === undefined) {
      volume = acquireVolume(device);
      this.others.set(device, volume);
    }
    return volume;
  }

  forgetShare(share: number): void {
    this.volume.forgetShare(share);
    for (const volume of this.others.values()) volume.forgetShare(share);
  }
}
