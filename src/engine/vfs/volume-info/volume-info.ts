// Space and abilities of the file system that an object lies on; [MS-FSCC] 2.5.1, 2.5.4, 2.5.7, 2.5.8, 2.5.9.
import { freemem, totalmem } from "node:os";
import {
  FileSystemMagic,
  StatfsFlag,
  type Statfs,
  emptyStatx,
  statFd,
  statfsFd,
} from "../../../linux/stat.ts";
import { QuotaType, quotaOf } from "../../../linux/quota.ts";
import { deviceOf } from "../format/file-stat.ts";
import { blockDeviceOf } from "./block-device.ts";
import { traitsOf } from "../context/disk-traits.ts";
import type { ShareContext } from "../context/share-context.ts";
import type { Failure, VolumeInfo } from "../store.ts";
import { timeMachineBytes } from "./time-machine-space.ts";
import { abilitiesOf } from "./abilities.ts";
import { hasXfsReflinks } from "../../../linux/clone.ts";
import { Open, closeFd, reopen } from "../../../linux/open.ts";

const MAX_COMPONENT_UNITS = 255;
const COMMON_UNIT_BYTES = 4096;
/** The largest cluster of NTFS and exFAT. */
const MAX_UNIT_BYTES = 33_554_432;
/** Some file systems know of no size. A disk of none would take no file. */
const NOMINAL_BYTES = 2 ** 40;
const RAMFS_MAGIC = 0x8584_58f6;

const statx = emptyStatx();

/** The volume of a descriptor's object: for a disk mounted below the share, that disk. */
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

/** A unit that sectors make up; sizes are bytes, so that any will do where the file system's own is odd. */
function unitOf(blockBytes: number, sectorBytes: number): number {
  const isFit = blockBytes >= sectorBytes && blockBytes <= MAX_UNIT_BYTES && blockBytes % sectorBytes === 0;
  return isFit ? blockBytes : Math.max(COMMON_UNIT_BYTES, sectorBytes);
}

/** FAT's own serial number is what udev calls its identifier; of longer ones the end, as Windows takes NTFS's. */
function serialOf(uuid: string): number | undefined {
  const digits = uuid.replaceAll("-", "");
  if (!/^[0-9a-f]{8,32}$/i.test(digits)) return undefined;
  return Number.parseInt(digits.slice(-8), 16) || undefined;
}

interface Space {
  totalBytes: number;
  /** Free for the user. */
  availableBytes: number;
  freeBytes: number;
  hasQuotas: boolean;
}

/** What the disk has, cut to what the user's quota and the share's own limits leave of it. */
function limitedSpace(context: ShareContext, fd: number, facts: Statfs): Space {
  const space = spaceOf(facts);
  limitByQuota(space, context, fd, QuotaType.USER, context.identity.uid);
  limitByQuota(space, context, fd, QuotaType.GROUP, context.identity.gid);
  const { maxDiskBytes, timeMachineMaxBytes } = context.grant.space;
  if (maxDiskBytes > 0) cut(space, maxDiskBytes, maxDiskBytes);
  if (timeMachineMaxBytes > 0) {
    const used = timeMachineBytes(context);
    cut(space, timeMachineMaxBytes, Math.max(0, timeMachineMaxBytes - used));
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
  const totalBytes = isMemory ? totalmem() : NOMINAL_BYTES;
  const left = isMemory ? freemem() : NOMINAL_BYTES;
  return { totalBytes, availableBytes: left, freeBytes: left, hasQuotas: false };
}

function cut(space: Space, totalBytes: number, leftBytes: number): void {
  space.totalBytes = Math.min(space.totalBytes, totalBytes);
  space.availableBytes = Math.min(space.availableBytes, leftBytes);
  space.freeBytes = Math.min(space.freeBytes, leftBytes);
}

/** The soft limit counts until it is passed: from there on there is no room. The server's own account has no limit. */
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

/** Whether files on the file system of `fd` (O_PATH will do), which is of this type, can share blocks. */
function sharesBlocks(fd: number, type: number): boolean {
  if (type === FileSystemMagic.BTRFS) return true;
  if (type !== FileSystemMagic.XFS) return false;
  const readable = reopen(fd, Open.RDONLY | Open.NONBLOCK | Open.NOCTTY);
  if (readable < 0) return false;
  const hasReflinks = hasXfsReflinks(readable);
  closeFd(readable);
  return hasReflinks;
}
