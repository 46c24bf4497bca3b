// The number of a run of the server in WS-Discovery, where the clock is wrong at the start.
import { expect, test } from "bun:test";
import { RunNumber } from "../../../src/manager/discovery/run-number.ts";

function makeRun(startMs: number) {
  const clock = { wallMs: startMs, upMs: 0 };
  const run = new RunNumber(
    () => clock.wallMs,
    () => clock.upMs,
  );
  const pass = (ms: number): void => {
    clock.wallMs += ms;
    clock.upMs += ms;
  };
  return { clock, pass, value: () => run.value() };
}

const NOW_MS = Date.UTC(2026, 5, 1);
const HOUR_MS = 3_600_000;

test("is when the server started, and stays for the run", () => {
  const { clock, pass, value } = makeRun(NOW_MS);
  expect(value()).toBe(NOW_MS / 1000);
  pass(1000 * HOUR_MS);
  clock.wallMs += 30_000;
  expect(value()).toBe(NOW_MS / 1000);
});

test("a board that starts in 1970 passes its earlier run as soon as NTP has answered", () => {
  const before = makeRun(NOW_MS).value();
  const { clock, pass, value } = makeRun(20_000);
  expect(value()).toBe(20);
  pass(40_000);
  clock.wallMs = NOW_MS + HOUR_MS;
  expect(value()).toBeGreaterThan(before);
  const known = value();
  pass(HOUR_MS);
  expect(value()).toBe(known);
});

test("a clock that is set back does not make the number smaller", () => {
  const { clock, value } = makeRun(NOW_MS);
  value();
  clock.wallMs = 0;
  expect(value()).toBe(NOW_MS / 1000);
});
