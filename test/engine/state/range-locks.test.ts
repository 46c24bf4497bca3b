// Byte-range locks by the rules of [MS-FSA] 2.1.4.10, 2.1.5.8 and 2.1.5.9, and compared with a model that
// follows their text.
import { describe, expect, test } from "bun:test";
import {
  type LockLimits,
  LockOutcome,
  type LockRange,
  RangeLocks,
} from "../../../src/engine/state/range-locks.ts";
import { LockUsage } from "../../../src/engine/state/lock-usage.ts";
import { RangeNode, RangeTree } from "../../../src/engine/state/range-tree.ts";

const charge = { usage: new LockUsage(), user: "ann" };
const LIMITS: LockLimits = { perOpen: 100_000, perFile: 100_000, inAll: 100_000_000, charge };
const { GRANTED, CONFLICT, LIMIT } = LockOutcome;

function range(owner: number, offset: bigint | number, length: bigint | number, kind: "S" | "X"): LockRange {
  return { owner, offset: BigInt(offset), length: BigInt(length), isExclusive: kind === "X" };
}

/** Takes locks, which must all be granted. */
function holding(...ranges: LockRange[]): RangeLocks {
  const locks = new RangeLocks();
  for (const wanted of ranges) expect(locks.lock(wanted, LIMITS)).toBe(GRANTED);
  return locks;
}

describe("conflicts", () => {
  test.each([
    // held, wanted, outcome
    [range(1, 0, 10, "S"), range(2, 5, 10, "S"), GRANTED],
    [range(1, 0, 10, "S"), range(2, 5, 10, "X"), CONFLICT],
    [range(1, 0, 10, "X"), range(2, 5, 10, "S"), CONFLICT],
    [range(1, 0, 10, "X"), range(2, 9, 1, "X"), CONFLICT],
    [range(1, 0, 10, "X"), range(2, 10, 1, "X"), GRANTED],
    // the same open: shared after exclusive, not exclusive after shared, not exclusive twice
    [range(1, 0, 10, "X"), range(1, 5, 10, "S"), GRANTED],
    [range(1, 0, 10, "S"), range(1, 0, 10, "S"), GRANTED],
    [range(1, 0, 10, "S"), range(1, 0, 10, "X"), CONFLICT],
    [range(1, 0, 10, "X"), range(1, 0, 10, "X"), CONFLICT],
    // the ends of the 64-bit range
    [range(1, (1n << 63n) - 1n, 2, "X"), range(2, 1n << 63n, 1, "X"), CONFLICT],
    [range(1, (1n << 63n) - 1n, 1, "X"), range(2, 1n << 63n, 1, "X"), GRANTED],
    [range(1, (1n << 64n) - 1n, 1, "X"), range(2, (1n << 64n) - 2n, 1, "X"), GRANTED],
    [range(1, (1n << 64n) - 1n, 1, "X"), range(2, 1, (1n << 64n) - 1n, "S"), CONFLICT],
  ])("pair %#", (held, wanted, outcome) => {
    expect(holding(held).lock(wanted, LIMITS)).toBe(outcome);
  });

  // 2.1.4.10: an empty range lies between two bytes; {0, 0} conflicts with nothing.
  test.each([
    [10, 0, 10, 0, GRANTED],
    [10, 0, 9, 1, GRANTED],
    [10, 0, 10, 1, GRANTED],
    [10, 0, 11, 1, GRANTED],
    [10, 0, 9, 2, CONFLICT],
    [10, 0, 10, 2, GRANTED],
    [10, 0, 9, 3, CONFLICT],
    [0, 0, 0, 0, GRANTED],
    [0, 0, 0, 5, GRANTED],
  ])(
    "empty ranges: {%d, %d} and {%d, %d}, in either order",
    (offset1, length1, offset2, length2, outcome) => {
      const first = holding(range(1, offset1, length1, "X"));
      expect(first.lock(range(2, offset2, length2, "X"), LIMITS)).toBe(outcome);
      const second = holding(range(1, offset2, length2, "X"));
      expect(second.lock(range(2, offset1, length1, "X"), LIMITS)).toBe(outcome);
    },
  );
});

