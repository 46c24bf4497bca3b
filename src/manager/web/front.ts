// The server's side of the web page: waits until somebody connects to `web port`, starts the process that
// serves him, and waits again when it has ended.
import { type Timer, type Timers, timers } from "../../loop/timers.ts";
import { startChild, type WebChild } from "./child.ts";
import type { WebPlan } from "./link-messages.ts";
import { WebListeners } from "./listeners.ts";

/**
 * A process that ends sooner than this after its start has failed; the next one is started later and later.
 */
const SHORTEST_MS = 10_000;
const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 60_000;
/** How long a process that is to be replaced may take to finish what is under way. */
const STOP_MS = 5_000;
/** A process that is always in use outlives its certificate, and a board learns the time after its start. */
const REVIEW_MS = 3_600_000;

export interface FrontUser {
  /** Made anew for each process: the certificate may have been renewed. Undefined: it must not be started. */
  plan(): Promise<Omit<WebPlan, "listeners"> | undefined>;
  /** A message of the process. */
  take(child: WebChild, message: unknown): void;
  ended(child: WebChild): void;
  /** Each hour that the process runs. */
  review(): void;
  warn(text: string): void;
}

/** What tests have others of. */
export interface FrontParts {
  readonly startChild: typeof startChild;
  readonly listen: (knocked: () => void) => Pick<WebListeners, "await" | "close" | "descriptors" | "open">;
  readonly clock: Timers;
  readonly nowMs: () => number;
}

const PARTS: FrontParts = {
  startChild,
  listen: (knocked) => new WebListeners(knocked),
  clock: timers,
  nowMs: () => performance.now(),
};

export class WebFront {
  private readonly user: FrontUser;
  private readonly parts: FrontParts;
  private readonly listeners: ReturnType<FrontParts["listen"]>;
  private child: WebChild | undefined;
  private startedMs = 0;
  private delayMs = FIRST_DELAY_MS;
  private timer: Timer | undefined;
  private reviewTimer: Timer | undefined;
  /** Set once it is closed. */
  private closed: (() => void) | undefined;

  constructor(user: FrontUser, parts: FrontParts = PARTS) {
    this.user = user;
    this.parts = parts;
    this.listeners = parts.listen(() => void this.start());
  }

  /** Returns why an address is not to be had, one line each. */
  open(addresses: readonly string[] | null, port: number): readonly string[] {
    const faults = this.listeners.open(addresses, port);
    this.listeners.await();
    return faults;
  }

  get isOpen(): boolean {
    return this.listeners.descriptors.length > 0;
  }

  /** Replaces the process by one with another plan, once it has finished what is under way. */
  renew(): void {
    const { child } = this;
    if (child === undefined) return;
    child.send({ stop: true });
    this.parts.clock.clear(this.timer);
    this.timer = this.parts.clock.set(STOP_MS, () => child.kill());
  }

  /** Nobody is listened to any more. Resolves when the process is gone. */
  close(): Promise<void> {
    this.parts.clock.clear(this.timer);
    this.parts.clock.clear(this.reviewTimer);
    this.listeners.close();
    if (this.child === undefined) return Promise.resolve();
    this.child.kill();
    return new Promise((resolve) => (this.closed = resolve));
  }

  private async start(): Promise<void> {
    const plan = await this.user.plan();
    // It may have been closed meanwhile.
    if (!this.isOpen) return;
    const child: WebChild | undefined =
      plan &&
      this.parts.startChild(plan, this.listeners.descriptors, {
        take: (message) => child !== undefined && this.user.take(child, message),
        ended: (why) => this.ended(child, why),
      });
    this.startedMs = this.parts.nowMs();
    this.child = child;
    if (child !== undefined) return this.reviewLater();
    if (plan !== undefined) this.user.warn("the web page's process cannot be started");
    this.awaitLater();
  }

  private ended(child: WebChild | undefined, why: string | undefined): void {
    if (child !== undefined) this.user.ended(child);
    this.child = undefined;
    this.parts.clock.clear(this.timer);
    this.parts.clock.clear(this.reviewTimer);
    if (this.closed !== undefined) return this.closed();
    if (why === undefined) return this.listeners.await();
    this.user.warn(`the web page's process is gone: ${why}; the next connection starts another`);
    if (this.parts.nowMs() - this.startedMs > SHORTEST_MS) this.delayMs = FIRST_DELAY_MS;
    this.awaitLater();
  }

  private reviewLater(): void {
    this.reviewTimer = this.parts.clock.set(REVIEW_MS, () => {
      this.user.review();
      this.reviewLater();
    });
  }

  private awaitLater(): void {
    const { delayMs } = this;
    this.delayMs = Math.min(delayMs * 2, LONGEST_DELAY_MS);
    this.timer = this.parts.clock.set(delayMs, () => this.listeners.await());
  }
}
