// Jumps of the wall clock, after which no file is deleted for its age.
import { expect, test } from "bun:test";
import { ClockWatch } from "../../../../src/engine/vfs/recycle/clock-watch.ts";

const HOUR = 3_600_000;
const YEAR = 365 * 24 * HOUR;

function makeWatch() {
  const at = { wallMs: Date.UTC(2026, 0, 1), monotonicMs: 1000 };
  const watch = new ClockWatch({ wall: () => at.wallMs, monotonic: () => at.monotonicMs });
  const pass = (ms: number): void => {
    at.wallMs += ms;
    at.monotonicMs += ms;
  };
  return { at, watch, pass };
}

test("ages are trusted while the clock runs, also after months", () => {
  const { watch, pass } = makeWatch();
  for (let hour = 0; hour < 3000; hour++, pass(HOUR)) expect(watch.mayTrustAges()).toBe(true);
});

test.each([
  ["forward", 10 * YEAR],
  ["back", -10 * YEAR],
])("a jump %s ends the trust for a day", (_, jump) => {
  const { at, watch, pass } = makeWatch();
  at.wallMs += jump;
  expect(watch.mayTrustAges()).toBe(false);
  pass(23 * HOUR);
  expect(watch.mayTrustAges()).toBe(false);
  pass(HOUR);
  expect(watch.mayTrustAges()).toBe(true);
});

test("a clock that is set right again is another jump", () => {
  const { at, watch, pass } = makeWatch();
  at.wallMs += YEAR;
  expect(watch.mayTrustAges()).toBe(false);
  pass(20 * HOUR);
  at.wallMs -= YEAR;
  expect(watch.mayTrustAges()).toBe(false);
  pass(20 * HOUR);
  expect(watch.mayTrustAges()).toBe(false);
});

test("a machine that slept over a weekend has not jumped", () => {
  const { at, watch } = makeWatch();
  at.wallMs += 62 * HOUR;
  expect(watch.mayTrustAges()).toBe(true);
});
