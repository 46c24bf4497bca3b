// A mounted file system: its health, its workers and its part of the runtime's thread pool. Operations run on
// the event loop, where a call costs 1-2 µs, or in a worker, which costs 20-90 µs; a disk needs ten seconds
// to spin up.
import { availableParallelism } from "node:os";
import { Errno } from "../../../linux/errno.ts";
import { closeFd } from "../../../linux/open.ts";
import { type Timer, timers } from "../../../loop/timers.ts";
import {
  type OperationArgs,
  type OperationName,
  type OperationResult,
  diskOperations,
} from "../disk/operations.ts";
import type { TransferBuffer } from "../transfer-buffer.ts";
import type { Pending } from "./pending.ts";
import { type HeldChange, takeHeldChanges } from "../context/folder-times.ts";
import type { ShareContext } from "../context/share-context.ts";
import { VolumeHealth } from "./health.ts";
import { VolumeWorkers } from "./workers.ts";
import { type CallOwner, type CallVolume, WaitingCall } from "./call.ts";

/** Threads of the runtime's pool, which all volumes share. */
const POOL_THREADS = Math.max(2, availableParallelism());

/** Limits for all volumes, from the configuration. */
export const volumeLimits = {
  /** A call in a worker that is not answered within this time fails with -ETIMEDOUT; see `Patience`. */
  timeoutMs: 30_000,
};

/** What the engine learns of all volumes. */
export const volumeEvents = {
  /** The server has moved a folder's ctime without a change that a client made. */
  held: (_: HeldChange): void => undefined,
  /** A share's directory is lost while clients use it: see `ShareRoot.isLost`. */
  lost: (_share: string, _path: string): void => undefined,
  /** A worker has answered, or not in time; undefined while nobody wants to know. */
  answered: undefined as ((operation: string, share: string, ms: number) => void) | undefined,
};

type Operation = (context: ShareContext, ...args: readonly unknown[]) => unknown;

export class MountedVolume extends VolumeHealth implements CallVolume {
  private readonly workers = new VolumeWorkers();
  /** Threads of the runtime's pool that this volume uses. */
  private inPool = 0;
  private readonly waiting = new Set<WaitingCall>();
  private timeoutTimer: Timer | undefined;

  /** Worker threads of this volume. */
  get workerCount(): number {
    return this.workers.count;
  }

  /** Calls in workers that are not answered yet and have not timed out. */
  get waitingCount(): number {
    return this.waiting.size;
  }

  /**
   * Takes one of the runtime's few pool threads for work that takes long on a healthy disk, too; pair with
   * `leavePool`. False where the volume hangs or no thread is free: the volume's worker does the work then.
   * One thread is left for the other volumes, however many hang.
   */
  enterPool(): boolean {
    const now = performance.now();
    if (this.isRemote || this.isSuspect(now) || this.inPool >= this.poolLimit(now)) return false;
    this.inPool++;
    return true;
  }

  leavePool(): void {
    this.inPool--;
  }

  /** All threads but one and those that other volumes' hanging requests occupy. */
  private poolLimit(now: number): number {
    let stuck = 0;
    for (const { volume } of volumes.values())
      if (volume !== this && volume.isSuspect(now)) stuck += volume.inPool;
    return POOL_THREADS - 1 - stuck;
  }

  /** Runs an operation of the table at once, and notes how long it took. */
  callOnEventLoop<K extends OperationName>(
    context: ShareContext,
    name: K,
    args: OperationArgs<K>,
    now: number,
  ): OperationResult<K> {
    const operation = diskOperations[name] as unknown as Operation;
    const waits = this.isMemory ? 0 : this.countWaits(now);
    const result = callWith(operation, context, args) as OperationResult<K>;
    if (!this.isMemory) this.noteCall(now, waits);
    this.noteHeld(takeHeldChanges());
    return result;
  }

  noteHeld(held: readonly HeldChange[]): void {
    for (const change of held) volumeEvents.held(change);
  }

  /**
   * Runs an operation of the table in a worker. -ETIMEDOUT where it is not answered within
   * `volumeLimits.timeoutMs`; descriptors of a late answer are closed. `pending`, and `buffer` whose address
   * is among the arguments, are held until the worker has really ended the operation.
   */
  callInWorker<K extends OperationName>(
    owner: CallOwner,
    pending: Pending | undefined,
    name: K,
    args: OperationArgs<K>,
    buffer?: TransferBuffer,
  ): Promise<OperationResult<K>> {
    const answer = this.submit(owner, pending, name, args, buffer);
    const file = this.beginProbe(performance.now());
    if (file !== "") void this.submit(owner, undefined, "probe", [file]).then(() => this.noteProbe());
    return answer;
  }

