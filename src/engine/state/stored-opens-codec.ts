// The bytes in which a server leaves its durable opens to the next one: a header, the opens, a checksum. Only
// root can write them, and a newer or older server may read them: every field is checked all the same.
import { createHash } from "node:crypto";
import type { Time } from "../../wire/filetime.ts";
import { Reader, wireError, Writer } from "../../wire/cursor.ts";
import { Cache } from "./caching-holder.ts";
import { validRights } from "./caching-grant.ts";
import { MAX_BACKUP_TIMEOUT_MS } from "./durable-opens.ts";
import type { FileFacts } from "./file-facts.ts";
import { LOCK_SEQUENCE_BYTES } from "./lock-sequence.ts";
import { MAX_STORED_LOCKS, MAX_STORED_UNITS, type StoredLease, type StoredOpen } from "./stored-open.ts";

/** Of more opens than this, the clients have to open the files anew. */
export const MAX_STORED_OPENS = 4096;
export const MAX_STORED_BYTES = 8 * 1024 * 1024;

/** Which server has stored the opens, and when. */
export interface StoredBy {
  /** 16 bytes in hex. */
  readonly serverGuid: string;
  /** Device numbers and `uptimeMs` mean nothing after another boot of the machine. */
  readonly bootId: string;
  readonly uptimeMs: number;
}

/** "SMBO" and the version: raise it with every change of the format. */
const MAGIC = 0x4f42_4d53;
const VERSION = 1;
const CHECKSUM_BYTES = 32;
const HEADER_BYTES = 4 + 4 + 16 + 2 + 72 + 8 + 4;
const LOCK_BYTES = 17;
const TEXTS = 8;
const MAX_TEXTS_BYTES = TEXTS * (2 + 2 * MAX_STORED_UNITS);
/** More than all fields of an open besides texts and locks have. */
const FIELDS_BYTES = 1024;
const MAX_OPEN_BYTES = MAX_TEXTS_BYTES + FIELDS_BYTES + MAX_STORED_LOCKS * LOCK_BYTES;
const GUID_BYTES = 16;

/** Returns the bytes, and how many of the opens are in them: the limits may leave some out. */
export function encodeStoredOpens(
  by: StoredBy,
  opens: Iterable<StoredOpen>,
): { readonly bytes: Uint8Array; readonly count: number } {
  const parts: Uint8Array[] = [];
  const scratch = new Writer(new Uint8Array(MAX_OPEN_BYTES));
  let length = HEADER_BYTES + CHECKSUM_BYTES;
  for (const open of opens) {
    if (parts.length >= MAX_STORED_OPENS) break;
    scratch.position = 0;
    writeOpen(scratch, open);
    if (length + scratch.position > MAX_STORED_BYTES) break;
    length += scratch.position;
    parts.push(scratch.bytes.slice(0, scratch.position));
  }
  const writer = new Writer(new Uint8Array(length));
  writer.u32(MAGIC);
  writer.u32(VERSION);
  writer.raw(Uint8Array.fromHex(by.serverGuid));
  writeText(writer, by.bootId);
  writer.u64(Math.floor(by.uptimeMs));
  writer.u32(parts.length);
  for (const part of parts) writer.raw(part);
  writer.raw(checksumOf(writer.bytes.subarray(0, writer.position)));
  return { bytes: writer.bytes.subarray(0, writer.position), count: parts.length };
}

/** Throws WireError for bytes that `encodeStoredOpens` has not written. */
export function decodeStoredOpens(bytes: Uint8Array): {
  readonly by: StoredBy;
  readonly opens: readonly StoredOpen[];
} {
  const end = bytes.length - CHECKSUM_BYTES;
  if (end < 0 || bytes.length > MAX_STORED_BYTES) throw wireError("not the size of stored opens");
  const content = bytes.subarray(0, end);
  if (!Buffer.from(checksumOf(content)).equals(bytes.subarray(end))) throw wireError("wrong checksum");
  const reader = new Reader(content);
  if (reader.u32() !== MAGIC || reader.u32() !== VERSION) throw wireError("another version");
  const by = {
    serverGuid: reader.range(GUID_BYTES).toHex(),
    bootId: readText(reader),
    uptimeMs: readSafe(reader),
  };
  const count = reader.u32();
  if (count > MAX_STORED_OPENS) throw wireError("too many stored opens");
  const opens: StoredOpen[] = [];
  for (let at = 0; at < count; at++) opens.push(readOpen(reader));
  if (reader.remaining > 0) throw wireError("more than stored opens");
  return { by, opens };
}

