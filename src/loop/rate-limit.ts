// Bounds messages that cost their sender nothing, neither a credit nor a reply to wait for: NetBIOS
// keep-alives and CANCEL ([MS-SMB2] 3.3.5.16), and what neighbours send to discover the server.

export class RateLimit {
  private startMs = Number.NEGATIVE_INFINITY;
  private count = 0;

  /** Counts one message; false when there were more than `perSecond` within the current second. */
  admit(nowMs: number, perSecond: number): boolean {
    if (nowMs - this.startMs >= 1000) {
      this.startMs = nowMs;
      this.count = 0;
    }
    return ++this.count <= perSecond;
  }
}
