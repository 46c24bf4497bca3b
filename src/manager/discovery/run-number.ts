// InstanceId of WS-Discovery's AppSequence (appendix I): rises with each start of the server. Windows ignores
// the address of a device whose InstanceId is lower than one that it has seen.

/** A clock that is slewed, or steps by less, makes no new number. */
const STEP_SECONDS = 3600;

/**
 * When the server started, in seconds since 1970 by the clock as it is now: a board without a clock starts in
 * 1970 each time, and knows the time when NTP has answered.
 */
export class RunNumber {
  private readonly nowMs: () => number;
  private readonly sinceStartMs: () => number;
  private highest: number | undefined;

  constructor(nowMs = () => Date.now(), sinceStartMs = () => performance.now()) {
    this.nowMs = nowMs;
    this.sinceStartMs = sinceStartMs;
  }

  value(): number {
    const started = Math.max(0, Math.trunc((this.nowMs() - this.sinceStartMs()) / 1000));
    if (this.highest === undefined || started > this.highest + STEP_SECONDS) this.highest = started;
    return this.highest;
  }
}
