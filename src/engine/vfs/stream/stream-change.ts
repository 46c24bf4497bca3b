// Changes of named streams. Small streams are replaced as a whole, so that a killed server leaves the old or
// the new data; a large one is changed in place, like a file.
import { Errno } from "../../../linux/errno.ts";
import type { MaybePromise } from "../../../port/port.ts";
import { andThen } from "../../and-then.ts";
import { type Count, type Failure, isFailure } from "../store.ts";
import { heapBuffer, type TransferBuffer } from "../transfer-buffer.ts";
import { type LargeValues, type NamedValues, ValuePlace } from "../value-store.ts";
import {
  LARGEST_PART_BYTES,
  listStreams,
  maxAttributeBytes,
  maxStreamBytes,
  type StoredStream,
  type StreamForm,
} from "./stored-stream.ts";
import { extentKey } from "../format/value-names.ts";
import {
  isLarge,
  measureStream,
  piecesOf,
  readStream,
  readStreamAt,
  type StreamSize,
} from "./stream-content.ts";
import { dropExtents, isTooLarge, SMALL_PART_BYTES, writeParts, writePieces } from "./stream-parts.ts";

/** A large stream that is truncated to at most this size is stored like a small one again. */
const MAX_SHRUNK_BYTES = 16_384;

/** Creates an empty stream; -EEXIST if it exists. */
export function createStream(values: NamedValues, key: string, form: StreamForm): MaybePromise<0 | Failure> {
  return andThen(measureStream(values, key, form), (stream) => {
    if (typeof stream !== "number") return -Errno.EEXIST;
    if (stream !== -Errno.ENODATA) return stream;
    return (values.overflow ?? values).set(key, new Uint8Array(form === "samba" ? 1 : 0));
  });
}

/**
 * Writes a part of a stream and returns `length`. Returns -ENOSPC if the data is too large to store; the old
 * data remains.
 */
export function writeStreamAt(
  values: NamedValues,
  key: string,
  form: StreamForm,
  buffer: TransferBuffer,
  at: number,
  length: number,
  offset: number,
): MaybePromise<Count | Failure> {
  const end = offset + length;
  return andThen(measureStream(values, key, form), (stream) => {
    if (typeof stream === "number") return stream;
    if (values.large !== undefined && outgrows(values, form, stream, end)) {
      const { large } = values;
      return andThen(makeLarge(values, large, key, form, stream), (failure) =>
        failure < 0 ? failure : large.write(key, buffer, at, length, offset),
      );
    }
    const changed =
      stream.extents.length > 0 && end <= stream.size
        ? writePieces(values, piecesOf(key, stream, offset, length), buffer.bytes, at)
        : changeStream(values, key, form, (data) => {
            const larger = new Uint8Array(Math.max(data.length, end));
            larger.set(data);
            larger.set(buffer.bytes.subarray(at, at + length), offset);
            return larger;
          });
    return andThen(changed, (failure) => (failure < 0 ? failure : length));
  });
}

/** True where the stream is changed in parts, or has to be from `size` bytes on. */
function outgrows(values: NamedValues, form: StreamForm, stream: StreamSize, size: number): boolean {
  return isLarge(stream) || size > (values.areAttributes ? maxAttributeBytes(form) : LARGEST_PART_BYTES);
}

/** Makes the stream a file of its own, if it is none. */
function makeLarge(
  values: NamedValues,
  large: LargeValues,
  key: string,
  form: StreamForm,
  stream: StreamSize,
  size = stream.size,
): MaybePromise<0 | Failure> {
  if (stream.place === ValuePlace.FILE) return 0;
  if (stream.extents.length === 0) return large.store(key, undefined, Math.min(size, stream.size));
  return andThen(readStream(values, key, form), (data) => {
    if (typeof data === "number") return data;
    return andThen(large.store(key, data, data.length), (failure) =>
      failure < 0 ? failure : dropExtents(values, key, 1),
    );
  });
}

