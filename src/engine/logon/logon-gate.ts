// Asks the throttle for a slot before each password check and holds back the answers to failures. An attempt
// without a slot waits for one for a bounded time. [MS-SMB2] 3.3.5.5 sets no time limit for the response.
import type { MaybePromise } from "../../port/port.ts";
import { andThen } from "../and-then.ts";
import type { AttemptEnd, LogonThrottle, Slot } from "./logon-throttle.ts";

/** Attempts that may wait for a slot at once, in the whole server and of one address. */
export const MAX_WAITING_LOGONS = 128;
export const MAX_WAITING_PER_ADDRESS = 16;
/** An attempt that has waited this long for a slot is refused without a password check. */
export const MAX_WAIT_MS = 4_000;

/** One admitted attempt; exactly one of the calls must follow. */
export interface LogonAttempt {
  /** `isProven`: a right password; false for a guest, who proves nothing. The answer is sent at once. */
  succeeded(isProven: boolean): void;
  /** Resolves when the failure may be answered. */
  failed(): Promise<void>;
  /** The password could not be checked: nobody guessed. */
  undecided(): void;
}

export interface LogonGate {
  /** Undefined: too many failures are unanswered; the attempt must be refused without a password check. */
  begin(user: string): MaybePromise<LogonAttempt | undefined>;
}

/** Calls `callback` once after `delayMs` milliseconds. */
export type Timer = (delayMs: number, callback: () => void) => void;

interface Waiter {
  readonly address: string;
  readonly user: string;
  readonly sinceMs: number;
  readonly resolve: (slot: Slot | undefined) => void;
}

/** Makes the gates of all connections; the server has one. */
export class LogonGates {
  private readonly throttle: LogonThrottle;
  private readonly nowMs: () => number;
  private readonly timer: Timer;
  private waiting: Waiter[] = [];
  private isTimerSet = false;

  constructor(throttle: LogonThrottle, nowMs: () => number, timer: Timer) {
    this.throttle = throttle;
    this.nowMs = nowMs;
    this.timer = timer;
  }

  /** Returns the gate for attempts from `address`, which stands for one client or network. */
  forAddress(address: string): LogonGate {
    return {
      begin: (user) =>
        andThen(this.takeSlot(address, user), (slot) =>
          slot === undefined ? undefined : this.attemptOf(slot),
        ),
    };
  }

  private attemptOf(slot: Slot): LogonAttempt {
    const end = (how: AttemptEnd): number => {
      const heldMs = this.throttle.end(slot, how);
      if (this.waiting.length > 0) this.admitWaiting();
      return heldMs;
    };
    return {
      succeeded: (isProven) => void end(isProven ? "proven" : "granted"),
      failed: () => new Promise((resolve) => this.timer(end("failed"), resolve)),
      undecided: () => void end("undecided"),
    };
  }

  private takeSlot(address: string, user: string): MaybePromise<Slot | undefined> {
    // Those that wait come first.
    if (this.waiting.length > 0 && this.throttle.untilFreeMs() === 0) this.admitWaiting();
    const slot = this.throttle.begin(address, user);
    if (slot !== undefined) return slot;
    const ofAddress = this.waiting.filter((waiter) => waiter.address === address).length;
    if (this.waiting.length >= MAX_WAITING_LOGONS || ofAddress >= MAX_WAITING_PER_ADDRESS) return undefined;
    return new Promise((resolve) => {
      this.waiting.push({ address, user, sinceMs: this.nowMs(), resolve });
      this.wakeLater();
    });
  }

  /**
   * Gives free slots to the attempts that wait, in the order of their arrival; refuses those that waited
   * long.
   */
  private admitWaiting(): void {
    const before = this.waiting;
    this.waiting = [];
    const now = this.nowMs();
    for (const waiter of before) {
      const slot = this.throttle.begin(waiter.address, waiter.user);
      if (slot !== undefined || now - waiter.sinceMs >= MAX_WAIT_MS) waiter.resolve(slot);
      else this.waiting.push(waiter);
    }
    this.wakeLater();
  }

  private wakeLater(): void {
    const oldest = this.waiting[0];
    if (oldest === undefined || this.isTimerSet) return;
    this.isTimerSet = true;
    const leftMs = Math.max(oldest.sinceMs + MAX_WAIT_MS - this.nowMs(), 0);
    this.timer(Math.min(this.throttle.untilFreeMs() ?? leftMs, leftMs), () => {
      this.isTimerSet = false;
      this.admitWaiting();
    });
  }
}
