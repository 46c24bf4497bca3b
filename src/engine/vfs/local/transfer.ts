// Reads and writes of open files that never make the event loop wait: on the event loop where the page cache
// suffices (preadv2(2) RWF_NOWAIT, cachestat(2)), else in the volume's worker, into and from the caller's
// buffer. Measured (2 cores, ext4): a call takes 1-2 µs for 4 KiB and 120-250 µs for 1 MiB, a hop to the
// worker 20-90 µs.
import { Errno } from "../../../linux/errno.ts";
import {
  Rwf,
  Seek,
  cachedPages,
  readAt,
  readNowToAddress,
  readToAddress,
  seekFd,
  writeFromAddress,
} from "../../../linux/io.ts";
import type { MaybePromise } from "../../../port/port.ts";
import { TURN_MS, turns } from "../../turns.ts";
import type { MountedVolume } from "../volume/mounted-volume.ts";
import type { Pending } from "../volume/pending.ts";
import type { Count, Failure } from "../store.ts";
import type { TransferBuffer } from "../transfer-buffer.ts";
import type { ShareDisk } from "./share-disk.ts";

const PAGE_BYTES = 4096;
/** How much is moved on the event loop at a stretch: 0.1 ms where memory is fast, 1 ms where it is slow. */
const PIECE_BYTES = 524_288;
/** A write on the event loop that takes longer was throttled by the kernel: too many dirty pages. */
const SLOW_WRITE_MS = 4;
/** For how long the worker writes after that. */
const THROTTLE_MS = 1_000;

/** The descriptor of an open file and what reads and writes of it need. */
export interface OpenData {
  readonly disk: ShareDisk;
  readonly volume: MountedVolume;
  readonly fd: number;
  /** Keeps the descriptor open. */
  readonly pending: Pending;
}

/**
 * Reads `length` bytes or up to the end of the file into `buffer.bytes` from `at` on; returns the number of
 * bytes read, or -errno.
 */
export function readFile(
  data: OpenData,
  buffer: TransferBuffer,
  at: number,
  length: number,
  offset: number,
): MaybePromise<Count | Failure> {
  if (data.volume.isRemote) return readInWorker(data, buffer, at, length, offset, 0);
  return readPieces(data, buffer, at, length, offset, 0);
}

/** Continues a read of which `done` bytes are there. */
function readPieces(
  data: OpenData,
  buffer: TransferBuffer,
  at: number,
  length: number,
  offset: number,
  done: number,
): MaybePromise<Count | Failure> {
  const { fd, volume } = data;
  const started = length > PIECE_BYTES ? performance.now() : 0;
  while (done < length) {
    const piece = Math.min(length - done, PIECE_BYTES);
    const count = readCached(fd, buffer.address + at + done, piece, offset + done, volume);
    if (count === 0) return done;
    if (count === -Errno.EAGAIN) return readInWorker(data, buffer, at, length, offset, done);
    if (count < 0) return count;
    done += count;
    if (done < length && performance.now() - started > TURN_MS)
      return inNextTurn(data, () => readPieces(data, buffer, at, length, offset, done));
  }
  return done;
}

/** Calls `move` when the event loop has served others; the descriptor stays open until it has ended. */
async function inNextTurn(
  { pending }: OpenData,
  move: () => MaybePromise<Count | Failure>,
): Promise<Count | Failure> {
  pending.add();
  try {
    await turns.next();
    return await move();
  } finally {
    pending.done();
  }
}

/**
 * Reads without waiting: returns the number of bytes, 0 at the end, -EAGAIN where the disk has to be read.
 */
function readCached(
  fd: number,
  address: number,
  length: number,
  offset: number,
  volume: MountedVolume,
): Count | Failure {
  if (volume.isMemory) return readToAddress(fd, address, length, offset);
  if (volume.canReadNowait) {
    const count = readNowToAddress(fd, address, length, offset);
    if (count !== -Errno.EOPNOTSUPP && count !== -Errno.ENOSYS) return count;
    volume.canReadNowait = false;
  }
  return isCached(fd, offset, length) ? readToAddress(fd, address, length, offset) : -Errno.EAGAIN;
}

/** True where every page of the range is in the page cache; false also where the kernel does not say. */
function isCached(fd: number, offset: number, length: number): boolean {
  const first = Math.floor(offset / PAGE_BYTES);
  const last = Math.floor((offset + length - 1) / PAGE_BYTES);
  return cachedPages(fd, offset, length) === last - first + 1;
}

/** Reads the rest of a read, of which `done` bytes are there, in the volume's worker. */
async function readInWorker(
  data: OpenData,
  buffer: TransferBuffer,
  at: number,
  length: number,
  offset: number,
  done: number,
): Promise<Count | Failure> {
  const { disk, fd, volume, pending } = data;
  volume.readsUnderWay++;
  try {
    const address = buffer.address + at + done;
    const args: [number, number, number, number] = [fd, address, length - done, offset + done];
    const count = await disk.runInWorker(volume, pending, "readData", args, buffer);
    return count < 0 ? count : done + count;
  } finally {
    volume.readsUnderWay--;
  }
}

