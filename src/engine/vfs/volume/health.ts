// The health of a volume: decides whether operations that may touch the disk run on the event loop. The disk
// must be spinning, must not have made a call wait lately, and must be making progress with the requests that
// it has.
import { currentMounts } from "../../../linux/mountinfo.ts";
import { voluntarySwitches } from "../../../linux/thread-usage.ts";
import { BlockActivity } from "./block-activity.ts";

// Disks that save power spin down after a minute at the earliest, most after ten or twenty.
const AWAKE_MS = 20_000;
/** A call on the event loop that takes longer may have waited for the disk. */
const SLOW_CALL_MS = 8;
/** For this long after it, context switches are counted, to tell a wait from a lack of processor time. */
const WATCHFUL_MS = 1_000;
/** Calls that follow each other within this time, such as the stats of a listing, share one count. */
const COUNT_MS = 0.1;
/** After a call that has waited, the worker makes the calls for this long. */
const SLOW_MS = 250;
/** A disk that has completed none of its requests for this long may hang. */
const SUSPECT_MS = 20;

/** File systems of Windows; `fuseblk` is NTFS or exFAT in user space. */
const windowsTypes: ReadonlySet<string> = new Set(["vfat", "msdos", "exfat", "ntfs", "ntfs3", "fuseblk"]);
const memoryTypes: ReadonlySet<string> = new Set(["tmpfs", "ramfs", "devtmpfs"]);
/** File systems whose answers come from a network or from another process. */
const remoteTypes: ReadonlySet<string> = new Set([
  "9p",
  "afs",
  "autofs",
  "ceph",
  "cifs",
  "coda",
  "fuse",
  "fuseblk",
  "gfs2",
  "lustre",
  "nfs",
  "nfs4",
  "ocfs2",
  "orangefs",
  "smb3",
  "virtiofs",
]);

export class VolumeHealth {
  /** dev_t as one number. */
  readonly device: number;
  /** Characters that Windows reserves are refused in names, or Windows cannot read such names here. */
  readonly reservesCharacters: boolean;
  /** tmpfs and the like: no call ever waits for a disk. */
  readonly isMemory: boolean;
  /** A network or FUSE file system: any call may wait. */
  readonly isRemote: boolean;
  /** preadv2 with RWF_NOWAIT works; false once the file system has refused it. */
  canReadNowait: boolean;
  /** Until then (performance.now()) writes go to the thread pool: too many pages were dirty. */
  throttledUntil = 0;
  /** Reads in the thread pool that wait for the disk. */
  readsUnderWay = 0;
  private awakeUntil = 0;
  private slowUntil = 0;
  private watchfulUntil = 0;
  private countedMs = Number.NEGATIVE_INFINITY;
  private counted = 0;
  /** Operations in other threads, and when one of them was last completed. */
  private inFlight = 0;
  private progressMs = 0;
  private readonly activity: BlockActivity | undefined;
  private isProbing = false;

  constructor(device: number) {
    const fileSystem = fileSystemOf(device);
    this.device = device;
    this.reservesCharacters = windowsTypes.has(fileSystem);
    this.isMemory = memoryTypes.has(fileSystem);
    this.isRemote = remoteTypes.has(fileSystem) || fileSystem.startsWith("fuse.");
    this.canReadNowait = !this.isMemory;
    if (this.isMemory || this.isRemote) return;
    this.activity = BlockActivity.of(device);
    if (this.activity?.canSpinDown() === false) this.awakeUntil = Number.POSITIVE_INFINITY;
  }

  /** The disk has just answered what was not in memory: it spins for `AWAKE_MS` at least. */
  noteAwake(): void {
    this.awakeUntil = Math.max(this.awakeUntil, performance.now() + AWAKE_MS);
  }

  /**
   * A worker has answered. One that has waited shows that the disk spins; after an answer from memory the
   * kernel's I/O statistics may show it.
   */
  noteAnswer(hasWaited: boolean): void {
    if (this.isRemote) return;
    const now = performance.now();
    const isAwake =
      hasWaited || this.activity === undefined || (now >= this.awakeUntil && this.activity.check(now, true));
    if (isAwake) this.noteAwake();
  }

  /**
   * Returns the device file to read from, to see whether the disk spins; call `noteProbe` after that. ""
   * where no probe is needed. Called with an operation for the disk only, which would spin it up in any case.
   */
  beginProbe(now: number): string {
    if (this.activity === undefined || this.isProbing || now < this.awakeUntil) return "";
    this.isProbing = true;
    return this.activity.deviceFile;
  }

  /** The probe has ended; a disk that cannot be probed counts as spinning, too. */
  noteProbe(): void {
    this.isProbing = false;
    this.noteAwake();
  }

  /** An operation begins in another thread; pair with `endWork`. */
  beginWork(): void {
    const now = performance.now();
    if (this.inFlight++ === 0) this.progressMs = now;
    if (now >= this.awakeUntil) this.activity?.check(now, true);
  }

  endWork(): void {
    this.inFlight--;
    this.progressMs = performance.now();
  }

  /** True where the disk may hang: it has requests and has completed none of them for a while. */
  isSuspect(now: number): boolean {
    if (this.inFlight > 0 && now - this.progressMs > SUSPECT_MS) return true;
    if (this.activity?.check(now, false)) this.noteAwake();
    return this.activity?.isStalled(now) === true;
  }

  /** True where calls that may touch the disk are made on the event loop: it spins and no read waits. */
  isResponsive(now: number): boolean {
    if (this.isMemory) return true;
    return this.readsUnderWay === 0 && this.isHealthy(now) && now < this.awakeUntil;
  }

  /** True where calls that need only memory are made on the event loop; the disk may be spun down. */
  isHealthy(now: number): boolean {
    if (this.isMemory) return true;
    return !this.isRemote && now >= this.slowUntil && !this.isSuspect(now);
  }

  /**
   * Returns the thread's voluntary context switches, to be passed to `noteCall` after a call on the event
   * loop; -1 where they are not counted now. With `isNext` a count of less than `COUNT_MS` ago is returned
   * again.
   */
  countWaits(now: number, isNext = false): number {
    if (now >= this.watchfulUntil) return -1;
    if (!isNext || now - this.countedMs > COUNT_MS) {
      this.countedMs = now;
      this.counted = voluntarySwitches();
    }
    return this.counted;
  }

  /**
   * Notes the duration of a call on the event loop, and returns the time. A long call counts as slow only
   * where it has waited, not where the thread lacked processor time.
   */
  noteCall(startedMs: number, waitsBefore: number): number {
    const now = performance.now();
    if (now - startedMs <= SLOW_CALL_MS) return now;
    if (waitsBefore >= 0 && voluntarySwitches() !== waitsBefore) this.slowUntil = now + SLOW_MS;
    this.watchfulUntil = now + WATCHFUL_MS;
    return now;
  }
}

/**
 * Returns a device's file system type from the mount table, without touching the disk. "" where the table
 * does not have the device (a subvolume of btrfs, a layer of an overlay): those are local.
 */
function fileSystemOf(device: number): string {
  const major = Math.floor(device / 0x10_0000);
  const minor = device % 0x10_0000;
  const mount = currentMounts().find((entry) => entry.deviceMajor === major && entry.deviceMinor === minor);
  return mount?.fileSystem ?? "";
}
