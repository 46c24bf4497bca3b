// Tells when disks and partitions come, go or change, by the kernel's uevents: a disk that is pulled out
// stays in the mount table until somebody unmounts it.
import { Epoll } from "../linux/epoll.ts";
import { closeFd } from "../linux/open.ts";
import { drainBlockEvents, openUevents } from "../linux/uevents.ts";
import { eventLoop, type Watch } from "../loop/event-loop.ts";
import { type Timer, timers } from "../loop/timers.ts";

/** A disk with its partitions, and a hub with its disks, are many events at once. */
const SETTLE_MS = 100;

export class DeviceWatch {
  private readonly changed: () => void;
  private watch: Watch | undefined;
  private timer: Timer | undefined;

  constructor(changed: () => void) {
    this.changed = changed;
  }

  /** Where the kernel gives no events (a network namespace of a container), only the mount table tells. */
  start(): void {
    if (this.watch !== undefined) return;
    const fd = openUevents();
    if (fd < 0) return;
    const watch = eventLoop.watch(fd, Epoll.IN, { ready: () => this.ready(fd) });
    if (typeof watch === "number") closeFd(fd);
    else this.watch = watch;
  }

  stop(): void {
    timers.clear(this.timer);
    this.timer = undefined;
    if (this.watch === undefined) return;
    eventLoop.unwatch(this.watch);
    closeFd(this.watch.fd);
    this.watch = undefined;
  }

  private ready(fd: number): void {
    if (!drainBlockEvents(fd)) return;
    this.timer ??= timers.set(SETTLE_MS, () => {
      this.timer = undefined;
      this.changed();
    });
  }
}
