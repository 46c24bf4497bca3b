// QUERY_INFO of the volume that an open lies on; [MS-SMB2] 3.3.5.20.2, [MS-FSA] 2.1.5.13.
import type { MaybePromise } from "../../port/port.ts";
import type { Writer } from "../../wire/cursor.ts";
import {
  DeviceCharacteristic,
  DeviceType,
  encodeFsAttributeInformation,
  encodeFsDeviceInformation,
  encodeFsFullSizeInformation,
  encodeFsSectorSizeInformation,
  encodeFsSizeInformation,
  encodeFsVolumeInformation,
  SectorSizeFlag,
} from "../../wire/fscc/fs-information.ts";
import { POSIX_INFO_CLASS } from "../../wire/posix.ts";
import { FsInfoClass, queryFsSize } from "../../wire/fscc/info-class.ts";
import type { QueryInfoRequest } from "../../wire/query-info.ts";
import { Status } from "../../wire/status.ts";
import type { Exchange } from "../connection/exchange.ts";
import type { Open } from "../state/open.ts";
import { andThen } from "../vfs/maybe-promise.ts";
import type { FileNode, VolumeInfo } from "../vfs/store.ts";
import { statusOf } from "./errno-status.ts";
import { queryPosixVolume } from "./posix-query.ts";
import { answerQuery } from "./query-info.ts";

const BYTES_PER_SECTOR = 512;

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
]);

export function queryFileSystem(
  exchange: Exchange,
  open: Open,
  node: FileNode,
  request: QueryInfoRequest,
): MaybePromise<number> {
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

function unitsOf(volume: VolumeInfo): {
  totalUnits: number;
  availableUnits: number;
  sectorsPerUnit: number;
  bytesPerSector: number;
} {
  return {
    totalUnits: Math.floor(volume.totalBytes / volume.blockBytes),
    availableUnits: Math.floor(volume.availableBytes / volume.blockBytes),
    sectorsPerUnit: Math.max(1, Math.floor(volume.blockBytes / BYTES_PER_SECTOR)),
    bytesPerSector: BYTES_PER_SECTOR,
  };
}

function writeSectorSize(writer: Writer, { volume }: Facts): void {
  encodeFsSectorSizeInformation(writer, {
    logicalBytesPerSector: BYTES_PER_SECTOR,
    physicalBytesForAtomicity: volume.blockBytes,
    physicalBytesForPerformance: volume.blockBytes,
    effectiveBytesForAtomicity: volume.blockBytes,
    flags: SectorSizeFlag.ALIGNED_DEVICE | SectorSizeFlag.PARTITION_ALIGNED_ON_DEVICE,
    sectorAlignmentBytes: 0,
    partitionAlignmentBytes: 0,
  });
}
