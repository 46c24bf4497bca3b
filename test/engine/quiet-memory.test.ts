// Memory goes back in steps, and compiled code only after much work.
import { afterEach, beforeEach, expect, type Mock, spyOn, test } from "bun:test";
import { QuietMemory } from "../../src/engine/quiet-memory.ts";

let shrink: Mock<() => void>;
let drops = 0;
let quiet: QuietMemory;

beforeEach(() => {
  shrink = spyOn(Bun, "shrink").mockImplementation(() => {});
  drops = 0;
  quiet = new QuietMemory({ drop: () => drops++ });
});
afterEach(() => {
  quiet.stop();
  shrink.mockRestore();
});

/** Returns the number of steps until everything is given back. */
function settle(): number {
  let steps = 0;
  for (; !quiet.isDone; steps++) quiet.advance(false);
  return steps;
}

test("a server that has served nobody has nothing to give back", () => {
  expect(settle()).toBe(0);
});

test("after a few messages the caches are dropped, and the compiled code stays", () => {
  for (let i = 0; i < 20; i++) quiet.disturb();
  expect([settle(), drops, shrink.mock.calls.length]).toEqual([1, 1, 0]);
});

test("after many messages the compiled code is dropped, too, in two steps", () => {
  for (let i = 0; i < 5_000; i++) quiet.disturb();
  expect([settle(), drops, shrink.mock.calls.length]).toEqual([3, 1, 2]);
  quiet.disturb();
  expect([settle(), drops, shrink.mock.calls.length]).toEqual([1, 2, 2]);
});

test("a message begins the steps again", () => {
  for (let i = 0; i < 5_000; i++) quiet.disturb();
  quiet.advance(false);
  quiet.advance(false);
  quiet.disturb();
  expect([settle(), drops, shrink.mock.calls.length]).toEqual([3, 2, 3]);
});
