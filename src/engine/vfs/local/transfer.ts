// Bytes in and out of an open file without waiting on the event loop: what the page cache can do is done at once,
// what may ask a disk goes to the runtime's thread pool. preadv2(2) RWF_NOWAIT, cachestat(2).
// Measured (2 cores, ext4): a call 1-2 µs for 4 KiB, a hop through the pool 30-70 µs; 1 MiB takes the loop
// 120-250 µs to write, which the pool does on another core.
import { read, write } from "node:fs";
import { Errno } from "../../../linux/errno.ts";
import { addressOf } from "../../../linux/libc.ts";
import { Rwf, Seek, cachedPages, readAt, readPlain, seekFd, writePlain } from "../../../linux/io.ts";
import type { MaybePromise } from "../../../port/port.ts";
import type { MountedVolume } from "../volume/mounted-volume.ts";
import type { Pending } from "../volume/pending.ts";
import type { ShareDisk } from "./share-disk.ts";

const PAGE_BYTES = 4096;
/** Longer writes are worth a hop through the thread pool. */
const MAX_DIRECT_WRITE_BYTES = 65_536;
/** A write that takes the loop longer than this met a throttled page cache. */
const SLOW_WRITE_MS = 4;
const THROTTLE_MS = 1_000;

/** An open file, as far as its bytes are concerned. */
export interface OpenData {
  readonly disk: ShareDisk;
  readonly volume: MountedVolume;
  readonly fd: number;
  /** Keeps the descriptor open. */
  readonly pending: Pending;
}

/** Reads until `length` bytes or the end of the file: the count, or -errno. */
export function readFile(
  data: OpenData,
  bytes: Uint8Array,
  at: number,
  length: number,
  offset: number,
): MaybePromise<number> {
  if (data.volume.isRemote) return readElsewhere(data, bytes, at, length, offset);
  let done = 0;
  while (done < length) {
    const count = readReady(data.fd, bytes, at + done, length - done, offset + done, data.volume);
    if (count === 0) return done;
    if (count === -Errno.EAGAIN) return readWaiting(data, bytes, at, length, offset, done);
    if (count < 0) return count;
    done += count;
  }
  return done;
}

/** What can be read without waiting: bytes, 0 at the end, -EAGAIN where a disk must be asked. */
function readReady(
  fd: number,
  bytes: Uint8Array,
  at: number,
  length: number,
  offset: number,
  volume: MountedVolume,
): number {
  if (volume.isMemory) return readPlain(fd, bytes, at, length, offset);
  if (volume.canReadNowait) {
    const count = readAt(fd, bytes, at, length, offset, Rwf.NOWAIT);
    if (count !== -Errno.EOPNOTSUPP && count !== -Errno.ENOSYS) return count;
    volume.canReadNowait = false;
  }
  return isCached(fd, offset, length) ? readPlain(fd, bytes, at, length, offset) : -Errno.EAGAIN;
}

/** Whether every page of the range is in the page cache; false where the kernel cannot tell. */
function isCached(fd: number, offset: number, length: number): boolean {
  const first = Math.floor(offset / PAGE_BYTES);
  const last = Math.floor((offset + length - 1) / PAGE_BYTES);
  return cachedPages(fd, offset, length) === last - first + 1;
}

