// Counts of opens by user, and the limits that refuse another one.
import { describe, expect, test } from "bun:test";
import { DESCRIPTOR_LIMIT, type OpenLimits, OpenUsage } from "../../../src/engine/state/open-usage.ts";

const LIMITS: OpenLimits = { perSession: 1000, perUser: 1000, total: 1000, descriptors: 100 };

/** Opens files with two descriptors until the limits refuse; returns how many. */
function openAll(usage: OpenUsage, user: string, limits = LIMITS): number {
  let count = 0;
  for (; usage.refusalOf(user, count, 2, limits) === undefined; count++) usage.add(user, 2);
  return count;
}

describe("descriptors", () => {
  test("one user gets two thirds, and each further user a part of the rest", () => {
    const usage = new OpenUsage();
    expect(openAll(usage, "anna")).toBe(33);
    expect(openAll(usage, "bert")).toBe(11);
    expect(openAll(usage, "carl")).toBeGreaterThan(0);
    expect(usage.refusalOf("anna", 0, 2, LIMITS)).toBe(DESCRIPTOR_LIMIT);
  });

  test("a user without any open may have one as long as there are descriptors", () => {
    const usage = new OpenUsage();
    for (let user = 0; user < 49; user++) usage.add(`user ${user}`, 2);
    expect(usage.refusalOf("last", 0, 2, LIMITS)).toBeUndefined();
    usage.add("last", 2);
    expect(usage.refusalOf("late", 0, 2, LIMITS)).toBe(DESCRIPTOR_LIMIT);
  });

  test("closed files can be opened again, and nothing is left when all are closed", () => {
    const usage = new OpenUsage();
    const count = openAll(usage, "anna");
    for (let index = 0; index < count; index++) usage.remove("anna", 2);
    expect(usage.count).toBe(0);
    expect(openAll(usage, "anna")).toBe(count);
  });

  test("a pipe, which has no descriptor, is not refused for want of descriptors", () => {
    const usage = new OpenUsage();
    openAll(usage, "anna");
    expect(usage.refusalOf("anna", 0, 0, LIMITS)).toBeUndefined();
  });
});

test("each option is named when it refuses", () => {
  const usage = new OpenUsage();
  for (let index = 0; index < 3; index++) usage.add("anna", 0);
  const refusal = (changes: Partial<OpenLimits>) => usage.refusalOf("anna", 3, 0, { ...LIMITS, ...changes });
  expect(refusal({ perSession: 3 })).toBe("max open files");
  expect(refusal({ perUser: 3 })).toBe("max user open files");
  expect(refusal({ total: 3 })).toBe("max total open files");
  expect(refusal({})).toBeUndefined();
});
