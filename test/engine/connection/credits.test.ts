// Credits: what a request pays for, which MessageIds are valid, and how many credits a response grants.
// [MS-SMB2] 3.3.1.1, 3.3.1.2, 3.3.5.2.3, 3.3.5.2.5.
import { describe, expect, test } from "bun:test";
import { paysFor, SequenceWindow } from "../../../src/engine/connection/credits.ts";
import { DIALECTS } from "../../../src/engine/connection/dialect.ts";

const KIB_64 = 65_536;
const MIB_8 = 8 * 1024 * 1024;

// CreditCharge must be at least (max(SendPayloadSize, Expected ResponsePayloadSize) - 1) / 65536 + 1.
describe("paysFor, 3.3.5.2.5", () => {
  test.each([
    // Without multi-credit operations a request is limited to 64 KiB, whatever stands in CreditCharge.
    ["2.0.2", 0, 0, true],
    ["2.0.2", KIB_64, 0, true],
    ["2.0.2", KIB_64 + 1, 0, false],
    ["2.0.2", KIB_64 + 1, 2, false],
    ["2.1", 0, 0, true],
    ["2.1", 1, 1, true],
    ["2.1", KIB_64, 1, true],
    ["2.1", KIB_64 + 1, 1, false],
    ["2.1", KIB_64 + 1, 2, true],
    // A CreditCharge of 0 counts as 1.
    ["2.1", KIB_64, 0, true],
    ["2.1", KIB_64 + 1, 0, false],
    ["3.0", 2 * KIB_64, 2, true],
    ["3.1.1", MIB_8, 127, false],
    ["3.1.1", MIB_8, 128, true],
    ["3.1.1", MIB_8 + 1, 128, false],
  ])("dialect %s, %i bytes, CreditCharge %i: %p", (name, bytes, creditCharge, expected) => {
    const dialect = DIALECTS.find((each) => each.name === name);
    const negotiated = dialect && { dialect };
    expect(paysFor({ connection: { negotiated }, creditCharge }, bytes)).toBe(expected);
  });

  test("before NEGOTIATE a request is limited to 64 KiB", () => {
    const fields = { connection: { negotiated: undefined }, creditCharge: 9 };
    expect([paysFor(fields, KIB_64), paysFor(fields, KIB_64 + 1)]).toEqual([true, false]);
  });
});

describe("SequenceWindow, 3.3.1.1 and 3.3.5.2.3", () => {
  test("a new connection has the MessageId 0 and no other", () => {
    const window = new SequenceWindow(512);
    expect(window.available()).toBe(1);
    expect(window.consume(1, 1)).toBe(false);
    expect(window.consume(0, 2)).toBe(false);
    expect(window.consume(0, 1)).toBe(true);
    expect(window.available()).toBe(0);
  });

  test("an id is valid once", () => {
    const window = granted(10);
    expect(window.consume(3, 1)).toBe(true);
    expect(window.consume(3, 1)).toBe(false);
    // A request that charges several ids is refused where one of them is used, and uses none.
    expect(window.consume(2, 2)).toBe(false);
    expect(window.consume(2, 1)).toBe(true);
  });

  test("ids may be used in any order", () => {
    const window = granted(10);
    for (const id of [9, 0, 5, 4, 1]) expect(window.consume(id, 1)).toBe(true);
    expect(window.available()).toBe(5);
    expect(window.consume(6, 3)).toBe(true);
    expect(window.available()).toBe(2);
  });

  test("a client holds no more credits than the limit, and one where the limit is 0", () => {
    const window = new SequenceWindow(512);
    expect(window.grant(1000, 8192)).toBe(511);
    expect(window.grant(1, 8192)).toBe(0);
    window.consume(0, 500);
    expect(window.grant(100, 64)).toBe(52);
    window.consume(500, 64);
    expect(window.grant(100, 0)).toBe(1);
  });

  test("an unused id at the bottom lets the window span at most twice the limit", () => {
    const window = new SequenceWindow(100);
    window.grant(99, 100);
    let highest = 99;
    while (window.consume(highest, 1) || window.consume(highest - 1, 1)) {
      if (window.grant(1, 100) === 0) break;
      highest++;
      if (highest > 1000) break;
    }
    expect(highest).toBe(199);
    // Using the lowest ids moves the window on.
    expect(window.consume(0, 1)).toBe(true);
    expect(window.grant(1, 100)).toBe(1);
  });

  test("3,000 random steps agree with a set of ids", () => {
    const random = seeded(7);
    const window = new SequenceWindow(2048);
    const unused = new Set([0]);
    let high = 1;
    for (let step = 0; step < 3_000; step++) {
      const wanted = random(40);
      const count = window.grant(wanted, 2048);
      expect(count).toBeLessThanOrEqual(wanted);
      for (let i = 0; i < count; i++) unused.add(high++);
      const low = Math.min(...unused, high);
      const id = low + random(Math.min(high - low, 900) + 3);
      const charge = 1 + random(4);
      const isValid = Array.from({ length: charge }, (_, i) => unused.has(id + i)).every(Boolean);
      expect(window.consume(id, charge)).toBe(isValid);
      if (isValid) for (let i = 0; i < charge; i++) unused.delete(id + i);
      expect(window.available()).toBe(unused.size);
    }
  });
});

/** A window of the ids 0 to `count` - 1. */
function granted(count: number): SequenceWindow {
  const window = new SequenceWindow(512);
  window.grant(count - 1, 512);
  return window;
}

/** `random(n)`: an integer from 0 to n - 1, the same sequence each time. */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 0x1_0000_0000) * below);
  };
}