function checksumOf(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}

const Flag = { POSIX: 1, WRITTEN: 2, MARKED: 4 } as const;

function writeOpen(writer: Writer, open: StoredOpen): void {
  writer.u32(open.id);
  writeText(writer, open.user);
  writeText(writer, open.domain);
  writeText(writer, open.remoteAddress);
  writeText(writer, open.localAddress);
  writeText(writer, open.share);
  writeText(writer, open.sharePath);
  writeText(writer, open.path);
  writer.raw(Uint8Array.fromHex(open.clientGuid));
  writer.u16(open.dialect);
  writeFacts(writer, open.facts);
  for (const mask of [open.grantedAccess, open.sharingAccess, open.unusableAccess, open.createOptions])
    writer.u32(mask >>> 0);
  writer.u8(open.shareAccess);
  writer.u32(open.mode);
  writer.u64(open.position);
  writer.u8(open.createAction);
  writer.u8(
    (open.isPosix ? Flag.POSIX : 0) |
      (open.hasWritten ? Flag.WRITTEN : 0) |
      (open.isMarked ? Flag.MARKED : 0),
  );
  writer.u64(open.reservedBytes);
  writer.u8(open.version);
  writer.u32(open.timeoutMs);
  writer.u32(Math.floor(open.remainingMs));
  for (const guid of [open.createGuid, open.appInstanceId, open.parentLeaseKey])
    writeOptional(writer, guid === "" ? undefined : Uint8Array.fromHex(guid));
  writer.u8(open.caching);
  writer.u16(open.epoch);
  writer.u8(open.lease?.version ?? 0);
  if (open.lease !== undefined) {
    writer.raw(open.lease.key);
    writeOptional(writer, open.lease.parentKey);
  }
  writer.u32(open.locks.length);
  for (const { offset, length, isExclusive } of open.locks) {
    writer.big64(offset);
    writer.big64(length);
    writer.u8(isExclusive ? 1 : 0);
  }
  writeOptional(writer, open.lockSequences);
  const { access, modify, change } = open.fixedTimes ?? {};
  for (const time of [access, modify, change]) {
    writer.u8(time === undefined ? 0 : 1);
    if (time !== undefined) writeTime(writer, time);
  }
}

function readOpen(reader: Reader): StoredOpen {
  const id = reader.u32();
  if (id === 0 || id === 0xffff_ffff) throw wireError("no id of an open");
  const open = {
    id,
    user: readText(reader),
    domain: readText(reader),
    remoteAddress: readText(reader),
    localAddress: readText(reader),
    share: readText(reader),
    sharePath: readText(reader),
    path: readPath(reader),
    clientGuid: reader.range(GUID_BYTES).toHex(),
    dialect: reader.u16(),
    facts: readFacts(reader),
    grantedAccess: reader.u32(),
    sharingAccess: reader.u32(),
    unusableAccess: reader.u32(),
    createOptions: reader.u32(),
    shareAccess: reader.u8(),
    mode: reader.u32(),
    position: readSafe(reader),
    createAction: reader.u8(),
    ...readFlags(reader.u8()),
    reservedBytes: readSafe(reader),
    ...readDurability(reader),
    createGuid: readOptional(reader, GUID_BYTES)?.toHex() ?? "",
    appInstanceId: readOptional(reader, GUID_BYTES)?.toHex() ?? "",
    parentLeaseKey: readOptional(reader, GUID_BYTES)?.toHex() ?? "",
    ...readCaching(reader),
    locks: readLocks(reader),
    lockSequences: readOptional(reader, LOCK_SEQUENCE_BYTES)?.slice(),
  };
  const access = readOptionalTime(reader);
  const modify = readOptionalTime(reader);
  const change = readOptionalTime(reader);
  const isFixed = (access ?? modify ?? change) !== undefined;
  if (open.user === "" || !open.sharePath.startsWith("/")) throw wireError("no user or no directory");
  // What it may do is never more than it was opened for.
  if ((open.grantedAccess & ~open.sharingAccess) !== 0) throw wireError("more access than granted");
  return { ...open, fixedTimes: isFixed ? { access, modify, change } : undefined };
}

function readFlags(flags: number): Pick<StoredOpen, "isPosix" | "hasWritten" | "isMarked"> {
  return {
    isPosix: (flags & Flag.POSIX) !== 0,
    hasWritten: (flags & Flag.WRITTEN) !== 0,
    isMarked: (flags & Flag.MARKED) !== 0,
  };
}

