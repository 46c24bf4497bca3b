// Spare processors for encryption and signatures: without instructions for AES a message of 1 MiB takes 5 to
// 30 ms, for which the event loop would serve nobody else. Threads work in the buffers themselves.
import { availableParallelism } from "node:os";
import type { ProviderWish } from "../../crypto/select.ts";
import { canStartThread } from "../../linux/limits.ts";
import { type Timer, timers } from "../../loop/timers.ts";
import { startWorker } from "../../loop/worker.ts";
import type { AeadKey, MacKey } from "../state/session.ts";
import type { PooledBuffer } from "../transport/buffer-pool.ts";
import { turns } from "../turns.ts";

/** Smaller messages are not worth the way to a thread and back. */
export const MIN_THREAD_BYTES = 65_536;
/** Threads beside the event loop's; each takes 3 MiB. */
const MAX_THREADS = Math.min(3, availableParallelism() - 1);
/** Enough to keep a thread busy, few enough to carry out for connections that end meanwhile. */
const MAX_POSTED = 2;
const IDLE_MS = 15_000;

/** What is done with the message from `start`, its transform header included, to `to` of the buffer. */
export type CryptoWork = { readonly start: number; readonly to: number } & (
  | { readonly kind: "seal"; readonly key: AeadKey }
  | { readonly kind: "open"; readonly key: AeadKey }
  | { readonly kind: "sign"; readonly key: MacKey }
  | { readonly kind: "verify"; readonly key: MacKey }
);

/** The buffer is `size` bytes at `address`. */
export type CryptoJob = CryptoWork & {
  readonly job: number;
  readonly address: number;
  readonly size: number;
};

/** The first message to a thread. */
export interface ChooseProvider {
  readonly wish: ProviderWish;
}

export type ToCryptoWorker = ChooseProvider | CryptoJob;

export interface CryptoAnswer {
  readonly job: number;
  /** False where the tag or signature of a received message is wrong. */
  readonly isSound: boolean;
}

interface Thread {
  readonly worker: Worker;
  readonly posted: Map<number, (isSound: boolean) => void>;
}

interface Waiting {
  readonly message: CryptoJob;
  readonly isWanted: () => boolean;
  readonly settle: (isSound: boolean) => void;
}

export class CryptoThreads {
  private readonly wish: ProviderWish;
  private readonly threads: Thread[] = [];
  private readonly queue: Waiting[] = [];
  private lastJob = 0;
  private idleTimer: Timer | undefined;

  constructor(wish: ProviderWish) {
    this.wish = wish;
  }

  /** False on a machine with one processor. */
  static get canHelp(): boolean {
    return MAX_THREADS > 0;
  }

  /**
   * Encrypts, decrypts, signs or verifies a message in `buffer`. Resolves to false where it is not sound, the
   * thread has failed, or `isWanted` is false when its turn comes. Undefined where there is no thread: the
   * caller does it itself.
   */
  carryOut(work: CryptoWork, buffer: PooledBuffer, isWanted: () => boolean): Promise<boolean> | undefined {
    if (this.threads.length === 0 && !this.start()) return undefined;
    const { address, bytes } = buffer;
    const message = { ...work, job: ++this.lastJob, address, size: bytes.length };
    buffer.beginUse();
    return new Promise((resolve) => {
      const settle = (isSound: boolean): void => {
        buffer.endUse();
        resolve(isSound);
      };
      this.queue.push({ message, isWanted, settle });
      this.pump();
    });
  }

  private pump(): void {
    for (let next = this.queue[0]; next !== undefined; next = this.queue[0]) {
      const thread = next.isWanted() ? this.choose() : undefined;
      // Without any thread, and none to be had, nobody would ever call again.
      if (thread === undefined && next.isWanted() && this.threads.length > 0) return;
      this.queue.shift();
      if (thread === undefined) next.settle(false);
      else {
        thread.posted.set(next.message.job, next.settle);
        thread.worker.postMessage(next.message);
      }
    }
  }

  /** The thread with the fewest jobs, or a new one where all have some; undefined where all have enough. */
  private choose(): Thread | undefined {
    const [best] = this.threads.toSorted((a, b) => a.posted.size - b.posted.size);
    if (best?.posted.size !== 0 && this.start()) return this.threads.at(-1);
    return best !== undefined && best.posted.size < MAX_POSTED ? best : undefined;
  }

  /** Starts a thread where there may be one more. */
  private start(): boolean {
    if (this.threads.length >= MAX_THREADS || !canStartThread()) return false;
    const worker = startWorker("engine/connection/crypto-worker.ts");
    worker.unref();
    const thread: Thread = { worker, posted: new Map() };
    worker.onmessage = ({ data }: MessageEvent<CryptoAnswer>) =>
      turns.enter("a thread's answer", () => this.receive(thread, data));
    // Connections whose messages it encrypted or decrypted are closed. The event loop signs and verifies
    // again.
    worker.onerror = () => {
      this.end(thread);
      const settles = [...thread.posted.values()];
      // It may report another error.
      thread.posted.clear();
      for (const settle of settles) settle(false);
      this.pump();
    };
    worker.postMessage({ wish: this.wish } satisfies ToCryptoWorker);
    this.threads.push(thread);
    return true;
  }

  private receive(thread: Thread, { job, isSound }: CryptoAnswer): void {
    const settle = thread.posted.get(job);
    thread.posted.delete(job);
    settle?.(isSound);
    this.pump();
    this.idleTimer ??= timers.set(IDLE_MS, () => this.endIdle());
  }

  private endIdle(): void {
    this.idleTimer = undefined;
    for (const thread of [...this.threads]) if (thread.posted.size === 0) this.end(thread);
    if (this.threads.length > 0) this.idleTimer = timers.set(IDLE_MS, () => this.endIdle());
  }

  private end(thread: Thread): void {
    const at = this.threads.indexOf(thread);
    if (at >= 0) this.threads.splice(at, 1);
    void thread.worker.terminate();
  }
}
