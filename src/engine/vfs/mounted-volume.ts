// One mounted disk as the event loop sees it: what it is like, how lively it is, and whether a call that may touch it
// is made here or by the volume's worker. A call on the loop costs a microsecond or two, a hop through the worker
// 20 to 90; a disk that has to be started takes ten seconds.
import { availableParallelism } from "node:os";
import { Errno } from "../../linux/errno.ts";
import { currentMounts } from "../../linux/mountinfo.ts";
import { voluntarySwitches } from "../../linux/thread-usage.ts";
import type { MaybePromise, ShareGrant } from "../../port/port.ts";
import type { DirectoryCache } from "./directory-cache.ts";
import {
  type OperationArgs,
  type OperationName,
  type OperationResult,
  descriptorsIn,
  longOperations,
  diskOperations,
} from "./disk-operations.ts";
import { closeFd } from "../../linux/open.ts";
import type { ShareContext } from "./share-context.ts";
import type { Pending } from "./pending.ts";
import { VolumeWorkers } from "./volume-workers.ts";

// Disks that save power stop after a minute at the earliest, most after ten or twenty.
const AWAKE_MS = 20_000;
/** A call that takes the loop longer than this may have waited for the disk; the next one like it is looked at. */
const SLOW_CALL_MS = 8;
const WATCHFUL_MS = 1_000;
/** How long after a call that did wait the worker makes them. */
const SLOW_MS = 250;
/** A disk that has had something to do for this long without having done any of it may hang. */
const SUSPECT_MS = 20;

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

/** Threads of the runtime's own pool, which all volumes share. */
const POOL_THREADS = Math.max(2, availableParallelism());

/** What holds for all volumes; set from the settings. */
export const volumeLimits = {
  /** A call that is not answered by then fails with -ETIMEDOUT. */
  timeoutMs: 30_000,
};

/** On whose behalf a worker makes a call. */
export interface CallOwner {
  /** Names the share and its user to the workers. */
  readonly id: number;
  readonly grant: ShareGrant;
  readonly rootFd: number;
  readonly directories: DirectoryCache;
  /** Keep the root's descriptor open from the one to the other. */
  hold(): void;
  release(): void;
  /** A call by a worker failed with this negative errno. */
  failed(errno: number): void;
}

type Call = (context: ShareContext, ...args: readonly unknown[]) => unknown;

export class MountedVolume {
  /** dev_t as one number. */
  readonly device: number;
  /** Nothing ever waits: the data is in memory. */
  readonly isMemory: boolean;
  /** Any call may wait for a network or another process. */
  readonly isRemote: boolean;
  /** preadv2 with RWF_NOWAIT works; false once it was refused. */
  canReadNowait: boolean;
  /** Until then (performance.now()) writes go to the thread pool: the page cache was full of dirty pages. */
  throttledUntil = 0;
  private awakeUntil = 0;
  private slowUntil = 0;
  private watchfulUntil = 0;
  /** Work under way elsewhere, and when the volume last showed that it does any of it. */
  private inFlight = 0;
  private progressMs = 0;
  private readonly workers = new VolumeWorkers();
  /** Threads of the runtime's pool that this volume has, and who waits for one. */
  private inPool = 0;
  private readonly poolQueue: ((isIn: boolean) => void)[] = [];
  private poolTimer: ReturnType<typeof setTimeout> | undefined;
  private readonly waiting = new Set<WaitingCall>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(device: number, fileSystem: string) {
    this.device = device;
    this.isMemory = memoryTypes.has(fileSystem);
    this.isRemote = remoteTypes.has(fileSystem) || fileSystem.startsWith("fuse.");
    this.canReadNowait = !this.isMemory;
  }

  /** Threads of this volume that run. */
  get workerCount(): number {
    return this.workers.count;
  }

  /** Calls that somebody waits for. */
  get waitingCount(): number {
    return this.waiting.size;
  }

  /** Notes that the disk has just answered a question that the memory could not. */
  noteAwake(): void {
    this.awakeUntil = performance.now() + AWAKE_MS;
  }

  /** Something begins that the volume does elsewhere; pair with `endWork`. */
  beginWork(): void {
    if (this.inFlight++ === 0) this.progressMs = performance.now();
  }

