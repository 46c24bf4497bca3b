// How a mounted disk is doing: whether a call that may touch it can be made on the event loop. It must turn, must not
// have kept anybody waiting lately, and must have nothing to do that it does not do.
import { currentMounts } from "../../../linux/mountinfo.ts";
import { voluntarySwitches } from "../../../linux/thread-usage.ts";
import { BlockActivity } from "./block-activity.ts";

// Disks that save power stop after a minute at the earliest, most after ten or twenty.
const AWAKE_MS = 20_000;
/** A call that takes the loop longer than this may have waited for the disk; the next one like it is looked at. */
const SLOW_CALL_MS = 8;
const WATCHFUL_MS = 1_000;
/** Entries of a directory that follow each other so closely are one call. */
const COUNT_MS = 0.1;
/** How long after a call that did wait the worker makes them. */
const SLOW_MS = 250;
/** A disk that has had something to do for this long without having done any of it may hang. */
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
  /** It takes no name with a character that Windows reserves, or Windows could not read that name there. */
  readonly reservesCharacters: boolean;
  /** Nothing ever waits: the data is in memory. */
  readonly isMemory: boolean;
  /** Any call may wait for a network or another process. */
  readonly isRemote: boolean;
  /** preadv2 with RWF_NOWAIT works; false once it was refused. */
  canReadNowait: boolean;
  /** Until then (performance.now()) writes go to the thread pool: the page cache was full of dirty pages. */
  throttledUntil = 0;
  /** Reads that wait for the disk. */
  readsUnderWay = 0;
  private awakeUntil = 0;
  private slowUntil = 0;
  private watchfulUntil = 0;
  private countedMs = Number.NEGATIVE_INFINITY;
  private counted = 0;
  /** Work under way elsewhere, and when the volume last showed that it does any of it. */
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
    if (this.activity?.canRest() === false) this.awakeUntil = Number.POSITIVE_INFINITY;
  }

  /** Notes that the disk has just answered a question that the memory could not. */
  noteAwake(): void {
    this.awakeUntil = Math.max(this.awakeUntil, performance.now() + AWAKE_MS);
  }

  /** Notes an answer: one that was waited for, or one from memory; then what the kernel counts may still tell. */
  noteAnswer(hasWaited: boolean): void {
    if (this.isRemote) return;
    const now = performance.now();
    const isKnown =
      hasWaited || this.activity === undefined || (now >= this.awakeUntil && this.activity.check(now, true));
    if (isKnown) this.noteAwake();
  }

  /**
   * The device's file, where the disk itself should be asked whether it turns: something is to be done with it, so it
   * would be started soon in any case. "" where not; else `noteProbe` is to be called with what came of it.
   */
  beginProbe(now: number): string {
    if (this.activity === undefined || this.isProbing || now < this.awakeUntil) return "";
    this.isProbing = true;
    return this.activity.deviceFile;
  }

  /** What cannot be asked is taken to turn. */
  noteProbe(): void {
    this.isProbing = false;
    this.noteAwake();
  }

  /** Something begins that the volume does elsewhere; pair with `endWork`. */
  beginWork(): void {
    const now = performance.now();
    if (this.inFlight++ === 0) this.progressMs = now;
    if (now >= this.awakeUntil) this.activity?.check(now, true);
  }

  endWork(): void {
    this.inFlight--;
    this.progressMs = performance.now();
  }

  /** It has work, and for a while none of it gets done. */
  isSuspect(now: number): boolean {
    if (this.inFlight > 0 && now - this.progressMs > SUSPECT_MS) return true;
    if (this.activity?.check(now, false)) this.noteAwake();
    return this.activity?.isStalled(now) === true;
  }

  /** Whether calls that may ask the disk are made on the loop: not while it is being asked by others. */
  isLively(now: number): boolean {
    if (this.isMemory) return true;
    return this.readsUnderWay === 0 && this.isCalm(now) && now < this.awakeUntil;
  }

  /** Whether calls that should not have to ask the disk are made on the loop. */
  isCalm(now: number): boolean {
    if (this.isMemory) return true;
    return !this.isRemote && now >= this.slowUntil && !this.isSuspect(now);
  }

  /** To be given to `noteCall` after something that is done on the loop now; `isNext`: it may follow another closely. */
  countWaits(now: number, isNext = false): number {
    if (now >= this.watchfulUntil) return -1;
    if (!isNext || now - this.countedMs > COUNT_MS) {
      this.countedMs = now;
      this.counted = voluntarySwitches();
    }
    return this.counted;
  }

  /**
   * Notes how long something on the loop took that began at `startedMs`; answers the time. Long for want of a
   * processor is not slow.
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
 * The type of a device's file system by the mount table, which asks no disk. "" where the table does not say: a
 * subvolume of btrfs, a layer of an overlay; those are local.
 */
function fileSystemOf(device: number): string {
  const major = Math.floor(device / 0x10_0000);
  const minor = device % 0x10_0000;
  const mount = currentMounts().find((one) => one.deviceMajor === major && one.deviceMinor === minor);
  return mount?.fileSystem ?? "";
}
