// Which calls are made on the event loop, by the health of a volume; on the devices of this machine.
import { expect, test } from "bun:test";
import { readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { BlockActivity } from "../../../../src/engine/vfs/volume/block-activity.ts";
import { VolumeHealth } from "../../../../src/engine/vfs/volume/health.ts";

/** dev_t as `FileStat.device` has it: major * 2^20 + minor. */
function deviceOf(path: string): number {
  const { dev } = statSync(path);
  return ((dev >> 8) & 0xfff) * 0x10_0000 + ((dev & 0xff) | ((dev >> 12) & 0xfff00));
}

const diskFolders = [tmpdir(), import.meta.dir].filter((path) => deviceOf(path) >= 0x10_0000);
const disk = deviceOf(diskFolders[0] ?? tmpdir());
/** A device without I/O statistics: what other programs do to this machine's disk changes no result. */
const UNCOUNTED = 0;
const hasDisk = disk >= 0x10_0000 && BlockActivity.of(disk) !== undefined;

test("calls to a memory file system are always made on the event loop", () => {
  const memory = new VolumeHealth(deviceOf("/dev/shm"));
  expect([memory.isMemory, memory.isRemote]).toEqual([true, false]);
  expect([memory.isResponsive(0), memory.isHealthy(0)]).toEqual([true, true]);
});

test.if(hasDisk)("a disk that may be spun down is not called on the event loop until it has answered", () => {
  const health = new VolumeHealth(disk);
  if (BlockActivity.of(disk)?.canSpinDown() !== true) {
    expect(health.isResponsive(performance.now())).toBe(true);
    return;
  }
  expect(health.isResponsive(performance.now())).toBe(false);
  // Calls that find everything in memory are made all the same.
  expect(health.isHealthy(performance.now())).toBe(true);
  health.noteAwake();
  expect(health.isResponsive(performance.now())).toBe(true);
  expect(health.isResponsive(performance.now() + 60_000)).toBe(false);
});

test("a disk that completes none of its requests is suspect until it completes one", () => {
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

test("a long call counts as slow where it waited, not where it lacked processor time", () => {
  const health = new VolumeHealth(UNCOUNTED);
  health.noteAwake();
  const started = performance.now() - 20;
  // After the first long call, context switches are counted.
  health.noteCall(started, health.countWaits(performance.now()));
  const waits = health.countWaits(performance.now());
  expect(waits).toBeGreaterThanOrEqual(0);
  health.noteCall(started, waits);
  expect(health.isResponsive(performance.now())).toBe(true);
  health.noteCall(started, waits + 1);
  expect(health.isResponsive(performance.now())).toBe(false);
  expect(health.isResponsive(performance.now() + 1_000)).toBe(true);
});

test.if(hasDisk)("the kernel's I/O statistics show that a disk has worked", async () => {
  const activity = BlockActivity.of(disk) as BlockActivity;
  const now = performance.now();
  // The first check has nothing to compare with.
  expect(activity.check(now, true)).toBe(false);
  const file = `${diskFolders[0]}/minismbd-activity`;
  await Bun.write(file, readFileSync(import.meta.path));
  await Bun.$`sync -f ${file} && rm ${file}`;
  expect(activity.check(now + 50, false)).toBe(false);
  expect(activity.check(now + 50, true)).toBe(true);
  expect(activity.isStalled(now + 60)).toBe(false);
  expect(BlockActivity.of(0)).toBeUndefined();
});