  endWork(): void {
    this.inFlight--;
    this.progressMs = performance.now();
  }

  /** It has had work for a while and nothing of it gets done. */
  isSuspect(now: number): boolean {
    return this.inFlight > 0 && now - this.progressMs > SUSPECT_MS;
  }

  /** Whether calls that may ask the disk are made on the loop. */
  isLively(now: number): boolean {
    if (this.isMemory) return true;
    if (this.isRemote || now >= this.awakeUntil || now < this.slowUntil) return false;
    return !this.isSuspect(now);
  }

  /**
   * Takes one of the runtime's few pool threads, for reads and writes; pair with `leavePool`. False where the volume
   * hangs or has had its share for too long: its own worker is to do it. So however many volumes hang, one thread is
   * left for the others. `isLong` work takes its time on a disk that is well.
   */
  enterPool(isLong = false): MaybePromise<boolean> {
    const now = performance.now();
    if (this.isRemote || this.isSuspect(now)) return false;
    if (this.inPool < this.poolLimit(now)) {
      this.takeThread(isLong);
      return true;
    }
    if (isLong) return false;
    this.poolTimer ??= setTimeout(() => this.giveUpPool(), SUSPECT_MS);
    return new Promise((resolve) => this.poolQueue.push(resolve));
  }

  leavePool(isLong = false): void {
    this.inPool--;
    if (!isLong) this.endWork();
    const next = this.poolQueue.shift();
    if (next === undefined) return;
    this.takeThread(false);
    next(true);
  }

  private takeThread(isLong: boolean): void {
    this.inPool++;
    if (!isLong) this.beginWork();
  }

  private poolLimit(now: number): number {
    let stuck = 0;
    for (const { volume } of volumes.values())
      if (volume !== this && volume.isSuspect(now)) stuck += volume.inPool;
    return POOL_THREADS - 1 - stuck;
  }

  private giveUpPool(): void {
    this.poolTimer = undefined;
    for (const refuse of this.poolQueue.splice(0)) refuse(false);
  }

  /** Makes a call of the table at once, and learns from how long it took. */
  callHere<K extends OperationName>(
    context: ShareContext,
    name: K,
    args: OperationArgs<K>,
    now: number,
  ): OperationResult<K> {
    const call = diskOperations[name] as unknown as Call;
    const waits = this.countWaits(now);
    const result = call(context, ...args) as OperationResult<K>;
    if (!this.isMemory) this.noteCall(now, waits);
    return result;
  }

