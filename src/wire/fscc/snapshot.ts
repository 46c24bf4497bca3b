// FSCTL_SRV_ENUMERATE_SNAPSHOTS: the previous versions of a volume, as @GMT tokens.
// [MS-SMB2] 2.2.32.2 (SRV_SNAPSHOT_ARRAY).
import { Reader, type Writer } from "../cursor.ts";

export interface SnapshotArray {
  /** Number of snapshots that exist; a small buffer lists fewer. */
  readonly available: number;
  /** Bytes of the whole list, with its final NUL. */
  readonly arraySize: number;
  /** `@GMT-YYYY.MM.DD-HH.MM.SS`, 24 characters each. */
  readonly tokens: readonly string[];
}

/** Bytes of a list of `count` tokens, each with a NUL, and the final NUL. */
export function snapshotArraySize(count: number): number {
  return count * 50 + 2;
}

/** Writes the array; without tokens the three counts are followed by zeros only. */
export function encodeSnapshotArray(writer: Writer, value: SnapshotArray): void {
  writer.u32(value.available);
  writer.u32(value.tokens.length);
  writer.u32(value.arraySize);
  for (const token of value.tokens) {
    writer.utf16(token);
    writer.u16(0);
  }
  writer.u16(0);
  // Windows and Samba send 16 bytes when they list nothing.
  if (value.tokens.length === 0) writer.u16(0);
}

export function decodeSnapshotArray(data: Uint8Array): SnapshotArray {
  const reader = new Reader(data);
  const available = reader.u32();
  const returned = reader.u32();
  const arraySize = reader.u32();
  const tokens: string[] = [];
  const text = returned === 0 ? "" : reader.utf16(reader.remaining & ~1);
  for (const token of text.split("\0")) if (token !== "") tokens.push(token);
  return { available, arraySize, tokens };
}
