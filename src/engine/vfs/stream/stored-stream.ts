// Named streams in the on-disk form of Samba's vfs_streams_xattr(8) and of ksmbd. A stream is the named value
// `user.DosStream.NAME:$DATA`: its data and one byte, since some file systems refuse empty values. The byte
// is 0, or the number of continuation values `user.DosStreamExt.N.NAME:$DATA` (Samba's "max xattrs per
// stream"), which have no such byte. ksmbd stores the data alone. Names: [MS-FSCC] 2.1.5.3; streams: [MS-FSA]
// 2.1.1.5.
import { Errno } from "../../../linux/errno.ts";
import type { MaybePromise } from "../../../port/port.ts";
import { andThen } from "../../and-then.ts";
import { foldName } from "../name/names.ts";
import type { Failure, NamedValues } from "../store.ts";
import { STREAM_PREFIX } from "../format/value-names.ts";

const EXTENT_PREFIX = "user.DosStreamExt.";
const TYPE = ":$DATA";
/** XATTR_NAME_MAX. */
const MAX_KEY_BYTES = 255;
/** XATTR_SIZE_MAX, the size of Samba's parts. */
const LARGEST_PART_BYTES = 65_536;
/** Fits into a leaf of btrfs, which stores many such values of one file. */
const SMALL_PART_BYTES = 15_872;
/** Samba reads at most 16 parts. */
const MAX_EXTENTS = 15;
const MAX_BYTES_IN_PARTS = (MAX_EXTENTS + 1) * LARGEST_PART_BYTES - 1;

/** macOS stores its Finder information in a stream of exactly this size, which often ends in zeros. */
const FINDER_INFORMATION = { name: "AFP_AFPINFO", bytes: 60 } as const;

const encoder = new TextEncoder();
// Stream names cannot contain a colon on the wire; clients see this character instead, see names.ts.
const COLON = ":";
const MAPPED_COLON = "\uf022";
const NO_DATA = new Uint8Array();

/** A stream's name and the named value that stores it. */
export interface StoredStream {
  /** As clients see it, without colon and type. */
  readonly name: string;
  /** The named value. */
  readonly key: string;
}

export interface SizedStream {
  readonly name: string;
  readonly size: number;
}

/** A stream's data, and its continuation values as stored. */
interface Content {
  readonly data: Uint8Array;
  readonly extents: readonly Uint8Array[];
}

/**
 * The on-disk form of a stream: `samba` appends a zero byte; `ksmbd`, for folders that ksmbd has filled, does
 * not, so that a final zero is data.
 */
export type StreamForm = "samba" | "ksmbd";

const NO_EXTENTS: readonly Uint8Array[] = [];

/** Returns the largest size of a stream in bytes; the file system may accept less. */
export function maxStreamBytes(values: NamedValues, form: StreamForm): number {
  const most = Math.max(values.maxValueBytes, values.overflow?.maxBytes ?? 0);
  return form === "ksmbd" ? most : Math.max(MAX_BYTES_IN_PARTS, most - 1);
}

/** Returns the name of the value for a new stream; undefined if it is too long or not well-formed UTF-16. */
export function streamKey(name: string): string | undefined {
  const key = STREAM_PREFIX + name + TYPE;
  return name.isWellFormed() && encoder.encode(key).length <= MAX_KEY_BYTES ? key : undefined;
}

/** Returns the name of the stream stored in `key`; undefined for any other value. */
function nameOfKey(key: string): string | undefined {
  if (!key.startsWith(STREAM_PREFIX)) return undefined;
  const bare = key.slice(STREAM_PREFIX.length);
  // Samba omits the type with `store_stream_type = no`.
  const name = bare.endsWith(TYPE) ? bare.slice(0, -TYPE.length) : bare;
  if (name === "" || /[\\/\0\ufffd]/.test(name)) return undefined;
  // Samba's vfs_fruit stores the names as macOS spells them, with colons.
  return name.replaceAll(COLON, MAPPED_COLON);
}

/** Returns all named streams in the order of the stored values; -errno on failure. */
export function listStreams(values: NamedValues): MaybePromise<readonly StoredStream[] | Failure> {
  return andThen(values.list(), (keys) => {
    if (typeof keys === "number") return keys;
    const streams: StoredStream[] = [];
    for (const key of keys) {
      const name = nameOfKey(key);
      if (name !== undefined) streams.push({ name, key });
    }
    return streams;
  });
}

