// The byte-range locks of one file: who holds what, and who waits; [MS-FSA] 2.1.4.10 (conflicts), 2.1.5.8 (lock),
// 2.1.5.9 (unlock). An owner is an open, by its id: a lock belongs to the handle, whatever process it serves.
import { RangeNode, RangeTree } from "./range-tree.ts";

export interface LockRange {
  readonly owner: number;
  readonly offset: bigint;
  readonly length: bigint;
  readonly isExclusive: boolean;
}

export const LockOutcome = { GRANTED: 0, CONFLICT: 1, LIMIT: 2 } as const;
export type LockOutcome = (typeof LockOutcome)[keyof typeof LockOutcome];

export interface LockLimits {
  /** Locks held and awaited through one open. */
  readonly perOpen: number;
  /** The same for all opens of a file together. */
  readonly perFile: number;
}

/** Every unlock looks at all who wait: many more than programs ever have, few enough to be gone through. */
const MAX_WAITERS = 1024;

/** A stretch of a range and what its owner holds there. */
export interface Stretch {
  readonly offset: bigint;
  readonly last: bigint;
  readonly held: "nothing" | "shared" | "exclusive";
}

interface Waiter extends LockRange {
  readonly settle: (isGranted: boolean) => void;
}

interface Holding {
  readonly shared: Set<RangeNode>;
  readonly exclusive: Set<RangeNode>;
  /** Locks held, a range held twice counted twice, and locks awaited. */
  count: number;
}

export class RangeLocks {
  private readonly shared = new RangeTree();
  private readonly exclusive = new RangeTree();
  private readonly holdings = new Map<number, Holding>();
  /** In order of arrival. */
  private readonly waiters = new Set<Waiter>();
  private total = 0;

  /** Neither a lock nor a waiter is left. */
  get isEmpty(): boolean {
    return this.total === 0;
  }
  get count(): number {
    return this.total - this.waiters.size;
  }
  get waiterCount(): number {
    return this.waiters.size;
  }

  /** True when `owner` may not read `length` bytes (above 0) at `offset`: another holds an exclusive lock there. */
  blocksRead(owner: number, offset: number, length: number): boolean {
    if (this.exclusive.size === 0) return false;
    const start = BigInt(offset);
    return this.isExclusivelyHeld(owner, start, start + BigInt(length) - 1n);
  }

  /** The same for writing, which shared locks refuse to everybody, their owner too. */
  blocksWrite(owner: number, offset: number, length: number): boolean {
    const start = BigInt(offset);
    const last = start + BigInt(length) - 1n;
    return this.isExclusivelyHeld(owner, start, last) || this.shared.someOverlapping(start, last, always);
  }

  /** Takes a lock where nothing conflicts; the range must not pass 2^64. */
  lock(range: LockRange, limits: LockLimits): LockOutcome {
    if (this.isOverLimit(range.owner, limits)) return LockOutcome.LIMIT;
    if (this.isRefused(range)) return LockOutcome.CONFLICT;
    this.add(range);
    return LockOutcome.GRANTED;
  }

  /**
   * Ends one lock on exactly that range, an exclusive one before a shared one; false where there is none. Whoever
   * waited for it is served, after `beforeServing`.
   */
  unlock(owner: number, offset: bigint, length: bigint, beforeServing?: () => void): boolean {
    if (!this.drop(owner, offset, length, true) && !this.drop(owner, offset, length, false)) return false;
    beforeServing?.();
    this.serveWaiters(offset, offset + length - 1n);
    return true;
  }

  /** Takes back a lock that `lock` granted a moment ago, as if it had never been: nobody is served by that. */
  undo(range: LockRange): void {
    this.drop(range.owner, range.offset, range.length, range.isExclusive);
  }

  /**
   * Waits for a lock behind all who wait already. `settle` is called once: true when the lock was granted, false when
   * the owner was released. The answer takes the request back (no call of `settle` then; nothing once settled);
   * undefined when too many wait.
   */
  wait(range: LockRange, limits: LockLimits, settle: (isGranted: boolean) => void): (() => void) | undefined {
    if (this.waiters.size >= MAX_WAITERS || this.isOverLimit(range.owner, limits)) return undefined;
    const waiter = { ...range, settle };
    this.waiters.add(waiter);
    this.countFor(range.owner, 1);
    return () => {
      this.forget(waiter);
    };
  }

  /** Ends all locks of an owner and its waiting; others that waited are served in order of arrival. */
  release(owner: number): void {
    const holding = this.holdings.get(owner);
    if (holding === undefined) return;
    for (const waiter of [...this.waiters]) {
      if (waiter.owner === owner && this.forget(waiter)) waiter.settle(false);
    }
    for (const node of holding.shared) this.shared.remove(node);
    for (const node of holding.exclusive) this.exclusive.remove(node);
    this.total -= holding.count;
    this.holdings.delete(owner);
    this.serveWaiters(0n, 1n << 64n);
  }

