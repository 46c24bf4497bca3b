// When calls that may touch a disk are made on the event loop; the devices are those of this machine.
import { expect, test } from "bun:test";
import { readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { BlockActivity } from "../../../../src/engine/vfs/volume/block-activity.ts";
import { VolumeHealth } from "../../../../src/engine/vfs/volume/health.ts";

/** dev_t as the store has it: major times 2^20 and minor. */
function deviceOf(path: string): number {
  const { dev } = statSync(path);
  return ((dev >> 8) & 0xfff) * 0x10_0000 + ((dev & 0xff) | ((dev >> 12) & 0xfff00));
}

const places = [tmpdir(), import.meta.dir].filter((path) => deviceOf(path) >= 0x10_0000);
const disk = deviceOf(places[0] ?? tmpdir());
/** A device of which the kernel counts nothing: what other programs do to this machine's disk changes no answer. */
const UNCOUNTED = 0;
const hasDisk = disk >= 0x10_0000 && BlockActivity.of(disk) !== undefined;

test("memory is always answered on the loop, a network or a process never", () => {
  const memory = new VolumeHealth(deviceOf("/dev/shm"));
  expect([memory.isMemory, memory.isRemote]).toEqual([true, false]);
  expect([memory.isResponsive(0), memory.isHealthy(0)]).toEqual([true, true]);
});

test.if(hasDisk)("a disk that may rest is asked elsewhere until it is seen to work", () => {
  const health = new VolumeHealth(disk);
  if (BlockActivity.of(disk)?.canSpinDown() !== true) {
    expect(health.isResponsive(performance.now())).toBe(true);
    return;
  }
  expect(health.isResponsive(performance.now())).toBe(false);
  // What is in memory may be asked all the same.
  expect(health.isHealthy(performance.now())).toBe(true);
  health.noteAwake();
  expect(health.isResponsive(performance.now())).toBe(true);
  expect(health.isResponsive(performance.now() + 60_000)).toBe(false);
});

test("a disk that does none of its work is suspected, and trusted when it goes on", () => {
  const health = new VolumeHealth(UNCOUNTED);
  health.noteAwake();
  const now = performance.now();
  health.beginWork();
  health.beginWork();
  expect(health.isSuspect(now + 5)).toBe(false);
  expect(health.isSuspect(now + 100)).toBe(true);
  expect(health.isResponsive(now + 100)).toBe(false);
  health.endWork();
  expect(health.isSuspect(performance.now() + 5)).toBe(false);
  health.endWork();
  expect(health.isSuspect(performance.now() + 10_000)).toBe(false);
});

test("a call that took long for want of a processor is not slow, one that waited is", () => {
  const health = new VolumeHealth(UNCOUNTED);
  health.noteAwake();
  const started = performance.now() - 20;
  // The first is a warning: what the thread waits for is counted from here on.
  health.noteCall(started, health.countWaits(performance.now()));
  const waits = health.countWaits(performance.now());
  expect(waits).toBeGreaterThanOrEqual(0);
  health.noteCall(started, waits);
  expect(health.isResponsive(performance.now())).toBe(true);
  health.noteCall(started, waits + 1);
  expect(health.isResponsive(performance.now())).toBe(false);
  expect(health.isResponsive(performance.now() + 1_000)).toBe(true);
});

test.if(hasDisk)("what the kernel counts tells that a disk has worked", async () => {
  const activity = BlockActivity.of(disk) as BlockActivity;
  const now = performance.now();
  // The first look has nothing to compare with.
  expect(activity.check(now, true)).toBe(false);
  const file = `${places[0]}/minismbd-activity`;
  await Bun.write(file, readFileSync(import.meta.path));
  await Bun.$`sync -f ${file} && rm ${file}`;
  expect(activity.check(now + 50, false)).toBe(false);
  expect(activity.check(now + 50, true)).toBe(true);
  expect(activity.isStalled(now + 60)).toBe(false);
  expect(BlockActivity.of(0)).toBeUndefined();
});
