// What the first blocks of a disk say: file system, UUID, label and state. On-disk formats: the kernel's
// ext4.h, xfs_format.h, f2fs_fs.h and btrfs' on-disk format; Microsoft's FAT and exFAT specifications; NTFS
// by its documentation in ntfs-3g. UUIDs are written as blkid(8) writes them. Everything here was written
// by whoever made the disk: each field is taken as untrusted bytes, and no read is larger than `MAX_READ`.

/** Reads from the disk; undefined where it is shorter, or cannot be read. */
export type ReadDisk = (offset: number, length: number) => Uint8Array | undefined;

export interface Superblock {
  readonly fileSystem: string;
  /** Empty where there is none. */
  readonly uuid: string;
  readonly label: string;
  /**
   * The file system says that it has errors, or was not unmounted. Drivers of FAT, exFAT and NTFS set that
   * themselves while they may write.
   */
  readonly isDirty: boolean;
}

const MAX_READ = 65_536;
const HEAD_BYTES = 4096;
const SUPERBLOCK_AT = 1024;

const latin1 = new TextDecoder("latin1");
const utf16 = new TextDecoder("utf-16le");
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Undefined for a file system that is not known here. */
export function readSuperblock(read: ReadDisk): Superblock | undefined {
  const head = read(0, HEAD_BYTES);
  if (head === undefined) return undefined;
  const view = viewOf(head);
  if (textAt(head, 0, 4) === "XFSB") return plain("xfs", uuidAt(head, 32), labelAt(head, 108, 12));
  if (textAt(head, 3, 8) === "EXFAT   ") return readExfat(view, read);
  if (textAt(head, 3, 8) === "NTFS    ") return readNtfs(head, view, read);
  if (view.getUint16(SUPERBLOCK_AT + 56, true) === 0xef53) return readExt(head, view);
  if (view.getUint32(SUPERBLOCK_AT, true) === 0xf2f5_2010)
    return plain(
      "f2fs",
      uuidAt(head, SUPERBLOCK_AT + 108),
      wideText(head.subarray(SUPERBLOCK_AT + 124, SUPERBLOCK_AT + 1148)),
    );
  return readFat(head, view, read) ?? readBtrfs(read) ?? readIso(read);
}

