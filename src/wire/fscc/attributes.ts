// File attributes and reparse tags.
// [MS-FSCC] 2.6 (FileAttributes), 2.1.2.1 (reparse tags).

export const FileAttribute = {
  READONLY: 0x0000_0001,
  HIDDEN: 0x0000_0002,
  SYSTEM: 0x0000_0004,
  DIRECTORY: 0x0000_0010,
  ARCHIVE: 0x0000_0020,
  NORMAL: 0x0000_0080,
  TEMPORARY: 0x0000_0100,
  SPARSE_FILE: 0x0000_0200,
  REPARSE_POINT: 0x0000_0400,
  COMPRESSED: 0x0000_0800,
  OFFLINE: 0x0000_1000,
  NOT_CONTENT_INDEXED: 0x0000_2000,
  ENCRYPTED: 0x0000_4000,
  INTEGRITY_STREAM: 0x0000_8000,
  NO_SCRUB_DATA: 0x0002_0000,
  RECALL_ON_OPEN: 0x0004_0000,
  PINNED: 0x0008_0000,
  UNPINNED: 0x0010_0000,
  RECALL_ON_DATA_ACCESS: 0x0040_0000,
} as const;

/** The attributes that a client may set by CREATE or SET_INFO; the file system determines the others. */
export const SETTABLE_ATTRIBUTES =
  FileAttribute.READONLY |
  FileAttribute.HIDDEN |
  FileAttribute.SYSTEM |
  FileAttribute.ARCHIVE |
  FileAttribute.TEMPORARY |
  FileAttribute.OFFLINE |
  FileAttribute.NOT_CONTENT_INDEXED;

/** The attributes that are stored with a file; FSCTL_SET_SPARSE sets SPARSE_FILE. */
export const STORED_ATTRIBUTES = SETTABLE_ATTRIBUTES | FileAttribute.SPARSE_FILE;

/** Attributes for a response: NORMAL if there are no others, otherwise without NORMAL. */
export function attributesOnWire(attributes: number): number {
  const plain = attributes & ~FileAttribute.NORMAL;
  return plain === 0 ? FileAttribute.NORMAL : plain >>> 0;
}

export const ReparseTag = {
  MOUNT_POINT: 0xa000_0003,
  SYMLINK: 0xa000_000c,
  NFS: 0x8000_0014,
  DFS: 0x8000_000a,
  DEDUP: 0x8000_0013,
  LX_SYMLINK: 0xa000_001d,
  AF_UNIX: 0x8000_0023,
  LX_FIFO: 0x8000_0024,
  LX_CHR: 0x8000_0025,
  LX_BLK: 0x8000_0026,
} as const;
