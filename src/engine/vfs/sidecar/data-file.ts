// A large value as a file of its own in the sidecar, so that it is read and written in parts: a page with a
// header, then the data. The entry names it by a pointer: its identifier and its generation.
//
// In one sidecar two entries can name one data file, those of the old and the new name while a file is being
// renamed. The header's generation says whose it is: only the entry with the same generation removes the data
// file together with itself. Every entry that names it may read and write it.
import { randomFillSync } from "node:crypto";
import { openBeneath } from "../../../linux/beneath.ts";
import { linkFd, unlinkAt } from "../../../linux/directory-entries.ts";
import { Errno } from "../../../linux/errno.ts";
import { effectiveUid } from "../../../linux/identity.ts";
import { copyRange, readPlain, syncData, syncFd, writePlain } from "../../../linux/io.ts";
import { FlockOperation, flockFd } from "../../../linux/locks.ts";
import { Open, Resolve, closeFd, openAt } from "../../../linux/open.ts";
import { ModeType, emptyStatx, statFd } from "../../../linux/stat.ts";
import { isGivenUp } from "../context/given-up.ts";
import { type Count, type Failure, isFailure } from "../store.ts";
import { dataFileName } from "./entry-name.ts";

/** Offset of the data: a page, so that pages of the data are pages of the file. */
export const DATA_START = 4096;
const MAGIC = 0x6473_6d76; // "vmsd" as its bytes lie on disk
const VERSION = 1;
/** magic u32, version u16, zero u16, identifier (8 bytes), generation u32; little-endian. */
const HEADER_BYTES = 20;
const POINTER_BYTES = 12;
const DATA_MODE = 0o600;
const CHUNK_BYTES = 65_536;
const MAX_COPY_BYTES = 16_777_216;

const facts = emptyStatx();
const header = new Uint8Array(HEADER_BYTES);
const headerView = new DataView(header.buffer);
const chunk = new Uint8Array(CHUNK_BYTES);
const serverUid = effectiveUid();

/** Names a data file of the same sidecar; stored in the entry in the value's place. */
export interface Pointer {
  /** 16 hexadecimal digits. */
  readonly id: string;
  readonly generation: number;
}

export function encodePointer({ id, generation }: Pointer): Uint8Array {
  const bytes = new Uint8Array(POINTER_BYTES);
  bytes.set(Buffer.from(id, "hex"));
  new DataView(bytes.buffer).setUint32(8, generation, true);
  return bytes;
}

