// The time limits of connections and durable opens, checked every few seconds while there is something to
// check: an idle server with nobody connected, or with idle clients alone, is not woken up.
import { collectAll, collectConcurrently } from "../loop/garbage.ts";
import { type Timer, timers } from "../loop/timers.ts";
import { closeOpen } from "./command/close/teardown.ts";
import type { LeasedDirectories } from "./command/open/leased-directories.ts";
import { isDead } from "./connection/idle.ts";
import type { Connection, ConnectionHost } from "./connection/connection.ts";

const SWEEP_MS = 5_000;
const SWEEP_WHEN_LOW_MS = 1_000;
/** The time within which a message must arrive, or a further piece of a large one. */
const MAX_FRAME_AGE_MS = 60_000;
/** The same while messages of others wait for buffers. */
const MAX_FRAME_AGE_WHEN_LOW_MS = 10_000;
/**
 * A sweep that is later than this by itself comes after a stall: the process was stopped or its memory was on
 * the disk. What the clients sent meanwhile is not received yet.
 */
const STALL_MS = 1_000;
/** How long a client may take no byte of its replies while others wait for buffers. */
const MAX_STUCK_WHEN_LOW_MS = 5_000;
/** How long a client that has closed its sending side may take to receive its replies. */
const MAX_ENDING_MS = 60_000;
/** For how long the collector is helped: in half of the time it is done on a busy machine. */
const COLLECTOR_WAKE_UP_MS = 25;
const COLLECTOR_WAKE_UPS = 40;

export class Sweeper {
  private readonly host: ConnectionHost;
  private readonly connections: ReadonlyMap<number, Connection>;
  private readonly leasedDirectories: LeasedDirectories;
  private timer: Timer | undefined;
  /** True once the garbage of the last burst was freed. */
  private isTidy = true;
  private isStopped = false;

  constructor(
    host: ConnectionHost,
    connections: ReadonlyMap<number, Connection>,
    leasedDirectories: LeasedDirectories,
  ) {
    this.host = host;
    this.connections = connections;
    this.leasedDirectories = leasedDirectories;
  }

  /** Called when a connection has come, has gone, or has sent something. */
  wake(): void {
    this.isTidy = false;
    if (this.timer === undefined) this.schedule();
  }

  stop(): void {
    this.isStopped = true;
    timers.clear(this.timer);
  }

  private schedule(): void {
    if (this.isStopped) return;
    const delayMs = this.host.context.pool.isLow() ? SWEEP_WHEN_LOW_MS : SWEEP_MS;
    const dueMs = this.host.context.clock.now() + delayMs;
    this.timer = timers.set(delayMs, () => {
      this.timer = undefined;
      const lateMs = this.host.context.clock.now() - dueMs;
      if (lateMs > STALL_MS) this.excuse(lateMs);
      else this.sweep();
      if (this.hasMore()) this.schedule();
    });
  }

  private excuse(ms: number): void {
    for (const connection of this.connections.values()) {
      connection.progress.excuse(ms);
      connection.sendQueue.excuse(ms);
      connection.lastUsedMs += ms;
    }
  }

  private hasMore(): boolean {
    const { connections } = this;
    const { context } = this.host;
    if (!this.isTidy || context.durables.detachedCount > 0 || this.leasedDirectories.lingeringCount > 0)
      return true;
    if (context.settings.deadtimeSeconds > 0 && connections.size > 0) return true;
    for (const connection of connections.values()) if (connection.hasTimeLimit()) return true;
    return false;
  }

  /** Closes connections that do not log on, are idle for too long, or leave a message incomplete. */
  private sweep(): void {
    const { connections } = this;
    const { context } = this.host;
    const now = context.clock.now();
    this.leasedDirectories.sweep(context);
    let newest = 0;
    for (const connection of [...connections.values()]) {
      newest = Math.max(newest, connection.lastActiveMs);
      const fault = this.faultOf(connection, now);
      if (fault !== undefined) connection.close(fault);
    }
    for (const open of context.durables.expired(now)) closeOpen(context, open);
    // Once, when the server becomes idle: frees the buffers and the garbage of the last burst.
    if (this.isTidy || now - newest < SWEEP_MS) return;
    this.isTidy = true;
    this.freeMemory();
  }

  /** Gives back what is kept for reuse, and frees garbage. */
  freeMemory(): void {
    this.host.context.pool.trim();
    this.host.idleExchanges.length = 0;
    if (this.connections.size === 0) {
      collectAll();
      return;
    }
    // A request that comes meanwhile would wait for the end of a collection at once.
    collectConcurrently();
    this.wakeCollector(COLLECTOR_WAKE_UPS);
  }

  /** The concurrent collector makes no progress while the event loop sleeps. */
  private wakeCollector(times: number): void {
    if (this.isStopped || times === 0) return;
    timers.set(COLLECTOR_WAKE_UP_MS, () => this.wakeCollector(times - 1));
  }

  private faultOf(connection: Connection, now: number): string | undefined {
    const { notify, opens, pool, settings } = this.host.context;
    const { logonTimeoutSeconds, deadtimeSeconds } = settings;
    if (!connection.isLoggedOn && now - connection.openedMs > logonTimeoutSeconds * 1000)
      return "no log-on within the time allowed";
    const maxFrameAgeMs = pool.isLow() ? MAX_FRAME_AGE_WHEN_LOW_MS : MAX_FRAME_AGE_MS;
    if (connection.frameAgeMs(now) > maxFrameAgeMs) return "a message took too long to arrive";
    if (pool.isLow() && connection.sendQueue.stuckMs(now) > MAX_STUCK_WHEN_LOW_MS)
      return "the client takes no replies, and others wait for the memory that they hold";
    if (connection.progress.endingMs(now) > MAX_ENDING_MS)
      return "the client sends no more and takes no replies";
    return isDead(connection, opens, notify, now, deadtimeSeconds * 1000)
      ? "idle for longer than 'deadtime'"
      : undefined;
  }
}
