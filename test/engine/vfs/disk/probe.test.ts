// Reading a block device past all caches: a loop device on an image, which only root can make.
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BlockActivity } from "../../../../src/engine/vfs/volume/block-activity.ts";
import { probeDevice } from "../../../../src/engine/vfs/disk/probe.ts";
import type { ShareContext } from "../../../../src/engine/vfs/context/share-context.ts";
import { Errno } from "../../../../src/linux/errno.ts";

const context = undefined as unknown as ShareContext;

test.if(process.getuid?.() === 0)("a probe reads from the disk and shows as block activity", async () => {
  const directory = mkdtempSync(join(tmpdir(), "minismbd-probe-"));
  await Bun.$`truncate -s 1M ${directory}/image`;
  const file = (await Bun.$`losetup -f --show ${directory}/image`.text()).trim();
  try {
    const { rdev } = statSync(file);
    const activity = BlockActivity.of(((rdev >> 8) & 0xfff) * 0x10_0000 + (rdev & 0xff));
    expect(activity?.deviceFile).toBe(file);
    const now = performance.now();
    activity?.check(now, true);
    expect(activity?.check(now + 50, true)).toBe(false);
    expect(probeDevice(context, file)).toBe(0);
    expect(activity?.check(now + 100, true)).toBe(true);
  } finally {
    await Bun.$`losetup -d ${file}`;
    rmSync(directory, { recursive: true });
  }
});

test("a missing file or one that is not a block device fails", () => {
  expect(probeDevice(context, "/dev/there-is-no-such-disk")).toBe(-Errno.ENOENT);
  expect(probeDevice(context, "/proc")).toBeLessThan(0);
});