/**
 * Finds a stream by name, preferring an exact match to one without regard to case; undefined if there is
 * none.
 */
export function findStream(
  values: NamedValues,
  name: string,
): MaybePromise<StoredStream | undefined | Failure> {
  return andThen(listStreams(values), (streams) => {
    if (typeof streams === "number") return streams;
    const exact = streams.find((stream) => stream.name === name);
    if (exact !== undefined) return exact;
    const folded = foldName(name);
    return streams.find((stream) => foldName(stream.name) === folded);
  });
}

/** Returns the streams with their sizes in bytes, without those removed meanwhile; -errno on failure. */
export async function sizeStreams(
  values: NamedValues,
  streams: readonly StoredStream[],
  form: StreamForm,
): Promise<readonly SizedStream[] | Failure> {
  const sized: SizedStream[] = [];
  for (const { name, key } of streams) {
    const content = await readContent(values, key, form);
    if (typeof content === "object") sized.push({ name, size: content.data.length });
    else if (content !== -Errno.ENODATA) return content;
  }
  return sized;
}

/** Returns a stream's data; -ENODATA if there is no such stream. */
export function readStream(
  values: NamedValues,
  key: string,
  form: StreamForm,
): MaybePromise<Uint8Array | Failure> {
  return andThen(readContent(values, key, form), (content) =>
    typeof content === "number" ? content : content.data,
  );
}

function readContent(values: NamedValues, key: string, form: StreamForm): MaybePromise<Content | Failure> {
  return andThen(values.get(key), (value) => {
    if (typeof value === "number") return value;
    const last = value.at(-1);
    if (last === undefined) return { data: NO_DATA, extents: NO_EXTENTS };
    if (last > MAX_EXTENTS) return { data: value, extents: NO_EXTENTS };
    if (last === 0)
      return {
        data: value.subarray(0, value.length - (form === "ksmbd" || endsInData(key, value) ? 0 : 1)),
        extents: NO_EXTENTS,
      };
    // Without a continuation value the last byte is data, as ksmbd stores it.
    return andThen(values.get(extentKey(key, 1)), (first) => {
      if (first === -Errno.ENODATA) return { data: value, extents: NO_EXTENTS };
      return typeof first === "number" ? first : readExtents(values, key, value, first);
    });
  });
}

/**
 * True if the final zero is data: a value of exactly the size of the Finder information was written by ksmbd.
 */
function endsInData(key: string, value: Uint8Array): boolean {
  return (
    value.length === FINDER_INFORMATION.bytes && nameOfKey(key)?.toUpperCase() === FINDER_INFORMATION.name
  );
}

async function readExtents(
  values: NamedValues,
  key: string,
  anchor: Uint8Array,
  first: Uint8Array,
): Promise<Content | Failure> {
  const count = anchor.at(-1) ?? 0;
  const extents = [first];
  for (let i = 2; i <= count; i++) {
    const part = await values.get(extentKey(key, i));
    // Samba also returns the parts that exist.
    if (part === -Errno.ENODATA) break;
    if (typeof part === "number") return part;
    extents.push(part);
  }
  let at = anchor.length - 1;
  const data = new Uint8Array(extents.reduce((sum, part) => sum + part.length, at));
  data.set(anchor.subarray(0, at));
  for (const part of extents) {
    data.set(part, at);
    at += part.length;
  }
  return { data, extents };
}

function extentKey(key: string, number: number): string {
  return `${EXTENT_PREFIX}${number}.${key.slice(STREAM_PREFIX.length)}`;
}

/** Creates an empty stream; -EEXIST if it exists. */
export function createStream(values: NamedValues, key: string, form: StreamForm): MaybePromise<0 | Failure> {
  return andThen(values.get(key), (value) => {
    if (typeof value !== "number") return -Errno.EEXIST;
    if (value !== -Errno.ENODATA) return value;
    return (values.overflow ?? values).set(key, new Uint8Array(form === "samba" ? 1 : 0));
  });
}

/**
 * Replaces a stream's data. `change` gets the old data and returns the new, the same array for no change, or
 * -errno. Returns -ENOSPC if the new data is too large to store; the old data remains.
 */