  /** What the owner holds in `[offset, last]`, in order and without gaps; neighbours that are held alike are joined. */
  stretches(owner: number, offset: bigint, last: bigint): Stretch[] {
    const changes = new Map<bigint, { shared: number; exclusive: number }>();
    const note = (at: bigint, kind: "shared" | "exclusive", by: number): void => {
      const change = changes.get(at) ?? { shared: 0, exclusive: 0 };
      change[kind] += by;
      changes.set(at, change);
    };
    for (const kind of ["shared", "exclusive"] as const) {
      this[kind].someOverlapping(offset, last, (node) => {
        if (node.owner === owner && node.last >= node.offset) {
          note(node.offset > offset ? node.offset : offset, kind, 1);
          if (node.last < last) note(node.last + 1n, kind, -1);
        }
        return false;
      });
    }
    return joinStretches(changes, offset, last);
  }

  private isExclusivelyHeld(owner: number, offset: bigint, last: bigint): boolean {
    // A file locked by one open alone, however often, is the common case.
    const own = this.holdings.get(owner)?.exclusive.size ?? 0;
    if (own === this.exclusive.size) return false;
    return this.exclusive.someOverlapping(offset, last, (node) => node.owner !== owner);
  }

  private isRefused(range: LockRange): boolean {
    const { owner, offset } = range;
    const last = offset + range.length - 1n;
    if (!range.isExclusive) return this.isExclusivelyHeld(owner, offset, last);
    // Not even the owner may have two exclusive locks, or one above a shared lock.
    return (
      this.exclusive.someOverlapping(offset, last, always) ||
      this.shared.someOverlapping(offset, last, always)
    );
  }

  private isOverLimit(owner: number, limits: LockLimits): boolean {
    return this.total >= limits.perFile || (this.holdings.get(owner)?.count ?? 0) >= limits.perOpen;
  }

  private add(range: LockRange): void {
    const { owner, offset } = range;
    const last = offset + range.length - 1n;
    const tree = range.isExclusive ? this.exclusive : this.shared;
    const holding = this.countFor(owner, 1);
    const same = tree.find(offset, last, owner);
    if (same !== undefined) {
      same.count++;
      return;
    }
    const node = new RangeNode(offset, last, owner);
    tree.insert(node);
    (range.isExclusive ? holding.exclusive : holding.shared).add(node);
  }

  private drop(owner: number, offset: bigint, length: bigint, isExclusive: boolean): boolean {
    const tree = isExclusive ? this.exclusive : this.shared;
    const node = tree.find(offset, offset + length - 1n, owner);
    const holding = this.holdings.get(owner);
    if (node === undefined || holding === undefined) return false;
    node.count--;
    if (node.count === 0) {
      tree.remove(node);
      (isExclusive ? holding.exclusive : holding.shared).delete(node);
    }
    this.countFor(owner, -1);
    return true;
  }

  private countFor(owner: number, by: 1 | -1): Holding {
    let holding = this.holdings.get(owner);
    if (holding === undefined) {
      holding = { shared: new Set(), exclusive: new Set(), count: 0 };
      this.holdings.set(owner, holding);
    }
    holding.count += by;
    this.total += by;
    if (holding.count === 0) this.holdings.delete(owner);
    return holding;
  }

  private forget(waiter: Waiter): boolean {
    if (!this.waiters.delete(waiter)) return false;
    this.countFor(waiter.owner, -1);
    return true;
  }

  /** Grants what has become free of `[offset, last]`, in order of arrival. */
  serveWaiters(offset: bigint, last: bigint): void {
    if (this.waiters.size === 0) return;
    for (const waiter of [...this.waiters]) {
      // Whose range was not touched cannot have become free.
      if (waiter.offset > last || waiter.offset + waiter.length - 1n < offset) continue;
      // An earlier waiter's `settle` may have changed everything.
      if (!this.waiters.has(waiter) || this.isRefused(waiter)) continue;
      this.forget(waiter);
      this.add(waiter);
      waiter.settle(true);
    }
  }
}

function always(): boolean {
  return true;
}

function joinStretches(
  changes: ReadonlyMap<bigint, { readonly shared: number; readonly exclusive: number }>,
  offset: bigint,
  last: bigint,
): Stretch[] {
  const places = [...changes.keys()].sort((a, b) => (a < b ? -1 : 1));
  const stretches: Stretch[] = [];
  let shared = 0;
  let exclusive = 0;
  let from = offset;
  let held: Stretch["held"] = "nothing";
  for (const place of places) {
    const change = changes.get(place);
    shared += change?.shared ?? 0;
    exclusive += change?.exclusive ?? 0;
    const now = exclusive > 0 ? "exclusive" : shared > 0 ? "shared" : "nothing";
    if (now === held) continue;
    if (place > from) stretches.push({ offset: from, last: place - 1n, held });
    from = place;
    held = now;
  }
  if (from <= last) stretches.push({ offset: from, last, held });
  return stretches;
}
