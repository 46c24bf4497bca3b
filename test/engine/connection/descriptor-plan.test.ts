// How descriptors are shared out at several limits.
import { expect, test } from "bun:test";
import { leastDescriptors, planDescriptors } from "../../../src/engine/connection/descriptor-plan.ts";

const USED = 10;

test.each([64, 128, 256, 1024, 4096, 20_000, 524_288])("%d descriptors are never planned twice", (limit) => {
  const plan = planDescriptors(limit, USED, 256, 32);
  const { connections = 0, forOpens = 0, connectionsPerAddress = 0 } = plan ?? {};
  expect(connections).toBeGreaterThanOrEqual(8);
  expect(connections).toBeLessThanOrEqual(256);
  expect(connectionsPerAddress).toBeLessThan(connections);
  expect(forOpens).toBeGreaterThanOrEqual(limit / 4);
  // Two workers and the look-ups under way.
  expect(USED + connections + forOpens + 16).toBeLessThanOrEqual(limit);
});

test("the options bound the plan where there are descriptors enough", () => {
  const plan = planDescriptors(524_288, USED, 500, 500);
  expect(plan?.connections).toBe(500);
  expect(plan?.connectionsPerAddress).toBe(500);
});

test("too few descriptors have no plan, and the least number has one", () => {
  expect(planDescriptors(32, USED, 256, 32)).toBeUndefined();
  const least = leastDescriptors(USED);
  expect(planDescriptors(least, USED, 256, 32)).toBeDefined();
  expect(planDescriptors(least - 1, USED, 256, 32)).toBeUndefined();
  expect(least).toBeLessThanOrEqual(64);
});
