// Sizes and data of named streams, in all forms of stored-stream.ts. A read costs what it asks for; a size
// costs no data but the last byte of a value.
import { Errno } from "../../../linux/errno.ts";
import type { MaybePromise } from "../../../port/port.ts";
import { andThen } from "../../and-then.ts";
import { type Count, type Failure, isFailure } from "../store.ts";
import { heapBuffer, type TransferBuffer } from "../transfer-buffer.ts";
import { type NamedValues, ValuePlace, type ValueSize } from "../value-store.ts";
import { AFP_INFO_BYTES } from "../format/afp-info.ts";
import {
  isAfpInfoName,
  LARGEST_PART_BYTES,
  nameOfKey,
  type StoredStream,
  type StreamForm,
} from "./stored-stream.ts";
import { extentKey, MAX_EXTENTS } from "../format/value-names.ts";

export interface SizedStream {
  readonly name: string;
  readonly size: Count;
}

/** Where a stream's data is. */
export interface StreamSize {
  /** Bytes of data. */
  readonly size: Count;
  readonly place: ValuePlace;
  /** Bytes of the stream's value, which may end in a byte that is not data. */
  readonly valueBytes: Count;
  /** Bytes of its continuation values. */
  readonly extents: readonly Count[];
}

const NO_EXTENTS: readonly Count[] = [];

/**
 * True where a value is read and changed in parts: files of their own, and long values in the entry of a
 * sidecar, where earlier versions stored streams.
 */
export function isLarge({ place, valueBytes }: StreamSize): boolean {
  return place === ValuePlace.FILE || valueBytes > LARGEST_PART_BYTES;
}

/** Returns the streams with their sizes in bytes, without those removed meanwhile; -errno on failure. */
export function sizeStreams(
  values: NamedValues,
  streams: readonly StoredStream[],
  form: StreamForm,
): MaybePromise<readonly SizedStream[] | Failure> {
  const keys = streams.map(({ key }) => key);
  return andThen(measureStreams(values, keys, form), (sizes) => {
    if (typeof sizes === "number") return sizes;
    const sized: SizedStream[] = [];
    for (const [i, { name }] of streams.entries()) {
      const size = sizes[i] ?? -Errno.ENODATA;
      if (typeof size === "object") sized.push({ name, size: size.size });
      else if (size !== -Errno.ENODATA) return size;
    }
    return sized;
  });
}

/** Returns a stream's size; -ENODATA if there is no such stream. */
export function measureStream(
  values: NamedValues,
  key: string,
  form: StreamForm,
): MaybePromise<StreamSize | Failure> {
  return andThen(measureStreams(values, [key], form), (sizes) =>
    typeof sizes === "number" ? sizes : (sizes[0] ?? -Errno.ENODATA),
  );
}

function measureStreams(
  values: NamedValues,
  keys: readonly string[],
  form: StreamForm,
): MaybePromise<readonly (StreamSize | Failure)[] | Failure> {
  return andThen(measureValues(values, keys), (sizes) => {
    if (typeof sizes === "number") return sizes;
    const counts = sizes.map(mostExtents);
    // The first one says whether there are any.
    return andThen(measureExtents(values, keys, counts, 1, 1), (firsts) => {
      if (typeof firsts === "number") return firsts;
      const found = counts.map((count, i) => (typeof firsts[i]?.[0] === "object" ? count : 0));
      return andThen(measureExtents(values, keys, found, 2, MAX_EXTENTS), (others) => {
        if (typeof others === "number") return others;
        return keys.map((key, i) => {
          const extents = [...(firsts[i] ?? []), ...(others[i] ?? [])];
          return sizeOf(key, form, sizes[i], extents);
        });
      });
    });
  });
}

/** The number of continuation values that a stream has, if its last byte is not data. */
function mostExtents(size: ValueSize | Failure): number {
  return typeof size === "object" && size.last >= 1 && size.last <= MAX_EXTENTS ? size.last : 0;
}

/** Returns the sizes of each stream's continuation values `from` to `to`, at most its count. */
function measureExtents(
  values: NamedValues,
  keys: readonly string[],
  counts: readonly number[],
  from: number,
  to: number,
): MaybePromise<readonly (readonly (ValueSize | Failure)[])[] | Failure> {
  const names = keys.map((key, i) => {
    const length = Math.max(0, Math.min(to, counts[i] ?? 0) - from + 1);
    return Array.from({ length }, (_, number) => extentKey(key, from + number));
  });
  if (names.every(({ length }) => length === 0)) return names.map(() => []);
  return andThen(measureValues(values, names.flat()), (sizes) => {
    if (typeof sizes === "number") return sizes;
    let next = 0;
    return names.map(({ length }) => sizes.slice(next, (next += length)));
  });
}

/** Returns the sizes of values, by reading them where the store does not say. */
function measureValues(
  values: NamedValues,
  names: readonly string[],
): MaybePromise<readonly (ValueSize | Failure)[] | Failure> {
  return values.large === undefined ? measureByReading(values, names) : values.large.measure(names);
}