function readDurability(reader: Reader): Pick<StoredOpen, "version" | "timeoutMs" | "remainingMs"> {
  const version = readVersion(reader.u8());
  const [timeoutMs, remainingMs] = [reader.u32(), reader.u32()];
  if (timeoutMs > MAX_BACKUP_TIMEOUT_MS || remainingMs > timeoutMs) throw wireError("too long a time-out");
  return { version, timeoutMs, remainingMs };
}

/** Only a batch oplock and a lease with HANDLE make an open durable. */
function readCaching(reader: Reader): Pick<StoredOpen, "caching" | "epoch" | "lease"> {
  const [caching, epoch, version] = [reader.u8(), reader.u16(), reader.u8()];
  const isBatch = caching === (Cache.READ | Cache.WRITE | Cache.HANDLE);
  const isWithHandle = (caching & Cache.HANDLE) !== 0 && validRights(caching) === caching;
  if (version === 0 ? !isBatch : !isWithHandle) throw wireError("no caching of a durable open");
  if (version === 0) return { caching, epoch, lease: undefined };
  const key = reader.range(GUID_BYTES).slice();
  const lease: StoredLease = {
    key,
    version: readVersion(version),
    parentKey: readOptional(reader, GUID_BYTES)?.slice(),
  };
  return { caching, epoch, lease };
}

function readLocks(reader: Reader): StoredOpen["locks"] {
  const count = reader.u32();
  if (count > MAX_STORED_LOCKS) throw wireError("too many locks");
  const locks: StoredOpen["locks"][number][] = [];
  for (let at = 0; at < count; at++) {
    const [offset, length] = [reader.big64(), reader.big64()];
    if (offset + length > 1n << 64n) throw wireError("no range of a lock");
    locks.push({ offset, length, isExclusive: reader.u8() === 1 });
  }
  return locks;
}

function readVersion(version: number): 1 | 2 {
  if (version !== 1 && version !== 2) throw wireError("unknown version of a context");
  return version;
}

function writeFacts(writer: Writer, { identity, size, modify, change, birth }: FileFacts): void {
  writeText(writer, identity);
  writer.u64(size);
  for (const time of [modify, change, birth]) writeTime(writer, time);
}

function readFacts(reader: Reader): FileFacts {
  return {
    identity: readText(reader),
    size: readSafe(reader),
    modify: readTime(reader),
    change: readTime(reader),
    birth: readTime(reader),
  };
}

function writeTime(writer: Writer, { seconds, nanoseconds }: Time): void {
  writer.big64(BigInt.asUintN(64, BigInt(seconds)));
  writer.u32(nanoseconds);
}

function readTime(reader: Reader): Time {
  const seconds = Number(BigInt.asIntN(64, reader.big64()));
  const nanoseconds = reader.u32();
  if (!Number.isSafeInteger(seconds) || nanoseconds >= 1_000_000_000) throw wireError("no time");
  return { seconds, nanoseconds };
}

function readOptionalTime(reader: Reader): Time | undefined {
  return reader.u8() === 0 ? undefined : readTime(reader);
}

function readSafe(reader: Reader): number {
  const value = reader.u64();
  if (!Number.isSafeInteger(value)) throw wireError("too large a number");
  return value;
}

function writeText(writer: Writer, text: string): void {
  if (text.length > MAX_STORED_UNITS) throw new RangeError("a text of a stored open is too long");
  writer.u16(text.length);
  writer.utf16(text);
}

/** As it was written: a name on disk that is not UTF-8 may have lone surrogates. */
function readText(reader: Reader): string {
  const units = reader.u16();
  if (units > MAX_STORED_UNITS) throw wireError("too long a text");
  return Buffer.from(reader.range(units * 2)).toString("utf16le");
}

function readPath(reader: Reader): string {
  const path = readText(reader);
  const isBelow = path.split("/").every((name) => name !== "" && name !== "." && name !== "..");
  if (!isBelow || path.includes("\0")) throw wireError("no path below a share");
  return path;
}

function writeOptional(writer: Writer, bytes: Uint8Array | undefined): void {
  writer.u8(bytes === undefined ? 0 : 1);
  if (bytes !== undefined) writer.raw(bytes);
}

function readOptional(reader: Reader, length: number): Uint8Array | undefined {
  return reader.u8() === 0 ? undefined : reader.range(length);
}
