// The throttle bounds the rate of guesses, never stops a known pair of address and user for the sake of others,
// and uses bounded memory. The tests set the clock.
import { describe, expect, test } from "bun:test";
import {
  KNOWN_MS,
  LogonThrottle,
  MAX_KNOWN_PAIRS,
  SLOTS_IN_ALL,
  SLOTS_PER_ADDRESS,
  SLOTS_PER_PAIR,
  SLOTS_PER_USER,
} from "../../../src/engine/logon/logon-throttle.ts";

const HERE = "192.0.2.1";
const THERE = "192.0.2.2";
const HOLD_MS = 2_000;

function createThrottle() {
  const clock = { ms: 1_000 };
  return {
    clock,
    throttle: new LogonThrottle(
      () => clock.ms,
      () => HOLD_MS,
    ),
  };
}

/** Makes attempts that fail at once; returns how many passwords were checked. */
function guess(
  throttle: LogonThrottle,
  times: number,
  who: (index: number) => [address: string, user: string],
) {
  let checked = 0;
  for (let i = 0; i < times; i++) {
    const slot = throttle.begin(...who(i));
    if (slot === undefined) continue;
    checked++;
    throttle.end(slot, "failed");
  }
  return checked;
}

function prove(throttle: LogonThrottle, address: string, user: string): void {
  const slot = throttle.begin(address, user);
  if (slot === undefined) throw new Error("no slot");
  expect(throttle.end(slot, "proven")).toBe(0);
}

describe("failures keep their slots for the hold time", () => {
  test("of one pair of address and user", () => {
    const { clock, throttle } = createThrottle();
    expect(guess(throttle, 100, () => [HERE, "ann"])).toBe(SLOTS_PER_PAIR);
    clock.ms += HOLD_MS - 1;
    expect(throttle.begin(HERE, "ANN")).toBeUndefined();
    clock.ms += 1;
    expect(guess(throttle, 100, () => [HERE, "ann"])).toBe(SLOTS_PER_PAIR);
  });

  test("of one address, whatever the names", () => {
    const { throttle } = createThrottle();
    expect(guess(throttle, 100, (index) => [HERE, `user${index}`])).toBe(SLOTS_PER_ADDRESS);
    expect(throttle.begin(THERE, "bob")).toBeDefined();
  });

  test("of one user, from whatever addresses", () => {
    const { throttle } = createThrottle();
    expect(guess(throttle, 100, (index) => [`192.0.2.${index}`, "ann"])).toBe(SLOTS_PER_USER);
    expect(throttle.begin(THERE, "bob")).toBeDefined();
  });

  test("of the whole server", () => {
    const { throttle } = createThrottle();
    expect(guess(throttle, 1_000, (index) => [`a${index}`, `user${index}`])).toBe(SLOTS_IN_ALL);
  });
});

test("an attempt in progress counts like a failure, and not after it has ended otherwise", () => {
  const { throttle } = createThrottle();
  const slots = Array.from({ length: SLOTS_PER_PAIR }, () => throttle.begin(HERE, "ann"));
  expect(throttle.begin(HERE, "ann")).toBeUndefined();
  for (const slot of slots) if (slot !== undefined) expect(throttle.end(slot, "undecided")).toBe(0);
  expect(throttle.size).toBe(0);
  expect(throttle.begin(HERE, "ann")).toBeDefined();
});

test("a failure is answered when the hold time has passed since the start of its check", () => {
  const { clock, throttle } = createThrottle();
  const slot = throttle.begin(HERE, "ann");
  clock.ms += 500;
  expect(slot && throttle.end(slot, "failed")).toBe(HOLD_MS - 500);
  const slow = throttle.begin(HERE, "ann");
  clock.ms += HOLD_MS;
  expect(slow && throttle.end(slow, "failed")).toBe(0);
});

test("a thousand guesses of many names from one address take more than two minutes", () => {
  const { clock, throttle } = createThrottle();
  const startMs = clock.ms;
  for (let done = 0; done < 1_000; clock.ms += 100) {
    done += guess(throttle, 50, (index) => [HERE, `user${index}`]);
  }
  expect(clock.ms - startMs).toBeGreaterThan(120_000);
});

describe("a right password is checked at once", () => {
  test("while one client at the same address fails all the time", () => {
    const { clock, throttle } = createThrottle();
    for (let i = 0; i < 1_000; i++, clock.ms += 10) {
      throttle.begin(HERE, "phone");
      guess(throttle, 10, () => [HERE, "phone"]);
      if (i % 50 === 0) prove(throttle, HERE, `user${i % 3}`);
    }
  });

  test("of a pair that succeeded lately, while its address, its user and the server have no slot left", () => {
    const { throttle } = createThrottle();
    prove(throttle, HERE, "ann");
    guess(throttle, 100, (index) => [HERE, `user${index}`]);
    guess(throttle, 100, (index) => [`a${index}`, "ann"]);
    guess(throttle, 1_000, (index) => [`b${index}`, `user${index}`]);
    expect(throttle.begin(HERE, "bob")).toBeUndefined();
    expect(throttle.begin("192.0.2.9", "ann")).toBeUndefined();
    for (let i = 0; i < 100; i++) prove(throttle, HERE, "Ann");
    expect(guess(throttle, 100, () => [HERE, "ann"])).toBe(SLOTS_PER_PAIR);
  });
});

test("failures of a known pair take no slot of others", () => {
  const { throttle } = createThrottle();
  for (let i = 0; i < SLOTS_PER_ADDRESS; i++) prove(throttle, HERE, `user${i}`);
  guess(throttle, 1_000, (index) => [HERE, `user${index % SLOTS_PER_ADDRESS}`]);
  prove(throttle, HERE, "ann");
});

test("a guest's log-on and the passage of time make no known pair", () => {
  const { clock, throttle } = createThrottle();
  const guest = throttle.begin(HERE, "ann");
  if (guest !== undefined) throttle.end(guest, "granted");
  prove(throttle, THERE, "ann");
  clock.ms += KNOWN_MS;
  guess(throttle, 100, (index) => [HERE, `user${index}`]);
  guess(throttle, 100, (index) => [THERE, `user${index}`]);
  expect(throttle.begin(HERE, "ann")).toBeUndefined();
  expect(throttle.begin(THERE, "ann")).toBeUndefined();
});

test("a hundred thousand names and addresses do not exceed the table limits", () => {
  const { clock, throttle } = createThrottle();
  for (let i = 0; i < 100_000; i++, clock.ms++) {
    guess(throttle, 1, () => [`2001:db8:0:${i.toString(16)}::/64`, `user${i}`]);
    expect(throttle.size).toBeLessThanOrEqual(4 * SLOTS_IN_ALL);
  }
  for (let i = 0; i < 2 * MAX_KNOWN_PAIRS; i++, clock.ms += HOLD_MS) prove(throttle, `a${i}`, "mallory");
  expect(throttle.size).toBeLessThanOrEqual(MAX_KNOWN_PAIRS + 4 * SLOTS_IN_ALL);
});