export function decodePointer(bytes: Uint8Array): Pointer | undefined {
  if (bytes.length !== POINTER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { id: Buffer.from(bytes.subarray(0, 8)).toString("hex"), generation: view.getUint32(8, true) };
}

/**
 * Opens a data file; -ENODATA where it is missing or is none. `writer` is the owner of the entry with the
 * pointer: a user who writes entries into a sidecar must not reach others' data by them.
 */
export function openDataFile(
  sidecar: number,
  pointer: Pointer,
  writer: number,
  access: number,
): number | Failure {
  const flags = access | Open.NOFOLLOW | Open.NONBLOCK | Open.NOCTTY;
  const fd = openBeneath(sidecar, dataFileName(pointer.id), flags, 0, Resolve.NO_SYMLINKS);
  if (fd === -Errno.ENOENT || fd === -Errno.ELOOP || fd === -Errno.ENXIO) return -Errno.ENODATA;
  if (fd < 0) return fd;
  const failure = checkDataFile(fd, pointer, writer);
  if (failure === 0) return fd;
  closeFd(fd);
  return failure;
}

function checkDataFile(fd: number, { id }: Pointer, writer: number): 0 | Failure {
  const failure = statFd(fd, facts);
  if (failure < 0) return failure;
  if ((facts.mode & ModeType.MASK) !== ModeType.REGULAR || facts.size < DATA_START) return -Errno.ENODATA;
  if (writer !== serverUid && writer !== facts.uid) return -Errno.ENODATA;
  const length = readPlain(fd, header, 0, HEADER_BYTES, 0);
  if (length < 0) return length;
  if (length < HEADER_BYTES || headerView.getUint32(0, true) !== MAGIC) return -Errno.ENODATA;
  if (headerView.getUint16(4, true) !== VERSION) return -Errno.ENODATA;
  return Buffer.from(header.subarray(8, 16)).toString("hex") === id ? 0 : -Errno.ENODATA;
}

/** The generation of the data file that `openDataFile` has opened last. */
export function generationOf(): number {
  return headerView.getUint32(16, true);
}

/** Bytes of the value in an open data file. */
export function dataBytes(fd: number): Count | Failure {
  const failure = statFd(fd, facts);
  return failure < 0 ? failure : Math.max(0, facts.size - DATA_START);
}

/** Creates an empty data file, open for reading and writing; the caller closes `fd`. */
export function createDataFile(sidecar: number): { fd: number; pointer: Pointer } | Failure {
  const random = randomFillSync(new Uint8Array(8));
  const pointer: Pointer = { id: Buffer.from(random).toString("hex"), generation: 1 };
  const flags = Open.RDWR | Open.CREAT | Open.EXCL | Open.NOFOLLOW;
  const fd = openAt(sidecar, dataFileName(pointer.id), flags, DATA_MODE);
  if (fd < 0) return fd;
  const page = new Uint8Array(DATA_START);
  const view = new DataView(page.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint16(4, VERSION, true);
  page.set(random, 8);
  view.setUint32(16, pointer.generation, true);
  const failure = writeAll(fd, page, 0);
  if (failure === 0) return { fd, pointer };
  closeFd(fd);
  unlinkAt(sidecar, dataFileName(pointer.id), false);
  return failure;
}

/** Gives the data file to the entry with this generation, on disk before it returns. */
export function setGeneration(sidecar: number, pointer: Pointer, writer = serverUid): 0 | Failure {
  const fd = openDataFile(sidecar, pointer, writer, Open.RDWR);
  if (fd < 0) return fd === -Errno.ENODATA ? 0 : fd;
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, pointer.generation, true);
  const written = writePlain(fd, bytes, 0, 4, 16);
  const failure = written < 0 ? written : syncData(fd);
  closeFd(fd);
  return failure;
}

/** Removes a data file, unless another entry has it by now. */
export function removeDataFile(sidecar: number, pointer: Pointer): void {
  const fd = openDataFile(sidecar, pointer, serverUid, Open.RDONLY);
  if (fd < 0) return;
  closeFd(fd);
  if (generationOf() === pointer.generation) unlinkAt(sidecar, dataFileName(pointer.id), false);
}

export function writeAll(fd: number, bytes: Uint8Array, offset: number): 0 | Failure {
  for (let at = 0; at < bytes.length;) {
    const count = writePlain(fd, bytes, at, bytes.length - at, offset + at);
    if (count <= 0) return count === 0 ? -Errno.ENOSPC : count;
    at += count;
  }
  return 0;
}

/** Copies `length` bytes between files in chunks; -EIO where the source is shorter. */
export function copyBytes(
  from: number,
  fromOffset: number,
  to: number,
  toOffset: number,
  length: number,
): 0 | Failure {
  let hasCopyRange = true;
  for (let done = 0; done < length;) {
    if (isGivenUp()) return -Errno.ETIMEDOUT;
    const left = length - done;
    let count = -Errno.EOPNOTSUPP;
    if (hasCopyRange) {
      count = copyRange(from, fromOffset + done, to, toOffset + done, Math.min(left, MAX_COPY_BYTES));
      hasCopyRange = count > 0;
    }
    if (!hasCopyRange) count = copyChunk(from, fromOffset + done, to, toOffset + done, left);
    if (count <= 0) return count === 0 ? -Errno.EIO : count;
    done += count;
  }
  return 0;
}

function copyChunk(from: number, fromOffset: number, to: number, toOffset: number, left: number): number {
  const count = readPlain(from, chunk, 0, Math.min(left, CHUNK_BYTES), fromOffset);
  if (count <= 0) return count;
  const failure = writeAll(to, chunk.subarray(0, count), toOffset);
  return failure < 0 ? failure : count;
}

/** Copies a data file, whose descriptor is `from`, into a sidecar; on disk before it returns. */
export function copyDataFile(from: number, sidecar: number): Pointer | Failure {
  const bytes = dataBytes(from);
  if (isFailure(bytes)) return bytes;
  const made = createDataFile(sidecar);
  if (typeof made === "number") return made;
  const copied = copyBytes(from, DATA_START, made.fd, DATA_START, bytes);
  const failure = copied < 0 ? copied : syncFd(made.fd);
  const closed = closeFd(made.fd);
  if (failure === 0 && closed >= 0) return made.pointer;
  removeDataFile(sidecar, made.pointer);
  return failure < 0 ? failure : closed;
}

/** Gives an open data file the same name in another sidecar; it may have it from a killed server. */
export function linkDataFile(from: number, sidecar: number, { id }: Pointer): 0 | Failure {
  const result = linkFd(from, sidecar, dataFileName(id));
  return result === -Errno.EEXIST ? 0 : result;
}

/** Descriptors of data files that are being copied, with their locks. */
const copied: number[] = [];

/** How long a worker waits for the copy of a data file, before the operation fails with -EBUSY. */
const COPY_WAIT_MS = 25_000;

/** Keeps writers off a data file until `releaseCopies`. Takes over `fd`. */
export function holdForCopy(fd: number): 0 | Failure {
  copied.push(fd);
  return lockData(fd, FlockOperation.EXCLUSIVE);
}

export function releaseCopies(): void {
  for (const fd of copied.splice(0)) closeFd(fd);
}

/** Waits in a worker for a copy of the data file to end; the lock ends with the descriptor. */
export function lockForChange(fd: number): 0 | Failure {
  return lockData(fd, FlockOperation.SHARED);
}

function lockData(fd: number, operation: number): 0 | Failure {
  const until = performance.now() + COPY_WAIT_MS;
  while (flockFd(fd, operation | FlockOperation.NONBLOCK) === -Errno.EAGAIN) {
    if (isGivenUp()) return -Errno.ETIMEDOUT;
    if (performance.now() >= until) return -Errno.EBUSY;
    Bun.sleepSync(1);
  }
  return 0;
}
