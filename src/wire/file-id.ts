// SMB2_FILEID: the persistent and the volatile half of an open's ID, 64 bits each, as pairs of 32-bit
// numbers. [MS-SMB2] 2.2.14.1.
import type { Message, Reader, Writer } from "./cursor.ts";

export interface FileId {
  readonly persistentLow: number;
  readonly persistentHigh: number;
  readonly volatileLow: number;
  readonly volatileHigh: number;
}

const ONES = 0xffff_ffff;

/** Means "the open of the previous request" in a related compound, and "no file" in some FSCTLs. */
export const FILE_ID_ALL_ONES: FileId = {
  persistentLow: ONES,
  persistentHigh: ONES,
  volatileLow: ONES,
  volatileHigh: ONES,
};

export function readFileId(message: Message, offset: number): FileId {
  return {
    persistentLow: message.u32(offset),
    persistentHigh: message.u32(offset + 4),
    volatileLow: message.u32(offset + 8),
    volatileHigh: message.u32(offset + 12),
  };
}

/** As `readFileId`, but from a create context or another nested structure. */
export function takeFileId(reader: Reader): FileId {
  return {
    persistentLow: reader.u32(),
    persistentHigh: reader.u32(),
    volatileLow: reader.u32(),
    volatileHigh: reader.u32(),
  };
}

export function writeFileId(writer: Writer, id: FileId): void {
  writer.pair(id.persistentLow, id.persistentHigh);
  writer.pair(id.volatileLow, id.volatileHigh);
}

export function isAllOnes(id: FileId): boolean {
  return (
    id.persistentLow === ONES &&
    id.persistentHigh === ONES &&
    id.volatileLow === ONES &&
    id.volatileHigh === ONES
  );
}

/** As `isAllOnes`, but reads the message without allocating a FileId. */
export function isAllOnesAt(message: Message, offset: number): boolean {
  return (
    message.u32(offset) === ONES &&
    message.u32(offset + 4) === ONES &&
    message.u32(offset + 8) === ONES &&
    message.u32(offset + 12) === ONES
  );
}

export function sameFileId(a: FileId, b: FileId): boolean {
  return (
    a.persistentLow === b.persistentLow &&
    a.persistentHigh === b.persistentHigh &&
    a.volatileLow === b.volatileLow &&
    a.volatileHigh === b.volatileHigh
  );
}