describe("unlock", () => {
  test("needs the exact range and the same owner, and releases the exclusive lock first", () => {
    const locks = holding(range(1, 0, 10, "X"), range(1, 0, 10, "S"));
    expect(locks.unlock(1, 0n, 9n)).toBe(false);
    expect(locks.unlock(1, 0n, 11n)).toBe(false);
    expect(locks.unlock(2, 0n, 10n)).toBe(false);
    expect(locks.unlock(1, 0n, 10n)).toBe(true);
    expect(locks.lock(range(2, 0, 10, "S"), LIMITS)).toBe(GRANTED);
    expect(locks.unlock(1, 0n, 10n)).toBe(true);
    expect(locks.unlock(1, 0n, 10n)).toBe(false);
  });

  test("a lock taken twice is released twice", () => {
    const locks = holding(range(1, 5, 5, "S"), range(1, 5, 5, "S"));
    expect(locks.count).toBe(2);
    expect(locks.unlock(1, 5n, 5n)).toBe(true);
    expect(locks.lock(range(2, 5, 5, "X"), LIMITS)).toBe(CONFLICT);
    expect(locks.unlock(1, 5n, 5n)).toBe(true);
    expect(locks.isEmpty).toBe(true);
  });
});

describe("reads and writes", () => {
  test("an exclusive lock prevents both for others, a shared one prevents writes of every owner", () => {
    const locks = holding(range(1, 100, 10, "X"), range(1, 200, 10, "S"));
    expect(locks.blocksRead(1, 100, 10)).toBe(false);
    expect(locks.blocksWrite(1, 100, 10)).toBe(false);
    expect(locks.blocksRead(2, 109, 1)).toBe(true);
    expect(locks.blocksWrite(2, 99, 2)).toBe(true);
    expect(locks.blocksWrite(2, 110, 90)).toBe(false);
    expect(locks.blocksRead(2, 200, 10)).toBe(false);
    expect(locks.blocksWrite(2, 200, 10)).toBe(true);
    expect(locks.blocksWrite(1, 209, 1)).toBe(true);
  });
});

describe("waiting", () => {
  /** Queues a request, and logs the outcome. */
  function wait(locks: RangeLocks, wanted: LockRange, name: string, log: string[]): () => void {
    const takeBack = locks.wait(wanted, LIMITS, (isGranted) => {
      log.push(`${name} ${isGranted ? "granted" : "released"}`);
    });
    if (takeBack === undefined) throw new Error("may not wait");
    return takeBack;
  }

  test("requests are granted in order of arrival, only those that the unlock has freed", () => {
    const log: string[] = [];
    const locks = holding(range(1, 0, 10, "X"), range(1, 20, 10, "X"));
    wait(locks, range(2, 0, 5, "S"), "a", log);
    wait(locks, range(3, 0, 5, "X"), "b", log);
    wait(locks, range(4, 0, 5, "S"), "c", log);
    wait(locks, range(5, 20, 5, "X"), "d", log);
    locks.unlock(1, 0n, 10n);
    expect(log).toEqual(["a granted", "c granted"]);
    locks.unlock(2, 0n, 5n);
    expect(log.length).toBe(2);
    locks.unlock(4, 0n, 5n);
    expect(log.slice(2)).toEqual(["b granted"]);
    locks.release(1);
    expect(log.slice(3)).toEqual(["d granted"]);
    expect(locks.waiterCount).toBe(0);
  });

  test("a cancelled request is not granted, and a later cancel does nothing", () => {
    const log: string[] = [];
    const locks = holding(range(1, 0, 10, "X"));
    wait(locks, range(2, 0, 5, "X"), "a", log)();
    const takeBack = wait(locks, range(3, 0, 5, "X"), "b", log);
    locks.unlock(1, 0n, 10n);
    takeBack();
    expect(log).toEqual(["b granted"]);
    expect(locks.lock(range(2, 0, 1, "S"), LIMITS)).toBe(CONFLICT);
    locks.unlock(3, 0n, 5n);
    expect(locks.isEmpty).toBe(true);
  });

  test("the release of an owner cancels its requests, and its locks become free for others", () => {
    const log: string[] = [];
    const locks = holding(range(1, 0, 10, "X"), range(2, 20, 10, "X"));
    wait(locks, range(2, 0, 5, "X"), "a", log);
    wait(locks, range(3, 20, 5, "X"), "b", log);
    wait(locks, range(4, 0, 5, "S"), "c", log);
    locks.release(2);
    expect(log).toEqual(["a released", "b granted"]);
    locks.release(1);
    expect(log).toEqual(["a released", "b granted", "c granted"]);
    locks.release(3);
    locks.release(4);
    expect(locks.isEmpty).toBe(true);
  });

  test("undo grants nothing; beforeServing may, before an unlock does", () => {
    const log: string[] = [];
    const locks = holding(range(1, 0, 10, "X"));
    wait(locks, range(2, 0, 10, "X"), "a", log);
    locks.lock(range(1, 50, 1, "X"), LIMITS);
    locks.undo(range(1, 50, 1, "X"));
    expect(log).toEqual([]);
    locks.unlock(1, 0n, 10n, () => log.push("before"));
    expect(log).toEqual(["before", "a granted"]);
  });

  test("a lock that `settle` releases at once is granted to the next request", () => {
    const log: string[] = [];
    const locks = holding(range(1, 0, 10, "X"));
    locks.wait(range(2, 0, 10, "X"), LIMITS, () => {
      log.push("a");
      locks.unlock(2, 0n, 10n);
    });
    wait(locks, range(3, 0, 10, "X"), "b", log);
    locks.unlock(1, 0n, 10n);
    expect(log).toEqual(["a", "b granted"]);
    expect(locks.count).toBe(1);
  });
});

