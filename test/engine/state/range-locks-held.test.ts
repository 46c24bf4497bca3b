// The list of held byte-range locks.
import { expect, test } from "bun:test";
import { LockUsage } from "../../../src/engine/state/lock-usage.ts";
import { type LockRange, RangeLocks } from "../../../src/engine/state/range-locks.ts";

const LIMITS = {
  perOpen: 100,
  perFile: 100,
  inAll: 100,
  charge: { usage: new LockUsage(), user: "ann" },
};

function range(owner: number, offset: bigint, length: bigint, isExclusive: boolean): LockRange {
  return { owner, offset, length, isExclusive };
}

test("held ranges are listed while locks come and go", () => {
  const locks = new RangeLocks();
  for (const held of [range(1, 0n, 10n, true), range(2, 20n, 5n, false), range(2, 30n, 1n, false)])
    locks.lock(held, LIMITS);
  expect([locks.countOf(1), locks.countOf(2), locks.countOf(3)]).toEqual([1, 2, 0]);
  const listing = locks.held();
  expect(listing.next().value).toEqual(range(1, 0n, 10n, true));
  locks.unlock(2, 30n, 1n);
  locks.lock(range(3, 40n, 2n, true), LIMITS);
  expect([...listing]).toEqual([range(2, 20n, 5n, false), range(3, 40n, 2n, true)]);
});
