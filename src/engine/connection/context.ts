// The services and tables that all commands share. Built once at start; a reload replaces `settings`.
import type { Provider } from "../../crypto/provider.ts";
import type { PipeManager } from "../../port/pipes.ts";
import { type Timer, timers } from "../../loop/timers.ts";
import type { DebugComponent, EngineSettings, Manager } from "../../port/port.ts";
import type { LogonGates } from "../logon/logon-gate.ts";
import type { SessionTable } from "../state/session-table.ts";
import type { ChangeTimes } from "../state/change-times.ts";
import type { DurableOpens } from "../state/durable-opens.ts";
import type { CachingTable } from "../state/caching.ts";
import type { NotifyTable } from "../state/notify.ts";
import type { OpenTable } from "../state/open-table.ts";
import type { Step } from "../pressure/pressure.ts";
import type { BufferPool } from "../transport/buffer-pool.ts";
import type { DirectoryWatcher } from "../vfs/watch/directory-watcher.ts";
import type { Channel } from "./channels.ts";
import type { ConnectionTable } from "./connection-table.ts";
import type { DescriptorPlan } from "./descriptor-plan.ts";
import type { CryptoThreads } from "./crypto-threads.ts";
import type { WaitingMemory } from "./waiting-memory.ts";
import { turns, type Turns } from "../turns.ts";

/** The engine's source of time; tests replace it. */
export interface Clock {
  /** Monotonic milliseconds. */
  now(): number;
  /** Milliseconds since 1970-01-01 UTC. */
  wallTime(): number;
  setTimer(delayMs: number, run: () => void): unknown;
  clearTimer(timer: unknown): void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  setTimer: (delayMs, run) => timers.set(delayMs, () => turns.enter("a timer", run)),
  clearTimer: (timer) => timers.clear(timer as Timer | undefined),
};

export type DebugLog = { readonly [C in DebugComponent]: ((text: string) => void) | undefined };

/** A level that is off is undefined, so that `log.debug.vfs?.(...)` builds no string. */
export interface Log {
  error: (text: string) => void;
  warn: ((text: string) => void) | undefined;
  info: ((text: string) => void) | undefined;
  /** By component. */
  readonly debug: DebugLog;
}

export interface EngineContext {
  readonly manager: Manager & PipeManager;
  settings: EngineSettings;
  /** ServerGuid, 16 bytes; [MS-SMB2] 3.3.1.5. */
  readonly serverGuid: Uint8Array;
  readonly provider: Provider;
  /** For encryption and signatures of large messages; undefined where the event loop is as fast. */
  readonly threads: CryptoThreads | undefined;
  readonly pool: BufferPool;
  readonly waiting: WaitingMemory;
  /** Replaced at a reload. */
  descriptors: DescriptorPlan;
  readonly clock: Clock;
  readonly turns: Turns;
  readonly log: Log;
  readonly connections: ReadonlyMap<number, Channel>;
  readonly connectionTable: ConnectionTable;
  readonly sessions: SessionTable;
  readonly opens: OpenTable;
  readonly notify: NotifyTable;
  readonly watcher: DirectoryWatcher;
  readonly caching: CachingTable;
  readonly durables: DurableOpens;
  readonly changeTimes: ChangeTimes;
  readonly logonGates: LogonGates;
  /** How short memory is. */
  readonly pressure: { readonly step: Step };
}
