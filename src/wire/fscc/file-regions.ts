// FILE_REGION_INPUT and FILE_REGION_OUTPUT of FSCTL_QUERY_FILE_REGIONS; [MS-FSCC] 2.3.55, 2.3.56.
import { Reader, type Writer, wireError } from "../cursor.ts";

export interface FileRegion {
  readonly offset: number;
  readonly length: number;
  /** FILE_REGION_USAGE_VALID_CACHED_DATA (1), FILE_REGION_USAGE_VALID_NONCACHED_DATA (2). */
  readonly usage: number;
}

const CACHED = 1;
const NONCACHED = 2;
const LIMIT = 1n << 63n;

/** Size of FILE_REGION_INPUT. */
export const FILE_REGIONS_INPUT_BYTES = 24;
/** Size of a FILE_REGION_OUTPUT with one region. */
export const FILE_REGIONS_BYTES = 40;

/**
 * Decodes the range to report; an empty buffer names the whole file. Throws WireError for an empty range, an
 * end from 2^63 on, and for a usage other than valid data.
 */
export function decodeFileRegionsRequest(data: Uint8Array): FileRegion {
  if (data.length === 0) return { offset: 0, length: Number.MAX_SAFE_INTEGER, usage: CACHED };
  const reader = new Reader(data);
  const offset = reader.big64();
  const length = reader.big64();
  const usage = reader.u32();
  if (offset >= LIMIT || length >= LIMIT || length === 0n || offset + length >= LIMIT)
    throw wireError("file region out of bounds");
  if (usage === 0 || (usage & ~(CACHED | NONCACHED)) !== 0) throw wireError("unknown usage of a file region");
  return { offset: Number(offset), length: Number(length), usage };
}

export function encodeFileRegions(writer: Writer, regions: readonly FileRegion[]): void {
  writer.u32(0);
  writer.u32(regions.length);
  writer.u32(regions.length);
  writer.u32(0);
  for (const { offset, length, usage } of regions) {
    writer.u64(offset);
    writer.u64(length);
    writer.u32(usage);
    writer.u32(0);
  }
}