  private submit<K extends OperationName>(
    owner: CallOwner,
    pending: Pending | undefined,
    name: K,
    args: OperationArgs<K>,
    buffer?: TransferBuffer,
  ): Promise<OperationResult<K>> {
    return new Promise((resolve, reject) => {
      const call = new WaitingCall(
        this,
        owner,
        pending,
        name,
        args,
        resolve as (result: unknown) => void,
        reject,
        buffer,
        volumeLimits.timeoutMs,
      );
      this.waiting.add(call);
      this.timeoutTimer ??= this.expireAt(call.deadlineMs);
      this.workers.submit(call);
    });
  }

  /** close(2) of a file on a network or FUSE file system asks that again, and it has just been slow. */
  closeLate(owner: CallOwner, fd: number): void {
    if (this.isRemote) void this.submit(owner, undefined, "close", [fd]);
    else closeFd(fd);
  }

  /** The call is answered or has timed out. */
  settled(call: WaitingCall): void {
    this.waiting.delete(call);
    volumeEvents.answered?.(call.operation, call.definition.grant.name, performance.now() - call.startedMs);
    if (this.waiting.size > 0 || this.timeoutTimer === undefined) return;
    timers.clear(this.timeoutTimer);
    this.timeoutTimer = undefined;
  }

  forgetShare(share: number): void {
    this.workers.forget(share);
  }

  dropCaches(): void {
    this.workers.dropCaches();
  }

  close(): void {
    timers.clear(this.timeoutTimer);
    this.timeoutTimer = undefined;
    this.workers.close();
  }

  private expireAt(deadlineMs: number): Timer {
    return timers.set(Math.max(1, deadlineMs - performance.now()), () => this.expire());
  }

  private expire(): void {
    this.timeoutTimer = undefined;
    const now = performance.now();
    let next = Number.POSITIVE_INFINITY;
    for (const call of [...this.waiting]) {
      const isDue = call.deadlineMs <= now + 1;
      if (isDue && call.patience?.isLeft() === true) call.deadlineMs = now + volumeLimits.timeoutMs;
      else if (isDue) {
        // A close stays in the queue: the descriptor must be closed, however late.
        if (!call.mustRun && this.workers.withdraw(call)) call.end();
        call.settle(-Errno.ETIMEDOUT);
        continue;
      }
      next = Math.min(next, call.deadlineMs);
    }
    if (next !== Number.POSITIVE_INFINITY) this.timeoutTimer ??= this.expireAt(next);
  }
}

/**
 * Spreads `args` without `...`, which costs more than many of the operations until the JIT has optimized it.
 */
function callWith(operation: Operation, context: ShareContext, args: readonly unknown[]): unknown {
  switch (args.length) {
    case 2:
      return operation(context, args[0], args[1]);
    case 3:
      return operation(context, args[0], args[1], args[2]);
    case 4:
      return operation(context, args[0], args[1], args[2], args[3]);
    default:
      return operation(context, ...args);
  }
}

// By device number, while a root uses the volume. The kernel reuses a number only when nothing has the old
// device open.
const volumes = new Map<number, { volume: MountedVolume; references: number }>();

/** Returns the volume with this device number; pair with `releaseVolume`. */
export function acquireVolume(device: number): MountedVolume {
  let entry = volumes.get(device);
  if (entry === undefined) {
    entry = { volume: new MountedVolume(device), references: 0 };
    volumes.set(device, entry);
  }
  entry.references++;
  return entry.volume;
}

export function releaseVolume(volume: MountedVolume): void {
  const entry = volumes.get(volume.device);
  if (entry?.volume !== volume || --entry.references > 0) return;
  volumes.delete(volume.device);
  volume.close();
}

/** Drops the workers' caches of directories. */
export function dropWorkersCaches(): void {
  for (const { volume } of volumes.values()) volume.dropCaches();
}

/**
 * Ends the workers of all volumes, after at most `graceMs` for the calls under way: a disk that hangs delays
 * no exit.
 */
export async function endVolumes(graceMs: number): Promise<void> {
  const until = performance.now() + graceMs;
  const isBusy = () => [...volumes.values()].some(({ volume }) => volume.waitingCount > 0);
  while (isBusy() && performance.now() < until) await timers.sleep(10);
  for (const { volume } of volumes.values()) volume.close();
}
