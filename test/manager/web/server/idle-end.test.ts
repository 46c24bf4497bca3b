// When the page's process ends. The clock is the tests'.
import { beforeEach, expect, test } from "bun:test";
import { Timers } from "../../../../src/loop/timers.ts";
import { IDLE_MS, IdleEnd } from "../../../../src/manager/web/server/idle-end.ts";

let nowMs: number;
let clock: Timers;
let ends: number;
let idle: IdleEnd;

beforeEach(() => {
  nowMs = 0;
  ends = 0;
  clock = new Timers(
    () => nowMs,
    () => () => {},
  );
  idle = new IdleEnd(() => ends++, clock);
});

function pass(ms: number): void {
  nowMs += ms;
  clock.runDue();
}

test("a process to which nobody connects ends after two minutes", () => {
  idle.review(0);
  pass(IDLE_MS - 1);
  expect(ends).toBe(0);
  pass(1);
  expect(ends).toBe(1);
});

test("a connection keeps it for as long as it is there, and two minutes more", () => {
  idle.review(0);
  pass(IDLE_MS - 1);
  idle.review(1);
  pass(10 * IDLE_MS);
  expect(ends).toBe(0);
  idle.review(2);
  idle.review(1);
  idle.review(0);
  pass(IDLE_MS - 1);
  expect(ends).toBe(0);
  pass(1);
  expect(ends).toBe(1);
});

test("a process that is replaced ends with its last connection, at once where there is none", () => {
  idle.review(1);
  idle.finish();
  expect(ends).toBe(0);
  idle.review(0);
  expect(ends).toBe(1);
  const other = new IdleEnd(() => ends++, clock);
  other.review(0);
  other.finish();
  expect(ends).toBe(2);
});
