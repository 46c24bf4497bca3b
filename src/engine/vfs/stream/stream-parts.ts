// Samba's parts of a stream in extended attributes: the first value and its continuation values.
import { Errno } from "../../../linux/errno.ts";
import type { Failure } from "../store.ts";
import type { NamedValues } from "../value-store.ts";
import { extentKey, MAX_EXTENTS } from "../format/value-names.ts";
import { LARGEST_PART_BYTES } from "./stored-stream.ts";
import type { Piece } from "./stream-content.ts";

/** Fits into a leaf of btrfs, which stores many such values of one file. */
export const SMALL_PART_BYTES = 15_872;

/** True for the errnos of file systems for a value that they cannot store. */
export function isTooLarge(failure: Failure): boolean {
  return failure === -Errno.ENOSPC || failure === -Errno.E2BIG || failure === -Errno.ERANGE;
}

export async function writeParts(
  values: NamedValues,
  key: string,
  data: Uint8Array,
  old: readonly Uint8Array[],
): Promise<0 | Failure> {
  for (const bytes of [LARGEST_PART_BYTES, SMALL_PART_BYTES]) {
    const extents = Math.ceil((data.length - (bytes - 1)) / bytes);
    if (extents < 1 || extents > MAX_EXTENTS) continue;
    const result = await writePartsOf(values, key, data, bytes, extents);
    if (result === 0) return dropExtents(values, key, extents + 1);
    await restore(values, key, old, extents);
    if (!isTooLarge(result)) return result;
  }
  return -Errno.ENOSPC;
}

/**
 * Writes the first part last, so that a new stream becomes visible only when complete. The other parts are
 * written in order: if the first of them does not fit, nothing has been written.
 */
async function writePartsOf(
  values: NamedValues,
  key: string,
  data: Uint8Array,
  bytes: number,
  extents: number,
): Promise<0 | Failure> {
  for (let i = 1; i <= extents; i++) {
    const start = bytes - 1 + (i - 1) * bytes;
    const result = await values.set(extentKey(key, i), data.slice(start, start + bytes));
    if (result !== 0) return result;
  }
  const anchor = data.slice(0, bytes);
  anchor[bytes - 1] = extents;
  return values.set(key, anchor);
}

/**
 * Undoes a failed `writePartsOf`: removes new continuation values and writes the old ones back. The first
 * value is written last and is therefore still the old one.
 */
async function restore(
  values: NamedValues,
  key: string,
  old: readonly Uint8Array[],
  tried: number,
): Promise<void> {
  for (let i = old.length + 1; i <= tried; i++) await values.remove(extentKey(key, i));
  // A value that cannot be written back yet is removed, which frees space; the second pass writes it.
  for (const [i, part] of old.entries()) {
    const result = await values.set(extentKey(key, i + 1), part);
    if (result !== 0) await values.remove(extentKey(key, i + 1));
  }
  for (const [i, part] of old.entries()) await values.set(extentKey(key, i + 1), part);
}

/** Removes the continuation values of a stream from number `from`. */
export async function dropExtents(values: NamedValues, key: string, from: number): Promise<0 | Failure> {
  for (let i = from; i <= MAX_EXTENTS; i++) {
    const result = await values.remove(extentKey(key, i));
    if (result === -Errno.ENODATA) break;
    if (result !== 0) return result;
  }
  return 0;
}

/** Replaces ranges of stored parts, whose sizes stay the same, by `bytes` from `at` on. */
export async function writePieces(
  values: NamedValues,
  pieces: readonly Piece[],
  bytes: Uint8Array,
  at: number,
): Promise<0 | Failure> {
  let from = at;
  for (const { name, start, length } of pieces) {
    const value = await values.get(name);
    if (typeof value === "number") return value;
    if (value.length < start + length) return -Errno.EAGAIN;
    value.set(bytes.subarray(from, from + length), start);
    const result = await values.set(name, value);
    if (result !== 0) return result;
    from += length;
  }
  return 0;
}
