// When the page's process ends: once nobody has been connected for a while, or, where the server replaces it,
// with its last connection.
import { type Timer, type Timers, timers } from "../../../loop/timers.ts";

/** Without any connection; then its memory goes back to the machine. */
export const IDLE_MS = 120_000;

export class IdleEnd {
  private readonly end: () => void;
  private readonly clock: Timers;
  private timer: Timer | undefined;
  private isFinishing = false;
  private connections = 0;

  constructor(end: () => void, clock: Timers = timers) {
    this.end = end;
    this.clock = clock;
  }

  /** The number of connections, at first and after each change. */
  review(connections: number): void {
    this.connections = connections;
    this.clock.clear(this.timer);
    if (connections > 0) return;
    if (this.isFinishing) this.end();
    else this.timer = this.clock.set(IDLE_MS, this.end);
  }

  finish(): void {
    this.isFinishing = true;
    this.review(this.connections);
  }
}
