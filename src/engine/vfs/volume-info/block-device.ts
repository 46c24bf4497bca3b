// The block device under a file system: sector sizes, seek penalty, TRIM and the file system's UUID, from
// sysfs and udev's /dev/disk/by-uuid.
import { readFileSync, readdirSync, statSync } from "node:fs";
import { currentMounts } from "../../../linux/mountinfo.ts";
import type { Statx } from "../../../linux/stat.ts";

export interface BlockDevice {
  readonly logicalSectorBytes: number;
  readonly physicalSectorBytes: number;
  /** True for a rotational disk. */
  readonly hasSeekPenalty: boolean;
  readonly takesTrim: boolean;
  /** As udev names it: `1234-ABCD` for FAT; "" if unknown. */
  readonly uuid: string;
}

/** Values for an unknown device, which every client can work with. */
const UNKNOWN: BlockDevice = {
  logicalSectorBytes: 512,
  physicalSectorBytes: 4096,
  hasSeekPenalty: true,
  takesTrim: false,
  uuid: "",
};

const BY_UUID = "/dev/disk/by-uuid";
const MAX_KNOWN = 64;
// By mount ID and device: a mount ID is unique while its mount exists.
const known = new Map<string, BlockDevice>();

/**
 * Returns the device of an object's file system; for file systems with anonymous st_dev (btrfs) the mount's
 * source.
 */
export function blockDeviceOf(stat: Statx): BlockDevice {
  const key = `${stat.mountId}:${stat.deviceMajor}:${stat.deviceMinor}`;
  const there = known.get(key);
  if (there !== undefined) return there;
  const device =
    stat.deviceMajor === 0 ? mountedDevice(stat.mountId) : `${stat.deviceMajor}:${stat.deviceMinor}`;
  const found = device === undefined ? UNKNOWN : describe(device);
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(key, found);
  return found;
}

/** Returns `major:minor` of a mount's source; undefined if that is not a device. */
function mountedDevice(mountId: number): string | undefined {
  const source = currentMounts().find((mount) => mount.mountId === mountId)?.source;
  return source?.startsWith("/dev/") === true ? numberOf(source) : undefined;
}

function numberOf(path: string): string | undefined {
  try {
    const { rdev } = statSync(path);
    // dev_t in glibc's encoding (makedev(3)), with a 12-bit major number.
    return `${Math.floor(rdev / 256) & 0xfff}:${(rdev & 0xff) | (Math.floor(rdev / 0x10_0000) << 8)}`;
  } catch {
    return undefined;
  }
}

function describe(device: string): BlockDevice {
  // A partition has no `queue` directory in sysfs; its disk, the parent directory, does.
  const queue = readNumber(device, "queue/logical_block_size") === undefined ? "../queue" : "queue";
  const logical = readNumber(device, `${queue}/logical_block_size`);
  if (logical === undefined || logical < 512) return { ...UNKNOWN, uuid: uuidOf(device) };
  return {
    logicalSectorBytes: logical,
    physicalSectorBytes: readNumber(device, `${queue}/physical_block_size`) ?? logical,
    hasSeekPenalty: readNumber(device, `${queue}/rotational`) !== 0,
    takesTrim: (readNumber(device, `${queue}/discard_max_bytes`) ?? 0) > 0,
    uuid: uuidOf(device),
  };
}

function readNumber(device: string, name: string): number | undefined {
  try {
    return Number(readFileSync(`/sys/dev/block/${device}/${name}`, "latin1").trim());
  } catch {
    return undefined;
  }
}

function uuidOf(device: string): string {
  try {
    return readdirSync(BY_UUID).find((name) => numberOf(`${BY_UUID}/${name}`) === device) ?? "";
  } catch {
    return "";
  }
}
