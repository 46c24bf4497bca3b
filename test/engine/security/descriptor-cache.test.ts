// The cache of security descriptors.
import { expect, test } from "bun:test";
import { DescriptorCache } from "../../../src/engine/security/descriptor-cache.ts";
import { EMPTY } from "../../../src/wire/cursor.ts";
import type { SecurityDescriptor } from "../../../src/wire/security/security-descriptor.ts";

const DESCRIPTOR: SecurityDescriptor = {
  control: 0,
  owner: undefined,
  group: undefined,
  dacl: null,
  sacl: undefined,
};
const at = (changeSeconds: number, changeNanoseconds = 0) => ({ changeSeconds, changeNanoseconds });

test("finds a descriptor as long as the change time is the same", () => {
  const cache = new DescriptorCache(8, () => 100);
  cache.remember("a", at(50, 7), DESCRIPTOR);
  cache.remember("b", at(50), undefined);
  expect(cache.find("a", at(50, 7))?.descriptor).toBe(DESCRIPTOR);
  expect(cache.find("b", at(50))).toMatchObject({ descriptor: undefined });
  expect(cache.find("c", at(50))).toBeUndefined();
  expect(cache.find("a", at(50, 8))).toBeUndefined();
  expect(cache.find("a", at(50, 7))).toBeUndefined();
});

test("does not cache a descriptor that changed less than 3 seconds ago", () => {
  let now = 52;
  const cache = new DescriptorCache(8, () => now);
  cache.remember("a", at(50), DESCRIPTOR);
  // A file server whose clock is ahead.
  cache.remember("a", at(60), DESCRIPTOR);
  expect(cache.size).toBe(0);
  now = 53;
  cache.remember("a", at(50), DESCRIPTOR);
  expect(cache.size).toBe(1);
});

test("drops a changed descriptor, and does not cache one with more than 64 ACEs", () => {
  const cache = new DescriptorCache(8, () => 100);
  cache.remember("a", at(1), DESCRIPTOR);
  cache.forget("a");
  const ace = {
    type: 0,
    flags: 0,
    mask: 1,
    sid: { authority: 1, subAuthorities: [0] },
    applicationData: EMPTY,
  };
  const dacl = { revision: 2, aces: Array.from({ length: 65 }, () => ace) };
  cache.remember("b", at(1), { ...DESCRIPTOR, dacl });
  expect(cache.size).toBe(0);
});

test("drops the oldest entry at its limit", () => {
  const cache = new DescriptorCache(2, () => 100);
  for (const key of ["a", "b", "c"]) cache.remember(key, at(1), DESCRIPTOR);
  expect(cache.size).toBe(2);
  expect(cache.find("a", at(1))).toBeUndefined();
  expect(cache.find("c", at(1))).toBeDefined();
});
