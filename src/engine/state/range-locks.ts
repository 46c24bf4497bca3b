// The byte-range locks of one file, held and waited for; [MS-FSA] 2.1.4.10 (conflicts), 2.1.5.8 (lock),
// 2.1.5.9 (unlock). The owner of a lock is an open, by its id, and not a process.
import type { LockCharge } from "./lock-usage.ts";
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
  /** Locks that one open holds and waits for. */
  readonly perOpen: number;
  /** Locks that all opens of a file hold and wait for. */
  readonly perFile: number;
  /** Locks of all files. */
  readonly inAll: number;
  readonly charge: LockCharge;
}

/**
 * Every unlock goes through all waiting requests: the limit is more than programs need, and cheap to go
 * through.
 */
const MAX_WAITERS = 1024;

/** A part `[offset, last]` of a range, and what the owner holds there. */
export interface Stretch {
  readonly offset: bigint;
  readonly last: bigint;
  readonly held: "nothing" | "shared" | "exclusive";
}

interface Waiter extends LockRange {
  readonly charge: LockCharge;
  readonly settle: (isGranted: boolean) => void;
}

interface Holding {
  readonly shared: Set<RangeNode>;
  readonly exclusive: Set<RangeNode>;
  /** Locks held (a range locked twice counts twice) and waited for. */
  count: number;
  readonly charge: LockCharge;
}

export class RangeLocks {
  private readonly shared = new RangeTree();
  private readonly exclusive = new RangeTree();
  private readonly holdings = new Map<number, Holding>();
  /** In order of arrival. */
  private readonly waiters = new Set<Waiter>();
  private total = 0;

  /** True without locks and waiting requests. */
  get isEmpty(): boolean {
    return this.total === 0;
  }
  get count(): number {
    return this.total - this.waiters.size;
  }
  get waiterCount(): number {
    return this.waiters.size;
  }

  /** Locks that an owner holds and waits for. */
  countOf(owner: number): number {
    return this.holdings.get(owner)?.count ?? 0;
  }

  /** The ranges that are held, without regard to order; later locks and unlocks do not end the iterator. */
  *held(): IterableIterator<LockRange> {
    for (const [owner, { shared, exclusive }] of this.holdings) {
      for (const node of exclusive) yield rangeOf(node, owner, true);
      for (const node of shared) yield rangeOf(node, owner, false);
    }
  }

  /** The locks that `owner` holds, a range that it has locked twice as two. */
  *heldBy(owner: number): IterableIterator<LockRange> {
    const { shared = [], exclusive = [] } = this.holdings.get(owner) ?? {};
    for (const node of exclusive) yield rangeOf(node, owner, true);
    for (const node of shared) for (let n = 0; n < node.count; n++) yield rangeOf(node, owner, false);
  }

  /**
   * True when another owner's exclusive lock prevents `owner` from reading `length` bytes (above 0) at
   * `offset`.
   */
  blocksRead(owner: number, offset: number, length: number): boolean {
    if (this.exclusive.size === 0) return false;
    const start = BigInt(offset);
    return this.isExclusivelyHeld(owner, start, start + BigInt(length) - 1n);
  }

  /** The same for writing, which any shared lock prevents too, even the owner's own. */
  blocksWrite(owner: number, offset: number, length: number): boolean {
    const start = BigInt(offset);
    const last = start + BigInt(length) - 1n;
    return this.isExclusivelyHeld(owner, start, last) || this.shared.someOverlapping(start, last, always);
  }

  /** Takes a lock, if no other conflicts with it. The range must not extend past 2^64. */
  lock(range: LockRange, limits: LockLimits): LockOutcome {
    if (this.isOverLimit(range.owner, limits)) return LockOutcome.LIMIT;
    if (this.isRefused(range)) return LockOutcome.CONFLICT;
    this.add(range, limits.charge);
    return LockOutcome.GRANTED;
  }

  /**
   * Releases one lock on exactly that range, an exclusive one before a shared one; false where there is none.
   * Then calls `beforeServing` and grants what waited for it.
   */
  unlock(owner: number, offset: bigint, length: bigint, beforeServing?: () => void): boolean {
    if (!this.drop(owner, offset, length, true) && !this.drop(owner, offset, length, false)) return false;
    beforeServing?.();
    this.serveWaiters(offset, offset + length - 1n);
    return true;
  }

  /** Takes back a lock that `lock` has granted in the same request. Grants nothing to waiting requests. */
  undo(range: LockRange): void {
    this.drop(range.owner, range.offset, range.length, range.isExclusive);
  }

  /**
   * Queues a request for a lock. `settle` is called once: with true when the lock is granted, with false when
   * the owner is released. Returns a function that cancels the request without a call of `settle`, and does
   * nothing once settled; undefined when a limit is reached.
   */
  wait(range: LockRange, limits: LockLimits, settle: (isGranted: boolean) => void): (() => void) | undefined {
    if (this.waiters.size >= MAX_WAITERS || this.isOverLimit(range.owner, limits)) return undefined;
    const waiter = { ...range, settle, charge: limits.charge };
    this.waiters.add(waiter);
    this.countUp(range.owner, limits.charge);
    return () => {
      this.forget(waiter);
    };
  }