test("limits count locks held and waited for, of one open and of all", () => {
  const limits: LockLimits = { ...LIMITS, perOpen: 2, perFile: 3 };
  const locks = new RangeLocks();
  expect(locks.lock(range(1, 0, 1, "X"), limits)).toBe(GRANTED);
  expect(locks.lock(range(1, 0, 1, "S"), limits)).toBe(GRANTED);
  expect(locks.lock(range(1, 9, 1, "S"), limits)).toBe(LIMIT);
  expect(locks.wait(range(1, 0, 1, "X"), limits, () => undefined)).toBeUndefined();
  expect(locks.wait(range(2, 0, 1, "X"), limits, () => undefined)).toBeDefined();
  expect(locks.lock(range(3, 9, 1, "S"), limits)).toBe(LIMIT);
  locks.release(2);
  expect(locks.lock(range(3, 9, 1, "S"), limits)).toBe(GRANTED);
});

test("limits count the locks of all files, and one user leaves an eighth to others", () => {
  const usage = new LockUsage();
  const limitsOf = (user: string): LockLimits => ({ ...LIMITS, inAll: 8, charge: { usage, user } });
  const files = Array.from({ length: 4 }, () => new RangeLocks());
  const take = (user: string, owner: number, count: number): LockOutcome[] =>
    Array.from({ length: count }, (_, i) =>
      (files[i % 4] as RangeLocks).lock(range(owner, owner * 100 + i, 1, "X"), limitsOf(user)),
    );
  expect(take("ann", 1, 7).every((outcome) => outcome === GRANTED)).toBe(true);
  expect(take("ann", 2, 1)).toEqual([LIMIT]);
  expect(take("bob", 3, 2)).toEqual([GRANTED, LIMIT]);
  // A lock that is waited for counts, and goes on to count when it is granted.
  for (const file of files) file.release(3);
  const first = files[0] as RangeLocks;
  let isGranted = false;
  expect(first.wait(range(4, 100, 1, "X"), limitsOf("bob"), () => (isGranted = true))).toBeDefined();
  expect([usage.count, usage.isFull("carol", 8)]).toEqual([8, true]);
  for (const file of files) file.release(1);
  expect([usage.count, isGranted]).toEqual([1, true]);
  expect(first.unlock(4, 100n, 1n)).toBe(true);
  expect(usage.count).toBe(0);
});

test("stretches lists what an owner holds, without gaps; exclusive where both kinds overlap", () => {
  const locks = holding(
    range(1, 10, 10, "X"),
    range(1, 15, 10, "S"),
    range(1, 25, 5, "S"),
    range(1, 40, 0, "X"),
    range(2, 50, 10, "S"),
  );
  expect(locks.stretches(1, 0n, 99n)).toEqual([
    { offset: 0n, last: 9n, held: "nothing" },
    { offset: 10n, last: 19n, held: "exclusive" },
    { offset: 20n, last: 29n, held: "shared" },
    { offset: 30n, last: 99n, held: "nothing" },
  ]);
  expect(locks.stretches(1, 12n, 16n)).toEqual([{ offset: 12n, last: 16n, held: "exclusive" }]);
  expect(locks.stretches(3, 0n, 5n)).toEqual([{ offset: 0n, last: 5n, held: "nothing" }]);
});

// ---- a model

/** A seeded generator of integers below a bound; mulberry32. */
function randomFrom(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}

/** The specification's text, over a plain list. */
class Model {
  held: LockRange[] = [];
  waiting: { range: LockRange; name: number }[] = [];
  granted: number[] = [];

  conflicts(wanted: LockRange, isLock: boolean): boolean {
    if (wanted.offset === 0n && wanted.length === 0n) return false;
    for (const lock of this.held) {
      if (lock.offset === 0n && lock.length === 0n) continue;
      const last1 = wanted.offset + wanted.length - 1n;
      const last2 = lock.offset + lock.length - 1n;
      if (wanted.offset > last2 || last1 < lock.offset) continue;
      if (lock.isExclusive) {
        if (lock.owner !== wanted.owner || (wanted.isExclusive && isLock)) return true;
      } else if (wanted.isExclusive) return true;
    }
    return false;
  }

  lock(wanted: LockRange): boolean {
    if (this.conflicts(wanted, true)) return false;
    this.held.push(wanted);
    return true;
  }

