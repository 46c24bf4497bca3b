// The POSIX extensions of SMB 3.1.1, as in Linux's client and ksmbd: a negotiate context, a create context,
// and information class 100 of files, listings and volumes. "SMB3 POSIX Extensions" 2.2.3.1, 2.2.13.2,
// 2.2.14.2, "POSIX Extensions to MS-FSCC" 2.3; the structures of Linux's fs/smb/common/smb2pdu.h.
import { Reader, type Writer } from "./cursor.ts";
import { attributesOnWire } from "./fscc/attributes.ts";
import { type FileMetadata, readTimes, writeTimes } from "./fscc/metadata.ts";
import { readSid, type Sid, sidSize, WellKnownSid, writeSid } from "./security/sid.ts";

/** The version ID of the extensions in NEGOTIATE, and the tag of the create context. */
export const POSIX_EXTENSIONS_ID: Uint8Array = Uint8Array.of(
  ...[0x93, 0xad, 0x25, 0x50, 0x9c, 0xb4, 0x11, 0xe7],
  ...[0xb4, 0x23, 0x83, 0xde, 0x96, 0x8b, 0xcd, 0x7c],
);

/** The information class of files, directory listings and volumes. */
export const POSIX_INFO_CLASS = 100;

/** File types in bits 12 to 15 of a mode on the wire; not the S_IFMT values. */
export const PosixFileType = {
  REGULAR: 0,
  DIRECTORY: 1,
  SYMLINK: 2,
  CHARACTER: 3,
  BLOCK: 4,
  FIFO: 5,
  SOCKET: 6,
} as const;
export type PosixFileType = (typeof PosixFileType)[keyof typeof PosixFileType];

const TYPE_SHIFT = 12;
const PERMISSIONS = 0o7777;

/** The POSIX properties of an object that other information classes lack. */
export interface PosixFacts {
  readonly links: number;
  /** 0 unless the object is a reparse point. */
  readonly reparseTag: number;
  /** Permission bits, 07777. */
  readonly mode: number;
  readonly fileType: PosixFileType;
  readonly owner: Sid;
  readonly group: Sid;
}

/** All fields of information class 100. */
export interface PosixInformation extends FileMetadata, PosixFacts {
  readonly inodeLow: number;
  readonly inodeHigh: number;
  readonly device: number;
}

/** The SIDs of a uid (S-1-22-1-uid) and a gid (S-1-22-2-gid), which are Samba's. */
export function unixUserSid(uid: number): Sid {
  return { authority: 22, subAuthorities: [1, uid] };
}
export function unixGroupSid(gid: number): Sid {
  return { authority: 22, subAuthorities: [2, gid] };
}

/**
 * The permission bits of a SID S-1-5-88-3-mode, by which an ACL expresses a mode; undefined for other SIDs.
 */
export function modeOfSid(sid: Sid): number | undefined {
  const { authority, subAuthorities } = WellKnownSid.NFS_MODE;
  const isMode =
    sid.authority === authority &&
    sid.subAuthorities.length === subAuthorities.length + 1 &&
    subAuthorities.every((sub, index) => sub === sid.subAuthorities[index]);
  return isMode ? (sid.subAuthorities.at(-1) ?? 0) & PERMISSIONS : undefined;
}

/** Writes the create context of a response, which is also the end of information class 100. */
export function writePosixFacts(writer: Writer, value: PosixFacts): void {
  writer.u32(value.links);
  writer.u32(value.reparseTag);
  writer.u32(wireMode(value));
  writeSid(writer, value.owner);
  writeSid(writer, value.group);
}

export function readPosixFacts(reader: Reader): PosixFacts {
  const links = reader.u32();
  const reparseTag = reader.u32();
  const mode = reader.u32();
  const fileType = (mode >>> TYPE_SHIFT) as PosixFileType;
  const owner = readSid(reader);
  return { links, reparseTag, mode: mode & PERMISSIONS, fileType, owner, group: readSid(reader) };
}

