import { expect, test } from "bun:test";
import { VolumeCache } from "../../../../src/engine/vfs/local/volume-cache.ts";
import type { VolumeInfo } from "../../../../src/engine/vfs/store.ts";

const info = (freeBytes: number): VolumeInfo => ({ freeBytes }) as VolumeInfo;

test("an answer counts again for the time, for its disk alone", async () => {
  let nowMs = 0;
  let asked = 0;
  const cache = new VolumeCache(10, () => nowMs);
  const ask = () => Promise.resolve(info(++asked));
  expect(await cache.get(1, ask)).toEqual(info(1));
  nowMs = 9999;
  expect(await cache.get(1, ask)).toEqual(info(1));
  expect(await cache.get(2, ask)).toEqual(info(2));
  nowMs = 10_000;
  expect(await cache.get(1, ask)).toEqual(info(3));
});

test("without a time every question is asked, and a failure is asked again", async () => {
  let asked = 0;
  const always = new VolumeCache(0, () => 0);
  for (let i = 0; i < 3; i++) await always.get(1, () => info(++asked));
  expect(asked).toBe(3);
  const kept = new VolumeCache(10, () => 0);
  expect(await kept.get(1, () => -5 as never)).toBe(-5 as never);
  expect(await kept.get(1, () => info(7))).toEqual(info(7));
});
