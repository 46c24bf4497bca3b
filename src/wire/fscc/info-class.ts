// Numbers of the information classes, and the minimum buffer size of each.
// [MS-FSCC] 2.4 (files), 2.5 (volumes); the sizes are those that [MS-FSA] 2.1.5.12 and 2.1.5.15 check.

export const FileInfoClass = {
  DIRECTORY: 1,
  FULL_DIRECTORY: 2,
  BOTH_DIRECTORY: 3,
  BASIC: 4,
  STANDARD: 5,
  INTERNAL: 6,
  EA: 7,
  ACCESS: 8,
  NAME: 9,
  RENAME: 10,
  LINK: 11,
  NAMES: 12,
  DISPOSITION: 13,
  POSITION: 14,
  FULL_EA: 15,
  MODE: 16,
  ALIGNMENT: 17,
  ALL: 18,
  ALLOCATION: 19,
  END_OF_FILE: 20,
  ALTERNATE_NAME: 21,
  STREAM: 22,
  PIPE: 23,
  PIPE_LOCAL: 24,
  PIPE_REMOTE: 25,
  MAILSLOT_QUERY: 26,
  MAILSLOT_SET: 27,
  COMPRESSION: 28,
  OBJECT_ID: 29,
  MOVE_CLUSTER: 31,
  QUOTA: 32,
  REPARSE_POINT: 33,
  NETWORK_OPEN: 34,
  ATTRIBUTE_TAG: 35,
  TRACKING: 36,
  ID_BOTH_DIRECTORY: 37,
  ID_FULL_DIRECTORY: 38,
  VALID_DATA_LENGTH: 39,
  SHORT_NAME: 40,
  SFIO_RESERVE: 44,
  SFIO_VOLUME: 45,
  LINKS: 46,
  NORMALIZED_NAME: 48,
  ID_GLOBAL_TX_DIRECTORY: 50,
  STANDARD_LINK: 54,
  ID: 59,
  ID_EXTD_DIRECTORY: 60,
  DISPOSITION_EX: 64,
  RENAME_EX: 65,
  STAT: 68,
  STAT_LX: 70,
  CASE_SENSITIVE: 71,
  LINK_EX: 72,
  STORAGE_RESERVE_ID: 74,
  ID_64_EXTD_DIRECTORY: 78,
  ID_64_EXTD_BOTH_DIRECTORY: 79,
  ID_ALL_EXTD_DIRECTORY: 80,
  ID_ALL_EXTD_BOTH_DIRECTORY: 81,
} as const;
export type FileInfoClass = (typeof FileInfoClass)[keyof typeof FileInfoClass];

export const FsInfoClass = {
  VOLUME: 1,
  LABEL: 2,
  SIZE: 3,
  DEVICE: 4,
  ATTRIBUTE: 5,
  CONTROL: 6,
  FULL_SIZE: 7,
  OBJECT_ID: 8,
  DRIVER_PATH: 9,
  VOLUME_FLAGS: 10,
  SECTOR_SIZE: 11,
} as const;
export type FsInfoClass = (typeof FsInfoClass)[keyof typeof FsInfoClass];

// Sizes of the fixed part of responses, rounded up as in [MS-FSA] 2.1.5.12 and 2.1.5.13 where a name or label
// follows. A smaller OutputBufferLength fails with STATUS_INFO_LENGTH_MISMATCH; one that holds the fixed part
// but not the variable part gives STATUS_BUFFER_OVERFLOW.
const queryFileSizes: ReadonlyMap<number, number> = new Map([
  [FileInfoClass.BASIC, 40],
  [FileInfoClass.STANDARD, 24],
  [FileInfoClass.INTERNAL, 8],
  [FileInfoClass.EA, 4],
  [FileInfoClass.ACCESS, 4],
  [FileInfoClass.NAME, 4],
  [FileInfoClass.POSITION, 8],
  [FileInfoClass.FULL_EA, 8],
  [FileInfoClass.MODE, 4],
  [FileInfoClass.ALIGNMENT, 4],
  [FileInfoClass.ALL, 104],
  [FileInfoClass.ALTERNATE_NAME, 8],
  [FileInfoClass.STREAM, 32],
  [FileInfoClass.PIPE, 8],
  [FileInfoClass.PIPE_LOCAL, 40],
  [FileInfoClass.COMPRESSION, 16],
  [FileInfoClass.NETWORK_OPEN, 56],
  [FileInfoClass.ATTRIBUTE_TAG, 8],
  [FileInfoClass.NORMALIZED_NAME, 4],
  [FileInfoClass.ID, 24],
]);

const queryFsSizes: ReadonlyMap<number, number> = new Map([
  [FsInfoClass.VOLUME, 24],
  [FsInfoClass.SIZE, 24],
  [FsInfoClass.DEVICE, 8],
  [FsInfoClass.ATTRIBUTE, 16],
  [FsInfoClass.CONTROL, 48],
  [FsInfoClass.FULL_SIZE, 32],
  [FsInfoClass.OBJECT_ID, 64],
  [FsInfoClass.SECTOR_SIZE, 28],
]);

const setFileSizes: ReadonlyMap<number, number> = new Map([
  [FileInfoClass.BASIC, 40],
  [FileInfoClass.RENAME, 20],
  [FileInfoClass.LINK, 20],
  [FileInfoClass.DISPOSITION, 1],
  [FileInfoClass.POSITION, 8],
  [FileInfoClass.FULL_EA, 8],
  [FileInfoClass.MODE, 4],
  [FileInfoClass.ALLOCATION, 8],
  [FileInfoClass.END_OF_FILE, 8],
  [FileInfoClass.PIPE, 8],
  [FileInfoClass.VALID_DATA_LENGTH, 8],
  [FileInfoClass.SHORT_NAME, 4],
  [FileInfoClass.DISPOSITION_EX, 4],
  [FileInfoClass.RENAME_EX, 20],
  [FileInfoClass.LINK_EX, 20],
]);

/**
 * Bytes of the fixed part of the response to a file query; undefined for a class that is not in the table.
 */
export function queryFileSize(infoClass: number): number | undefined {
  return queryFileSizes.get(infoClass);
}

/** As `queryFileSize`, for volumes. */
export function queryFsSize(infoClass: number): number | undefined {
  return queryFsSizes.get(infoClass);
}

/** Minimum bytes of a SET_INFO buffer (fewer: STATUS_INFO_LENGTH_MISMATCH); undefined as above. */
export function setFileSize(infoClass: number): number | undefined {
  return setFileSizes.get(infoClass);
}
