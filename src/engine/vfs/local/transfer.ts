// Reads and writes of open files that never make the event loop wait: on the event loop where the page cache
// suffices (preadv2(2) RWF_NOWAIT, cachestat(2)), else in the runtime's thread pool or the volume's worker.
// Measured (2 cores, ext4): a call takes 1-2 µs for 4 KiB, a hop through the pool 30-70 µs; a write of 1 MiB
// takes 120-250 µs, which the pool spends on another core.
import { read, write } from "node:fs";
import { Errno } from "../../../linux/errno.ts";
import { addressOf } from "../../../linux/libc.ts";
import { Rwf, Seek, cachedPages, readAt, readPlain, seekFd, writePlain } from "../../../linux/io.ts";
import type { MaybePromise } from "../../../port/port.ts";
import type { MountedVolume } from "../volume/mounted-volume.ts";
import type { Pending } from "../volume/pending.ts";
import type { Count, Failure } from "../store.ts";
import type { ShareDisk } from "./share-disk.ts";

const PAGE_BYTES = 4096;
/** Longer writes are worth a hop through the thread pool. */
const MAX_DIRECT_WRITE_BYTES = 65_536;
/** A write on the event loop that takes longer was throttled by the kernel: too many dirty pages. */
const SLOW_WRITE_MS = 4;
/** For how long writes go to the thread pool after that. */
const THROTTLE_MS = 1_000;

/** The descriptor of an open file and what reads and writes of it need. */
export interface OpenData {
  readonly disk: ShareDisk;
  readonly volume: MountedVolume;
  readonly fd: number;
  /** Keeps the descriptor open. */
  readonly pending: Pending;
}

/** Reads `length` bytes or up to the end of the file; returns the number of bytes read, or -errno. */
export function readFile(
  data: OpenData,
  bytes: Uint8Array,
  at: number,
  length: number,
  offset: number,
): MaybePromise<Count | Failure> {
  if (data.volume.isRemote) return readInWorker(data, bytes, at, length, offset);
  let done = 0;
  while (done < length) {
    const count = readCached(data.fd, bytes, at + done, length - done, offset + done, data.volume);
    if (count === 0) return done;
    if (count === -Errno.EAGAIN) return readInPool(data, bytes, at, length, offset, done);
    if (count < 0) return count;
    done += count;
  }
  return done;
}

/**
 * Reads without waiting: returns the number of bytes, 0 at the end, -EAGAIN where the disk has to be read.
 */
function readCached(
  fd: number,
  bytes: Uint8Array,
  at: number,
  length: number,
  offset: number,
  volume: MountedVolume,
): Count | Failure {
  if (volume.isMemory) return readPlain(fd, bytes, at, length, offset);
  if (volume.canReadNowait) {
    const count = readAt(fd, bytes, at, length, offset, Rwf.NOWAIT);
    if (count !== -Errno.EOPNOTSUPP && count !== -Errno.ENOSYS) return count;
    volume.canReadNowait = false;
  }
  return isCached(fd, offset, length) ? readPlain(fd, bytes, at, length, offset) : -Errno.EAGAIN;
}

/** True where every page of the range is in the page cache; false also where the kernel does not say. */
function isCached(fd: number, offset: number, length: number): boolean {
  const first = Math.floor(offset / PAGE_BYTES);
  const last = Math.floor((offset + length - 1) / PAGE_BYTES);
  return cachedPages(fd, offset, length) === last - first + 1;
}

/** Reads in the runtime's thread pool; in the volume's worker where the volume gets no pool thread. */
async function readInPool(
  data: OpenData,
  bytes: Uint8Array,
  at: number,
  length: number,
  offset: number,
  done: number,
): Promise<Count | Failure> {
  const { fd, volume, pending } = data;
  pending.add();
  volume.readsUnderWay++;
  try {
    if (!(await volume.enterPool())) return await readInWorker(data, bytes, at, length, offset);
    try {
      let total = done;
      while (total < length) {
        const count = await poolRead(fd, bytes, at + total, length - total, offset + total);
        if (count < 0) return count;
        if (count === 0) break;
        total += count;
      }
      volume.noteAwake();
      return total;
    } finally {
      volume.leavePool();
    }
  } finally {
    volume.readsUnderWay--;
    pending.done();
  }
}

