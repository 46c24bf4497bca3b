// A share's directory: opened once for all stores on it, counted, with what is remembered of the files below.
import { Errno } from "../../linux/errno.ts";
import { AT_FDCWD, Open, closeFd, openAt } from "../../linux/open.ts";
import { ModeType, emptyStatx, statFd } from "../../linux/stat.ts";
import { deviceOf, identityOf } from "./attributes.ts";
import { DirectoryCache } from "./directory-cache.ts";
import { type MountedVolume, acquireVolume, releaseVolume } from "./mounted-volume.ts";
import type { Failure } from "./store.ts";

const roots = new Map<string, ShareRoot>();

/** The directory of a share while at least one store uses it. */
export class ShareRoot {
  readonly fd: number;
  readonly identity: string;
  readonly directories = new DirectoryCache();
  /** What the directory itself lies on. */
  readonly volume: MountedVolume;
  private readonly path: string;
  /** Other disks that are mounted below and were come to. */
  private readonly others = new Map<number, MountedVolume>();
  private references = 1;

  private constructor(path: string, fd: number, identity: string, device: number) {
    this.path = path;
    this.fd = fd;
    this.identity = identity;
    this.volume = acquireVolume(device);
  }

  /**
   * The root for an absolute path; -ENOTDIR, -ENOENT and so on. Where another directory (a disk mounted
   * meanwhile) stands at the path, a new root is made and the old one lives on for those who hold it.
   */
  static acquire(path: string): ShareRoot | Failure {
    if (!path.startsWith("/")) return -Errno.EINVAL;
    const fd = openAt(AT_FDCWD, path, Open.PATH | Open.DIRECTORY);
    if (fd < 0) return fd;
    const facts = emptyStatx();
    const failure = statFd(fd, facts);
    if (failure < 0 || (facts.mode & ModeType.MASK) !== ModeType.DIRECTORY) {
      closeFd(fd);
      return failure < 0 ? failure : -Errno.ENOTDIR;
    }
    const identity = `${identityOf(facts)}:${facts.mountId}`;
    const known = roots.get(path);
    if (known !== undefined && known.identity === identity) {
      closeFd(fd);
      known.references++;
      return known;
    }
    const root = new ShareRoot(path, fd, identity, deviceOf(facts));
    roots.set(path, root);
    return root;
  }

  /** One more who needs the descriptor; pair with `release`. */
  hold(): void {
    this.references++;
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