// Clients up to Linux 6.12 OR in the type that they derive from the attributes, so a directory must be sent
// without one.
function wireMode({ mode, fileType }: PosixFacts): number {
  const type = fileType === PosixFileType.DIRECTORY ? PosixFileType.REGULAR : fileType;
  return (mode & PERMISSIONS) | (type << TYPE_SHIFT);
}

export function encodePosixInformation(writer: Writer, value: PosixInformation): void {
  writeTimes(writer, value);
  writer.u64(value.size);
  writer.u64(value.allocated);
  writer.u32(attributesOnWire(value.attributes));
  writer.pair(value.inodeLow, value.inodeHigh);
  writer.u32(value.device % 2 ** 32);
  writer.u32(0);
  writePosixFacts(writer, value);
}

export function decodePosixInformation(data: Uint8Array): PosixInformation {
  return readInformation(new Reader(data));
}

function readInformation(reader: Reader): PosixInformation {
  const times = readTimes(reader);
  const size = reader.u64();
  const allocated = reader.u64();
  const attributes = reader.u32();
  const inodeLow = reader.u32();
  const inodeHigh = reader.u32();
  const device = reader.u32();
  reader.skip(4);
  return {
    ...times,
    size,
    allocated,
    attributes,
    inodeLow,
    inodeHigh,
    device,
    ...readPosixFacts(reader),
  };
}

// Bytes of an entry without its SIDs and name.
const ENTRY_FIXED = 92;

/** Bytes that `appendPosixEntry` will write, with the padding before the entry. */
export function posixEntryRoom(writer: Writer, name: string, value: PosixInformation): number {
  const size = ENTRY_FIXED + sidSize(value.owner) + sidSize(value.group) + name.length * 2;
  return (-writer.offset() & 7) + size;
}

/** Appends an entry of a listing as `appendDirectoryEntry` does. Returns its position. */
export function appendPosixEntry(
  writer: Writer,
  name: string,
  value: PosixInformation,
  previous: number,
): number {
  writer.align(8);
  const at = writer.position;
  if (previous >= 0) writer.patch32(previous, at - previous);
  writer.u32(0);
  writer.u32(0);
  encodePosixInformation(writer, value);
  writer.u32(name.length * 2);
  writer.utf16(name);
  return at;
}

export interface PosixEntry extends PosixInformation {
  readonly name: string;
}

/** Decodes all entries of a response. */
export function decodePosixEntries(data: Uint8Array): PosixEntry[] {
  const entries: PosixEntry[] = [];
  for (let at = 0; at < data.length;) {
    const reader = new Reader(data.subarray(at));
    const next = reader.u32();
    reader.skip(4);
    const information = readInformation(reader);
    entries.push({ ...information, name: reader.utf16(reader.u32()) });
    if (next < ENTRY_FIXED) break;
    at += next;
  }
  return entries;
}

/** FileFsPosixInformation: the values of statvfs(3). */
export interface FsPosixInformation {
  /** OptimalTransferSize in bytes. */
  readonly transferBytes: number;
  readonly blockBytes: number;
  readonly blocks: number;
  readonly freeBlocks: number;
  /** Free for unprivileged users. */
  readonly availableBlocks: number;
  readonly files: number;
  readonly freeFiles: number;
  readonly fsidLow: number;
  readonly fsidHigh: number;
}

export function encodeFsPosixInformation(writer: Writer, value: FsPosixInformation): void {
  writer.u32(value.transferBytes);
  writer.u32(value.blockBytes);
  writer.u64(value.blocks);
  writer.u64(value.freeBlocks);
  writer.u64(value.availableBlocks);
  writer.u64(value.files);
  writer.u64(value.freeFiles);
  writer.pair(value.fsidLow, value.fsidHigh);
}

export function decodeFsPosixInformation(data: Uint8Array): FsPosixInformation {
  const reader = new Reader(data);
  return {
    transferBytes: reader.u32(),
    blockBytes: reader.u32(),
    blocks: reader.u64(),
    freeBlocks: reader.u64(),
    availableBlocks: reader.u64(),
    files: reader.u64(),
    freeFiles: reader.u64(),
    fsidLow: reader.u32(),
    fsidHigh: reader.u32(),
  };
}
