// Reparse buffers of FSCTL_SET/GET/DELETE_REPARSE_POINT: generic ones, symbolic links and NFS special files.
// [MS-FSCC] 2.1.2.2 (generic buffer), 2.1.2.4 (symbolic link), 2.1.2.6 (NFS special files).
import { EMPTY, Message, Reader, type Writer, wireError } from "../cursor.ts";
import { ReparseTag } from "./attributes.ts";

export interface ReparseBuffer {
  readonly tag: number;
  /** 16 bytes if the tag is not Microsoft's, else empty. */
  readonly guid: Uint8Array;
  readonly data: Uint8Array;
}

const MICROSOFT_TAG = 0x8000_0000;

/**
 * Throws WireError unless ReparseDataLength is exactly the rest, as [MS-FSA] requires for
 * FSCTL_SET_REPARSE_POINT.
 */
export function decodeReparseBuffer(buffer: Uint8Array): ReparseBuffer {
  const reader = new Reader(buffer);
  const tag = reader.u32();
  const length = reader.u16();
  reader.skip(2);
  const guid = tag >= MICROSOFT_TAG ? EMPTY : reader.range(16);
  if (reader.remaining !== length) throw wireError("wrong ReparseDataLength");
  return { tag, guid, data: reader.range(length) };
}

export function encodeReparseBuffer(writer: Writer, value: ReparseBuffer): void {
  writer.u32(value.tag);
  writer.u16(value.data.length);
  writer.u16(0);
  writer.raw(value.guid);
  writer.raw(value.data);
}

export interface SymlinkReparse {
  readonly isRelative: boolean;
  readonly substituteName: string;
  readonly printName: string;
}

const SYMLINK_FLAG_RELATIVE = 0x0000_0001;

/** Decodes the data of a reparse buffer with the tag SYMLINK. */
export function decodeSymlinkReparse(data: Uint8Array): SymlinkReparse {
  const message = new Message(data);
  const name = (at: number) => {
    const reader = message.reader(12 + message.u16(at), message.u16(at + 2));
    return reader.utf16(reader.remaining);
  };
  return {
    isRelative: (message.u32(8) & SYMLINK_FLAG_RELATIVE) !== 0,
    substituteName: name(0),
    printName: name(4),
  };
}

/** Encodes a whole reparse buffer. */
export function encodeSymlinkReparse(writer: Writer, value: SymlinkReparse): void {
  const substitute = value.substituteName.length * 2;
  const print = value.printName.length * 2;
  writer.u32(ReparseTag.SYMLINK);
  writer.u16(12 + substitute + print);
  writer.u16(0);
  writer.u16(0);
  writer.u16(substitute);
  writer.u16(substitute);
  writer.u16(print);
  writer.u32(value.isRelative ? SYMLINK_FLAG_RELATIVE : 0);
  writer.utf16(value.substituteName);
  writer.utf16(value.printName);
}

/** InodeType of an NFS reparse buffer. */
export const NfsInodeType = {
  SYMLINK: 0x014b_4e4c,
  CHARACTER: 0x0052_4843,
  BLOCK: 0x004b_4c42,
  FIFO: 0x4f46_4946,
  SOCKET: 0x4b43_4f53,
} as const;
export type NfsInodeType = (typeof NfsInodeType)[keyof typeof NfsInodeType];

export interface NfsReparse {
  readonly type: number;
  /** Device numbers of CHARACTER and BLOCK; 0 for other types. */
  readonly major: number;
  readonly minor: number;
}

function isDevice(type: number): boolean {
  return type === NfsInodeType.CHARACTER || type === NfsInodeType.BLOCK;
}

/** Encodes a whole reparse buffer of a special file. */
export function encodeNfsReparse(writer: Writer, value: NfsReparse): void {
  writer.u32(ReparseTag.NFS);
  writer.u16(isDevice(value.type) ? 16 : 8);
  writer.u16(0);
  writer.u64(value.type);
  if (!isDevice(value.type)) return;
  writer.u32(value.major);
  writer.u32(value.minor);
}

/** Decodes the data of a reparse buffer with the tag NFS; the target of a symbolic link is not decoded. */
export function decodeNfsReparse(data: Uint8Array): NfsReparse {
  const reader = new Reader(data);
  const type = reader.u64();
  if (!isDevice(type)) return { type, major: 0, minor: 0 };
  return { type, major: reader.u32(), minor: reader.u32() };
}