/** Sets a stream's size. Returns -ENOSPC if it is too large to store; the old data remains. */
export function truncateStream(
  values: NamedValues,
  key: string,
  form: StreamForm,
  size: number,
): MaybePromise<0 | Failure> {
  return andThen(measureStream(values, key, form), (stream) => {
    if (typeof stream === "number") return stream;
    if (size === stream.size) return 0;
    const { large } = values;
    if (large === undefined || !outgrows(values, form, stream, size))
      return changeStream(values, key, form, (data) => {
        if (size < data.length) return data.slice(0, size);
        const larger = new Uint8Array(size);
        larger.set(data);
        return larger;
      });
    if (size <= MAX_SHRUNK_BYTES && size < stream.size) return shrink(values, key, form, size);
    return andThen(makeLarge(values, large, key, form, stream, size), (failure) =>
      failure < 0 ? failure : large.truncate(key, size),
    );
  });
}

function shrink(values: NamedValues, key: string, form: StreamForm, size: number): MaybePromise<0 | Failure> {
  const data = new Uint8Array(size);
  return andThen(readStreamAt(values, key, form, heapBuffer(data), 0, size, 0), (count) =>
    isFailure(count) ? count : writeContent(values, key, data, [], form),
  );
}

/**
 * Writes zeros over a range up to the stream's end; a value cannot have holes. Returns the number of bytes
 * zeroed, possibly fewer than asked.
 */
export function zeroStream(
  values: NamedValues,
  key: string,
  form: StreamForm,
  offset: number,
  length: number,
): MaybePromise<Count | Failure> {
  return andThen(measureStream(values, key, form), (stream) => {
    if (typeof stream === "number") return stream;
    const count = Math.max(0, Math.min(length, stream.size - offset));
    if (count === 0) return 0;
    const { large } = values;
    if (large !== undefined && isLarge(stream))
      return andThen(makeLarge(values, large, key, form, stream), (failure) =>
        failure < 0 ? failure : large.zeroRange(key, offset, count),
      );
    const changed = changeStream(values, key, form, (data) => data.slice().fill(0, offset, offset + count));
    return andThen(changed, (failure) => (failure < 0 ? failure : count));
  });
}

/**
 * Replaces the data of a stream that is not changed in parts. `change` gets the old data and returns the new,
 * the same array for no change, or -errno. Returns -ENOSPC if the new data is too large to store; the old
 * data remains.
 */
export function changeStream(
  values: NamedValues,
  key: string,
  form: StreamForm,
  change: (data: Uint8Array) => Uint8Array | Failure,
): MaybePromise<0 | Failure> {
  return andThen(readStream(values, key, form), (old) => {
    if (typeof old === "number") return old;
    const data = change(old);
    if (typeof data === "number") return data;
    if (data === old) return 0;
    return replaceContent(values, key, data, form);
  });
}

/** Creates or replaces a stream. Returns -ENOSPC if the data is too large to store; old data remains. */
export function writeStream(
  values: NamedValues,
  key: string,
  data: Uint8Array,
  form: StreamForm,
): MaybePromise<0 | Failure> {
  return andThen(measureStream(values, key, form), (old) => {
    if (typeof old === "number" && old !== -Errno.ENODATA) return old;
    return replaceContent(values, key, data, form);
  });
}

/**
 * Replaces the data and removes continuation values; writes them back where the new data cannot be stored.
 */
function replaceContent(
  values: NamedValues,
  key: string,
  data: Uint8Array,
  form: StreamForm,
): MaybePromise<0 | Failure> {
  return andThen(measureStream(values, key, form), (stream) => {
    if (typeof stream === "number" || stream.extents.length === 0)
      return writeContent(values, key, data, [], form);
    return andThen(readExtents(values, key, stream.extents.length), (extents) =>
      typeof extents === "number" ? extents : writeContent(values, key, data, extents, form),
    );
  });
}

