// Information classes of a volume.
// [MS-FSCC] 2.5.
import { Reader, type Writer, wireError } from "../cursor.ts";
import { readTime, type Time, writeFiletime } from "../filetime.ts";

/** FileFsVolumeInformation, [MS-FSCC] 2.5.9. */
export interface FsVolumeInformation {
  readonly created: Time;
  readonly serial: number;
  readonly supportsObjects: boolean;
  readonly label: string;
}

export function encodeFsVolumeInformation(writer: Writer, value: FsVolumeInformation): void {
  writeFiletime(writer, value.created.seconds, value.created.nanoseconds);
  writer.u32(value.serial);
  writer.u32(value.label.length * 2);
  writer.u8(value.supportsObjects ? 1 : 0);
  writer.u8(0);
  writer.utf16(value.label);
  // At least 24 bytes, the size of the structure in C, which Samba's clients require.
  for (let units = value.label.length; units < 3; units++) writer.u16(0);
}

export function decodeFsVolumeInformation(data: Uint8Array): FsVolumeInformation {
  const reader = new Reader(data);
  const created = readTime(reader);
  const serial = reader.u32();
  const length = reader.u32();
  const supportsObjects = reader.u8() !== 0;
  reader.skip(1);
  return { created, serial, supportsObjects, label: reader.utf16(length) };
}

/** FileFsLabelInformation, [MS-FSCC] 2.5.5; for SET_INFO only. */
export function decodeFsLabelInformation(data: Uint8Array): string {
  const reader = new Reader(data);
  return reader.utf16(reader.u32());
}
export function encodeFsLabelInformation(writer: Writer, label: string): void {
  writer.u32(label.length * 2);
  writer.utf16(label);
}

/** FileFsSizeInformation, [MS-FSCC] 2.5.8. */
export interface FsSizeInformation {
  readonly totalUnits: number;
  readonly availableUnits: number;
  readonly sectorsPerUnit: number;
  readonly bytesPerSector: number;
}

export function encodeFsSizeInformation(writer: Writer, value: FsSizeInformation): void {
  writer.u64(value.totalUnits);
  writer.u64(value.availableUnits);
  writer.u32(value.sectorsPerUnit);
  writer.u32(value.bytesPerSector);
}

export function decodeFsSizeInformation(data: Uint8Array): FsSizeInformation {
  const reader = new Reader(data);
  return {
    totalUnits: reader.u64(),
    availableUnits: reader.u64(),
    sectorsPerUnit: reader.u32(),
    bytesPerSector: reader.u32(),
  };
}

/**
 * FileFsFullSizeInformation, [MS-FSCC] 2.5.4. `availableUnits` is what the user may use (CallerAvailable).
 */
export interface FsFullSizeInformation extends FsSizeInformation {
  readonly actualAvailableUnits: number;
}

export function encodeFsFullSizeInformation(writer: Writer, value: FsFullSizeInformation): void {
  writer.u64(value.totalUnits);
  writer.u64(value.availableUnits);
  writer.u64(value.actualAvailableUnits);
  writer.u32(value.sectorsPerUnit);
  writer.u32(value.bytesPerSector);
}

export function decodeFsFullSizeInformation(data: Uint8Array): FsFullSizeInformation {
  const reader = new Reader(data);
  return {
    totalUnits: reader.u64(),
    availableUnits: reader.u64(),
    actualAvailableUnits: reader.u64(),
    sectorsPerUnit: reader.u32(),
    bytesPerSector: reader.u32(),
  };
}

/** DeviceType of FileFsDeviceInformation, [MS-FSCC] 2.5.10. */
export const DeviceType = { CD_ROM: 0x02, DISK: 0x07, NAMED_PIPE: 0x11 } as const;
export const DeviceCharacteristic = {
  REMOVABLE_MEDIA: 0x0000_0001,
  READ_ONLY_DEVICE: 0x0000_0002,
  REMOTE_DEVICE: 0x0000_0010,
  DEVICE_IS_MOUNTED: 0x0000_0020,
} as const;

export interface FsDeviceInformation {
  readonly deviceType: number;
  readonly characteristics: number;
}

export function encodeFsDeviceInformation(writer: Writer, value: FsDeviceInformation): void {
  writer.u32(value.deviceType);
  writer.u32(value.characteristics);
}

export function decodeFsDeviceInformation(data: Uint8Array): FsDeviceInformation {
  const reader = new Reader(data);
  return { deviceType: reader.u32(), characteristics: reader.u32() };
}

