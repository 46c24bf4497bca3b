// Messages that cost a client nothing are counted by the second.
import { expect, test } from "bun:test";
import { RateLimit } from "../../src/loop/rate-limit.ts";

test("admits so many within a second, and as many again in the next", () => {
  const limit = new RateLimit();
  const admitted = (nowMs: number): number =>
    Array.from({ length: 10 }, () => limit.admit(nowMs, 3)).filter(Boolean).length;
  expect(admitted(0)).toBe(3);
  expect(admitted(999)).toBe(0);
  expect(admitted(1000)).toBe(3);
  expect(admitted(60_000)).toBe(3);
});