  /** Releases all locks and cancels all waiting requests of an owner, then grants what has become free. */
  release(owner: number): void {
    const holding = this.holdings.get(owner);
    if (holding === undefined) return;
    for (const waiter of [...this.waiters]) {
      if (waiter.owner === owner && this.forget(waiter)) waiter.settle(false);
    }
    removeAll(this.shared, holding.shared);
    removeAll(this.exclusive, holding.exclusive);
    this.total -= holding.count;
    holding.charge.usage.add(holding.charge.user, -holding.count);
    this.holdings.delete(owner);
    this.serveWaiters(0n, 1n << 64n);
  }

  /** What the owner holds in `[offset, last]`, in order and without gaps; adjacent equal parts are joined. */
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
    // The common case: one open holds all exclusive locks of the file.
    const own = this.holdings.get(owner)?.exclusive.size ?? 0;
    if (own === this.exclusive.size) return false;
    return this.exclusive.someOverlapping(offset, last, (node) => node.owner !== owner);
  }

  private isRefused(range: LockRange): boolean {
    const { owner, offset } = range;
    const last = offset + range.length - 1n;
    if (!range.isExclusive) return this.isExclusivelyHeld(owner, offset, last);
    // An exclusive lock conflicts with every lock, even of the same owner.
    return (
      this.exclusive.someOverlapping(offset, last, always) ||
      this.shared.someOverlapping(offset, last, always)
    );
  }

  private isOverLimit(owner: number, limits: LockLimits): boolean {
    const { usage, user } = limits.charge;
    const own = this.holdings.get(owner)?.count ?? 0;
    return own >= limits.perOpen || this.total >= limits.perFile || usage.isFull(user, limits.inAll);
  }

  private add(range: LockRange, charge: LockCharge): void {
    const { owner, offset } = range;
    const last = offset + range.length - 1n;
    const tree = range.isExclusive ? this.exclusive : this.shared;
    const holding = this.countUp(owner, charge);
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
    this.countDown(owner, holding);
    return true;
  }

  private countUp(owner: number, charge: LockCharge): Holding {
    let holding = this.holdings.get(owner);
    if (holding === undefined) {
      holding = { shared: new Set(), exclusive: new Set(), count: 0, charge };
      this.holdings.set(owner, holding);
    }
    holding.count++;
    this.total++;
    holding.charge.usage.add(holding.charge.user, 1);
    return holding;
  }

  private countDown(owner: number, holding: Holding): void {
    holding.count--;
    this.total--;
    holding.charge.usage.add(holding.charge.user, -1);
    if (holding.count === 0) this.holdings.delete(owner);
  }

  private forget(waiter: Waiter): boolean {
    if (!this.waiters.delete(waiter)) return false;
    const holding = this.holdings.get(waiter.owner);
    if (holding !== undefined) this.countDown(waiter.owner, holding);
    return true;
  }

  /**
   * Grants waiting requests that overlap `[offset, last]`, as far as it has become free, in order of arrival.
   */
  serveWaiters(offset: bigint, last: bigint): void {
    if (this.waiters.size === 0) return;
    for (const waiter of [...this.waiters]) {
      // A range that does not overlap cannot have become free.
      if (waiter.offset > last || waiter.offset + waiter.length - 1n < offset) continue;
      // The `settle` of an earlier request may have taken or released locks.
      if (!this.waiters.has(waiter) || this.isRefused(waiter)) continue;
      this.forget(waiter);
      this.add(waiter, waiter.charge);
      waiter.settle(true);
    }
  }
}

/** An owner that closes may hold thousands of locks: mostly it is the only one. */
function removeAll(tree: RangeTree, nodes: ReadonlySet<RangeNode>): void {
  if (nodes.size === tree.size) tree.clear();
  else for (const node of nodes) tree.remove(node);
}

function rangeOf(node: RangeNode, owner: number, isExclusive: boolean): LockRange {
  return { owner, offset: node.offset, length: node.last - node.offset + 1n, isExclusive };
}

function always(): boolean {
  return true;
}

function joinStretches(
  changes: ReadonlyMap<bigint, { readonly shared: number; readonly exclusive: number }>,
  offset: bigint,
  last: bigint,
): Stretch[] {
  const boundaries = [...changes.keys()].sort((a, b) => (a < b ? -1 : 1));
  const stretches: Stretch[] = [];
  let shared = 0;
  let exclusive = 0;
  let from = offset;
  let held: Stretch["held"] = "nothing";
  for (const boundary of boundaries) {
    const change = changes.get(boundary);
    shared += change?.shared ?? 0;
    exclusive += change?.exclusive ?? 0;
    const now = exclusive > 0 ? "exclusive" : shared > 0 ? "shared" : "nothing";
    if (now === held) continue;
    if (boundary > from) stretches.push({ offset: from, last: boundary - 1n, held });
    from = boundary;
    held = now;
  }
  if (from <= last) stretches.push({ offset: from, last, held });
  return stretches;
}
