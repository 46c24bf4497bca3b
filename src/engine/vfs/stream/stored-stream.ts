// Named streams as Samba's vfs_streams_xattr(8) and ksmbd keep them: a stream is the named value
// `user.DosStream.NAME:$DATA`, its data followed by one byte, for a value cannot be empty everywhere. The byte is 0,
// or tells how many values named `user.DosStreamExt.N.NAME:$DATA` carry on (Samba's "max xattrs per stream"; those
// have no such byte). ksmbd adds nothing. [MS-FSCC] 2.1.5.3 has the names, [MS-FSA] 2.1.1.5 the streams.
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
/** XATTR_SIZE_MAX, what Samba takes for a part. */
const LARGEST_PART_BYTES = 65_536;
/** Fits into a leaf of btrfs, which takes many of them. */
const SMALL_PART_BYTES = 15_872;
/** Samba reads no more than 16 parts. */
const MAX_EXTENTS = 15;
const MAX_BYTES_IN_PARTS = (MAX_EXTENTS + 1) * LARGEST_PART_BYTES - 1;

/** macOS keeps its Finder information in a stream of exactly this size, which often ends in zeros. */
const FINDER_INFORMATION = { name: "AFP_AFPINFO", bytes: 60 } as const;

const encoder = new TextEncoder();
// The character that Windows does not take in a stream's name, and what stands for it on the way; see names.ts.
const COLON = ":";
const MAPPED_COLON = "\uf022";
const NO_DATA = new Uint8Array();

/** Where a stream's data is kept. */
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

/** A stream's data, and the values that carry it on behind the first. */
interface Content {
  readonly data: Uint8Array;
  readonly extents: readonly Uint8Array[];
}

/**
 * How the end of a stream is kept: `samba` with a zero byte behind it; `ksmbd` without, for folders that it has filled:
 * a last zero is data then.
 */
export type StreamForm = "samba" | "ksmbd";

const NO_EXTENTS: readonly Uint8Array[] = [];

/** The longest stream that may be kept; a disk may take less. */
export function maxStreamBytes(values: NamedValues, form: StreamForm): number {
  const most = Math.max(values.maxValueBytes, values.overflow?.maxBytes ?? 0);
  return form === "ksmbd" ? most : Math.max(MAX_BYTES_IN_PARTS, most - 1);
}

/** The value that a new stream is kept in; undefined where the name is too long for one. */
export function streamKey(name: string): string | undefined {
  const key = STREAM_PREFIX + name + TYPE;
  return name.isWellFormed() && encoder.encode(key).length <= MAX_KEY_BYTES ? key : undefined;
}

/** The name of the stream that is kept in `key`; undefined for any other value. */
function nameOfKey(key: string): string | undefined {
  if (!key.startsWith(STREAM_PREFIX)) return undefined;
  const bare = key.slice(STREAM_PREFIX.length);
  // Samba leaves the type out with `store_stream_type = no`.
  const name = bare.endsWith(TYPE) ? bare.slice(0, -TYPE.length) : bare;
  if (name === "" || /[\\/\0\ufffd]/.test(name)) return undefined;
  // Samba's fruit keeps macOS's names as macOS has them.
  return name.replaceAll(COLON, MAPPED_COLON);
}

/** All streams but the file's own data, in the order of the disk. */
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

/** The stream that a client means by `name`; undefined where there is none. */
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

/** All streams with their sizes; one that vanishes meanwhile is left out. */
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

/** A stream's data; -ENODATA where it is gone. */
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
    // Data that ends in a small number, as ksmbd has it, is not carried on.
    return andThen(values.get(extentKey(key, 1)), (first) => {
      if (first === -Errno.ENODATA) return { data: value, extents: NO_EXTENTS };
      return typeof first === "number" ? first : readExtents(values, key, value, first);
    });
  });
}

/** A last 0 that is data, by all one can tell: the value then is as ksmbd wrote it. */
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
    // Samba takes what is there.
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

/** Makes an empty stream: -EEXIST where there is one. */
export function createStream(values: NamedValues, key: string, form: StreamForm): MaybePromise<0 | Failure> {
  return andThen(values.get(key), (value) => {
    if (typeof value !== "number") return -Errno.EEXIST;
    if (value !== -Errno.ENODATA) return value;
    return (values.overflow ?? values).set(key, new Uint8Array(form === "samba" ? 1 : 0));
  });
}

/**
 * Changes a stream's data as a whole; `change` gets the data and answers what it becomes, itself where nothing
 * changes, or a failure. -ENOSPC where it is more than the disk keeps of a stream: the old data is still there then.
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

/** Writes a stream that is new or to be replaced. */
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

/** What file systems say of a value that they cannot keep. */
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
 * The first part comes last: a new stream is not seen before it is whole. The one behind it comes first: where there is
 * no room for that nothing has been written.
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
 * The disk had no room for the new data: what it has instead of the old goes, and the old is put back, where it
 * fitted before. The first value is still the old one: it is written last.
 */
async function restore(
  values: NamedValues,
  key: string,
  old: readonly Uint8Array[],
  tried: number,
): Promise<void> {
  for (let i = old.length + 1; i <= tried; i++) await values.remove(extentKey(key, i));
  // Those that became larger first give room.
  for (const [i, part] of old.entries()) {
    const result = await values.set(extentKey(key, i + 1), part);
    if (result !== 0) await values.remove(extentKey(key, i + 1));
  }
  for (const [i, part] of old.entries()) await values.set(extentKey(key, i + 1), part);
}

/** Removes the values that would carry a stream on from number `from`. */
async function dropExtents(values: NamedValues, key: string, from: number): Promise<0 | Failure> {
  for (let i = from; i <= MAX_EXTENTS; i++) {
    const result = await values.remove(extentKey(key, i));
    if (result === -Errno.ENODATA) break;
    if (result !== 0) return result;
  }
  return 0;
}

/** -ENODATA where there is none. */
export function removeStream(values: NamedValues, key: string): MaybePromise<0 | Failure> {
  return andThen(values.remove(key), (result) => (result === 0 ? dropExtents(values, key, 1) : result));
}

/** Removes all streams but the file's own data. */
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