/**
 * Reads in a worker, which may still write to its buffer long after the call timed out. It therefore has a
 * buffer of its own: the caller's is in use for other data by then.
 */
async function readInWorker(
  data: OpenData,
  bytes: Uint8Array,
  at: number,
  length: number,
  offset: number,
): Promise<Count | Failure> {
  const buffer = new Uint8Array(length);
  const args: [number, number, number, number] = [data.fd, addressOf(buffer), length, offset];
  const count = await data.disk.runInWorker(data.volume, data.pending, "readData", args, buffer);
  if (count > 0) bytes.set(count === length ? buffer : buffer.subarray(0, count), at);
  return count;
}

/**
 * Writes all bytes and returns `length`, or -errno, also where only a part fits on the disk. Never on the
 * event loop without `isDirect`.
 */
export function writeFile(
  data: OpenData,
  bytes: Uint8Array,
  at: number,
  length: number,
  offset: number,
  isDirect: boolean,
): MaybePromise<Count | Failure> {
  const { fd, volume } = data;
  if (!isDirect || !mayWriteNow(fd, offset, length, volume)) {
    return writeInPool(data, bytes, at, length, offset);
  }
  const started = performance.now();
  let done = 0;
  while (done < length) {
    const count = writePlain(fd, bytes, at + done, length - done, offset + done);
    if (count < 0) return count;
    done += count;
  }
  const ended = performance.now();
  if (ended - started > SLOW_WRITE_MS) volume.throttledUntil = ended + THROTTLE_MS;
  return length;
}

/** True where a write to the page cache needs neither the disk nor a page that is being read. */
function mayWriteNow(fd: number, offset: number, length: number, volume: MountedVolume): boolean {
  if (volume.isMemory) return length <= MAX_DIRECT_WRITE_BYTES;
  if (volume.isRemote || length > MAX_DIRECT_WRITE_BYTES) return false;
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

/** Writes in the runtime's thread pool; in the volume's worker where the volume gets no pool thread. */
async function writeInPool(
  data: OpenData,
  bytes: Uint8Array,
  at: number,
  length: number,
  offset: number,
): Promise<Count | Failure> {
  const { fd, volume, pending } = data;
  pending.add();
  try {
    if (!(await volume.enterPool())) return await writeInWorker(data, bytes, at, length, offset);
    try {
      let done = 0;
      while (done < length) {
        const count = await poolWrite(fd, bytes, at + done, length - done, offset + done);
        if (count < 0) return count;
        if (count === 0) return -Errno.EIO;
        done += count;
      }
      return length;
    } finally {
      volume.leavePool();
    }
  } finally {
    pending.done();
  }
}

/** Writes a copy of the bytes in a worker, for the reason given at `readInWorker`. */
function writeInWorker(
  data: OpenData,
  bytes: Uint8Array,
  at: number,
  length: number,
  offset: number,
): Promise<Count | Failure> {
  const copy = bytes.slice(at, at + length);
  const args: [number, number, number, number] = [data.fd, addressOf(copy), length, offset];
  return data.disk.runInWorker(data.volume, data.pending, "writeData", args, copy);
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
    if (!(await volume.enterPool(true))) return await elsewhere();
    try {
      return await new Promise<0 | Failure>((resolve) =>
        start((error) => resolve(error ? failureOf(error) : 0)),
      );
    } finally {
      volume.leavePool(true);
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

function poolRead(
  fd: number,
  bytes: Uint8Array,
  at: number,
  length: number,
  offset: number,
): Promise<Count | Failure> {
  return new Promise((resolve) => {
    read(fd, bytes, at, length, offset, (error, count) => resolve(error ? failureOf(error) : count));
  });
}

function poolWrite(
  fd: number,
  bytes: Uint8Array,
  at: number,
  length: number,
  offset: number,
): Promise<Count | Failure> {
  return new Promise((resolve) => {
    write(fd, bytes, at, length, offset, (error, count) => resolve(error ? failureOf(error) : count));
  });
}
