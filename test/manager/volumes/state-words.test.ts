// What is said of disks that cannot be written to or are damaged.
import { expect, test } from "bun:test";
import { parseMountinfo } from "../../../src/linux/mountinfo.ts";
import { NO_FACTS } from "../../../src/manager/volumes/facts-queue.ts";
import { describeState } from "../../../src/manager/volumes/state-words.ts";
import type { VolumeFacts } from "../../../src/manager/volumes/volume-facts.ts";

/** `options`: of the mount and of the file system. */
function words(
  fileSystem: string,
  options: readonly [string, string],
  facts: Partial<VolumeFacts> = {},
): string {
  const [mount] = parseMountinfo(`9 1 8:1 / /mnt ${options[0]} - ${fileSystem} /dev/sda1 ${options[1]}`);
  if (mount === undefined) throw new Error("no mount");
  return describeState(mount, { ...NO_FACTS, fileSystem, ...facts }) ?? "";
}

const READ_ONLY = ["ro,nosuid", "ro"] as const;

test("a disk that can be written to is not mentioned, though FAT says of itself that it is in use", () => {
  for (const kind of ["ext4", "vfat", "exfat", "ntfs3"]) expect(words(kind, ["rw", "rw"])).toBe("");
  expect(words("vfat", ["rw", "rw"], { isDirty: true })).toBe("");
});

test.each([
  [
    "ext4",
    ["rw", "rw"],
    { isDirty: true },
    "its file system has errors: repair it with umount /mnt && e2fsck -f",
  ],
  ["ext4", ["rw", "ro,errors=remount-ro"], {}, "it has become read-only, as after an error"],
  ["ext4", ["rw", "rw,emergency_ro"], {}, "because its file system has errors"],
  ["ext4", ["rw", "ro"], { isDirty: true }, "because its file system has errors"],
  ["xfs", ["rw", "rw,shutdown"], {}, "xfs_repair /dev/sda1"],
  ["ext4", READ_ONLY, {}, "it is mounted read-only: mount -o remount,rw /mnt"],
  ["iso9660", READ_ONLY, {}, "read-only by its kind (iso9660)"],
  ["vfat", READ_ONLY, { isWriteProtected: true }, "write-protected"],
  ["vfat", READ_ONLY, { isDirty: true }, "fsck.vfat -a /dev/sda1"],
  ["ntfs", READ_ONLY, { isHibernated: true, isDirty: true }, "Windows is hibernated on it"],
  ["ntfs", READ_ONLY, { isDirty: true }, "chkdsk /f"],
  ["ntfs", READ_ONLY, {}, "mount -o remount,rw /mnt"],
] as const)("%s %j %j: %s", (kind, options, facts, expected) => {
  expect(words(kind, options, facts)).toContain(expected);
});

test("exFAT by FUSE is named by what is on the disk", () => {
  expect(words("fuseblk", READ_ONLY, { fileSystem: "exfat", isDirty: true })).toContain(
    "fsck.exfat /dev/sda1",
  );
});
