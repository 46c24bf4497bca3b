// When a recycle bin is swept: some time after somebody has connected, every hour while somebody is, and soon after
// a deletion where the bin has a size limit. One sweep at a time for a repository, whoever asks.
import type { MaybePromise, RecycleRules } from "../../../port/port.ts";
import type { Failure, FileStore } from "../store.ts";
import { sweepRepository } from "./sweep.ts";

const FIRST_MS = 30_000;
const INTERVAL_MS = 3_600_000;
const SOON_MS = 5_000;

export interface KeeperInit {
  readonly rules: RecycleRules;
  /** Names the repository among all. */
  readonly key: string;
  readonly openStore: () => MaybePromise<FileStore | Failure>;
}

// Of this process's stores: sweeps run on the event loop alone.
const underWay = new Set<string>();

export class RecycleKeeper {
  private readonly init: KeeperInit;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private dueMs = Infinity;
  private isClosed = false;

  constructor(init: KeeperInit) {
    this.init = init;
    const { maxAgeDays, limitBytes } = init.rules;
    if (maxAgeDays > 0 || limitBytes > 0) this.schedule(FIRST_MS);
  }

  /** A file has been put into the repository. */
  noteDiscard(): void {
    if (this.init.rules.limitBytes > 0) this.schedule(SOON_MS);
  }

  close(): void {
    this.isClosed = true;
    clearTimeout(this.timer);
  }

  private schedule(delayMs: number): void {
    const dueMs = performance.now() + delayMs;
    if (this.isClosed || dueMs >= this.dueMs) return;
    clearTimeout(this.timer);
    this.dueMs = dueMs;
    this.timer = setTimeout(() => {
      this.dueMs = Infinity;
      void this.sweep().finally(() => this.schedule(INTERVAL_MS));
    }, delayMs);
    // A bin keeps no process alive.
    this.timer.unref();
  }

  private async sweep(): Promise<void> {
    const { key, rules } = this.init;
    if (underWay.has(key)) return;
    underWay.add(key);
    try {
      const store = await this.init.openStore();
      if (typeof store === "number") return;
      const pause = async (): Promise<boolean> => {
        await new Promise((resolve) => setImmediate(resolve));
        return !this.isClosed;
      };
      const sweeping = sweepRepository({ store, rules, nowSeconds: Date.now() / 1000, pause });
      await sweeping.finally(() => store.close());
    } finally {
      underWay.delete(key);
    }
  }
}