  unlock(owner: number, offset: bigint, length: bigint): boolean {
    for (const isExclusive of [true, false]) {
      const at = this.held.findIndex(
        (lock) =>
          lock.owner === owner &&
          lock.offset === offset &&
          lock.length === length &&
          lock.isExclusive === isExclusive,
      );
      if (at < 0) continue;
      this.held.splice(at, 1);
      this.serve();
      return true;
    }
    return false;
  }

  release(owner: number): void {
    this.held = this.held.filter((lock) => lock.owner !== owner);
    this.waiting = this.waiting.filter((waiter) => waiter.range.owner !== owner);
    this.serve();
  }

  private serve(): void {
    for (const waiter of [...this.waiting]) {
      if (!this.lock(waiter.range)) continue;
      this.waiting = this.waiting.filter((other) => other !== waiter);
      this.granted.push(waiter.name);
    }
  }
}

test.each([1, 2, 3, 4, 5, 6])("20,000 random steps agree with the model, seed %d", (seed) => {
  const random = randomFrom(seed);
  const locks = new RangeLocks();
  const model = new Model();
  const granted: number[] = [];
  // A small range makes many conflicts; some seeds use the upper end of the 64-bit range.
  const base = seed % 3 === 0 ? (1n << 64n) - 64n : seed % 3 === 1 ? 0n : (1n << 63n) - 20n;
  for (let step = 0; step < 20_000; step++) {
    const owner = 1 + random(4);
    const wanted: LockRange = {
      owner,
      offset: base + BigInt(random(40)),
      length: BigInt(random(6) === 0 ? 0 : 1 + random(seed > 3 ? 20 : 4)),
      isExclusive: random(2) === 0,
    };
    const action = random(12);
    if (action < 5) {
      const expected = model.lock(wanted);
      expect(locks.lock(wanted, LIMITS)).toBe(expected ? GRANTED : CONFLICT);
      if (!expected && random(4) === 0 && model.waiting.length < 20) {
        model.waiting.push({ range: wanted, name: step });
        locks.wait(wanted, LIMITS, (isGranted) => {
          if (isGranted) granted.push(step);
        });
      }
    } else if (action < 10) {
      const known = model.held[random(Math.max(1, model.held.length))] ?? wanted;
      const { offset, length } = random(5) === 0 ? wanted : known;
      const by = random(5) === 0 ? owner : known.owner;
      expect(locks.unlock(by, offset, length)).toBe(model.unlock(by, offset, length));
    } else if (action < 11 && base === 0n) {
      const length = wanted.length === 0n ? 1n : wanted.length;
      const at = Number(wanted.offset);
      const io = (isExclusive: boolean): boolean =>
        model.conflicts({ ...wanted, length, isExclusive }, false);
      expect(locks.blocksRead(owner, at, Number(length))).toBe(io(false));
      expect(locks.blocksWrite(owner, at, Number(length))).toBe(io(true));
    } else if (random(10) === 0) {
      model.release(owner);
      locks.release(owner);
    }
    expect(granted).toEqual(model.granted);
    granted.length = 0;
    model.granted.length = 0;
    expect(locks.count).toBe(model.held.length);
    expect(locks.waiterCount).toBe(model.waiting.length);
  }
  for (const owner of [1, 2, 3, 4]) locks.release(owner);
  expect(locks.isEmpty).toBe(true);
});

test("10,000 adjacent ranges make a shallow tree, and a look-up visits overlapping ones only", () => {
  for (const length of [1n, 5000n]) {
    const tree = new RangeTree();
    const nodes: RangeNode[] = [];
    for (let i = 0n; i < 10_000n; i++) {
      const node = new RangeNode(i * 2n, i * 2n + length - 1n, 1);
      nodes.push(node);
      tree.insert(node);
    }
    const asked: bigint[] = [];
    tree.someOverlapping(12_000n, 12_001n, (node) => {
      asked.push(node.offset);
      return false;
    });
    expect(asked).toEqual(
      nodes.map(({ offset }) => offset).filter((at) => at <= 12_001n && at + length > 12_000n),
    );
    expect(depthOf(nodes)).toBeLessThan(70);
    for (const node of nodes) tree.remove(node);
    expect(tree.size).toBe(0);
  }
});

/** The depth of the tree: about 30 for a treap of 10,000 nodes. */
function depthOf(nodes: readonly RangeNode[]): number {
  const isChild = new Set(nodes.flatMap(({ left, right }) => [left, right]));
  const depth = (node: RangeNode | undefined): number =>
    node === undefined ? 0 : 1 + Math.max(depth(node.left), depth(node.right));
  return depth(nodes.find((node) => !isChild.has(node)));
}
