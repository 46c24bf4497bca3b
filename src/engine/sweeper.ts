// The time limits of connections and durable opens, checked every few seconds while there is something to
// check: an idle server with nobody connected, or with idle clients alone, is not woken up.
import { type Timer, timers } from "../loop/timers.ts";
import { closeOpen } from "./command/close/teardown.ts";
import type { LeasedDirectories } from "./command/open/leased-directories.ts";
import { isDead } from "./connection/idle.ts";
import type { Connection, ConnectionHost } from "./connection/connection.ts";
import { QuietMemory } from "./quiet-memory.ts";

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

export class Sweeper {
  private readonly host: ConnectionHost;
  private readonly connections: ReadonlyMap<number, Connection>;
  private readonly leasedDirectories: LeasedDirectories;
  private readonly quiet: QuietMemory;
  private timer: Timer | undefined;
  private isStopped = false;

  constructor(
    host: ConnectionHost,
    connections: ReadonlyMap<number, Connection>,
    leasedDirectories: LeasedDirectories,
  ) {
    this.host = host;
    this.connections = connections;
    this.leasedDirectories = leasedDirectories;
    this.quiet = new QuietMemory({
      drop: () => {
        host.context.pool.trim();
        host.idleExchanges.length = 0;
      },
    });
  }

  /** Called when a connection has come, has gone, or has sent something. */
  wake(): void {
    this.quiet.disturb();
    if (this.timer === undefined) this.schedule();
  }

  stop(): void {
    this.isStopped = true;
    timers.clear(this.timer);
    this.quiet.stop();
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
    if (!this.quiet.isDone || context.durables.detachedCount > 0 || this.leasedDirectories.lingeringCount > 0)
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
    if (now - newest >= SWEEP_MS) this.quiet.advance(connections.size === 0);
    else context.pool.decay();
  }

  /** Gives back what is kept for reuse, and frees garbage. */
  freeMemory(): void {
    this.quiet.free(this.connections.size === 0);
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
