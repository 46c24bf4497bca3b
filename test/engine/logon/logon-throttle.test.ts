// The throttle slows down password guessing, locks no user out and uses bounded memory. The tests set the
// clock.
import { describe, expect, test } from "bun:test";
import { LogonGates, MAX_WAITING_LOGONS } from "../../../src/engine/logon/logon-gate.ts";
import {
  EXPIRY_MS,
  FREE_FAILURES,
  LogonThrottle,
  MAX_ADDRESS_DELAY_MS,
  MAX_QUEUE_MS,
  MAX_ENTRIES,
  MAX_USER_DELAY_MS,
} from "../../../src/engine/logon/logon-throttle.ts";

const HERE = "192.0.2.1";
const THERE = "192.0.2.2";

function createClock() {
  const clock = { ms: 1_000 };
  return { clock, throttle: new LogonThrottle(() => clock.ms) };
}

/**
 * Makes failing attempts one after the other, each after its delay; returns the milliseconds that they took.
 */
function guess(clock: { ms: number }, throttle: LogonThrottle, address: string, user: string, times: number) {
  const from = clock.ms;
  for (let i = 0; i < times; i++) {
    const delay = throttle.delayMs(address, user);
    if (delay === undefined) throw new Error("refused");
    clock.ms += delay;
    throttle.failed(address, user);
  }
  return clock.ms - from;
}

describe("the throttle", () => {
  test("the first failures have no delay, then the delay grows up to a limit", () => {
    const { clock, throttle } = createClock();
    expect(guess(clock, throttle, HERE, "ann", FREE_FAILURES)).toBe(0);
    const delays = Array.from({ length: 10 }, () => guess(clock, throttle, HERE, "ann", 1));
    expect(delays[0]).toBeGreaterThan(0);
    for (let i = 1; i < delays.length; i++) {
      expect(delays[i]).toBeGreaterThanOrEqual(delays[i - 1] ?? 0);
    }
    expect(delays.at(-1)).toBe(MAX_ADDRESS_DELAY_MS);
  });

  test("a thousand guesses from one address, each with another name, take more than an hour", () => {
    const { clock, throttle } = createClock();
    let took = 0;
    for (let i = 0; i < 1_000; i++) took += guess(clock, throttle, HERE, `user${i}`, 1);
    expect(took).toBeGreaterThan(3_600_000);
  });

  test("simultaneous attempts of one address queue, and are refused beyond the queue limit", () => {
    const { throttle } = createClock();
    const delays = Array.from({ length: 1_000 }, () => throttle.delayMs(HERE, "ann"));
    const made = delays.filter((delay) => delay !== undefined);
    expect(made.length).toBeLessThan(20);
    expect(Math.max(...made)).toBeLessThanOrEqual(MAX_QUEUE_MS);
    expect(delays.at(-1)).toBeUndefined();
  });

  test("other users are not delayed, and the attacked user has a short delay but is never refused", () => {
    const { clock, throttle } = createClock();
    guess(clock, throttle, HERE, "ann", 50);
    expect(throttle.delayMs(THERE, "bob")).toBe(0);
    expect(throttle.delayMs(THERE, "ann")).toBe(MAX_USER_DELAY_MS);
    for (let i = 0; i < 200; i++) throttle.delayMs(HERE, "ann");
    expect(throttle.delayMs("192.0.2.3", "ANN")).toBe(MAX_USER_DELAY_MS);
  });

  test("a success clears the failures of the user, but not those of the address", () => {
    const { clock, throttle } = createClock();
    guess(clock, throttle, HERE, "ann", 20);
    throttle.delayMs(HERE, "mallory");
    throttle.succeeded(HERE, "mallory");
    clock.ms += MAX_QUEUE_MS;
    throttle.delayMs(THERE, "ann");
    throttle.succeeded(THERE, "ann");
    expect(throttle.delayMs(THERE, "ann")).toBe(0);
    throttle.delayMs(HERE, "bob");
    expect(throttle.delayMs(HERE, "carol")).toBe(MAX_ADDRESS_DELAY_MS);
  });

  test("a user who never fails is not delayed and leaves no entry", () => {
    const { throttle } = createClock();
    for (let i = 0; i < 1_000; i++) {
      expect(throttle.delayMs(HERE, "ann")).toBe(0);
      throttle.succeeded(HERE, "ann");
    }
    expect(throttle.size).toBe(0);
  });

  test("failures expire", () => {
    const { clock, throttle } = createClock();
    guess(clock, throttle, HERE, "ann", 20);
    clock.ms += EXPIRY_MS;
    expect(throttle.delayMs(HERE, "ann")).toBe(0);
  });

  test("a hundred thousand names and addresses do not exceed the table limits", () => {
    const { throttle } = createClock();
    for (let i = 0; i < 100_000; i++) {
      throttle.delayMs(`2001:db8::${i.toString(16)}`, `user${i}`);
      throttle.failed(`2001:db8::${i.toString(16)}`, `user${i}`);
    }
    expect(throttle.size).toBeLessThanOrEqual(2 * MAX_ENTRIES);
  });
});

describe("the gate", () => {
  test("admits at once, admits after a delay, or refuses", async () => {
    const { clock, throttle } = createClock();
    const timers: [number, () => void][] = [];
    const gates = new LogonGates(throttle, (delayMs, callback) => timers.push([delayMs, callback]));
    const here = gates.forAddress(HERE);
    for (let i = 0; i < FREE_FAILURES; i++) {
      expect(here.admit("ann")).toBe(true);
      here.failed("ann");
    }
    const waiting = here.admit("ann");
    expect(waiting).toBeInstanceOf(Promise);
    expect(timers.length).toBe(1);
    expect(timers[0]?.[0]).toBeGreaterThan(0);
    timers[0]?.[1]();
    expect(await waiting).toBe(true);
    here.failed("ann");
    const answers = Array.from({ length: 100 }, () => here.admit("ann"));
    expect(answers.at(-1)).toBe(false);
    clock.ms += 1;
    expect(gates.forAddress(THERE).admit("bob")).toBe(true);
  });

  test("the number of waiting attempts is bounded, and one that ends makes room for another", async () => {
    const { throttle } = createClock();
    const timers: (() => void)[] = [];
    const gates = new LogonGates(throttle, (_delayMs, callback) => timers.push(callback));
    for (let i = 0; i < 30; i++) throttle.failed("192.0.2.9", "ann");
    const tries = Array.from({ length: MAX_WAITING_LOGONS + 1 }, (_, i) =>
      gates.forAddress(`a${i}`).admit("ann"),
    );
    expect(tries.at(-2)).toBeInstanceOf(Promise);
    expect(tries.at(-1)).toBe(false);
    timers[0]?.();
    expect(await tries[0]).toBe(true);
    expect(gates.forAddress("late").admit("ann")).toBeInstanceOf(Promise);
  });
});
