// Named streams in the on-disk form of Samba's vfs_streams_xattr(8) and of ksmbd. A stream is the named value
// `user.DosStream.NAME:$DATA`: its data and one byte, since some file systems refuse empty values. The byte
// is 0, or the number of continuation values `user.DosStreamExt.N.NAME:$DATA` (Samba's "max xattrs per
// stream"), which have no such byte. ksmbd stores the data alone. A large stream that no attribute has room
// for is a file of its own, without that byte (`LargeValues`). Names: [MS-FSCC] 2.1.5.3; streams: [MS-FSA]
// 2.1.1.5.
import type { MaybePromise, NameRules } from "../../../port/port.ts";
import { andThen } from "../../and-then.ts";
import { foldName } from "../name/names.ts";
import type { Failure } from "../store.ts";
import type { NamedValues } from "../value-store.ts";
import { MAX_EXTENTS, STREAM_PREFIX } from "../format/value-names.ts";

const TYPE = ":$DATA";
const AFP_INFO = "AFP_AFPINFO";
const AFP_FORK = "AFP_RESOURCE";
/** XATTR_NAME_MAX. */
const MAX_KEY_BYTES = 255;
/** XATTR_SIZE_MAX, the size of Samba's parts. */
export const LARGEST_PART_BYTES = 65_536;
export const MAX_BYTES_IN_PARTS = (MAX_EXTENTS + 1) * LARGEST_PART_BYTES - 1;

const encoder = new TextEncoder();
// Stream names cannot contain a colon on the wire; clients see this character instead, see names.ts.
const COLON = ":";
const MAPPED_COLON = "\uf022";

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

/**
 * The on-disk form of a stream: `samba` appends a zero byte; `ksmbd`, for folders that ksmbd has filled, does
 * not, so that a final zero is data.
 */
export type StreamForm = "samba" | "ksmbd";

/** Returns the largest size of a stream in bytes; the file system may accept less. */
export function maxStreamBytes(values: NamedValues, form: StreamForm): number {
  return values.large?.maxBytes ?? maxAttributeBytes(form);
}

/** The largest size of a stream in extended attributes. */
export function maxAttributeBytes(form: StreamForm): number {
  return form === "ksmbd" ? LARGEST_PART_BYTES : MAX_BYTES_IN_PARTS;
}

/** True for the stream of macOS' Finder information. */
export function isAfpInfoName(name: string): boolean {
  return name.length === AFP_INFO.length && name.toUpperCase() === AFP_INFO;
}

/** True for the stream of macOS' resource forks. */
export function isForkName(name: string): boolean {
  return name.length === AFP_FORK.length && name.toUpperCase() === AFP_FORK;
}

/**
 * Returns the name of the value for a new stream; undefined if it is too long or not well-formed UTF-16.
 * `reserved`: with `native` colons are stored as themselves, as Samba does with `fruit:encoding = native`.
 */
export function streamKey(name: string, reserved: NameRules["reserved"] = "auto"): string | undefined {
  const key = STREAM_PREFIX + (reserved === "native" ? name.replaceAll(MAPPED_COLON, COLON) : name) + TYPE;
  return name.isWellFormed() && encoder.encode(key).length <= MAX_KEY_BYTES ? key : undefined;
}

/** Returns the name of the stream stored in `key`; undefined for any other value. */
export function nameOfKey(key: string): string | undefined {
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
