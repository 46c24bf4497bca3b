// Computations in steps.
import { expect, test } from "bun:test";
import { doAtOnce, doInTurns, type Steps } from "../../src/loop/steps.ts";

function* count(steps: number, step: () => void): Steps<number> {
  for (let i = 0; i < steps; i++) {
    step();
    yield;
  }
  return steps;
}

test("doAtOnce returns what the steps return", () => {
  let done = 0;
  expect(doAtOnce(count(5, () => done++))).toBe(5);
  expect(done).toBe(5);
});

test("doInTurns lets other work have its turn between steps, and throws what they throw", async () => {
  let others = 0;
  let isOver = false;
  const other = (): void => {
    others++;
    if (!isOver) setImmediate(other);
  };
  setImmediate(other);
  const busyMs = (): void => {
    for (const end = performance.now() + 2; performance.now() < end;);
  };
  expect(await doInTurns(count(20, busyMs))).toBe(20);
  isOver = true;
  expect(others).toBeGreaterThan(5);
  const broken = count(1, () => {
    throw new Error("a bug");
  });
  await expect(doInTurns(broken)).rejects.toThrow("a bug");
});