async function readExtents(
  values: NamedValues,
  key: string,
  count: number,
): Promise<readonly Uint8Array[] | Failure> {
  const extents: Uint8Array[] = [];
  for (let i = 1; i <= count; i++) {
    const part = await values.get(extentKey(key, i));
    if (typeof part === "number") return part;
    extents.push(part);
  }
  return extents;
}

/** `extents` are the stored continuation values. */
function writeContent(
  values: NamedValues,
  key: string,
  data: Uint8Array,
  extents: readonly Uint8Array[],
  form: StreamForm,
): MaybePromise<0 | Failure> {
  if (data.length > maxStreamBytes(values, form)) return -Errno.ENOSPC;
  const { overflow, large } = values;
  const value = new Uint8Array(data.length + (form === "samba" ? 1 : 0));
  value.set(data);
  const dropOld = (result: 0 | Failure): MaybePromise<0 | Failure> =>
    result === 0 && extents.length > 0 ? dropExtents(values, key, 1) : result;
  const whole = value.length > LARGEST_PART_BYTES ? -Errno.E2BIG : values.set(key, value);
  const hasParts = values.areAttributes && form === "samba" && data.length >= SMALL_PART_BYTES;
  const inAttributes = andThen(whole, (result) =>
    isTooLarge(result) && hasParts ? writeParts(values, key, data, extents) : dropOld(result),
  );
  return andThen(inAttributes, (result) => {
    if (!isTooLarge(result)) return result;
    const inEntry = value.length > LARGEST_PART_BYTES ? undefined : overflow?.set(key, value);
    return andThen(inEntry ?? result, (failure) => {
      if (!isTooLarge(failure)) return dropOld(failure);
      if (large === undefined) return -Errno.ENOSPC;
      return andThen(large.store(key, data, data.length), (outcome) =>
        isTooLarge(outcome) ? -Errno.ENOSPC : dropOld(outcome),
      );
    });
  });
}

/** Renames a stream, which replaces an empty one of the new name; -ENODATA if there is no such stream. */
export async function moveStream(
  values: NamedValues,
  key: string,
  newKey: string,
  form: StreamForm,
): Promise<0 | Failure> {
  const stream = await measureStream(values, key, form);
  if (typeof stream === "number") return stream;
  // One step for a value in the sidecar.
  if (values.large !== undefined && stream.place !== ValuePlace.ATTRIBUTE)
    return values.large.rename(key, newKey);
  const data = await readStream(values, key, form);
  if (typeof data === "number") return data;
  const written = await writeStream(values, newKey, data, form);
  if (written < 0) return written;
  const removed = await removeStream(values, key);
  if (removed < 0) await removeStream(values, newKey);
  return removed;
}

/** Removes a stream; -ENODATA if there is no such stream. */
export function removeStream(
  values: NamedValues,
  key: string,
  keepsAppleDouble = false,
): MaybePromise<0 | Failure> {
  return andThen(values.remove(key, keepsAppleDouble), (result) =>
    result === 0 ? dropExtents(values, key, 1) : result,
  );
}

/** Removes all named streams, with `keepsAppleDouble` those in other places; -errno on failure. */
export function removeStreams(values: NamedValues, keepsAppleDouble = false): MaybePromise<0 | Failure> {
  return andThen(listStreams(values), (streams) => {
    if (typeof streams === "number") return streams;
    return streams.length === 0 ? 0 : removeEach(values, streams, keepsAppleDouble);
  });
}

async function removeEach(
  values: NamedValues,
  streams: readonly StoredStream[],
  keepsAppleDouble: boolean,
): Promise<0 | Failure> {
  for (const { key } of streams) {
    const result = await removeStream(values, key, keepsAppleDouble);
    if (result !== 0 && result !== -Errno.ENODATA) return result;
  }
  return 0;
}
