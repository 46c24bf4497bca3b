// Sparse files: FSCTL_SET_SPARSE, FSCTL_SET_ZERO_DATA, FSCTL_QUERY_ALLOCATED_RANGES and
// FSCTL_FILE_LEVEL_TRIM. [MS-FSCC] 2.3, in the sections of these titles.
import { Reader, type Writer, wireError } from "../cursor.ts";

export interface FileRange {
  readonly offset: number;
  readonly length: number;
}

const RANGE_SIZE = 16;
/** A bigint, because 2^63 - 1 means "to the end" and a double cannot represent it. */
const LIMIT = 1n << 63n;

/** Whether to make the file sparse; an empty buffer means yes. */
export function decodeSetSparse(data: Uint8Array): boolean {
  return data.length === 0 || data[0] !== 0;
}
export function encodeSetSparse(writer: Writer, isSparse: boolean): void {
  writer.u8(isSparse ? 1 : 0);
}

/**
 * Decodes the range to zero. Throws WireError for negative numbers and an end before the start, which
 * [MS-FSA] refuses for FSCTL_SET_ZERO_DATA.
 */
export function decodeZeroData(data: Uint8Array): FileRange {
  const reader = new Reader(data);
  const offset = reader.big64();
  const end = reader.big64();
  if (offset >= LIMIT || end >= LIMIT || end < offset) throw wireError("range to zero out of order");
  return { offset: Number(offset), length: Number(end - offset) };
}
export function encodeZeroData(writer: Writer, range: FileRange): void {
  writer.u64(range.offset);
  writer.u64(range.offset + range.length);
}

/** Decodes the range to query. Throws WireError for negative numbers and an end from 2^63 on. */
export function decodeAllocatedRangesRequest(data: Uint8Array): FileRange {
  return takeRange(new Reader(data));
}

function takeRange(reader: Reader): FileRange {
  const offset = reader.big64();
  const length = reader.big64();
  if (offset >= LIMIT || length >= LIMIT || offset + length >= LIMIT) throw wireError("range out of bounds");
  return { offset: Number(offset), length: Number(length) };
}

/** More than any program sends at once. */
const MAX_TRIM_RANGES = 4096;

/** Decodes the ranges that are no longer needed. [MS-FSCC] 2.3.73: the Key field must be 0. */
export function decodeTrim(data: Uint8Array): FileRange[] {
  const reader = new Reader(data);
  if (reader.u32() !== 0) throw wireError("a key in a request to trim");
  const count = reader.u32();
  if (count === 0 || count > MAX_TRIM_RANGES) throw wireError("wrong number of ranges to trim");
  const ranges: FileRange[] = [];
  for (let i = 0; i < count; i++) ranges.push(takeRange(reader));
  return ranges;
}

export function writeFileRange(writer: Writer, offset: number, length: number): void {
  writer.u64(offset);
  writer.u64(length);
}

export function decodeFileRanges(data: Uint8Array): FileRange[] {
  if (data.length % RANGE_SIZE !== 0) throw wireError("list of ranges cut off");
  const reader = new Reader(data);
  const ranges: FileRange[] = [];
  while (reader.remaining > 0) ranges.push({ offset: reader.u64(), length: reader.u64() });
  return ranges;
}
