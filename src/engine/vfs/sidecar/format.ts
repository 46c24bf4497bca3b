// File format of a sidecar entry, which stores an object's named values; little-endian. A header, a table
// with the object that it was written for and the values' extents, then the values, the small ones first so
// that the first read gets them.

/** Limit of one value; MAX_ENTRY_BYTES is that of a whole entry. */
export const MAX_SIDECAR_VALUE_BYTES = 16_777_216;
export const MAX_ENTRY_BYTES = 33_554_432;

const MAGIC = 0x6d73_6d76; // "vmsm" as its bytes lie on disk
const VERSION = 1;
/**
 * magic u32, version u16, value count u16, bytes of the table u32, its CRC-32 u32, bytes of the entry u32,
 * zero u32.
 */
export const ENTRY_HEADER_BYTES = 24;
const MAX_VALUES = 1024;
const MAX_TABLE_BYTES = 400_000;
const MAX_NAME_BYTES = 1024;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * The object that an entry was written for, with the facts that identify it. Times that the disk does not
 * have are NaN.
 */
export interface EntrySubject {
  /** The last component of its path; "" for a folder's own values. */
  readonly name: string;
  /** Birth time in seconds since 1970, with fraction. */
  readonly birth: number;
  /** Birth time of the entry's own file; it differs where the folder has been copied. */
  readonly entryBirth: number;
  readonly size: number;
  /** Modification time in seconds since 1970, with fraction. */
  readonly modified: number;
  readonly inodeLow: number;
  readonly inodeHigh: number;
  /** Inode of the entry's own file. */
  readonly entryInodeLow: number;
  readonly entryInodeHigh: number;
}

/** Location of a value in the entry; `checksum` is a CRC-32. */
export interface ValueExtent {
  readonly offset: number;
  readonly length: number;
  readonly checksum: number;
}

export interface EntryTable {
  readonly subject: EntrySubject;
  readonly extents: ReadonlyMap<string, ValueExtent>;
  /** Bytes of the whole entry. */
  readonly totalBytes: number;
}

const SUBJECT_FIXED_BYTES = 2 + 4 * 8 + 4 * 4;
/** Name's length u16, value's length u32, its CRC-32 u32. */
const ROW_BYTES = 10;

/** A value in an open entry, which is copied from there instead of being loaded. */
export interface StoredPart extends ValueExtent {
  readonly fd: number;
}

export type EntryValue = Uint8Array | StoredPart;

/** An entry but for its last values, which are copied behind `bytes` in this order. */
export interface EntryImage {
  readonly bytes: Uint8Array;
  readonly parts: readonly StoredPart[];
}

/** Encodes an entry; undefined beyond the limits of count, name length or size. */
export function encodeEntry(
  subject: EntrySubject,
  values: ReadonlyMap<string, EntryValue>,
): EntryImage | undefined {
  const rows = [...values]
    .map(([name, value]) => ({ name: encoder.encode(name), value }))
    .sort((a, b) => Number("fd" in a.value) - Number("fd" in b.value) || a.value.length - b.value.length);
  const subjectName = encoder.encode(subject.name);
  let tableBytes = SUBJECT_FIXED_BYTES + subjectName.length;
  let dataBytes = 0;
  for (const { name, value } of rows) {
    if (name.length === 0 || name.length > MAX_NAME_BYTES) return undefined;
    if (value.length > MAX_SIDECAR_VALUE_BYTES) return undefined;
    tableBytes += ROW_BYTES + name.length;
    dataBytes += value.length;
  }
  const totalBytes = ENTRY_HEADER_BYTES + tableBytes + dataBytes;
  if (rows.length > MAX_VALUES || tableBytes > MAX_TABLE_BYTES || totalBytes > MAX_ENTRY_BYTES) {
    return undefined;
  }
  const parts = rows.map(({ value }) => value).filter((value) => "fd" in value);
  const partBytes = parts.reduce((sum, { length }) => sum + length, 0);
  const bytes = new Uint8Array(totalBytes - partBytes);
  const view = new DataView(bytes.buffer);
  let at = writeSubject(bytes, view, subject, subjectName);
  let dataAt = ENTRY_HEADER_BYTES + tableBytes;
  for (const { name, value } of rows) {
    view.setUint16(at, name.length, true);
    view.setUint32(at + 2, value.length, true);
    view.setUint32(at + 6, "fd" in value ? value.checksum : Bun.hash.crc32(value), true);
    bytes.set(name, at + ROW_BYTES);
    at += ROW_BYTES + name.length;
    if ("fd" in value) continue;
    bytes.set(value, dataAt);
    dataAt += value.length;
  }
  view.setUint32(0, MAGIC, true);
  view.setUint16(4, VERSION, true);
  view.setUint16(6, rows.length, true);
  view.setUint32(8, tableBytes, true);
  view.setUint32(
    12,
    Bun.hash.crc32(bytes.subarray(ENTRY_HEADER_BYTES, ENTRY_HEADER_BYTES + tableBytes)),
    true,
  );
  view.setUint32(16, totalBytes, true);
  return { bytes, parts };
}

