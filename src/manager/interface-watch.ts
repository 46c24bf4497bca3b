// Tells when the machine's interfaces or their addresses change: by netlink, or by looking now and then where
// the kernel has no netlink.
import { type Timer, timers } from "../loop/timers.ts";
import { closeInterfaceEvents, drainInterfaceEvents, openInterfaceEvents } from "../linux/netlink.ts";

/** Events come in bursts: an interface comes up, gets its addresses, and changes its flags. */
const SETTLE_MS = 200;
/** An IPv6 address can be listened on once the kernel has found it to be unique, which no event may tell. */
const RETRY_MS = 2_000;
const POLL_MS = 30_000;

export class InterfaceWatch {
  /** Returns false where it is to be called again soon. */
  private readonly changed: () => boolean;
  private fd = -1;
  private timer: Timer | undefined;
  private listens = false;
  private readonly onSignal = (): void => {
    if (this.fd >= 0 && drainInterfaceEvents(this.fd)) this.lookLater(SETTLE_MS);
  };

  constructor(changed: () => boolean) {
    this.changed = changed;
  }

  get isStarted(): boolean {
    return this.timer !== undefined || this.fd >= 0;
  }

  start(): void {
    if (this.isStarted) return;
    // Never removed: a SIGIO that is still pending would then end the process.
    if (!this.listens) process.on("SIGIO", this.onSignal);
    this.listens = true;
    this.fd = openInterfaceEvents();
    // What has changed before the first event.
    this.lookLater(SETTLE_MS);
  }

  stop(): void {
    timers.clear(this.timer);
    this.timer = undefined;
    if (this.fd >= 0) closeInterfaceEvents(this.fd);
    this.fd = -1;
  }

  /** Looks now, and again soon where that is needed. */
  look(): void {
    timers.clear(this.timer);
    this.timer = undefined;
    const isDone = this.changed();
    if (!isDone) this.lookLater(RETRY_MS);
    else if (this.fd < 0) this.lookLater(POLL_MS);
  }

  private lookLater(delayMs: number): void {
    timers.clear(this.timer);
    this.timer = timers.set(delayMs, () => this.look());
  }
}