/**
 * Writes all bytes and returns `length`, or -errno, also where only a part fits on the disk. Never on the
 * event loop without `isDirect`.
 */
export function writeFile(
  data: OpenData,
  buffer: TransferBuffer,
  at: number,
  length: number,
  offset: number,
  isDirect: boolean,
): MaybePromise<Count | Failure> {
  return isDirect
    ? writePieces(data, buffer, at, length, offset, 0)
    : writeInWorker(data, buffer, at, length, offset, 0);
}

/** Continues a write of which `done` bytes are written. */
function writePieces(
  data: OpenData,
  buffer: TransferBuffer,
  at: number,
  length: number,
  offset: number,
  done: number,
): MaybePromise<Count | Failure> {
  const { fd, volume } = data;
  if (!mayWriteNow(fd, offset + done, length - done, volume))
    return writeInWorker(data, buffer, at, length, offset, done);
  const started = performance.now();
  for (let now = started; done < length;) {
    if (now - started > TURN_MS)
      return inNextTurn(data, () => writePieces(data, buffer, at, length, offset, done));
    const piece = Math.min(length - done, PIECE_BYTES);
    const count = writeFromAddress(fd, buffer.address + at + done, piece, offset + done);
    if (count < 0) return count;
    done += count;
    const ended = performance.now();
    if (ended - now > SLOW_WRITE_MS && !volume.isMemory) {
      volume.throttledUntil = ended + THROTTLE_MS;
      if (done < length) return writeInWorker(data, buffer, at, length, offset, done);
    }
    now = ended;
  }
  return length;
}

/** True where a write to the page cache needs neither the disk nor a page that is being read. */
function mayWriteNow(fd: number, offset: number, length: number, volume: MountedVolume): boolean {
  if (volume.isMemory) return true;
  if (volume.isRemote) return false;
  const now = performance.now();
  // The kernel locks a page while it is read from the disk.
  if (now < volume.throttledUntil || volume.readsUnderWay > 0 || !volume.isHealthy(now)) return false;
  const end = offset + length;
  if (offset % PAGE_BYTES === 0 && end % PAGE_BYTES === 0) return true;
  // The kernel reads a page before it is written in part, unless it is cached or beyond the end of the file.
  const size = seekFd(fd, 0, Seek.END);
  return isEdgeReady(fd, offset, size, volume) && isEdgeReady(fd, end, size, volume);
}

const oneByte = new Uint8Array(new ArrayBuffer(1));

/** True where the page at `edge` is not written in part, is cached, or lies beyond `size`. */
function isEdgeReady(fd: number, edge: number, size: number, volume: MountedVolume): boolean {
  const inside = edge % PAGE_BYTES;
  const page = edge - inside;
  if (inside === 0 || page >= size) return true;
  // A page that is still being read counts as cached, too; a read of one byte tells the difference.
  // cachestat(2) has to do where the file is not open for reading or the file system lacks RWF_NOWAIT.
  const count = volume.canReadNowait ? readAt(fd, oneByte, 0, 1, page, Rwf.NOWAIT) : -Errno.EBADF;
  if (count >= 0 || count === -Errno.EAGAIN) return count > 0;
  return cachedPages(fd, page, PAGE_BYTES) === 1;
}

/** Writes the rest of a write, of which `done` bytes are written, in the volume's worker. */
async function writeInWorker(
  data: OpenData,
  buffer: TransferBuffer,
  at: number,
  length: number,
  offset: number,
  done: number,
): Promise<Count | Failure> {
  const address = buffer.address + at + done;
  const args: [number, number, number, number] = [data.fd, address, length - done, offset + done];
  const count = await data.disk.runInWorker(data.volume, data.pending, "writeData", args, buffer);
  return count < 0 ? count : length;
}

/**
 * Does work on a descriptor that takes long on every disk: `start` begins it in the runtime's thread pool;
 * `elsewhere` does it where the volume gets no pool thread. Returns 0 or -errno.
 */
export async function viaPool(
  data: OpenData,
  start: (done: (error: NodeJS.ErrnoException | null) => void) => void,
  elsewhere: () => MaybePromise<0 | Failure>,
): Promise<0 | Failure> {
  const { volume, pending } = data;
  pending.add();
  try {
    if (!volume.enterPool()) return await elsewhere();
    try {
      return await new Promise<0 | Failure>((resolve) =>
        start((error) => resolve(error ? failureOf(error) : 0)),
      );
    } finally {
      volume.leavePool();
    }
  } finally {
    pending.done();
  }
}

/** Returns the -errno of an error of node:fs; -EIO where it has none. */
function failureOf(error: NodeJS.ErrnoException): Failure {
  const errno = error.errno ?? Errno.EIO;
  return errno === 0 ? -Errno.EIO : -Math.abs(errno);
}