/** FileSystemAttributes of FileFsAttributeInformation, [MS-FSCC] 2.5.1. */
export const FsAttribute = {
  CASE_SENSITIVE_SEARCH: 0x0000_0001,
  CASE_PRESERVED_NAMES: 0x0000_0002,
  UNICODE_ON_DISK: 0x0000_0004,
  PERSISTENT_ACLS: 0x0000_0008,
  FILE_COMPRESSION: 0x0000_0010,
  VOLUME_QUOTAS: 0x0000_0020,
  SUPPORTS_SPARSE_FILES: 0x0000_0040,
  SUPPORTS_REPARSE_POINTS: 0x0000_0080,
  VOLUME_IS_COMPRESSED: 0x0000_8000,
  SUPPORTS_OBJECT_IDS: 0x0001_0000,
  SUPPORTS_ENCRYPTION: 0x0002_0000,
  NAMED_STREAMS: 0x0004_0000,
  READ_ONLY_VOLUME: 0x0008_0000,
  SEQUENTIAL_WRITE_ONCE: 0x0010_0000,
  SUPPORTS_TRANSACTIONS: 0x0020_0000,
  SUPPORTS_HARD_LINKS: 0x0040_0000,
  SUPPORTS_EXTENDED_ATTRIBUTES: 0x0080_0000,
  SUPPORTS_OPEN_BY_FILE_ID: 0x0100_0000,
  SUPPORTS_USN_JOURNAL: 0x0200_0000,
  SUPPORTS_INTEGRITY_STREAMS: 0x0400_0000,
  SUPPORTS_BLOCK_REFCOUNTING: 0x0800_0000,
  SUPPORTS_SPARSE_VDL: 0x1000_0000,
  SUPPORTS_POSIX_UNLINK_RENAME: 0x0000_0400,
} as const;

export interface FsAttributeInformation {
  readonly attributes: number;
  readonly maxComponentLength: number;
  readonly fileSystemName: string;
}

export function encodeFsAttributeInformation(writer: Writer, value: FsAttributeInformation): void {
  writer.u32(value.attributes);
  writer.u32(value.maxComponentLength);
  writer.u32(value.fileSystemName.length * 2);
  writer.utf16(value.fileSystemName);
}

export function decodeFsAttributeInformation(data: Uint8Array): FsAttributeInformation {
  const reader = new Reader(data);
  return {
    attributes: reader.u32(),
    maxComponentLength: reader.i32(),
    fileSystemName: reader.utf16(reader.u32()),
  };
}

/** FileFsControlInformation, [MS-FSCC] 2.5.2: quota settings. A limit of -1 (2^64 - 1) means none. */
export interface FsControlInformation {
  readonly freeSpaceStartFiltering: bigint;
  readonly freeSpaceThreshold: bigint;
  readonly freeSpaceStopFiltering: bigint;
  readonly defaultQuotaThreshold: bigint;
  readonly defaultQuotaLimit: bigint;
  readonly flags: number;
}

export function encodeFsControlInformation(writer: Writer, value: FsControlInformation): void {
  writer.big64(value.freeSpaceStartFiltering);
  writer.big64(value.freeSpaceThreshold);
  writer.big64(value.freeSpaceStopFiltering);
  writer.big64(value.defaultQuotaThreshold);
  writer.big64(value.defaultQuotaLimit);
  writer.u32(value.flags);
  writer.u32(0);
}

export function decodeFsControlInformation(data: Uint8Array): FsControlInformation {
  const reader = new Reader(data);
  return {
    freeSpaceStartFiltering: reader.big64(),
    freeSpaceThreshold: reader.big64(),
    freeSpaceStopFiltering: reader.big64(),
    defaultQuotaThreshold: reader.big64(),
    defaultQuotaLimit: reader.big64(),
    flags: reader.u32(),
  };
}

/** FileFsObjectIdInformation, [MS-FSCC] 2.5.6. */
export interface FsObjectIdInformation {
  /** 16 bytes. */
  readonly objectId: Uint8Array;
  /** 48 bytes. */
  readonly extendedInfo: Uint8Array;
}

export function encodeFsObjectIdInformation(writer: Writer, value: FsObjectIdInformation): void {
  writer.raw(value.objectId);
  writer.raw(value.extendedInfo);
}

export function decodeFsObjectIdInformation(data: Uint8Array): FsObjectIdInformation {
  if (data.length < 64) throw wireError("object id too short");
  return { objectId: data.subarray(0, 16), extendedInfo: data.subarray(16, 64) };
}

/** FileFsSectorSizeInformation, [MS-FSCC] 2.5.7. An alignment of 2^32 - 1 means unknown. */
export interface FsSectorSizeInformation {
  readonly logicalBytesPerSector: number;
  readonly physicalBytesForAtomicity: number;
  readonly physicalBytesForPerformance: number;
  readonly effectiveBytesForAtomicity: number;
  readonly flags: number;
  readonly sectorAlignmentBytes: number;
  readonly partitionAlignmentBytes: number;
}

export const SectorSizeFlag = {
  ALIGNED_DEVICE: 0x1,
  PARTITION_ALIGNED_ON_DEVICE: 0x2,
  NO_SEEK_PENALTY: 0x4,
  TRIM_ENABLED: 0x8,
} as const;

export function encodeFsSectorSizeInformation(writer: Writer, value: FsSectorSizeInformation): void {
  writer.u32(value.logicalBytesPerSector);
  writer.u32(value.physicalBytesForAtomicity);
  writer.u32(value.physicalBytesForPerformance);
  writer.u32(value.effectiveBytesForAtomicity);
  writer.u32(value.flags);
  writer.u32(value.sectorAlignmentBytes);
  writer.u32(value.partitionAlignmentBytes);
}

export function decodeFsSectorSizeInformation(data: Uint8Array): FsSectorSizeInformation {
  const reader = new Reader(data);
  return {
    logicalBytesPerSector: reader.u32(),
    physicalBytesForAtomicity: reader.u32(),
    physicalBytesForPerformance: reader.u32(),
    effectiveBytesForAtomicity: reader.u32(),
    flags: reader.u32(),
    sectorAlignmentBytes: reader.u32(),
    partitionAlignmentBytes: reader.u32(),
  };
}
