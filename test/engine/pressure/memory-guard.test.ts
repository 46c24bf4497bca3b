// The guard samples while clients send something, and sleeps when nobody does. Time is the test's.
import { expect, test } from "bun:test";
import { MemoryGuard } from "../../../src/engine/pressure/memory-guard.ts";
import { Step } from "../../../src/engine/pressure/pressure.ts";

const MIB = 1024 * 1024;

function makeGuard() {
  let timer: { atMs: number; run: () => void } | undefined;
  const state = { ms: 0, availableMib: 40, samples: 0, steps: [] as Step[], lines: [] as string[] };
  const say = (text: string): void => void state.lines.push(text);
  const guard = new MemoryGuard({
    apply: (step) => state.steps.push(step),
    log: { warn: say, info: say },
    now: () => state.ms,
    setTimer: (delayMs, run) => (timer = { atMs: state.ms + delayMs, run }),
    clearTimer: () => (timer = undefined),
    openTrigger: () => -1,
    sample: () => {
      state.samples++;
      return { totalBytes: 64 * MIB, availableBytes: state.availableMib * MIB, majorFaults: 0 };
    },
  });
  /** Passes seconds, in each of which a client sends something or not. */
  const pass = (seconds: number, isUsed: boolean): void => {
    for (let second = 0; second < seconds; second++) {
      if (isUsed) guard.wake();
      state.ms += 1_000;
      const due = timer;
      if (due === undefined || due.atMs > state.ms) continue;
      timer = undefined;
      due.run();
    }
  };
  return { guard, state, pass, isAwake: () => timer !== undefined };
}

test("without a client nothing is sampled", () => {
  const { pass, state, isAwake } = makeGuard();
  pass(10, false);
  expect([state.samples, isAwake()]).toEqual([0, false]);
});

test("the guard samples once a second while clients send, and sleeps two samples later", () => {
  const { pass, state, isAwake } = makeGuard();
  pass(10, true);
  expect(state.samples).toBe(10);
  pass(10, false);
  expect([state.samples, isAwake()]).toEqual([11, false]);
});

test("shortage and its end are applied step by step and logged once each", () => {
  const { guard, pass, state, isAwake } = makeGuard();
  state.availableMib = 2;
  pass(20, true);
  expect(guard.step).toBe(Step.LOGONS);
  expect(state.lines).toEqual([
    "memory is short (2 of 64 MiB available): clients are served with less of it, and slower",
  ]);
  state.availableMib = 40;
  pass(40, true);
  expect(state.steps).toEqual([1, 2, 3, 4, 3, 2, 1, 0]);
  expect(state.lines[1]).toMatch(/^memory is no longer short, after \d+ s$/);
  pass(5, false);
  expect(isAwake()).toBe(false);
});

test("a step is taken back although nobody sends anything any more", () => {
  const { guard, pass, state, isAwake } = makeGuard();
  state.availableMib = 2;
  pass(20, true);
  state.availableMib = 40;
  pass(1, true);
  pass(40, false);
  expect([guard.step, isAwake()]).toEqual([Step.NONE, false]);
});

test("where memory stays short an idle server is not woken up", () => {
  const { guard, pass, state, isAwake } = makeGuard();
  state.availableMib = 2;
  pass(20, true);
  pass(5, false);
  expect([guard.step, isAwake()]).toEqual([Step.LOGONS, false]);
});

test("a guard that was stopped samples no more", () => {
  const { guard, pass, state, isAwake } = makeGuard();
  pass(2, true);
  guard.stop();
  pass(5, true);
  expect([state.samples, isAwake()]).toEqual([2, false]);
});
