// Entries of directory listings, in the six information classes that clients use.
// [MS-FSCC] 2.4: FileDirectory, FileFullDirectory, FileBothDirectory, FileNames, FileIdBothDirectory,
// FileIdFullDirectoryInformation.
import { Reader, type Writer, wireError } from "../cursor.ts";
import { attributesOnWire } from "./attributes.ts";
import { FileInfoClass } from "./info-class.ts";
import { type FileMetadata, readTimes, writeTimes } from "./metadata.ts";

/** Metadata of an entry; the stat object of the store has these properties. */
export interface DirectoryFacts extends FileMetadata {
  readonly inodeLow: number;
  readonly inodeHigh: number;
}

/** One entry; the store's entry objects can be passed unchanged. */
export interface DirectoryRecord {
  readonly name: string;
  readonly stat: DirectoryFacts;
  /** EaSize, or the tag of a reparse point; 0 when absent. */
  readonly eaSize?: number;
  /** The 8.3 name, at most 12 characters; empty when absent. */
  readonly shortName?: string;
  /**
   * In FileIdBothDirectoryInformation in the place of the short name; `eaSize` is the maximal access then.
   */
  readonly apple?: AppleEntry | undefined;
  /** FileId is 0. */
  readonly hidesFileId?: boolean;
}

/**
 * READ_DIR_ATTR of Apple's extensions: what a Mac gets in the place of a short name; smb_2.h of its
 * SMBClient.
 */
export interface AppleEntry {
  /** The two bytes that else are the short name's length and reserved. */
  readonly flags: number;
  readonly resourceBytes: number;
  /** The 32 bytes of Finder information; undefined: zeros. */
  readonly finderInfo: Uint8Array | undefined;
  /** st_mode; 0: not told. */
  readonly unixMode: number;
}

/** In READ_DIR_ATTR_V2: the entry has no named streams. */
export const APPLE_NO_STREAMS = 1;
/** Without V2: the length of what is in the place of the short name, as macOS' server and smbd send it. */
export const APPLE_FIELD_BYTES = 24;

const SHORT_NAME_SIZE = 24;

// Bytes of an entry before its name.
const fixedSizes: ReadonlyMap<number, number> = new Map([
  [FileInfoClass.DIRECTORY, 64],
  [FileInfoClass.FULL_DIRECTORY, 68],
  [FileInfoClass.BOTH_DIRECTORY, 94],
  [FileInfoClass.NAMES, 12],
  [FileInfoClass.ID_BOTH_DIRECTORY, 104],
  [FileInfoClass.ID_FULL_DIRECTORY, 80],
]);

/** Bytes of an entry before its name; undefined for a class other than the six. */
export function directoryFixedSize(infoClass: number): number | undefined {
  return fixedSizes.get(infoClass);
}

function fixedSizeOf(infoClass: number): number {
  const size = fixedSizes.get(infoClass);
  if (size === undefined) throw new RangeError("not a directory information class");
  return size;
}

export function isDirectoryInfoClass(infoClass: number): boolean {
  return fixedSizes.has(infoClass);
}

/** Bytes of an entry without padding. */
export function directoryEntrySize(infoClass: number, name: string): number {
  return fixedSizeOf(infoClass) + name.length * 2;
}

/** Bytes that `appendDirectoryEntry` will write, with the padding before the entry. */
export function directoryEntryRoom(writer: Writer, infoClass: number, name: string): number {
  return (-writer.offset() & 7) + directoryEntrySize(infoClass, name);
}

/**
 * Appends one entry at the next multiple of 8 and sets NextEntryOffset of the entry at `previous` (-1: none).
 * Returns the entry's position, which is `previous` of the next call.
 */
export function appendDirectoryEntry(
  writer: Writer,
  infoClass: number,
  entry: DirectoryRecord,
  previous: number,
): number {
  writer.align(8);
  const at = writer.position;
  if (previous >= 0) writer.patch32(previous, at - previous);
  const { name, stat } = entry;
  writer.u32(0);
  // FileIndex: 0 for a file system without stable positions.
  writer.u32(0);
  if (infoClass !== FileInfoClass.NAMES) {
    writeTimes(writer, stat);
    writer.u64(stat.size);
    writer.u64(stat.allocated);
    writer.u32(attributesOnWire(stat.attributes));
  }
  writer.u32(name.length * 2);
  writeExtras(writer, infoClass, entry);
  writer.utf16(name);
  return at;
}

