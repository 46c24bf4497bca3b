// One mounted disk as the event loop sees it: what it is like, how lively it is, and whether a call that may touch it
// is made here or by the volume's worker. A call on the loop costs a microsecond or two, a hop through the worker
// 20 to 90; a disk that has to be started takes ten seconds.
import { availableParallelism } from "node:os";
import { Errno } from "../../../linux/errno.ts";
import type { MaybePromise } from "../../../port/port.ts";
import {
  type OperationArgs,
  type OperationName,
  type OperationResult,
  diskOperations,
} from "../disk/operations.ts";
import type { Pending } from "./pending.ts";
import type { ShareContext } from "../context/share-context.ts";
import { VolumeHealth } from "./health.ts";
import { VolumeWorkers } from "./workers.ts";
import { type CallOwner, type CallVolume, WaitingCall } from "./call.ts";

/** A share of the pool that is not given back for this long is not waited for. */
const POOL_WAIT_MS = 20;

/** Threads of the runtime's own pool, which all volumes share. */
const POOL_THREADS = Math.max(2, availableParallelism());

/** What holds for all volumes; set from the settings. */
export const volumeLimits = {
  /** A call that is not answered by then fails with -ETIMEDOUT. */
  timeoutMs: 30_000,
};

type Call = (context: ShareContext, ...args: readonly unknown[]) => unknown;

export class MountedVolume extends VolumeHealth implements CallVolume {
  private readonly workers = new VolumeWorkers();
  /** Threads of the runtime's pool that this volume has, and who waits for one. */
  private inPool = 0;
  private readonly poolQueue: ((isIn: boolean) => void)[] = [];
  private poolTimer: ReturnType<typeof setTimeout> | undefined;
  private readonly waiting = new Set<WaitingCall>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** Threads of this volume that run. */
  get workerCount(): number {
    return this.workers.count;
  }

  /** Calls that somebody waits for. */
  get waitingCount(): number {
    return this.waiting.size;
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
    this.poolTimer ??= setTimeout(() => this.giveUpPool(), POOL_WAIT_MS);
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
    if (this.isMemory) return callWith(call, context, args) as OperationResult<K>;
    const waits = this.countWaits(now);
    const result = callWith(call, context, args) as OperationResult<K>;
    this.noteCall(now, waits);
    return result;
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
    const answer = this.send(owner, hold, name, args, keeps);
    const file = this.beginProbe(performance.now());
    if (file !== "") void this.send(owner, undefined, "probe", [file]).then(() => this.noteProbe());
    return answer;
  }

  private send<K extends OperationName>(
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

/** As by `...`, which costs more than many of the calls while they are not yet compiled well. */
function callWith(call: Call, context: ShareContext, args: readonly unknown[]): unknown {
  switch (args.length) {
    case 2:
      return call(context, args[0], args[1]);
    case 3:
      return call(context, args[0], args[1], args[2]);
    case 4:
      return call(context, args[0], args[1], args[2], args[3]);
    default:
      return call(context, ...args);
  }
}

// Kept while a root uses them; the numbers of devices are given anew only when nothing holds the old one open.
const volumes = new Map<number, { volume: MountedVolume; users: number }>();

/** The volume with this device number; pair with `releaseVolume`. */
export function acquireVolume(device: number): MountedVolume {
  let known = volumes.get(device);
  if (known === undefined) {
    known = { volume: new MountedVolume(device), users: 0 };
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
