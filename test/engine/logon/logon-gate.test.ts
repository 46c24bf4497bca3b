// The gate answers right passwords at once, holds back answers to failures, and lets a bounded number of attempts
// wait for a slot. Time is the test's.
import { describe, expect, test } from "bun:test";
import {
  type LogonAttempt,
  LogonGates,
  MAX_WAIT_MS,
  MAX_WAITING_LOGONS,
  MAX_WAITING_PER_ADDRESS,
} from "../../../src/engine/logon/logon-gate.ts";
import {
  LogonThrottle,
  SLOTS_IN_ALL,
  SLOTS_PER_ADDRESS,
  SLOTS_PER_PAIR,
} from "../../../src/engine/logon/logon-throttle.ts";

const HERE = "192.0.2.1";
const HOLD_MS = 2_000;

function createGates() {
  const clock = { ms: 1_000 };
  let timers: { atMs: number; run: () => void }[] = [];
  const gates = new LogonGates(
    new LogonThrottle(
      () => clock.ms,
      () => HOLD_MS,
    ),
    () => clock.ms,
    (delayMs, run) => timers.push({ atMs: clock.ms + delayMs, run }),
  );
  const advance = async (ms: number): Promise<void> => {
    for (const end = clock.ms + ms; ;) {
      const due = timers.filter(({ atMs }) => atMs <= end).sort((a, b) => a.atMs - b.atMs)[0];
      clock.ms = due?.atMs ?? end;
      if (due === undefined) break;
      timers = timers.filter((timer) => timer !== due);
      due.run();
      await Promise.resolve();
    }
    for (let i = 0; i < 10; i++) await Promise.resolve();
  };
  return { gates, advance };
}

/** An attempt that is admitted without waiting. */
function admitted(gates: LogonGates, address: string, user: string): LogonAttempt {
  const attempt = gates.forAddress(address).begin(user);
  if (attempt === undefined || attempt instanceof Promise) throw new Error("not admitted at once");
  return attempt;
}

/** Failures until the pair has no slot left. */
function fillPair(gates: LogonGates, address: string, user: string): void {
  for (let i = 0; i < SLOTS_PER_PAIR; i++) void admitted(gates, address, user).failed();
}

describe("the gate", () => {
  test("holds back the answer to a failure and no other", async () => {
    const { gates, advance } = createGates();
    let isAnswered = false;
    void admitted(gates, HERE, "ann")
      .failed()
      .then(() => (isAnswered = true));
    await advance(HOLD_MS - 1);
    expect(isAnswered).toBe(false);
    expect(admitted(gates, HERE, "ann").succeeded(true)).toBeUndefined();
    await advance(1);
    expect(isAnswered).toBe(true);
  });

  test("lets an attempt without a slot wait until one is free, in the order of arrival", async () => {
    const { gates, advance } = createGates();
    fillPair(gates, HERE, "ann");
    await advance(500);
    const order: number[] = [];
    for (const index of [0, 1]) {
      const waiting = gates.forAddress(HERE).begin("ann");
      expect(waiting).toBeInstanceOf(Promise);
      void Promise.resolve(waiting).then((attempt) => {
        order.push(index);
        attempt?.succeeded(true);
      });
    }
    admitted(gates, HERE, "bob").succeeded(true);
    await advance(HOLD_MS - 501);
    expect(order).toEqual([]);
    await advance(1);
    expect(order).toEqual([0, 1]);
  });

  test("passes on at once the slot of an attempt that succeeds", async () => {
    const { gates, advance } = createGates();
    const running = Array.from({ length: SLOTS_PER_PAIR }, () => admitted(gates, HERE, "ann"));
    const waiting = gates.forAddress(HERE).begin("ann");
    running[0]?.succeeded(false);
    await advance(0);
    expect(await waiting).toBeDefined();
  });

  test("refuses an attempt that gets no slot within the time", async () => {
    const { gates, advance } = createGates();
    for (let i = 0; i < SLOTS_PER_PAIR; i++) admitted(gates, HERE, "ann");
    const waiting = gates.forAddress(HERE).begin("ann");
    await advance(MAX_WAIT_MS);
    expect(await waiting).toBeUndefined();
  });

  test("bounds the attempts of one address that wait", async () => {
    const { gates } = createGates();
    fillPair(gates, HERE, "ann");
    const begun = Array.from({ length: 100 }, () => gates.forAddress(HERE).begin("ann"));
    expect(begun.filter((one) => one instanceof Promise).length).toBe(MAX_WAITING_PER_ADDRESS);
    expect(begun.at(-1)).toBeUndefined();
    admitted(gates, HERE, "bob").succeeded(true);
  });

  test("bounds the attempts that wait in all", () => {
    const { gates } = createGates();
    for (let i = 0; i < SLOTS_IN_ALL; i++)
      void admitted(gates, `a${Math.floor(i / SLOTS_PER_ADDRESS)}`, `user${i}`).failed();
    const begun = Array.from({ length: 1_000 }, (_, i) => gates.forAddress(`b${i}`).begin("ann"));
    expect(begun.filter((one) => one instanceof Promise).length).toBe(MAX_WAITING_LOGONS);
    expect(begun.at(-1)).toBeUndefined();
  });
});
