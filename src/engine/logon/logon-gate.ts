// Delays log-on attempts by the throttle's figures, each with a timer; the number of waiting attempts is
// bounded. [MS-SMB2] 3.3.5.5 sets no time limit for the response to a session set-up.
import type { MaybePromise } from "../../port/port.ts";
import type { LogonThrottle } from "./logon-throttle.ts";

/** Attempts that may wait at once in the whole server; further ones are refused without a password check. */
export const MAX_WAITING_LOGONS = 256;

/** Asked before each password check, and informed of its result. */
export interface LogonGate {
  /**
   * True: the password may be checked; `failed` or `succeeded` must follow. A promise resolves after the
   * delay. False: the attempt must be refused.
   */
  admit(user: string): MaybePromise<boolean>;
  failed(user: string): void;
  succeeded(user: string): void;
}

/** Calls `callback` once after `delayMs` milliseconds. */
export type Timer = (delayMs: number, callback: () => void) => void;

/** Makes the gates of all connections; the server has one. */
export class LogonGates {
  private readonly throttle: LogonThrottle;
  private readonly timer: Timer;
  private waiting = 0;

  constructor(throttle: LogonThrottle, timer: Timer) {
    this.throttle = throttle;
    this.timer = timer;
  }

  /** Returns the gate for attempts from `address`, an IP address without port. */
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