function measureByReading(
  values: NamedValues,
  names: readonly string[],
  from = 0,
  sizes: (ValueSize | Failure)[] = [],
): MaybePromise<readonly (ValueSize | Failure)[]> {
  const name = names[from];
  if (name === undefined) return sizes;
  return andThen(values.get(name), (value) => {
    if (typeof value === "number") sizes.push(value);
    else sizes.push({ bytes: value.length, last: value.at(-1) ?? -1, place: ValuePlace.ATTRIBUTE });
    return measureByReading(values, names, from + 1, sizes);
  });
}

function sizeOf(
  key: string,
  form: StreamForm,
  value: ValueSize | Failure | undefined,
  extents: readonly (ValueSize | Failure)[],
): StreamSize | Failure {
  if (typeof value !== "object") return value ?? -Errno.ENODATA;
  const { bytes, last, place } = value;
  const whole = (size: Count): StreamSize => ({ size, place, valueBytes: bytes, extents: NO_EXTENTS });
  if (last === 0) return whole(form === "ksmbd" || endsInData(key, bytes) ? bytes : bytes - 1);
  const parts: Count[] = [];
  for (const extent of extents) {
    // Samba also returns the parts that exist.
    if (extent === -Errno.ENODATA) break;
    if (typeof extent === "number") return extent;
    parts.push(extent.bytes);
  }
  // Without a continuation value the last byte is data, as ksmbd stores it.
  if (parts.length === 0) return whole(bytes);
  return {
    size: parts.reduce((sum, part) => sum + part, bytes - 1),
    place,
    valueBytes: bytes,
    extents: parts,
  };
}

/**
 * True if the final zero is data: a value of exactly the size of the Finder information, which often ends in
 * zeros, was written by ksmbd.
 */
function endsInData(key: string, bytes: Count): boolean {
  return bytes === AFP_INFO_BYTES && isAfpInfoName(nameOfKey(key) ?? "");
}

/**
 * Reads into `buffer.bytes[at, at + length)` and returns the number of bytes, 0 at the end; -ENODATA if there
 * is no such stream.
 */
export function readStreamAt(
  values: NamedValues,
  key: string,
  form: StreamForm,
  buffer: TransferBuffer,
  at: number,
  length: number,
  offset: number,
): MaybePromise<Count | Failure> {
  return andThen(measureStream(values, key, form), (stream) => {
    if (typeof stream === "number") return stream;
    const count = Math.min(length, stream.size - offset);
    if (count <= 0) return 0;
    if (values.large !== undefined && isLarge(stream))
      return values.large.read(key, buffer, at, count, offset);
    return readPieces(values, piecesOf(key, stream, offset, count), buffer.bytes, at);
  });
}

/**
 * Returns a stream's data; -ENODATA if there is no such stream. For streams that need not be read in parts.
 */
export function readStream(
  values: NamedValues,
  key: string,
  form: StreamForm,
): MaybePromise<Uint8Array | Failure> {
  return andThen(measureStream(values, key, form), (stream) => {
    if (typeof stream === "number") return stream;
    const data = new Uint8Array(stream.size);
    return andThen(readStreamAt(values, key, form, heapBuffer(data), 0, data.length, 0), (count) => {
      if (isFailure(count)) return count;
      return count === data.length ? data : data.slice(0, count);
    });
  });
}

/** A range of one value. */
export interface Piece {
  readonly name: string;
  readonly start: number;
  readonly length: number;
}

/** The ranges of the stream's values that hold its data from `offset` on. */
export function piecesOf(key: string, stream: StreamSize, offset: number, length: number): Piece[] {
  const pieces: Piece[] = [];
  const { size, extents, valueBytes } = stream;
  const lengths = extents.length === 0 ? [size] : [valueBytes - 1, ...extents];
  let begin = 0;
  for (const [i, bytes] of lengths.entries()) {
    const start = Math.max(offset, begin) - begin;
    const end = Math.min(offset + length, begin + bytes) - begin;
    if (start < end) pieces.push({ name: i === 0 ? key : extentKey(key, i), start, length: end - start });
    begin += bytes;
  }
  return pieces;
}

/** Reads the ranges one after the other; returns the number of bytes up to the first that is shorter. */
function readPieces(
  values: NamedValues,
  pieces: readonly Piece[],
  bytes: Uint8Array,
  at: number,
  done = 0,
): MaybePromise<Count | Failure> {
  const [piece, ...rest] = pieces;
  if (piece === undefined) return done;
  return andThen(values.get(piece.name), (value) => {
    if (typeof value === "number") return value;
    const part = value.subarray(piece.start, piece.start + piece.length);
    bytes.set(part, at + done);
    const total = done + part.length;
    return part.length < piece.length ? total : readPieces(values, rest, bytes, at, total);
  });
}
