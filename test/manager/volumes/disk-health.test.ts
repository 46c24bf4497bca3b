// Whether a disk is sound, by what the kernel tells in sysfs.
import { expect, test } from "bun:test";
import { parseMountinfo } from "../../../src/linux/mountinfo.ts";
import { NO_FACTS } from "../../../src/manager/volumes/facts-queue.ts";
import { type DiskHealth, healthOf } from "../../../src/manager/volumes/disk-health.ts";
import type { VolumeFacts } from "../../../src/manager/volumes/volume-facts.ts";

type Files = Readonly<Record<string, string>>;

function judge(line: string, files: Files, facts?: Partial<VolumeFacts>): DiskHealth {
  const [mount] = parseMountinfo(line);
  if (mount === undefined) throw new Error("no mount");
  const sys = {
    read: (path: string) => files[path],
    list: (path: string) =>
      Object.keys(files).flatMap((name) =>
        name.startsWith(`${path}/`) ? [name.slice(path.length + 1).split("/")[0] ?? ""] : [],
      ),
    nameOf: (device: string) => (device === "8:1" ? "sda1" : ""),
  };
  return healthOf(mount, facts && { ...NO_FACTS, ...facts }, sys);
}

const EXT4 = "40 1 8:1 / /mnt/disk rw,relatime - ext4 /dev/sda1 rw";
const EXT4_RO = "40 1 8:1 / /mnt/disk rw,relatime - ext4 /dev/sda1 ro,errors=remount-ro";
const BTRFS = "41 1 0:50 / /mnt/pool rw - btrfs /dev/sdb rw";
const VFAT = "42 1 8:1 / /mnt/stick rw - vfat /dev/sda1 rw";
const COUNT = "/sys/fs/ext4/sda1/errors_count";
const POOL = "/sys/fs/btrfs/abcd/devinfo";

test.each<[string, string, Files, Partial<VolumeFacts> | undefined, DiskHealth["state"], string]>([
  ["ext4 that has counted no error", EXT4, { [COUNT]: "0" }, { fileSystem: "ext4" }, "good", ""],
  [
    "ext4 that has counted one",
    EXT4,
    { [COUNT]: "1" },
    { fileSystem: "ext4" },
    "failing",
    "has met an error",
  ],
  ["ext4 that has counted some", EXT4, { [COUNT]: "12" }, undefined, "failing", "has met 12 errors"],
  [
    "ext4 with an error flag",
    EXT4,
    { [COUNT]: "0" },
    { fileSystem: "ext4", isDirty: true },
    "failing",
    "e2fsck",
  ],
  ["ext4 that writes no more", EXT4_RO, { [COUNT]: "0" }, { fileSystem: "ext4" }, "failing", "read-only"],
  ["ext4 without a count", EXT4, {}, undefined, "unknown", ""],
  ["ext4 with nonsense as a count", EXT4, { [COUNT]: "many" }, undefined, "unknown", ""],
  [
    "a disk that the kernel gave up",
    VFAT,
    { "/sys/dev/block/8:1/../device/state": "offline" },
    undefined,
    "failing",
    "cable",
  ],
  ["a disk that runs", VFAT, { "/sys/dev/block/8:1/device/state": "running" }, {}, "unknown", ""],
  [
    "btrfs without errors",
    BTRFS,
    { [`${POOL}/1/error_stats`]: "write_errs 0\nread_errs 0" },
    { uuid: "abcd" },
    "good",
    "",
  ],
  [
    "btrfs with errors of two disks",
    BTRFS,
    {
      [`${POOL}/1/error_stats`]: "write_errs 2\nread_errs 0",
      [`${POOL}/2/error_stats`]: "corruption_errs 3",
    },
    { uuid: "abcd" },
    "failing",
    "has met 5 errors",
  ],
  ["FAT that is mounted for writing", VFAT, {}, { fileSystem: "vfat", isDirty: true }, "unknown", ""],
])("%s", (_, line, files, facts, state, message) => {
  expect(judge(line, files, facts)).toEqual({ state, message: expect.stringContaining(message) });
});
