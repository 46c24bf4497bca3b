// Schedules the sweeps of a recycle bin: some time after a client has connected, every hour while one is
// connected, and soon after a deletion if the bin has a size limit. Only one sweep of a repository runs at a
// time.
import { eventLoop } from "../../../loop/event-loop.ts";
import { type Timer, timers } from "../../../loop/timers.ts";
import type { MaybePromise, RecycleRules } from "../../../port/port.ts";
import type { Failure, FileStore } from "../store.ts";
import { ClockWatch } from "./clock-watch.ts";
import { sweepRepositories } from "./sweep.ts";

const FIRST_MS = 30_000;
const INTERVAL_MS = 3_600_000;
const SOON_MS = 5_000;

export interface KeeperInit {
  readonly rules: RecycleRules;
  /** Identifies the repository and the user among all running sweeps. */
  readonly key: string;
  readonly openStore: () => MaybePromise<FileStore | Failure>;
  /** Paths below the share to sweep; those that take files later are added. */
  readonly repositories: readonly string[];
}

/** Of the repositories in folders and on mounted disks that were used, so many are swept. */
const MAX_REPOSITORIES = 64;

// Keys of running sweeps. All sweeps of the process run on the event loop.
const underWay = new Set<string>();

const clockWatch = new ClockWatch({ wall: Date.now, monotonic: () => performance.now() });

export class RecycleKeeper {
  private readonly init: KeeperInit;
  private timer: Timer | undefined;
  private dueMs = Infinity;
  private isClosed = false;
  private readonly repositories: Set<string>;

  constructor(init: KeeperInit) {
    this.init = init;
    this.repositories = new Set(init.repositories);
    const { maxAgeDays, limitBytes } = init.rules;
    if (maxAgeDays > 0 || limitBytes > 0) this.schedule(FIRST_MS);
  }

  /** Called when a file was moved to `repository`. */
  noteDiscard(repository: string): void {
    if (this.repositories.size < MAX_REPOSITORIES) this.repositories.add(repository);
    if (this.init.rules.limitBytes > 0) this.schedule(SOON_MS);
  }

  close(): void {
    this.isClosed = true;
    timers.clear(this.timer);
  }

  private schedule(delayMs: number): void {
    const dueMs = performance.now() + delayMs;
    if (this.isClosed || dueMs >= this.dueMs) return;
    timers.clear(this.timer);
    this.dueMs = dueMs;
    this.timer = timers.set(delayMs, () => {
      this.dueMs = Infinity;
      void this.sweep().finally(() => this.schedule(INTERVAL_MS));
    });
  }

  private async sweep(): Promise<void> {
    const { key, rules } = this.init;
    if (underWay.has(key)) return;
    underWay.add(key);
    try {
      const store = await this.init.openStore();
      if (typeof store === "number") return;
      const pause = async (): Promise<boolean> => {
        await eventLoop.pause();
        return !this.isClosed;
      };
      const repositories = [...this.repositories];
      const nowSeconds = Date.now() / 1000;
      const trusted = clockWatch.mayTrustAges() ? rules : { ...rules, maxAgeDays: 0 };
      const sweeping = sweepRepositories({ store, rules: trusted, repositories, nowSeconds, pause });
      await sweeping.finally(() => store.close());
    } finally {
      underWay.delete(key);
    }
  }
}
