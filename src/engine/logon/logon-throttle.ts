// Bounds password guessing by client address and by user name, so that a wrong password never keeps a right
// one out; pure state, the clock is passed in. As in Windows' SMB authentication rate limiter, a password is
// checked at once and only the answer to a failure is held back. [MS-SMB2] leaves all of it to the server.

/**
 * Failures of one user at one address that may be unanswered at once. One client with an old password cannot
 * take more, so the other users of its address (a NAT, a container proxy) get in.
 */
export const SLOTS_PER_PAIR = 4;
/** Of all users at one address. */
export const SLOTS_PER_ADDRESS = 16;
/** Of one user at all addresses. */
export const SLOTS_PER_USER = 32;
/** In the whole server; it also bounds the memory that the tables take. */
export const SLOTS_IN_ALL = 256;
/** A pair of address and user is known for this long after a right password. */
export const KNOWN_MS = 7 * 24 * 3_600_000;
/** Known pairs; the one that proved a password longest ago is forgotten first. */
export const MAX_KNOWN_PAIRS = 4_096;
const MAX_USER_KEY_LENGTH = 64;

/** A slot taken by one attempt; `LogonThrottle.end` must follow. */
export interface Slot {
  readonly address: string;
  readonly pair: string;
  readonly user: string;
  readonly begunMs: number;
  /** Only the pair counts: see `begin`. */
  readonly isKnown: boolean;
}

/**
 * `granted`: a right password, or a guest's log-on, which proves nothing. `undecided`: no answer about it.
 */
export type AttemptEnd = "proven" | "granted" | "failed" | "undecided";

interface HeldSlot {
  readonly slot: Slot;
  readonly freeAtMs: number;
}

export class LogonThrottle {
  private readonly nowMs: () => number;
  private readonly holdMs: () => number;
  /** Slots taken, by address, user and pair; the keys differ in their first character. */
  private readonly taken = new Map<string, number>();
  private takenInAll = 0;
  /** Slots of failures, in the order in which they become free. */
  private held: HeldSlot[] = [];
  /** Pairs that proved a password, with the time; the newest last. */
  private readonly known = new Map<string, number>();

  /** `nowMs` is a monotonic clock; `holdMs` is the time for which a failure keeps its slot and its answer. */
  constructor(nowMs: () => number, holdMs: () => number) {
    this.nowMs = nowMs;
    this.holdMs = holdMs;
  }

  /**
   * Takes a slot for a password check, or returns undefined where the attempt must wait. A pair that proved a
   * password lately needs a slot of its own pair only, so that failures of other users and addresses never
   * stop it; neither do its failures count against them.
   */
  begin(address: string, user: string): Slot | undefined {
    const begunMs = this.nowMs();
    this.freeSlots(begunMs);
    const userKey = user.slice(0, MAX_USER_KEY_LENGTH).toLowerCase();
    const pair = pairKey(address, userKey);
    const provenMs = this.known.get(pair);
    const isKnown = provenMs !== undefined && begunMs - provenMs < KNOWN_MS;
    const slot: Slot = { address: `a${address}`, user: `u${userKey}`, pair, begunMs, isKnown };
    if (this.countOf(pair) >= SLOTS_PER_PAIR) return undefined;
    if (!isKnown) {
      if (this.takenInAll >= SLOTS_IN_ALL) return undefined;
      if (this.countOf(slot.address) >= SLOTS_PER_ADDRESS) return undefined;
      if (this.countOf(slot.user) >= SLOTS_PER_USER) return undefined;
    }
    this.count(slot, 1);
    return slot;
  }

  /** Ends an attempt. Returns the milliseconds for which its answer must be held back; 0 unless it failed. */
  end(slot: Slot, end: AttemptEnd): number {
    const now = this.nowMs();
    if (end === "failed") {
      // Counted from the start of the check, so that the time of the answer does not tell what was checked.
      const freeAtMs = slot.begunMs + this.holdMs();
      if (freeAtMs <= now) this.count(slot, -1);
      else this.held.push({ slot, freeAtMs });
      return Math.max(freeAtMs - now, 0);
    }
    this.count(slot, -1);
    if (end === "proven") this.remember(slot.pair, now);
    return 0;
  }

  /** Milliseconds until the next slot of a failure is free; undefined without one. */
  untilFreeMs(): number | undefined {
    const next = this.held[0];
    return next === undefined ? undefined : Math.max(next.freeAtMs - this.nowMs(), 0);
  }

  /** Number of entries in the tables. */
  get size(): number {
    return this.taken.size + this.held.length + this.known.size;
  }

  private countOf(key: string): number {
    return this.taken.get(key) ?? 0;
  }

  private freeSlots(now: number): void {
    let freed = 0;
    for (const { slot, freeAtMs } of this.held) {
      if (freeAtMs > now) break;
      this.count(slot, -1);
      freed++;
    }
    if (freed > 0) this.held = this.held.slice(freed);
  }

  private count(slot: Slot, change: 1 | -1): void {
    this.add(slot.pair, change);
    if (slot.isKnown) return;
    this.add(slot.address, change);
    this.add(slot.user, change);
    this.takenInAll += change;
  }

  private add(key: string, change: 1 | -1): void {
    const count = this.countOf(key) + change;
    if (count > 0) this.taken.set(key, count);
    else this.taken.delete(key);
  }

  private remember(pair: string, now: number): void {
    this.known.delete(pair);
    this.known.set(pair, now);
    for (const oldest of this.known.keys()) {
      if (this.known.size <= MAX_KNOWN_PAIRS) break;
      this.known.delete(oldest);
    }
  }
}

// An address has no space.
function pairKey(address: string, userKey: string): string {
  return `p${address} ${userKey}`;
}