  /** To be given to `noteCall` after something that is done on the loop now. */
  countWaits(now: number): number {
    return now < this.watchfulUntil ? voluntarySwitches() : -1;
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

  /**
   * Has the worker make a call of the table. -ETIMEDOUT where it does not answer in time; what a late answer brings is
   * closed. `hold` and `keeps`, memory that the call is told the address of, are kept until the call is really over.
   */
  callElsewhere<K extends OperationName>(
    owner: CallOwner,
    hold: Pending | undefined,
    name: K,
    args: OperationArgs<K>,
    keeps?: Uint8Array,
  ): Promise<OperationResult<K>> {
    return new Promise((resolve, reject) => {
      const call = new WaitingCall(
        this,
        owner,
        hold,
        name,
        args,
        resolve as (result: unknown) => void,
        reject,
        keeps,
      );
      this.waiting.add(call);
      this.timer ??= this.expireLater(call);
      this.workers.submit(call);
    });
  }

  /** The call is answered, or given up: it does not wait any more. */
  settled(call: WaitingCall): void {
    this.waiting.delete(call);
    if (this.waiting.size > 0 || this.timer === undefined) return;
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  forgetShare(share: number): void {
    this.workers.forget(share);
  }

  close(): void {
    clearTimeout(this.timer);
    clearTimeout(this.poolTimer);
    this.timer = undefined;
    this.giveUpPool();
    this.workers.close();
  }

  private expireLater(first: WaitingCall): ReturnType<typeof setTimeout> {
    const delayMs = Math.max(1, first.startedMs + volumeLimits.timeoutMs - performance.now());
    const timer = setTimeout(() => this.expire(), delayMs);
    timer.unref();
    return timer;
  }

  private expire(): void {
    this.timer = undefined;
    const now = performance.now();
    for (const call of [...this.waiting]) {
      if (call.startedMs + volumeLimits.timeoutMs > now + 1) {
        this.timer = this.expireLater(call);
        return;
      }
      // A descriptor must be closed, however late.
      if (call.operation !== "close" && this.workers.withdraw(call)) call.end();
      call.settle(-Errno.ETIMEDOUT);
    }
  }
}

/** A call that a worker makes, or is to make. */
class WaitingCall {
  readonly operation: string;
  readonly args: readonly unknown[];
  readonly share: number;
  readonly isLong: boolean;
  /** Only held, so that the memory stays. */
  readonly keeps: Uint8Array | undefined;
  readonly startedMs = performance.now();
  private readonly volume: MountedVolume;
  private readonly owner: CallOwner;
  private readonly hold: Pending | undefined;
  private resolve: ((result: unknown) => void) | undefined;
  private reject: ((error: Error) => void) | undefined;

  constructor(
    volume: MountedVolume,
    owner: CallOwner,
    hold: Pending | undefined,
    operation: OperationName,
    args: readonly unknown[],
    resolve: (result: unknown) => void,
    reject: (error: Error) => void,
    keeps: Uint8Array | undefined,
  ) {
    this.keeps = keeps;
    this.isLong = longOperations.has(operation);
    this.volume = volume;
    this.owner = owner;
    this.hold = hold;
    this.operation = operation;
    this.args = args;
    this.share = owner.id;
    this.resolve = resolve;
    this.reject = reject;
    if (!this.isLong) volume.beginWork();
    owner.hold();
    hold?.add();
  }

  get definition() {
    return { grant: this.owner.grant, rootFd: this.owner.rootFd };
  }

  changedMs(): number {
    return this.owner.directories.changedMs;
  }

  answered(result: unknown, hasChanged: boolean): void {
    if (hasChanged) this.owner.directories.distrust(Date.now());
    this.volume.noteAwake();
    const isLate = this.resolve === undefined;
    this.end();
    if (isLate) for (const fd of descriptorsIn(this.operation, result)) closeFd(fd);
    else this.settle(result);
    if (typeof result === "number" && result < 0) this.owner.failed(result);
  }

  failed(error: Error): void {
    this.end();
    const { reject } = this;
    this.resolve = undefined;
    this.reject = undefined;
    this.volume.settled(this);
    reject?.(error);
  }

  lost(): void {
    this.end();
    this.settle(-Errno.EIO);
  }

  /** Nobody works on it any more. */
  end(): void {
    if (!this.isLong) this.volume.endWork();
    this.hold?.done();
    this.owner.release();
  }

  settle(result: unknown): void {
    const { resolve } = this;
    this.resolve = undefined;
    this.reject = undefined;
    if (resolve === undefined) return;
    this.volume.settled(this);
    resolve(result);
  }
}

// Kept while a root uses them; the numbers of devices are given anew only when nothing holds the old one open.
const volumes = new Map<number, { volume: MountedVolume; users: number }>();

/** The volume with this device number; pair with `releaseVolume`. */
export function acquireVolume(device: number): MountedVolume {
  let known = volumes.get(device);
  if (known === undefined) {
    known = { volume: new MountedVolume(device, fileSystemOf(device)), users: 0 };
    volumes.set(device, known);
  }
  known.users++;
  return known.volume;
}

export function releaseVolume(volume: MountedVolume): void {
  const known = volumes.get(volume.device);
  if (known?.volume !== volume || --known.users > 0) return;
  volumes.delete(volume.device);
  volume.close();
}

/** Ends the workers of all volumes. What is under way gets that long to finish; a disk that hangs keeps nobody. */
export async function endVolumes(graceMs: number): Promise<void> {
  const until = performance.now() + graceMs;
  const isBusy = () => [...volumes.values()].some(({ volume }) => volume.waitingCount > 0);
  while (isBusy() && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 10));
  for (const { volume } of volumes.values()) volume.close();
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
