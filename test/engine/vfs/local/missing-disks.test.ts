import { expect, test } from "bun:test";
import { MissingDisks } from "../../../../src/engine/vfs/local/missing-disks.ts";
import type { Mount } from "../../../../src/linux/mountinfo.ts";

/** A mount table that a test changes: mount point by mount id. */
class Table {
  readonly points = new Map<number, string>([[1, "/"]]);
  readonly disks = new MissingDisks(() =>
    [...this.points].map(([mountId, mountPoint]) => ({ mountId, mountPoint }) as Mount),
  );
}

test("a directory of the root file system is served, with and without an fstab", () => {
  const { disks } = new Table();
  for (const planned of [[], ["/srv/photos"], ["/srv/pub"]]) {
    disks.plan(planned);
    expect(disks.check("/srv/public", "/srv/public", 1)).toBeUndefined();
  }
});

test("a share whose mount is gone is missing until it is mounted again", () => {
  const { points, disks } = new Table();
  points.set(2, "/mnt/usb");
  expect(disks.check("/mnt/usb/photos", "/mnt/usb/photos", 2)).toBeUndefined();
  points.delete(2);
  for (let i = 0; i < 3; i++) expect(disks.check("/mnt/usb/photos", "/mnt/usb/photos", 1)).toBe("/mnt/usb");
  points.set(3, "/mnt/usb");
  expect(disks.check("/mnt/usb/photos", "/mnt/usb/photos", 3)).toBeUndefined();
});

test("a mount point of fstab without a mount is missing, whether it was served before or not", () => {
  const { points, disks } = new Table();
  disks.plan(["/mnt/usb"]);
  expect(disks.check("/mnt/usb", "/mnt/usb", 1)).toBe("/mnt/usb");
  expect(disks.check("/srv/link", "/mnt/usb/photos", 1)).toBe("/mnt/usb");
  points.set(2, "/mnt/usb");
  expect(disks.check("/mnt/usb", "/mnt/usb", 2)).toBeUndefined();
});

test("a share's disk is known to be missing without a look at its directory", () => {
  const { points, disks } = new Table();
  disks.plan(["/mnt/planned"]);
  points.set(2, "/mnt/usb");
  disks.check("/srv/link", "/mnt/usb/photos", 2);
  expect(["/srv/link", "/mnt/planned/backups", "/srv"].map((path) => disks.isMissing(path))).toEqual([
    false,
    true,
    false,
  ]);
  points.delete(2);
  points.set(3, "/mnt/planned");
  expect(["/srv/link", "/mnt/planned/backups"].map((path) => disks.isMissing(path))).toEqual([true, false]);
  expect(new MissingDisks(() => []).isMissing("/mnt/usb")).toBe(false);
});

test("a disk mounted below or above a mount point of fstab does not count for it", () => {
  const { points, disks } = new Table();
  disks.plan(["/mnt/usb"]);
  points.set(2, "/mnt");
  expect(disks.check("/mnt/usb", "/mnt/usb", 2)).toBe("/mnt/usb");
  points.set(3, "/mnt/usb/inner");
  expect(disks.check("/mnt/usb/inner", "/mnt/usb/inner", 3)).toBe("/mnt/usb");
});

test("a share whose symbolic link leads elsewhere now is served", () => {
  const { points, disks } = new Table();
  points.set(2, "/mnt/usb");
  expect(disks.check("/srv/link", "/mnt/usb/photos", 2)).toBeUndefined();
  points.delete(2);
  expect(disks.check("/srv/link", "/home/photos", 1)).toBeUndefined();
});

test("without a mount table, or on a kernel that does not tell the mount, every share is served", () => {
  const disks = new MissingDisks(() => []);
  disks.plan(["/mnt/usb"]);
  expect(disks.check("/mnt/usb", "/mnt/usb", 0)).toBeUndefined();
  expect(new Table().disks.check("/mnt/usb", "/mnt/usb", 0)).toBeUndefined();
});
