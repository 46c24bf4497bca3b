// A share's directory: opened once for all stores on it, counted, with what is remembered of the files below.
import { readdir, stat } from "node:fs";
import { Errno } from "../../linux/errno.ts";
import { AT_FDCWD, Open, closeFd, openAt, procPath } from "../../linux/open.ts";
import { FileSystemMagic, ModeType, emptyStatx, statFd, statfsFd } from "../../linux/stat.ts";
import { deviceOf, identityOf } from "./attributes.ts";
import { DirectoryCache } from "./directory-cache.ts";
import type { Failure } from "./store.ts";

/** How one file system behaves under reads and writes; found out once, shared by all its open files. */
export interface DeviceTraits {
  /** Nothing ever waits: the data is in memory. */
  readonly isMemory: boolean;
  /** A write may wait for a network or another process however small it is. */
  readonly isRemote: boolean;
  /** preadv2 with RWF_NOWAIT works; false once it was refused. */
  canReadNowait: boolean;
  /** Until then (performance.now()) writes go to the thread pool: the page cache was full of dirty pages. */
  throttledUntil: number;
  /** Until then (performance.now()) the disk is taken to turn, because it answered not long ago. */
  awakeUntil: number;
}

// Disks that save power stop after a minute at the earliest, most after ten or twenty.
const AWAKE_MS = 20_000;

/** Notes that the disk has just answered a question that the memory could not. */
export function noteAwake(traits: DeviceTraits): void {
  traits.awakeUntil = performance.now() + AWAKE_MS;
}

const RAMFS_MAGIC = 0x858458f6;
const remoteMagics: ReadonlySet<number> = new Set([
  FileSystemMagic.FUSE,
  FileSystemMagic.NINEP,
  0x6969, // NFS
  0xff534d42, // CIFS
  0xfe534d42, // SMB2
  0x00c36400, // CEPH
]);
const MAX_DEVICES = 64;

const roots = new Map<string, ShareRoot>();

/** The directory of a share while at least one store uses it. */
export class ShareRoot {
  readonly fd: number;
  readonly identity: string;
  readonly directories = new DirectoryCache();
  private readonly path: string;
  private readonly devices = new Map<number, DeviceTraits>();
  private readonly traits: DeviceTraits;
  private waking: Promise<void> | undefined;
  private references = 1;

  private constructor(path: string, fd: number, identity: string, device: number) {
    this.path = path;
    this.fd = fd;
    this.identity = identity;
    this.traits = this.traitsOf(device, fd);
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

  release(): void {
    if (--this.references > 0) return;
    if (roots.get(this.path) === this) roots.delete(this.path);
    this.directories.clear();
    closeFd(this.fd);
  }

  /** Traits of the file system with this device number, asked of `fd` when they are not known yet. */
  traitsOf(device: number, fd: number): DeviceTraits {
    const known = this.devices.get(device);
    if (known !== undefined) return known;
    const facts = statfsFd(fd);
    const type = typeof facts === "number" ? 0 : facts.type;
    const isMemory = type === FileSystemMagic.TMPFS || type === RAMFS_MAGIC;
    const traits: DeviceTraits = {
      isMemory,
      isRemote: remoteMagics.has(type),
      canReadNowait: !isMemory,
      throttledUntil: 0,
      awakeUntil: 0,
    };
    if (this.devices.size >= MAX_DEVICES) this.devices.clear();
    this.devices.set(device, traits);
    return traits;
  }

  /** Whether the disk may be at rest: what is not in memory could take it ten seconds to say. */
  mayRest(): boolean {
    return !this.traits.isMemory && performance.now() >= this.traits.awakeUntil;
  }

  /**
   * Has the thread pool look at an on-disk path, so that the disk turns and its directories are in memory when
   * the same is asked here. One such look at a time: a disk that hangs takes one thread.
   */
  wake(path: string): Promise<void> {
    return this.wakeBy((done) => stat(`${procPath(this.fd)}/${path}`, done));
  }

  /** The same for the names in a directory, by its descriptor, which must stay open until then. */
  wakeDirectory(fd: number): Promise<void> {
    return this.wakeBy((done) => readdir(procPath(fd), { encoding: "buffer" }, done));
  }

  private wakeBy(look: (done: () => void) => void): Promise<void> {
    this.waking ??= new Promise((resolve) => {
      this.references++;
      look(() => {
        noteAwake(this.traits);
        this.waking = undefined;
        this.release();
        resolve();
      });
    });
    return this.waking;
  }
}
