// QUERY_INFO of the volume that an open is on ([MS-SMB2] 3.3.5.20.2, [MS-FSA] 2.1.5.13).
import type { MaybePromise } from "../../../port/port.ts";
import type { Writer } from "../../../wire/cursor.ts";
import {
  DeviceCharacteristic,
  DeviceType,
  encodeFsAttributeInformation,
  encodeFsControlInformation,
  encodeFsDeviceInformation,
  encodeFsFullSizeInformation,
  encodeFsObjectIdInformation,
  encodeFsSectorSizeInformation,
  encodeFsSizeInformation,
  encodeFsVolumeInformation,
  FsAttribute,
  SectorSizeFlag,
} from "../../../wire/fscc/fs-information.ts";
import { POSIX_INFO_CLASS } from "../../../wire/posix.ts";
import { FsInfoClass, queryFsSize } from "../../../wire/fscc/info-class.ts";
import type { QueryInfoRequest } from "../../../wire/command/query-info.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { Open } from "../../state/open.ts";
import { andThen } from "../../and-then.ts";
import type { FileNode, VolumeInfo } from "../../vfs/store.ts";
import { statusOf } from "../errno-status.ts";
import { queryPosixVolume } from "./posix.ts";
import { answerQuery } from "./answer.ts";

const NO_LIMIT = 0xffff_ffff_ffff_ffffn;
/** FILE_VC_QUOTA_ENFORCE; [MS-FSCC] 2.5.2. */
const QUOTA_ENFORCE = 0x2;

interface Facts {
  readonly volume: VolumeInfo;
  readonly label: string;
}

const classes = new Map<number, (writer: Writer, facts: Facts) => void>([
  [
    FsInfoClass.VOLUME,
    (writer, { volume, label }) =>
      encodeFsVolumeInformation(writer, {
        created: { seconds: volume.createdSeconds, nanoseconds: 0 },
        serial: volume.serial,
        supportsObjects: false,
        label,
      }),
  ],
  [FsInfoClass.SIZE, (writer, { volume }) => encodeFsSizeInformation(writer, unitsOf(volume))],
  [
    FsInfoClass.FULL_SIZE,
    (writer, { volume }) => {
      const units = unitsOf(volume);
      const actualAvailableUnits = Math.floor(volume.freeBytes / volume.blockBytes);
      encodeFsFullSizeInformation(writer, { ...units, actualAvailableUnits });
    },
  ],
  [
    FsInfoClass.DEVICE,
    (writer) =>
      encodeFsDeviceInformation(writer, {
        deviceType: DeviceType.DISK,
        characteristics: DeviceCharacteristic.DEVICE_IS_MOUNTED,
      }),
  ],
  [
    FsInfoClass.ATTRIBUTE,
    (writer, { volume }) =>
      encodeFsAttributeInformation(writer, {
        attributes: volume.attributes,
        maxComponentLength: volume.maxComponentLength,
        fileSystemName: volume.fileSystemName,
      }),
  ],
  [FsInfoClass.SECTOR_SIZE, writeSectorSize],
  [FsInfoClass.CONTROL, writeControl],
  [FsInfoClass.OBJECT_ID, writeObjectId],
]);

export function queryFileSystem(
  exchange: Exchange,
  open: Open,
  node: FileNode,
  request: QueryInfoRequest,
): MaybePromise<NtStatus> {
  const write = classes.get(request.infoClass);
  const { store } = open.tree;
  const isPosix = request.infoClass === POSIX_INFO_CLASS;
  if ((write === undefined && !isPosix) || store === undefined) return Status.INVALID_INFO_CLASS;
  if (request.outputBufferLength < (queryFsSize(request.infoClass) ?? 0)) return Status.INFO_LENGTH_MISMATCH;
  return andThen(store.volume(node), (volume) => {
    if (typeof volume === "number") return statusOf(volume);
    if (write === undefined) return queryPosixVolume(exchange, open, request, volume);
    return answerQuery(exchange, request, (writer) => write(writer, { volume, label: open.tree.grant.name }));
  });
}

/** Default quota limits: none, since Linux has quotas only per user and group; and if quotas are enforced. */
function writeControl(writer: Writer, { volume }: Facts): void {
  const isEnforced = (volume.attributes & FsAttribute.VOLUME_QUOTAS) !== 0;
  encodeFsControlInformation(writer, {
    freeSpaceStartFiltering: 0n,
    freeSpaceThreshold: 0n,
    freeSpaceStopFiltering: 0n,
    defaultQuotaThreshold: NO_LIMIT,
    defaultQuotaLimit: NO_LIMIT,
    flags: isEnforced ? QUOTA_ENFORCE : 0,
  });
}

/**
 * The volume's object id, unrelated to those of files; derived from its serial number, so that it is stable.
 */
function writeObjectId(writer: Writer, { volume }: Facts): void {
  const objectId = new Uint8Array(16);
  const view = new DataView(objectId.buffer);
  view.setUint32(0, volume.serial, true);
  view.setFloat64(8, volume.createdSeconds, true);
  encodeFsObjectIdInformation(writer, { objectId, extendedInfo: new Uint8Array(48) });
}

function unitsOf(volume: VolumeInfo): {
  totalUnits: number;
  availableUnits: number;
  sectorsPerUnit: number;
  bytesPerSector: number;
} {
  return {
    totalUnits: Math.floor(volume.totalBytes / volume.blockBytes),
    availableUnits: Math.floor(volume.availableBytes / volume.blockBytes),
    sectorsPerUnit: volume.blockBytes / volume.logicalSectorBytes,
    bytesPerSector: volume.logicalSectorBytes,
  };
}

function writeSectorSize(writer: Writer, { volume }: Facts): void {
  const { logicalSectorBytes, physicalSectorBytes } = volume;
  let flags = SectorSizeFlag.ALIGNED_DEVICE | SectorSizeFlag.PARTITION_ALIGNED_ON_DEVICE;
  if (!volume.hasSeekPenalty) flags |= SectorSizeFlag.NO_SEEK_PENALTY;
  if (volume.takesTrim) flags |= SectorSizeFlag.TRIM_ENABLED;
  encodeFsSectorSizeInformation(writer, {
    logicalBytesPerSector: logicalSectorBytes,
    physicalBytesForAtomicity: physicalSectorBytes,
    physicalBytesForPerformance: physicalSectorBytes,
    effectiveBytesForAtomicity: physicalSectorBytes,
    flags,
    sectorAlignmentBytes: 0,
    partitionAlignmentBytes: 0,
  });
}
