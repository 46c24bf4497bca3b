// Space and abilities of the file system of an object; [MS-FSCC] 2.5.1, 2.5.4, 2.5.7, 2.5.8, 2.5.9.
import { freemem } from "node:os";
import {
  FileSystemMagic,
  StatfsFlag,
  type Statfs,
  emptyStatx,
  statFd,
  statfsFd,
} from "../../../linux/stat.ts";
import { QuotaType, quotaOf } from "../../../linux/quota.ts";
import { plannedMemoryBytes } from "../../../linux/planned-memory.ts";
import { deviceOf } from "../format/file-stat.ts";
import { blockDeviceOf } from "./block-device.ts";
import { traitsOf } from "../context/disk-traits.ts";
import type { ShareContext } from "../context/share-context.ts";
import type { Failure, VolumeInfo } from "../store.ts";
import { abilitiesOf } from "./abilities.ts";
import { hasXfsReflinks } from "../../../linux/clone.ts";
import { Open, closeFd, reopen } from "../../../linux/open.ts";

const MAX_COMPONENT_UNITS = 255;
const COMMON_UNIT_BYTES = 4096;
/** The largest cluster of NTFS and exFAT. */
const MAX_UNIT_BYTES = 33_554_432;
/** Size reported for file systems without a size: clients would write no file to a volume of 0 bytes. */
const NOMINAL_BYTES = 2 ** 40;
const RAMFS_MAGIC = 0x8584_58f6;

const statx = emptyStatx();

/**
 * Returns the volume of the object of `fd`, which may be a file system mounted below the share; -errno on
 * failure.
 */
export function volumeOf(context: ShareContext, fd: number): VolumeInfo | Failure {
  const facts = statfsFd(fd);
  if (typeof facts === "number") return facts;
  const failure = statFd(fd, statx);
  if (failure < 0) return failure;
  const device = deviceOf(statx);
  const traits = traitsOf(context, device, fd);
  const block = blockDeviceOf(statx);
  const space = limitedSpace(context, fd, facts);
  const attributes = abilitiesOf({
    grant: context.grant,
    traits,
    isReadOnly: (facts.flags & StatfsFlag.RDONLY) !== 0,
    sharesBlocks: sharesBlocks(fd, facts.type),
    hasQuotas: space.hasQuotas,
  });
  return {
    totalBytes: space.totalBytes,
    availableBytes: space.availableBytes,
    freeBytes: space.freeBytes,
    blockBytes: unitOf(facts.blockBytes, block.logicalSectorBytes),
    logicalSectorBytes: block.logicalSectorBytes,
    physicalSectorBytes: block.physicalSectorBytes,
    hasSeekPenalty: block.hasSeekPenalty,
    takesTrim: block.takesTrim,
    fileSystemName: "NTFS",
    attributes,
    maxComponentLength: MAX_COMPONENT_UNITS,
    serial: serialOf(block.uuid) ?? ((facts.fsidLow ^ facts.fsidHigh) >>> 0 || device) >>> 0,
    files: facts.files,
    freeFiles: facts.freeFiles,
    createdSeconds: rootBirth(context),
  };
}

/**
 * Returns the allocation unit in bytes, a multiple of the sector size; 4096 if the file system's own does not
 * fit.
 */
function unitOf(blockBytes: number, sectorBytes: number): number {
  const isFit = blockBytes >= sectorBytes && blockBytes <= MAX_UNIT_BYTES && blockBytes % sectorBytes === 0;
  return isFit ? blockBytes : Math.max(COMMON_UNIT_BYTES, sectorBytes);
}

/**
 * Returns the serial number from a UUID: FAT's is its serial number; of longer ones the last 32 bits, as for
 * NTFS.
 */
function serialOf(uuid: string): number | undefined {
  const digits = uuid.replaceAll("-", "");
  if (!/^[0-9a-f]{8,32}$/i.test(digits)) return undefined;
  return Number.parseInt(digits.slice(-8), 16) || undefined;
}

interface Space {
  totalBytes: number;
  /** Available to the user. */
  availableBytes: number;
  freeBytes: number;
  hasQuotas: boolean;
}

/** Returns the file system's space, limited by the user's and group's quotas and the share's settings. */
function limitedSpace(context: ShareContext, fd: number, facts: Statfs): Space {
  const space = spaceOf(facts);
  limitByQuota(space, context, fd, QuotaType.USER, context.identity.uid);
  limitByQuota(space, context, fd, QuotaType.GROUP, context.identity.gid);
  const { maxDiskBytes } = context.grant.space;
  if (maxDiskBytes > 0) {
    space.totalBytes = Math.min(space.totalBytes, maxDiskBytes);
    space.availableBytes = Math.min(space.availableBytes, maxDiskBytes);
    space.freeBytes = Math.min(space.freeBytes, maxDiskBytes);
  }
  return space;
}

function spaceOf(facts: Statfs): Space {
  const { blocks, free, available, blockBytes, type } = facts;
  if (blocks > 0) {
    return {
      totalBytes: blocks * blockBytes,
      availableBytes: available * blockBytes,
      freeBytes: free * blockBytes,
      hasQuotas: false,
    };
  }
  const isMemory = type === RAMFS_MAGIC || type === FileSystemMagic.TMPFS;
  const totalBytes = isMemory ? plannedMemoryBytes() : NOMINAL_BYTES;
  const left = isMemory ? Math.min(freemem(), totalBytes) : NOMINAL_BYTES;
  return { totalBytes, availableBytes: left, freeBytes: left, hasQuotas: false };
}

/**
 * Limits the space by a quota: the soft limit if there is one, else the hard limit; nothing is available once
 * it is reached. Without a switch to the user's identity no quota applies.
 */
function limitByQuota(space: Space, context: ShareContext, fd: number, type: QuotaType, id: number): void {
  if (!context.identity.isSwitching) return;
  const quota = quotaOf(fd, type, id);
  if (typeof quota === "number") return;
  space.hasQuotas = true;
  const limit = quota.softBytes > 0 ? quota.softBytes : quota.hardBytes;
  const fileLimit = quota.softFiles > 0 ? quota.softFiles : quota.hardFiles;
  if (limit === 0 && fileLimit === 0) return;
  const isOut = (limit > 0 && quota.usedBytes >= limit) || (fileLimit > 0 && quota.usedFiles >= fileLimit);
  const left = isOut ? 0 : limit > 0 ? limit - quota.usedBytes : space.availableBytes;
  space.totalBytes =
    limit > 0 ? Math.min(space.totalBytes, Math.max(limit, quota.usedBytes)) : space.totalBytes;
  space.availableBytes = Math.min(space.availableBytes, left);
}

function rootBirth(context: ShareContext): number {
  if (statFd(context.rootFd, statx) < 0) return 0;
  return statx.hasBirth ? statx.birthSeconds : Math.min(statx.modifySeconds, statx.changeSeconds);
}

/** True if files on the file system of `fd` (may be O_PATH) can share blocks; `type` is its magic number. */
function sharesBlocks(fd: number, type: number): boolean {
  if (type === FileSystemMagic.BTRFS) return true;
  if (type !== FileSystemMagic.XFS) return false;
  const readable = reopen(fd, Open.RDONLY | Open.NONBLOCK | Open.NOCTTY);
  if (readable < 0) return false;
  const hasReflinks = hasXfsReflinks(readable);
  closeFd(readable);
  return hasReflinks;
}
