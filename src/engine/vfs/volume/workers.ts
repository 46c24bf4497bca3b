// The worker threads of one volume, started on demand and ended when idle. One is enough while the disk
// answers; where it hangs, more are started up to a small limit, for calls that may still succeed.
import { type Timer, timers } from "../../../loop/timers.ts";
import { startWorker } from "../../../loop/worker.ts";
import { turns } from "../../turns.ts";
import { giveUp, makeSlots, waitInSlot } from "../context/given-up.ts";
import { Errno } from "../../../linux/errno.ts";
import { canStartThread } from "../../../linux/limits.ts";
import { plannedMemoryBytes } from "../../../linux/planned-memory.ts";
import type { Failure } from "../store.ts";
import { JobQueue } from "./job-queue.ts";
import type { DiskAnswer, DiskRequest, ShareDefinition, ToDiskWorker } from "./worker-protocol.ts";

/** An operation for a worker. Of `answered`, `failed`, `lost` and `abandoned` exactly one is called, once. */
export interface DiskJob {
  readonly operation: string;
  readonly args: readonly unknown[];
  readonly share: number;
  /** Takes long on a healthy disk, too: no other job is queued behind it. */
  readonly isLong: boolean;
  /** Never `lost` while the volume is in use: it waits until there is a worker. */
  readonly mustRun: boolean;
  readonly definition: ShareDefinition;
  /** Read when the job is posted to the worker. */
  readonly changedMs: () => number;
  answered(result: unknown, answer: DiskAnswer): void;
  /** The operation threw. */
  failed(error: Error): void;
  /** The operation was not begun: the worker has ended, or there are no descriptors for one. */
  lost(failure: Failure): void;
  /**
   * The worker is being ended in the middle of the operation. A thread in a system call goes on until that
   * returns, and nothing tells when: what the operation uses is used for nothing else, ever.
   */
  abandoned(failure: Failure): void;
}

// A worker takes 2 to 10 MiB of memory.
const memoryMib = plannedMemoryBytes() / 1_048_576;
const MAX_WORKERS = memoryMib < 256 ? 1 : memoryMib < 1024 ? 2 : 4;
/** Jobs posted to one worker: enough to keep it busy, few enough to lose behind one that hangs. */
const MAX_POSTED = 4;
/** A worker that has not answered for this long gets no more jobs. */
const HANGING_MS = 200;
const IDLE_MS = 15_000;

interface PostedJob {
  readonly job: DiskJob;
  readonly slot: number;
}

class Thread {
  readonly worker: Worker;
  readonly shares = new Set<number>();
  readonly posted = new Map<number, PostedJob>();
  readonly slots = makeSlots(MAX_POSTED);
  private readonly freeSlots = Array.from({ length: MAX_POSTED }, (_, slot) => slot);
  /** performance.now() of the last answer, or of the first job after an idle time. */
  lastActiveMs = 0;
  /** Runs a job that takes long. */
  isBusyLong = false;

  constructor() {
    this.worker = startWorker("engine/vfs/volume/disk-worker.ts");
    this.worker.unref();
    this.worker.postMessage({ slots: this.slots } satisfies ToDiskWorker);
  }

  /** Adds a job that is being posted; returns its slot in the shared-memory flags. */
  addJob(id: number, job: DiskJob): number {
    const slot = this.freeSlots.pop() ?? 0;
    waitInSlot(this.slots, slot);
    this.posted.set(id, { job, slot });
    return slot;
  }

  /** Removes and returns the job with that number. */
  removeJob(id: number): DiskJob | undefined {
    const entry = this.posted.get(id);
    if (entry === undefined) return undefined;
    this.posted.delete(id);
    this.freeSlots.push(entry.slot);
    return entry.job;
  }

  canTake(now: number, isLong: boolean): boolean {
    const { size } = this.posted;
    if (size === 0) return true;
    return !isLong && size < MAX_POSTED && this.isAlive(now);
  }

  isAlive(now: number): boolean {
    return !this.isBusyLong && now - this.lastActiveMs < HANGING_MS;
  }
}

/** How long an idle worker may take to close its descriptors. */
const END_MS = 100;

export class VolumeWorkers {
  private readonly threads: Thread[] = [];
  private readonly queue = new JobQueue<DiskJob>();
  private lastId = 0;
  private retryTimer: Timer | undefined;
  private idleTimer: Timer | undefined;

  /** Number of threads. */
  get count(): number {
    return this.threads.length;
  }

  submit(job: DiskJob): void {
    this.queue.push(job);
    this.pump();
  }

  /** Removes a job from the queue. False where a worker has it, which is then flagged to skip or stop it. */
  withdraw(job: DiskJob): boolean {
    const wasQueued = this.queue.remove(job);
    if (!wasQueued) this.giveUpPosted(job);
    return wasQueued;
  }

  private giveUpPosted(job: DiskJob): void {
    for (const { posted, slots } of this.threads) {
      for (const entry of posted.values()) if (entry.job === job) giveUp(slots, entry.slot);
    }
  }

  forget(share: number): void {
    for (const thread of this.threads) {
      if (thread.shares.delete(share)) post(thread, { forget: share });
    }
  }

