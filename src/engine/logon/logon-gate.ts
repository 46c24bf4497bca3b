// Where log-on tries wait their delay out: one timer each, a bounded number of them, everybody else passes.
// [MS-SMB2] 3.3.5.5 sets no time by which a session set-up must be answered.
import type { MaybePromise } from "../../port/port.ts";
import type { LogonThrottle } from "./logon-throttle.ts";

/** Tries that may wait at once in the whole server; more are refused unseen. */
export const MAX_WAITING_LOGONS = 256;

/** What an exchange asks before and tells after it looked at a password. */
export interface LogonGate {
  /** True, perhaps later: the try may be made. False: it must be refused. */
  admit(user: string): MaybePromise<boolean>;
  failed(user: string): void;
  succeeded(user: string): void;
}

/** Calls back once after so many milliseconds. */
export type Timer = (delayMs: number, callback: () => void) => void;

/** One for the server. */
export class LogonGates {
  private readonly throttle: LogonThrottle;
  private readonly timer: Timer;
  private waiting = 0;

  constructor(throttle: LogonThrottle, timer: Timer) {
    this.throttle = throttle;
    this.timer = timer;
  }

  /** The gate for tries from that address (without port). */
  forAddress(address: string): LogonGate {
    const { throttle } = this;
    return {
      admit: (user) => this.admit(address, user),
      failed: (user) => throttle.failed(address, user),
      succeeded: (user) => throttle.succeeded(address, user),
    };
  }

  private admit(address: string, user: string): MaybePromise<boolean> {
    const delayMs = this.throttle.delayMs(address, user);
    if (delayMs === undefined) return false;
    if (delayMs === 0) return true;
    if (this.waiting >= MAX_WAITING_LOGONS) {
      this.throttle.failed(address, user);
      return false;
    }
    this.waiting++;
    return new Promise((resolve) => {
      this.timer(delayMs, () => {
        this.waiting--;
        resolve(true);
      });
    });
  }
}
