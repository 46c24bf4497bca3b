// At most so many of something in each second, so that a flood costs little.
export class RateLimit {
  private readonly perSecond: number;
  private beganMs = -Infinity;
  private count = 0;

  constructor(perSecond: number) {
    this.perSecond = perSecond;
  }

  /** False for what is too much. */
  take(nowMs: number): boolean {
    if (nowMs - this.beganMs >= 1000) {
      this.beganMs = nowMs;
      this.count = 0;
    }
    return ++this.count <= this.perSecond;
  }
}