async function readWaiting(
  data: OpenData,
  bytes: Uint8Array,
  at: number,
  length: number,
  offset: number,
  done: number,
): Promise<number> {
  const { fd, volume, pending } = data;
  pending.add();
  volume.readsUnderWay++;
  try {
    if (!(await volume.enterPool())) return await readElsewhere(data, bytes, at, length, offset);
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
 * By the volume's worker, which may be at it long after nobody waits any more: into memory of its own, for the
 * caller's is used again by then.
 */
async function readElsewhere(
  data: OpenData,
  bytes: Uint8Array,
  at: number,
  length: number,
  offset: number,
): Promise<number> {
  const room = new Uint8Array(length);
  const args: [number, number, number, number] = [data.fd, addressOf(room), length, offset];
  const count = await data.disk.runElsewhere(data.volume, data.pending, "readData", args, room);
  if (count > 0) bytes.set(count === length ? room : room.subarray(0, count), at);
  return count;
}

/** Writes all bytes: `length`, or -errno; a disk that fills up half-way is a failure. */
export function writeFile(
  data: OpenData,
  bytes: Uint8Array,
  at: number,
  length: number,
  offset: number,
  isDirect: boolean,
): MaybePromise<number> {
  const { fd, volume } = data;
  if (!isDirect || !mayWriteNow(fd, offset, length, volume)) {
    return writeWaiting(data, bytes, at, length, offset);
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

function mayWriteNow(fd: number, offset: number, length: number, volume: MountedVolume): boolean {
  if (volume.isMemory) return length <= MAX_DIRECT_WRITE_BYTES;
  if (volume.isRemote || length > MAX_DIRECT_WRITE_BYTES) return false;
  const now = performance.now();
  // A page that is being read is locked until the disk has answered.
  if (now < volume.throttledUntil || volume.readsUnderWay > 0 || !volume.isCalm(now)) return false;
  const end = offset + length;
  if (offset % PAGE_BYTES === 0 && end % PAGE_BYTES === 0) return true;
  // A page that is written in part must be read first, unless it is cached or beyond the end of the file.
  const size = seekFd(fd, 0, Seek.END);
  return isEdgeReady(fd, offset, size, volume) && isEdgeReady(fd, end, size, volume);
}

const oneByte = new Uint8Array(new ArrayBuffer(1));

function isEdgeReady(fd: number, edge: number, size: number, volume: MountedVolume): boolean {
  const inside = edge % PAGE_BYTES;
  const page = edge - inside;
  if (inside === 0 || page >= size) return true;
  // In the page cache a page may also be one that is being read; one byte of it tells. Where the file is not open
  // for reading, or the file system cannot say, the cache's count has to do.
  const count = volume.canReadNowait ? readAt(fd, oneByte, 0, 1, page, Rwf.NOWAIT) : -Errno.EBADF;
  if (count >= 0 || count === -Errno.EAGAIN) return count > 0;
  return cachedPages(fd, page, PAGE_BYTES) === 1;
}

async function writeWaiting(
  data: OpenData,
  bytes: Uint8Array,
  at: number,
  length: number,
  offset: number,
): Promise<number> {
  const { fd, volume, pending } = data;
  pending.add();
  try {
    if (!(await volume.enterPool())) return await writeElsewhere(data, bytes, at, length, offset);
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

/** From a copy, as in `readElsewhere`. */
function writeElsewhere(
  data: OpenData,
  bytes: Uint8Array,
  at: number,
  length: number,
  offset: number,
): Promise<number> {
  const copy = bytes.slice(at, at + length);
  const args: [number, number, number, number] = [data.fd, addressOf(copy), length, offset];
  return data.disk.runElsewhere(data.volume, data.pending, "writeData", args, copy);
}

/**
 * Work on a descriptor that takes long on every disk: in the runtime's pool if there is room for it, which `start`
 * begins, or as `elsewhere` says.
 */
export async function viaPool(
  data: OpenData,
  start: (done: (error: NodeJS.ErrnoException | null) => void) => void,
  elsewhere: () => MaybePromise<number>,
): Promise<number> {
  const { volume, pending } = data;
  pending.add();
  try {
    if (!(await volume.enterPool(true))) return await elsewhere();
    try {
      return await new Promise<number>((resolve) => start((error) => resolve(error ? failureOf(error) : 0)));
    } finally {
      volume.leavePool(true);
    }
  } finally {
    pending.done();
  }
}

/** -errno of an error that node:fs gave. */
function failureOf(error: NodeJS.ErrnoException): number {
  const errno = error.errno ?? Errno.EIO;
  return errno === 0 ? -Errno.EIO : -Math.abs(errno);
}

function poolRead(
  fd: number,
  bytes: Uint8Array,
  at: number,
  length: number,
  offset: number,
): Promise<number> {
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
): Promise<number> {
  return new Promise((resolve) => {
    write(fd, bytes, at, length, offset, (error, count) => resolve(error ? failureOf(error) : count));
  });
}
