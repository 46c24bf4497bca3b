// The threads of one volume: started at first need, stopped when idle. One serves; where it hangs, a few more are
// started for what may still be possible, so that a disk takes a bounded part of the machine however many wait for it.
import { totalmem } from "node:os";
import type { DiskAnswer, DiskRequest, ShareDefinition, ToDiskWorker } from "./disk-worker-protocol.ts";

/** What is to be done by a worker. Exactly one of the last three is called, once. */
export interface DiskJob {
  readonly operation: string;
  readonly args: readonly unknown[];
  readonly share: number;
  readonly definition: ShareDefinition;
  /** Asked when the job is handed to the worker. */
  readonly changedMs: () => number;
  answered(result: unknown, hasChanged: boolean): void;
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
    ? new Worker("./engine/vfs/disk-worker.ts")
    : new Worker(new URL("./disk-worker.ts", import.meta.url));
}

class Thread {
  readonly worker: Worker;
  readonly shares = new Set<number>();
  readonly posted = new Map<number, DiskJob>();
  /** performance.now() of the last sign of life, or of the first job after a rest. */
  sinceMs = 0;

  constructor() {
    this.worker = startThread();
    this.worker.unref();
  }

  canTake(now: number): boolean {
    const { size } = this.posted;
    return size === 0 || (size < MAX_POSTED && now - this.sinceMs < HANGING_MS);
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

  /** Takes back a job that no worker has yet; false where one has. */
  withdraw(job: DiskJob): boolean {
    const at = this.queue.indexOf(job);
    if (at >= 0) this.queue.splice(at, 1);
    return at >= 0;
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
    while (this.queue.length > 0) {
      const thread = this.threadFor(now);
      if (thread === undefined) {
        // All are busy: those that hang get company when they have hung for long enough.
        if (this.threads.length < MAX_WORKERS) this.retryLater();
        return;
      }
      this.hand(thread, this.queue.shift() as DiskJob, now);
    }
  }

  private threadFor(now: number): Thread | undefined {
    let isAnyAlive = false;
    for (const thread of this.threads) {
      if (thread.canTake(now)) return thread;
      isAnyAlive ||= now - thread.sinceMs < HANGING_MS;
    }
    if (isAnyAlive || this.threads.length >= MAX_WORKERS) return undefined;
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
    thread.posted.set(id, job);
    const isKnown = thread.shares.has(job.share);
    thread.shares.add(job.share);
    const request: DiskRequest = {
      job: id,
      operation: job.operation,
      args: job.args,
      share: job.share,
      definition: isKnown ? undefined : job.definition,
      changedMs: job.changedMs(),
    };
    post(thread, request);
  }

  private take(thread: Thread, answer: DiskAnswer): void {
    const job = thread.posted.get(answer.job);
    if (job === undefined) return;
    thread.posted.delete(answer.job);
    thread.sinceMs = performance.now();
    if (answer.error === undefined) job.answered(answer.result, answer.hasChanged);
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
    for (const job of lost) job.lost();
  }
}

function post(thread: Thread, message: ToDiskWorker): void {
  thread.worker.postMessage(message);
}
