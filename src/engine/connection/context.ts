// The services and tables that commands work with. Built once at start; a reload replaces `settings`.
import type { Provider } from "../../crypto/provider.ts";
import type { EngineSettings, Manager } from "../../port/port.ts";
import type { LogonGates } from "../logon/logon-gate.ts";
import type { Session } from "../state/session.ts";
import type { ChangeTimes } from "../state/change-times.ts";
import type { DurableOpens } from "../state/durable-opens.ts";
import type { CachingTable } from "../state/caching.ts";
import type { NotifyTable } from "../state/notify.ts";
import type { OpenTable } from "../state/open-table.ts";
import type { BufferPool } from "../transport/buffer-pool.ts";
import type { DirectoryWatcher } from "../vfs/watch/directory-watcher.ts";
import type { Channel } from "./channels.ts";

/** Time as the engine sees it; tests put their own in its place. */
export interface Clock {
  /** Milliseconds that only grow. */
  now(): number;
  /** Milliseconds since 1970. */
  wallTime(): number;
  setTimer(delayMs: number, run: () => void): unknown;
  clearTimer(timer: unknown): void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  setTimer: (delayMs, run) => setTimeout(run, delayMs),
  clearTimer: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
};

/** Undefined where the level is off: `log.debug?.(...)` then builds no string. */
export interface Log {
  error: (text: string) => void;
  warn: ((text: string) => void) | undefined;
  info: ((text: string) => void) | undefined;
  debug: ((text: string) => void) | undefined;
}

export interface EngineContext {
  readonly manager: Manager;
  settings: EngineSettings;
  /** 16 bytes of ServerGuid. */
  readonly serverGuid: Uint8Array;
  readonly provider: Provider;
  readonly pool: BufferPool;
  readonly clock: Clock;
  readonly log: Log;
  readonly connections: ReadonlyMap<number, Channel>;
  readonly sessions: Map<number, Session>;
  readonly opens: OpenTable;
  readonly notify: NotifyTable;
  readonly watcher: DirectoryWatcher;
  readonly caching: CachingTable;
  readonly durables: DurableOpens;
  readonly changeTimes: ChangeTimes;
  readonly logonGates: LogonGates;
}