  /** Memory is short: the threads drop their caches of directories. */
  dropCaches(): void {
    for (const thread of this.threads) post(thread, { dropCaches: true });
  }

  /** Ends the threads at once; jobs under way are lost. */
  close(): void {
    timers.clear(this.retryTimer);
    timers.clear(this.idleTimer);
    this.retryTimer = undefined;
    this.idleTimer = undefined;
    for (const thread of this.threads.splice(0)) {
      if (thread.posted.size > 0) this.terminate(thread);
      else endIdle(thread);
    }
    for (const job of this.queue.drain()) job.lost(-Errno.EIO);
  }

  private pump(): void {
    const now = performance.now();
    for (;;) {
      // Looked for once a kind: hundreds of jobs may wait.
      const found = new Map<boolean, Thread | undefined>();
      const threadFor = ({ isLong }: DiskJob): Thread | undefined => {
        if (!found.has(isLong)) found.set(isLong, this.threadFor(now, isLong));
        return found.get(isLong);
      };
      const job = this.queue.take((waiting) => threadFor(waiting) !== undefined);
      const thread = job === undefined ? undefined : threadFor(job);
      if (job === undefined || thread === undefined) break;
      this.assign(thread, job, now);
    }
    if (this.threads.length === 0) for (const job of this.queue.drain()) this.lose(job, -Errno.EMFILE);
    // All threads are busy. Try again when they may count as hanging: another thread is started then.
    if (!this.queue.isEmpty && this.threads.length < MAX_WORKERS) this.retryLater();
  }

  private lose(job: DiskJob, failure: Failure): void {
    if (job.mustRun) this.queue.push(job);
    else job.lost(failure);
  }

  private threadFor(now: number, isLong: boolean): Thread | undefined {
    let busyLong = 0;
    let isAnyAlive = false;
    for (const thread of this.threads) {
      if (thread.isBusyLong) busyLong++;
      isAnyAlive ||= thread.isAlive(now);
    }
    // Where several threads are allowed, long jobs leave one for short ones.
    if (isLong && busyLong >= Math.max(1, MAX_WORKERS - 1)) return undefined;
    for (const thread of this.threads) if (thread.canTake(now, isLong)) return thread;
    if ((!isLong && isAnyAlive) || this.threads.length >= MAX_WORKERS) return undefined;
    return this.start();
  }

  /** Undefined where descriptors are too few. */
  private start(): Thread | undefined {
    if (!canStartThread()) return undefined;
    const thread = new Thread();
    thread.worker.onmessage = (event: MessageEvent<DiskAnswer>) =>
      turns.enter("a worker's answer", () => this.receive(thread, event.data));
    thread.worker.onerror = () => {
      const at = this.threads.indexOf(thread);
      if (at >= 0) this.threads.splice(at, 1);
      this.terminate(thread);
      this.pump();
    };
    this.threads.push(thread);
    return thread;
  }

  private assign(thread: Thread, job: DiskJob, now: number): void {
    const id = ++this.lastId;
    if (thread.posted.size === 0) thread.lastActiveMs = now;
    const slot = thread.addJob(id, job);
    thread.isBusyLong = job.isLong;
    const isKnown = thread.shares.has(job.share);
    thread.shares.add(job.share);
    const request: DiskRequest = {
      job: id,
      slot,
      operation: job.operation,
      args: job.args,
      share: job.share,
      definition: isKnown ? undefined : job.definition,
      changedMs: job.changedMs(),
    };
    post(thread, request);
  }

  private receive(thread: Thread, answer: DiskAnswer): void {
    const job = thread.removeJob(answer.job);
    if (job === undefined) return;
    thread.lastActiveMs = performance.now();
    if (job.isLong) thread.isBusyLong = false;
    if (answer.error === undefined) job.answered(answer.result, answer);
    else job.failed(new Error(answer.error));
    if (!this.queue.isEmpty) this.pump();
    this.idleTimer ??= this.stopLater();
  }

  private retryLater(): void {
    this.retryTimer ??= timers.set(HANGING_MS + 1, () => {
      this.retryTimer = undefined;
      this.pump();
    });
  }

  /** Ends threads that have had nothing to do for `IDLE_MS`. */
  private stopLater(): Timer {
    return timers.set(IDLE_MS, () => {
      this.idleTimer = undefined;
      const now = performance.now();
      for (const thread of [...this.threads]) {
        if (thread.posted.size > 0 || now - thread.lastActiveMs < IDLE_MS - 1) continue;
        this.threads.splice(this.threads.indexOf(thread), 1);
        thread.worker.terminate();
      }
      if (this.threads.length > 0) this.idleTimer = this.stopLater();
    });
  }

  private terminate(thread: Thread): void {
    thread.worker.terminate();
    const lost = [...thread.posted.values()];
    thread.posted.clear();
    for (const { job, slot } of lost) {
      if (giveUp(thread.slots, slot)) this.lose(job, -Errno.EIO);
      else job.abandoned(-Errno.EIO);
    }
  }
}

/** Lets the worker close its own descriptors, which outlive its thread, before it is terminated. */
function endIdle(thread: Thread): void {
  post(thread, { end: true });
  timers.set(END_MS, () => thread.worker.terminate());
}

function post(thread: Thread, message: ToDiskWorker): void {
  thread.worker.postMessage(message);
}
