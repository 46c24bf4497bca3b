// Authenticators that were accepted lately, so that nobody who overheard one logs on with it again; RFC 4120
// 3.2.3. Only what was decrypted with the service's key is remembered, so strangers cannot fill it; nor can
// one principal.

/** About 150 bytes each. */
export const MAX_AUTHENTICATORS = 32_768;
/** Thirteen log-ons a second, with the usual tolerance for clocks. */
export const MAX_OF_PRINCIPAL = MAX_AUTHENTICATORS / 4;

interface Tally {
  readonly principal: string;
  count: number;
}

interface Seen {
  /** Until when the authenticator would be accepted. */
  readonly untilMs: number;
  readonly tally: Tally;
}

export class ReplayCache {
  /** By digest of the authenticator; in the order of arrival. */
  private readonly seen = new Map<string, Seen>();
  private readonly tallies = new Map<string, Tally>();

  get size(): number {
    return this.seen.size;
  }

  /**
   * "new": remembered from now on. "full": too many log-ons of the principal, or for a server of this kind.
   */
  add(digest: string, principal: string, untilMs: number, nowMs: number): "new" | "replay" | "full" {
    const known = this.seen.get(digest);
    if (known !== undefined && known.untilMs >= nowMs) return "replay";
    for (const [other, seen] of this.seen) {
      if (seen.untilMs >= nowMs) break;
      this.forget(other, seen);
    }
    const expired = this.seen.get(digest);
    if (expired !== undefined) this.forget(digest, expired);
    const tally = this.tallies.get(principal) ?? { principal, count: 0 };
    if (this.seen.size >= MAX_AUTHENTICATORS || tally.count >= MAX_OF_PRINCIPAL) return "full";
    tally.count++;
    this.tallies.set(principal, tally);
    this.seen.set(digest, { untilMs, tally });
    return "new";
  }

  private forget(digest: string, { tally }: Seen): void {
    this.seen.delete(digest);
    tally.count--;
    if (tally.count === 0) this.tallies.delete(tally.principal);
  }
}