function writeSubject(bytes: Uint8Array, view: DataView, subject: EntrySubject, name: Uint8Array): number {
  const at = ENTRY_HEADER_BYTES;
  view.setFloat64(at, subject.birth, true);
  view.setFloat64(at + 8, subject.entryBirth, true);
  view.setFloat64(at + 16, subject.size, true);
  view.setFloat64(at + 24, subject.modified, true);
  view.setUint32(at + 32, subject.inodeLow, true);
  view.setUint32(at + 36, subject.inodeHigh, true);
  view.setUint32(at + 40, subject.entryInodeLow, true);
  view.setUint32(at + 44, subject.entryInodeHigh, true);
  view.setUint16(at + 48, name.length, true);
  bytes.set(name, at + SUBJECT_FIXED_BYTES);
  return at + SUBJECT_FIXED_BYTES + name.length;
}

/** The size of header and table, by the header; undefined for an invalid header or a wrong file size. */
export function entryTableEnd(head: Uint8Array, size: number): number | undefined {
  if (head.length < ENTRY_HEADER_BYTES) return undefined;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (view.getUint32(0, true) !== MAGIC || view.getUint16(4, true) !== VERSION) return undefined;
  const tableBytes = view.getUint32(8, true);
  if (tableBytes < SUBJECT_FIXED_BYTES || tableBytes > MAX_TABLE_BYTES) return undefined;
  if (view.getUint32(16, true) !== size) return undefined;
  const end = ENTRY_HEADER_BYTES + tableBytes;
  return end > size ? undefined : end;
}

/** Decodes the table of an entry of `size` bytes from its first bytes; undefined for an invalid one. */
export function decodeEntryTable(head: Uint8Array, size: number): EntryTable | undefined {
  const end = entryTableEnd(head, size);
  if (end === undefined || head.length < end) return undefined;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const table = head.subarray(ENTRY_HEADER_BYTES, end);
  if (Bun.hash.crc32(table) !== view.getUint32(12, true)) return undefined;
  const count = view.getUint16(6, true);
  if (count > MAX_VALUES) return undefined;
  const subjectAt = ENTRY_HEADER_BYTES;
  const nameLength = view.getUint16(subjectAt + 48, true);
  let at = subjectAt + SUBJECT_FIXED_BYTES + nameLength;
  if (at > end) return undefined;
  const extents = new Map<string, ValueExtent>();
  try {
    const subject: EntrySubject = {
      name: decoder.decode(head.subarray(at - nameLength, at)),
      birth: view.getFloat64(subjectAt, true),
      entryBirth: view.getFloat64(subjectAt + 8, true),
      size: view.getFloat64(subjectAt + 16, true),
      modified: view.getFloat64(subjectAt + 24, true),
      inodeLow: view.getUint32(subjectAt + 32, true),
      inodeHigh: view.getUint32(subjectAt + 36, true),
      entryInodeLow: view.getUint32(subjectAt + 40, true),
      entryInodeHigh: view.getUint32(subjectAt + 44, true),
    };
    let offset = end;
    for (let row = 0; row < count; row++) {
      if (at + ROW_BYTES > end) return undefined;
      const rowName = view.getUint16(at, true);
      const length = view.getUint32(at + 2, true);
      const checksum = view.getUint32(at + 6, true);
      at += ROW_BYTES + rowName;
      if (at > end || length > MAX_SIDECAR_VALUE_BYTES || offset + length > size) return undefined;
      extents.set(decoder.decode(head.subarray(at - rowName, at)), { offset, length, checksum });
      offset += length;
    }
    return at === end && offset === size ? { subject, extents, totalBytes: size } : undefined;
  } catch {
    return undefined; // a name that is not UTF-8
  }
}
