// The timers of a thread: their order, and what drives them.
import { expect, test } from "bun:test";
import { Timers } from "../../src/loop/timers.ts";

/** Timers with a clock of their own, and the runtime's one timer as the test sees it. */
function makeTimers() {
  const rig = { now: 0, armed: undefined as number | undefined, fire: () => {}, ran: [] as string[] };
  const timers = new Timers(
    () => rig.now,
    (delayMs, run) => {
      rig.armed = delayMs;
      rig.fire = run;
      return () => {
        rig.armed = undefined;
      };
    },
  );
  const add = (delayMs: number, name: string) => timers.set(delayMs, () => rig.ran.push(name));
  return { rig, timers, add };
}

test("timers run when they are due, in that order, each once", () => {
  const { rig, timers, add } = makeTimers();
  timers.setDriven(true);
  for (const delayMs of [50, 10, 40, 20, 30, 10]) add(delayMs, String(delayMs));
  expect(timers.delayMs()).toBe(10);
  timers.runDue();
  expect(rig.ran).toEqual([]);
  rig.now = 30;
  timers.runDue();
  expect(rig.ran).toEqual(["10", "10", "20", "30"]);
  rig.now = 100;
  timers.runDue();
  timers.runDue();
  expect(rig.ran).toEqual(["10", "10", "20", "30", "40", "50"]);
  expect(timers.delayMs()).toBe(-1);
});

test("a thousand timers set and cleared in any order run in the order in which they are due", () => {
  const { rig, timers } = makeTimers();
  timers.setDriven(true);
  const ran: number[] = [];
  const set = Array.from({ length: 1000 }, (_, i) => {
    const delayMs = (i * 7919) % 1009;
    return { delayMs, timer: timers.set(delayMs, () => ran.push(delayMs)) };
  });
  const kept = set.filter((_, i) => i % 3 !== 0);
  for (const [i, { timer }] of set.entries()) if (i % 3 === 0) timers.clear(timer);
  expect(timers.count).toBe(kept.length);
  rig.now = 2000;
  timers.runDue();
  expect(ran).toEqual(kept.map(({ delayMs }) => delayMs).sort((a, b) => a - b));
});

test("a cleared timer does not run; clearing it again, or one that ran, does nothing", () => {
  const { rig, timers, add } = makeTimers();
  timers.setDriven(true);
  const first = add(10, "first");
  const second = add(20, "second");
  timers.clear(first);
  timers.clear(first);
  timers.clear(undefined);
  rig.now = 20;
  timers.runDue();
  timers.clear(second);
  expect([rig.ran, timers.count]).toEqual([["second"], 0]);
});

test("the delay is rounded up, so that a wait does not end before the timer is due", () => {
  const { rig, timers, add } = makeTimers();
  add(10, "it");
  rig.now = 9.2;
  expect(timers.delayMs()).toBe(1);
  rig.now = 11;
  expect(timers.delayMs()).toBe(0);
});

test("a timer that sets one for now leaves the event loop a turn in between", () => {
  const { rig, timers } = makeTimers();
  timers.setDriven(true);
  let count = 0;
  const again = (): void => {
    count++;
    timers.set(0, again);
  };
  timers.set(0, again);
  timers.runDue();
  expect(count).toBe(1);
  timers.runDue();
  expect(count).toBe(2);
  expect(rig.armed).toBeUndefined();
});

test("without an event loop of ours one timer of the runtime waits for the earliest", () => {
  const { rig, timers, add } = makeTimers();
  add(100, "late");
  const early = add(30, "early");
  expect(rig.armed).toBe(30);
  timers.clear(early);
  expect(rig.armed).toBe(100);
  rig.now = 100;
  rig.fire();
  expect(rig.ran).toEqual(["late"]);
  timers.setDriven(true);
  add(5, "driven");
  timers.setDriven(false);
  expect(rig.armed).toBe(5);
});
