// Notices jumps of the wall clock: a wrong clock makes every file in a recycle bin look old enough to be
// deleted.

const HOUR_MS = 3_600_000;
/**
 * The longest that wall time and monotonic time may differ by: a machine that slept over a weekend is no
 * jump.
 */
const MAX_DIFFERENCE_MS = 72 * HOUR_MS;
/** How long ages are not trusted after a jump: time for the administrator to set the clock. */
const DISTRUST_MS = 24 * HOUR_MS;

export interface Clocks {
  /** Milliseconds since 1970. */
  readonly wall: () => number;
  /** Monotonic milliseconds. */
  readonly monotonic: () => number;
}

export class ClockWatch {
  private readonly clocks: Clocks;
  private differenceMs: number;
  private trustedFromMs = -Infinity;

  constructor(clocks: Clocks) {
    this.clocks = clocks;
    this.differenceMs = clocks.wall() - clocks.monotonic();
  }

  /** False where the clock has jumped by days lately: ages of files mean nothing. */
  mayTrustAges(): boolean {
    const now = this.clocks.monotonic();
    const differenceMs = this.clocks.wall() - now;
    if (Math.abs(differenceMs - this.differenceMs) > MAX_DIFFERENCE_MS)
      this.trustedFromMs = now + DISTRUST_MS;
    this.differenceMs = differenceMs;
    return now >= this.trustedFromMs;
  }
}
