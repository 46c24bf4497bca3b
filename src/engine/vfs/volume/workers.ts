// The threads of one volume: started at first need, stopped when idle. One serves; where it hangs, a few more are
// started for what may still be possible, so that a disk takes a bounded part of the machine however many wait for it.
import { totalmem } from "node:os";
import { giveUp, makeSlots, waitInSlot } from "../context/given-up.ts";
import type { DiskAnswer, DiskRequest, ShareDefinition, ToDiskWorker } from "./worker-protocol.ts";

/** What is to be done by a worker. Exactly one of the last three is called, once. */
export interface DiskJob {
  readonly operation: string;
  readonly args: readonly unknown[];
  readonly share: number;
  /** Takes its time on a disk that is well: nothing else is put behind it. */
  readonly isLong: boolean;
  readonly definition: ShareDefinition;
  /** Asked when the job is handed to the worker. */
  readonly changedMs: () => number;
  answered(result: unknown, answer: DiskAnswer): void;
  /** The operation threw. */
  failed(error: Error): void;
  /** The worker has ended. */
  lost(): void;
}

// A worker takes 3 to 10 MiB.
const MAX_WORKERS = totalmem() < 256 * 1_048_576 ? 1 : totalmem() < 1024 * 1_048_576 ? 2 : 4;
/** Jobs that a worker has at once: the next is there when one is done, and few are lost behind one that hangs. */
const MAX_POSTED = 4;
/** A worker that has not answered for this long gets no more. */
const HANGING_MS = 50;
const IDLE_MS = 15_000;

/** From source and in the compiled executable, where the build keeps the path below src. */
function startThread(): Worker {
  return import.meta.url.includes("$bunfs")
    ? new Worker("./engine/vfs/volume/disk-worker.ts")
    : new Worker(new URL("./disk-worker.ts", import.meta.url));
}

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
  /** performance.now() of the last sign of life, or of the first job after a rest. */
  sinceMs = 0;

  constructor() {
    this.worker = startThread();
    this.worker.unref();
    this.worker.postMessage({ slots: this.slots } satisfies ToDiskWorker);
  }

  /** Notes a job as posted: its slot. */
  enter(id: number, job: DiskJob): number {
    const slot = this.freeSlots.pop() ?? 0;
    waitInSlot(this.slots, slot);
    this.posted.set(id, { job, slot });
    return slot;
  }

  /** The job with that number, which is answered now. */
  leave(id: number): DiskJob | undefined {
    const entry = this.posted.get(id);
    if (entry === undefined) return undefined;
    this.posted.delete(id);
    this.freeSlots.push(entry.slot);
    return entry.job;
  }

  /** At work on something long. */
  isLong = false;

  canTake(now: number, isLong: boolean): boolean {
    const { size } = this.posted;
    if (size === 0) return true;
    return !isLong && size < MAX_POSTED && this.isAlive(now);
  }

  isAlive(now: number): boolean {
    return !this.isLong && now - this.sinceMs < HANGING_MS;
  }
}

export class VolumeWorkers {
  private readonly threads: Thread[] = [];
  private readonly queue: DiskJob[] = [];
  private lastId = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private idle: ReturnType<typeof setTimeout> | undefined;

  /** Threads that run. */
  get count(): number {
    return this.threads.length;
  }

  submit(job: DiskJob): void {
    this.queue.push(job);
    this.pump();
  }

  /** Takes back a job that no worker has yet; false where one has, which is told not to begin it, or to stop. */
  withdraw(job: DiskJob): boolean {
    const at = this.queue.indexOf(job);
    if (at >= 0) this.queue.splice(at, 1);
    else this.giveUp(job);
    return at >= 0;
  }

  private giveUp(job: DiskJob): void {
    for (const { posted, slots } of this.threads) {
      for (const entry of posted.values()) if (entry.job === job) giveUp(slots, entry.slot);
    }
  }

  forget(share: number): void {
    for (const thread of this.threads) {
      if (thread.shares.delete(share)) post(thread, { forget: share });
    }
  }

  /** Ends the threads; jobs under way are lost: nobody waits for a disk that hangs. */
  close(): void {
    clearTimeout(this.retry);
    clearTimeout(this.idle);
    this.retry = undefined;
    this.idle = undefined;
    for (const thread of this.threads.splice(0)) this.end(thread);
    for (const job of this.queue.splice(0)) job.lost();
  }

  private pump(): void {
    const now = performance.now();
    for (let at = 0; at < this.queue.length;) {
      const job = this.queue[at] as DiskJob;
      const thread = this.threadFor(now, job.isLong);
      if (thread === undefined) {
        at++;
        continue;
      }
      this.queue.splice(at, 1);
      this.hand(thread, job, now);
    }
    // All are busy: those that hang get company when they have hung for long enough.
    if (this.queue.length > 0 && this.threads.length < MAX_WORKERS) this.retryLater();
  }

  private threadFor(now: number, isLong: boolean): Thread | undefined {
    let others = 0;
    let isAnyAlive = false;
    for (const thread of this.threads) {
      if (thread.isLong) others++;
      isAnyAlive ||= thread.isAlive(now);
    }
    // Of several threads one is left for what is short.
    if (isLong && others >= Math.max(1, MAX_WORKERS - 1)) return undefined;
    for (const thread of this.threads) if (thread.canTake(now, isLong)) return thread;
    if ((!isLong && isAnyAlive) || this.threads.length >= MAX_WORKERS) return undefined;
    return this.start();
  }

  private start(): Thread {
    const thread = new Thread();
    thread.worker.onmessage = (event: MessageEvent<DiskAnswer>) => this.take(thread, event.data);
    thread.worker.onerror = () => {
      const at = this.threads.indexOf(thread);
      if (at >= 0) this.threads.splice(at, 1);
      this.end(thread);
      this.pump();
    };
    this.threads.push(thread);
    return thread;
  }

  private hand(thread: Thread, job: DiskJob, now: number): void {
    const id = ++this.lastId;
    if (thread.posted.size === 0) thread.sinceMs = now;
    const slot = thread.enter(id, job);
    thread.isLong = job.isLong;
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

  private take(thread: Thread, answer: DiskAnswer): void {
    const job = thread.leave(answer.job);
    if (job === undefined) return;
    thread.sinceMs = performance.now();
    if (job.isLong) thread.isLong = false;
    if (answer.error === undefined) job.answered(answer.result, answer);
    else job.failed(new Error(answer.error));
    if (this.queue.length > 0) this.pump();
    this.idle ??= this.stopLater();
  }

  private retryLater(): void {
    this.retry ??= setTimeout(() => {
      this.retry = undefined;
      this.pump();
    }, HANGING_MS + 1);
  }

  /** Ends the threads that had nothing to do for a while. */
  private stopLater(): ReturnType<typeof setTimeout> {
    const timer = setTimeout(() => {
      this.idle = undefined;
      const now = performance.now();
      for (const thread of [...this.threads]) {
        if (thread.posted.size > 0 || now - thread.sinceMs < IDLE_MS - 1) continue;
        this.threads.splice(this.threads.indexOf(thread), 1);
        thread.worker.terminate();
      }
      if (this.threads.length > 0) this.idle = this.stopLater();
    }, IDLE_MS);
    timer.unref();
    return timer;
  }

  private end(thread: Thread): void {
    thread.worker.terminate();
    const lost = [...thread.posted.values()];
    thread.posted.clear();
    for (const { job } of lost) job.lost();
  }
}

function post(thread: Thread, message: ToDiskWorker): void {
  thread.worker.postMessage(message);
}