export function changeStream(
  values: NamedValues,
  key: string,
  form: StreamForm,
  change: (data: Uint8Array) => Uint8Array | Failure,
): MaybePromise<0 | Failure> {
  return andThen(readContent(values, key, form), (old) => {
    if (typeof old === "number") return old;
    const data = change(old.data);
    if (typeof data === "number") return data;
    if (data === old.data) return 0;
    return writeContent(values, key, data, old, form);
  });
}

/** Creates or replaces a stream. Returns -ENOSPC if the data is too large to store; old data remains. */
export function writeStream(
  values: NamedValues,
  key: string,
  data: Uint8Array,
  form: StreamForm,
): MaybePromise<0 | Failure> {
  return andThen(readContent(values, key, form), (old) => {
    if (typeof old === "number" && old !== -Errno.ENODATA) return old;
    return writeContent(values, key, data, typeof old === "number" ? undefined : old, form);
  });
}

function writeContent(
  values: NamedValues,
  key: string,
  data: Uint8Array,
  old: Content | undefined,
  form: StreamForm,
): MaybePromise<0 | Failure> {
  if (data.length > maxStreamBytes(values, form)) return -Errno.ENOSPC;
  const end = form === "samba" ? 1 : 0;
  const value = new Uint8Array(data.length + end);
  value.set(data);
  const whole = value.length > values.maxValueBytes ? -Errno.E2BIG : values.set(key, value);
  const parted = andThen(whole, (result) =>
    isTooLarge(result) && form === "samba" && data.length >= SMALL_PART_BYTES
      ? writeParts(values, key, data, old)
      : andThen(result, (failure) => (failure === 0 ? dropOld(values, key, old) : failure)),
  );
  return andThen(parted, (result) => {
    if (!isTooLarge(result)) return result;
    if (values.overflow === undefined) return -Errno.ENOSPC;
    return andThen(values.overflow.set(key, value), (failure) => {
      if (failure === 0) return dropOld(values, key, old);
      return isTooLarge(failure) ? -Errno.ENOSPC : failure;
    });
  });
}

function dropOld(values: NamedValues, key: string, old: Content | undefined): MaybePromise<0 | Failure> {
  return old === undefined || old.extents.length === 0 ? 0 : dropExtents(values, key, 1);
}

/** True for the errnos of file systems for a value that they cannot store. */
function isTooLarge(failure: Failure): boolean {
  return failure === -Errno.ENOSPC || failure === -Errno.E2BIG || failure === -Errno.ERANGE;
}

async function writeParts(
  values: NamedValues,
  key: string,
  data: Uint8Array,
  old: Content | undefined,
): Promise<0 | Failure> {
  for (const bytes of [LARGEST_PART_BYTES, SMALL_PART_BYTES]) {
    const extents = Math.ceil((data.length - (bytes - 1)) / bytes);
    if (extents < 1 || extents > MAX_EXTENTS) continue;
    const result = await writePartsOf(values, key, data, bytes, extents);
    if (result === 0) return dropExtents(values, key, extents + 1);
    await restore(values, key, old?.extents ?? NO_EXTENTS, extents);
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
async function dropExtents(values: NamedValues, key: string, from: number): Promise<0 | Failure> {
  for (let i = from; i <= MAX_EXTENTS; i++) {
    const result = await values.remove(extentKey(key, i));
    if (result === -Errno.ENODATA) break;
    if (result !== 0) return result;
  }
  return 0;
}

/** Removes a stream; -ENODATA if there is no such stream. */
export function removeStream(values: NamedValues, key: string): MaybePromise<0 | Failure> {
  return andThen(values.remove(key), (result) => (result === 0 ? dropExtents(values, key, 1) : result));
}

/** Removes all named streams; -errno on failure. */
export function removeStreams(values: NamedValues): MaybePromise<0 | Failure> {
  return andThen(listStreams(values), (streams) => {
    if (typeof streams === "number") return streams;
    return streams.length === 0 ? 0 : removeEach(values, streams);
  });
}

async function removeEach(values: NamedValues, streams: readonly StoredStream[]): Promise<0 | Failure> {
  for (const { key } of streams) {
    const result = await removeStream(values, key);
    if (result !== 0 && result !== -Errno.ENODATA) return result;
  }
  return 0;
}