function plain(fileSystem: string, uuid: string, label: string, isDirty = false): Superblock {
  return { fileSystem, uuid, label, isDirty };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function textAt(bytes: Uint8Array, at: number, length: number): string {
  return latin1.decode(bytes.subarray(at, at + length));
}

/** Up to the first NUL; as UTF-8 where it is that. */
function labelAt(bytes: Uint8Array, at: number, length: number): string {
  const field = bytes.subarray(at, at + length);
  const end = field.indexOf(0);
  const label = end < 0 ? field : field.subarray(0, end);
  try {
    return utf8.decode(label).trimEnd();
  } catch {
    return latin1.decode(label).trimEnd();
  }
}

function wideText(bytes: Uint8Array): string {
  return utf16.decode(bytes.subarray(0, bytes.length & ~1)).split("\0")[0] ?? "";
}

/** Empty for one that was never set. */
function uuidAt(bytes: Uint8Array, at: number): string {
  const field = bytes.subarray(at, at + 16);
  if (field.length < 16 || field.every((byte) => byte === 0)) return "";
  return field.toHex().replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** A serial number as FAT's: `1234-ABCD`. */
function serial(number: number): string {
  if (number === 0) return "";
  return number
    .toString(16)
    .padStart(8, "0")
    .toUpperCase()
    .replace(/^(.{4})/, "$1-");
}

const EXT_ERRORS = 0x2;

function readExt(head: Uint8Array, view: DataView): Superblock {
  const isDirty = (view.getUint16(SUPERBLOCK_AT + 58, true) & EXT_ERRORS) !== 0;
  const hasJournal = (view.getUint32(SUPERBLOCK_AT + 92, true) & 0x4) !== 0;
  // Extents, 64 bits or flexible block groups: ext4's.
  const isExt4 = (view.getUint32(SUPERBLOCK_AT + 96, true) & 0x2c0) !== 0;
  const name = isExt4 ? "ext4" : hasJournal ? "ext3" : "ext2";
  return plain(name, uuidAt(head, SUPERBLOCK_AT + 104), labelAt(head, SUPERBLOCK_AT + 120, 16), isDirty);
}

const FAT_ENTRY_BYTES = 32;
const FAT_VOLUME_ID = 0x8;
const FAT_LONG_NAME = 0xf;

function readFat(head: Uint8Array, view: DataView, read: ReadDisk): Superblock | undefined {
  if (view.getUint16(510, true) !== 0xaa55) return undefined;
  const isFat32 = textAt(head, 0x52, 5) === "FAT32";
  if (!isFat32 && textAt(head, 0x36, 3) !== "FAT") return undefined;
  const at = isFat32 ? 0x43 : 0x27;
  // The label in the root directory is the one that Windows changes.
  const root = readFatRoot(view, isFat32, read);
  const label = (root && labelInRoot(root)) ?? textAt(head, at + 4, 11).trimEnd();
  // Bit 0 of the boot sector's Reserved1: Windows and Linux set it while the disk is mounted.
  const isDirty = ((head[isFat32 ? 0x41 : 0x25] ?? 0) & 1) !== 0;
  return plain("vfat", serial(view.getUint32(at, true)), label === "NO NAME" ? "" : label, isDirty);
}

function readFatRoot(view: DataView, isFat32: boolean, read: ReadDisk): Uint8Array | undefined {
  const sectorBytes = view.getUint16(11, true);
  const clusterBytes = view.getUint8(13) * sectorBytes;
  const sectorsPerFat = isFat32 ? view.getUint32(36, true) : view.getUint16(22, true);
  const firstData = view.getUint16(14, true) + view.getUint8(16) * sectorsPerFat;
  const firstCluster = isFat32 ? view.getUint32(44, true) : 2;
  const length = isFat32 ? clusterBytes : view.getUint16(17, true) * FAT_ENTRY_BYTES;
  if (firstCluster < 2) return undefined;
  return read(firstData * sectorBytes + (firstCluster - 2) * clusterBytes, Math.min(length, MAX_READ));
}

function labelInRoot(root: Uint8Array): string | undefined {
  for (let at = 0; at + FAT_ENTRY_BYTES <= root.length && root[at] !== 0; at += FAT_ENTRY_BYTES) {
    const attributes = root[at + 11] ?? 0;
    const isLabel = attributes !== FAT_LONG_NAME && (attributes & FAT_VOLUME_ID) !== 0;
    if (isLabel && root[at] !== 0xe5) return labelAt(root, at, 11);
  }
  return undefined;
}

const EXFAT_LABEL = 0x83;
const EXFAT_DIRTY = 0x2;

function readExfat(view: DataView, read: ReadDisk): Superblock {
  const sectorShift = view.getUint8(108);
  const clusterShift = sectorShift + view.getUint8(109);
  const isDirty = (view.getUint16(106, true) & EXFAT_DIRTY) !== 0;
  const uuid = serial(view.getUint32(100, true));
  // 512 to 4,096 bytes a sector, clusters of up to 32 MiB.
  if (sectorShift < 9 || sectorShift > 12 || clusterShift > 25) return plain("exfat", uuid, "", isDirty);
  const heap = view.getUint32(88, true) * 2 ** sectorShift;
  const root = heap + (view.getUint32(96, true) - 2) * 2 ** clusterShift;
  const entries = read(root, Math.min(2 ** clusterShift, MAX_READ)) ?? new Uint8Array(0);
  for (let at = 0; at + 32 <= entries.length && entries[at] !== 0; at += 32)
    if (entries[at] === EXFAT_LABEL) {
      const length = Math.min(entries[at + 1] ?? 0, 11) * 2;
      return plain("exfat", uuid, wideText(entries.subarray(at + 2, at + 2 + length)), isDirty);
    }
  return plain("exfat", uuid, "", isDirty);
}

/** Number of the file record of $Volume. */
const NTFS_VOLUME = 3;
const NTFS_NAME = 0x60;
const NTFS_INFORMATION = 0x70;
const NTFS_DIRTY = 0x1;

function readNtfs(head: Uint8Array, view: DataView, read: ReadDisk): Superblock {
  const uuid = head.subarray(0x48, 0x50).toReversed().toHex().toUpperCase();
  const clusterBytes = view.getUint16(11, true) * view.getUint8(13);
  const size = view.getInt8(0x40);
  // Clusters, or a negative power of two in bytes.
  const recordBytes = size > 0 ? size * clusterBytes : 2 ** Math.min(16, -size);
  const table = Number(view.getBigUint64(0x30, true) & 0xffff_ffff_ffffn) * clusterBytes;
  const record = read(table + NTFS_VOLUME * recordBytes, Math.min(recordBytes, MAX_READ));
  let label = "";
  let isDirty = false;
  if (record !== undefined && record.length >= 1024 && textAt(record, 0, 4) === "FILE")
    for (const [type, value] of residentAttributes(withoutFixups(record))) {
      if (type === NTFS_NAME) label = wideText(value);
      if (type === NTFS_INFORMATION) isDirty = ((value[10] ?? 0) & NTFS_DIRTY) !== 0;
    }
  return plain("ntfs", uuid, label, isDirty);
}

/** The last two bytes of each sector of a record are kept in its update sequence array. */
function withoutFixups(record: Uint8Array): Uint8Array {
  const view = viewOf(record);
  const array = view.getUint16(4, true);
  for (let sector = 1; sector * 512 <= record.length && array + sector * 2 + 2 <= record.length; sector++)
    view.setUint16(sector * 512 - 2, view.getUint16(array + sector * 2, true), true);
  return record;
}

/** Type and value of the attributes that are stored in the record itself. */
function* residentAttributes(record: Uint8Array): Iterable<[number, Uint8Array]> {
  const view = viewOf(record);
  for (let at = view.getUint16(20, true); at + 24 <= record.length;) {
    const type = view.getUint32(at, true);
    const length = view.getUint32(at + 4, true);
    if (type === 0xffff_ffff || length < 24) return;
    if (view.getUint8(at + 8) === 0) {
      const from = at + view.getUint16(at + 20, true);
      yield [type, record.subarray(from, from + view.getUint32(at + 16, true))];
    }
    at += length;
  }
}

const BTRFS_AT = 65_536;

function readBtrfs(read: ReadDisk): Superblock | undefined {
  const block = read(BTRFS_AT, 1024);
  if (block === undefined || textAt(block, 64, 8) !== "_BHRfS_M") return undefined;
  return plain("btrfs", uuidAt(block, 32), labelAt(block, 0x12b, 256));
}

const ISO_AT = 0x8000;

function readIso(read: ReadDisk): Superblock | undefined {
  const block = read(ISO_AT, 2048);
  if (block === undefined || textAt(block, 1, 5) !== "CD001") return undefined;
  return plain("iso9660", "", labelAt(block, 40, 32));
}
