// How short memory is, from samples: steps up while it is short, back after comfort. Time is the test's.
import { expect, test } from "bun:test";
import { type MemorySample, Pressure, Step, budgetAt } from "../../../src/engine/pressure/pressure.ts";

const MIB = 1024 * 1024;
const SECOND_MS = 1_000;

class Machine {
  readonly pressure = new Pressure();
  private ms = 50_000;
  private faults = 1_000;
  private readonly totalMib: number;

  constructor(totalMib = 64) {
    this.totalMib = totalMib;
  }

  /** Seconds of samples with that much available and so many major faults in each; returns the step then. */
  pass(seconds: number, availableMib: number, faults = 0, more: Partial<MemorySample> = {}): Step {
    for (let second = 0; second < seconds; second++) {
      this.ms += SECOND_MS;
      this.faults += faults;
      this.pressure.note(this.ms, {
        totalBytes: this.totalMib * MIB,
        availableBytes: availableMib * MIB,
        majorFaults: this.faults,
        isStalled: false,
        ...more,
      });
    }
    return this.pressure.step;
  }

  wait(ms: number, faults: number): void {
    this.ms += ms;
    this.faults += faults;
  }
}

test("enough memory takes no step", () => {
  expect(new Machine().pass(100, 20, 50)).toBe(Step.NONE);
});

test("a single short sample takes no step", () => {
  const machine = new Machine();
  expect(machine.pass(1, 2)).toBe(Step.NONE);
  expect(machine.pass(10, 20)).toBe(Step.NONE);
});

test("short memory takes one step a second, log-ons are refused five seconds after the caches went", () => {
  const machine = new Machine();
  expect(machine.pass(2, 2)).toBe(Step.CREDITS);
  expect(machine.pass(1, 2)).toBe(Step.BUFFERS);
  expect(machine.pass(1, 2)).toBe(Step.CACHES);
  expect(machine.pass(4, 2)).toBe(Step.CACHES);
  expect(machine.pass(1, 2)).toBe(Step.LOGONS);
  expect(machine.pass(20, 2)).toBe(Step.LOGONS);
});

test("each step is taken back after five seconds of comfort", () => {
  const machine = new Machine();
  machine.pass(20, 2);
  expect(machine.pass(5, 20)).toBe(Step.LOGONS);
  expect(machine.pass(1, 20)).toBe(Step.CACHES);
  expect(machine.pass(5, 20)).toBe(Step.BUFFERS);
  expect(machine.pass(10, 20)).toBe(Step.NONE);
});

test("between short and comfort the step stays", () => {
  const machine = new Machine();
  machine.pass(3, 2);
  expect(machine.pass(60, 6)).toBe(Step.BUFFERS);
  expect(machine.pressure.isEasing).toBe(false);
  machine.pass(4, 20);
  expect(machine.pressure.isEasing).toBe(true);
  machine.pass(1, 6);
  expect(machine.pass(5, 20)).toBe(Step.BUFFERS);
});

test("major faults and the kernel's report are shortage, whatever is available", () => {
  expect(new Machine().pass(4, 40, 400)).toBeGreaterThan(Step.NONE);
  expect(new Machine().pass(4, 40, 0, { isStalled: true })).toBe(Step.CACHES);
});

test("log-ons are refused for lack of memory alone, not for faults or stalls", () => {
  const machine = new Machine();
  expect(machine.pass(60, 40, 400, { isStalled: true })).toBe(Step.CACHES);
  expect(machine.pass(4, 2)).toBe(Step.CACHES);
  expect(machine.pass(2, 2)).toBe(Step.LOGONS);
  expect(machine.pass(7, 40, 400)).toBe(Step.CACHES);
});

test("faults before the first sample, and since one long ago, do not count", () => {
  const machine = new Machine();
  expect(machine.pass(1, 40, 100_000)).toBe(Step.NONE);
  for (let round = 0; round < 5; round++) {
    machine.wait(60_000, 100_000);
    expect(machine.pass(1, 40)).toBe(Step.NONE);
  }
});

test("on a large machine less than 64 MiB is short, not a sixteenth", () => {
  expect(new Machine(24_000).pass(10, 200)).toBe(Step.NONE);
  expect(new Machine(24_000).pass(10, 60)).toBeGreaterThan(Step.NONE);
});

test("the budget is halved with each step up to the caches, never below a mebibyte", () => {
  const steps = [Step.NONE, Step.CREDITS, Step.BUFFERS, Step.CACHES, Step.LOGONS];
  expect(steps.map((step) => budgetAt(step, 16 * MIB) / MIB)).toEqual([16, 8, 4, 2, 2]);
  expect(steps.map((step) => budgetAt(step, 4 * MIB) / MIB)).toEqual([4, 2, 1, 1, 1]);
  expect(budgetAt(Step.CACHES, 100_000)).toBe(100_000);
});
