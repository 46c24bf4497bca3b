// Authenticators that were accepted lately, so that nobody who overheard one logs on with it again; RFC 4120 3.2.3.
// Only what was decrypted with the service's key is remembered, so strangers cannot fill it.

/** About 100 bytes each. */
export const MAX_AUTHENTICATORS = 32_768;

export class ReplayCache {
  /** Digest of the authenticator with the time until which it would be accepted; in the order of arrival. */
  private readonly seen = new Map<string, number>();

  get size(): number {
    return this.seen.size;
  }

  /** "new": remembered from now on. "full": too many log-ons for a server of this kind. */
  add(digest: string, untilMs: number, nowMs: number): "new" | "replay" | "full" {
    const known = this.seen.get(digest);
    if (known !== undefined && known >= nowMs) return "replay";
    for (const [other, until] of this.seen) {
      if (until >= nowMs) break;
      this.seen.delete(other);
    }
    if (this.seen.size >= MAX_AUTHENTICATORS) return "full";
    this.seen.delete(digest);
    this.seen.set(digest, untilMs);
    return "new";
  }
}
