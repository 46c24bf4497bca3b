// Tells when the mount table changes: by poll(2) on /proc/self/mountinfo, or by looking now and then where
// the server has no event loop of its own.
import { Epoll } from "../linux/epoll.ts";
import { openMountTable } from "../linux/mountinfo.ts";
import { closeFd } from "../linux/open.ts";
import { eventLoop, type Watch } from "../loop/event-loop.ts";
import { type Timer, timers } from "../loop/timers.ts";

/**
 * Containers and boot scripts mount hundreds of file systems in a row: the table is read this often at
 * most.
 */
const LEAST_GAP_MS = 100;
const POLL_MS = 2_000;

export class MountWatch {
  private readonly changed: () => void;
  private fd = -1;
  private watch: Watch | undefined;
  private timer: Timer | undefined;
  private lastMs = Number.NEGATIVE_INFINITY;

  constructor(changed: () => void) {
    this.changed = changed;
  }

  start(): void {
    if (this.fd >= 0 || this.timer !== undefined) return;
    this.fd = openMountTable();
    const watch = this.fd < 0 ? this.fd : eventLoop.watch(this.fd, Epoll.PRI, { ready: () => this.ready() });
    if (typeof watch === "number") this.lookLater(POLL_MS);
    else this.watch = watch;
  }

  stop(): void {
    timers.clear(this.timer);
    this.timer = undefined;
    if (this.watch !== undefined) eventLoop.unwatch(this.watch);
    this.watch = undefined;
    if (this.fd >= 0) closeFd(this.fd);
    this.fd = -1;
  }

  private ready(): void {
    if (this.timer !== undefined) return;
    const waitMs = this.lastMs + LEAST_GAP_MS - performance.now();
    if (waitMs <= 0) this.look();
    else this.lookLater(waitMs);
  }

  private lookLater(delayMs: number): void {
    this.timer = timers.set(delayMs, () => this.look());
  }

  private look(): void {
    this.timer = undefined;
    this.lastMs = performance.now();
    if (this.watch === undefined) this.lookLater(POLL_MS);
    this.changed();
  }
}