function writeExtras(writer: Writer, infoClass: number, entry: DirectoryRecord): void {
  if (infoClass === FileInfoClass.NAMES || infoClass === FileInfoClass.DIRECTORY) return;
  writer.u32(entry.eaSize ?? 0);
  if (infoClass === FileInfoClass.FULL_DIRECTORY) return;
  if (infoClass === FileInfoClass.ID_FULL_DIRECTORY) {
    writer.u32(0);
  } else if (entry.apple !== undefined && infoClass === FileInfoClass.ID_BOTH_DIRECTORY) {
    writeApple(writer, entry.apple);
  } else {
    const shortName = entry.shortName ?? "";
    writer.u8(shortName.length * 2);
    writer.u8(0);
    writer.utf16(shortName);
    writer.zero(SHORT_NAME_SIZE - shortName.length * 2);
    if (infoClass === FileInfoClass.BOTH_DIRECTORY) return;
    writer.u16(0);
  }
  if (entry.hidesFileId === true) writer.pair(0, 0);
  else writer.pair(entry.stat.inodeLow, entry.stat.inodeHigh);
}

/**
 * Of the Finder information those parts that are in use: type and creator, flags, extended flags, date added.
 */
function writeApple(writer: Writer, { flags, resourceBytes, finderInfo, unixMode }: AppleEntry): void {
  writer.u16(flags);
  writer.u64(resourceBytes);
  if (finderInfo === undefined) {
    writer.zero(16);
  } else {
    writer.part(finderInfo, 0, 10);
    writer.part(finderInfo, 24, 26);
    writer.part(finderInfo, 20, 24);
  }
  writer.u16(unixMode);
}

const NO_FACTS: DirectoryFacts = {
  birthSeconds: 0,
  birthNanoseconds: 0,
  accessSeconds: 0,
  accessNanoseconds: 0,
  modifySeconds: 0,
  modifyNanoseconds: 0,
  changeSeconds: 0,
  changeNanoseconds: 0,
  allocated: 0,
  size: 0,
  attributes: 0,
  inodeLow: 0,
  inodeHigh: 0,
};

/** Decodes all entries of a response. Fields that the class lacks are 0. */
export function decodeDirectoryEntries(infoClass: number, data: Uint8Array): DirectoryRecord[] {
  if (!isDirectoryInfoClass(infoClass)) throw wireError("not a directory information class");
  const entries: DirectoryRecord[] = [];
  const reader = new Reader(data);
  while (reader.remaining > 0) {
    const at = reader.position;
    const next = reader.u32();
    entries.push(readEntry(reader, infoClass));
    if (next === 0) break;
    if (at + next < reader.position) throw wireError("directory listing broken");
    reader.seek(at + next);
  }
  return entries;
}

function readEntry(reader: Reader, infoClass: number): DirectoryRecord {
  reader.skip(4);
  if (infoClass === FileInfoClass.NAMES) return { name: reader.utf16(reader.u32()), stat: NO_FACTS };
  const times = readTimes(reader);
  const size = reader.u64();
  const allocated = reader.u64();
  const attributes = reader.u32();
  const nameLength = reader.u32();
  const stat = { ...NO_FACTS, ...times, size, allocated, attributes };
  if (infoClass === FileInfoClass.DIRECTORY) return { name: reader.utf16(nameLength), stat };
  const eaSize = reader.u32();
  if (infoClass === FileInfoClass.FULL_DIRECTORY) return { name: reader.utf16(nameLength), stat, eaSize };
  let shortName = "";
  if (infoClass === FileInfoClass.ID_FULL_DIRECTORY) {
    reader.skip(4);
  } else {
    const length = reader.u8();
    reader.skip(1);
    const field = new Reader(reader.range(SHORT_NAME_SIZE));
    // Odd for a Mac: see AppleEntry.
    shortName = length % 2 === 0 ? field.utf16(length) : "";
    if (infoClass === FileInfoClass.BOTH_DIRECTORY) {
      return { name: reader.utf16(nameLength), stat, eaSize, shortName };
    }
    reader.skip(2);
  }
  const inodeLow = reader.u32();
  const inodeHigh = reader.u32();
  return { name: reader.utf16(nameLength), stat: { ...stat, inodeLow, inodeHigh }, eaSize, shortName };
}
