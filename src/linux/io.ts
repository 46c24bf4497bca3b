// Reading, writing, allocating, syncing and copying open files; readv(2), fallocate(2), copy_file_range(2).
import { Scratch, addressOf, sys } from "./libc.ts";
import { Syscall } from "./syscall-numbers.ts";

/** RWF_ flags of preadv2 and pwritev2, linux/fs.h. */
export const Rwf = { HIPRI: 1, DSYNC: 2, SYNC: 4, NOWAIT: 8, APPEND: 16 } as const;

// struct iovec: 64-bit address, 64-bit length.
export const IOVEC_SIZE = 16;
const iovec = new Scratch(IOVEC_SIZE);

function setIovec(address: number, length: number): void {
  const view = iovec.view;
  view.setUint32(0, address % 0x1_0000_0000, true);
  view.setUint32(4, Math.floor(address / 0x1_0000_0000), true);
  view.setUint32(8, length, true);
  view.setUint32(12, 0, true);
}

/**
 * preadv2 into `bytes[at, at + length)`. Returns the bytes read, 0 at the end of the file, or -errno. With
 * Rwf.NOWAIT: -EAGAIN when the data is not in the page cache, -EOPNOTSUPP when the file system does not
 * support the flag.
 */
export function readAt(
  fd: number,
  bytes: Uint8Array,
  at: number,
  length: number,
  offset: number,
  flags: number,
): number {
  if (length === 0) return 0;
  setIovec(addressOf(bytes) + at, length);
  // The system call takes the offset as two longs; a 64-bit kernel ignores the second.
  return sys(Syscall.preadv2, fd, iovec.address, 1, offset, 0, flags);
}

/**
 * pwritev2 from `bytes[at, at + length)`. Returns the bytes written, possibly fewer than asked, or -errno.
 */
export function writeAt(
  fd: number,
  bytes: Uint8Array,
  at: number,
  length: number,
  offset: number,
  flags: number,
): number {
  if (length === 0) return 0;
  setIovec(addressOf(bytes) + at, length);
  return sys(Syscall.pwritev2, fd, iovec.address, 1, offset, 0, flags);
}

/** pread(2), which may wait for a disk. Returns the bytes read or -errno. */
export function readPlain(fd: number, bytes: Uint8Array, at: number, length: number, offset: number): number {
  if (length === 0) return 0;
  return sys(Syscall.pread64, fd, addressOf(bytes) + at, length, offset);
}

/** pwrite(2), which may wait for a disk. Returns the bytes written or -errno. */
export function writePlain(
  fd: number,
  bytes: Uint8Array,
  at: number,
  length: number,
  offset: number,
): number {
  if (length === 0) return 0;
  return sys(Syscall.pwrite64, fd, addressOf(bytes) + at, length, offset);
}

/**
 * pread(2) to an address, which may be in another thread's memory: that thread keeps it alive until this
 * returns.
 */
export function readToAddress(fd: number, address: number, length: number, offset: number): number {
  return sys(Syscall.pread64, fd, address, length, offset);
}

/**
 * As `readToAddress`, without waiting for the disk: -EAGAIN when the data is not in the page cache,
 * -EOPNOTSUPP when the file system cannot tell; preadv2(2), RWF_NOWAIT.
 */
export function readNowToAddress(fd: number, address: number, length: number, offset: number): number {
  setIovec(address, length);
  return sys(Syscall.preadv2, fd, iovec.address, 1, offset, 0, Rwf.NOWAIT);
}

/** pwrite(2) from an address, as `readToAddress`. */
export function writeFromAddress(fd: number, address: number, length: number, offset: number): number {
  return sys(Syscall.pwrite64, fd, address, length, offset);
}

/** FALLOC_FL_ modes. */
export const Falloc = { KEEP_SIZE: 1, PUNCH_HOLE: 2, ZERO_RANGE: 16 } as const;

/** fallocate(2); `mode` is a combination of `Falloc`. Returns 0 or -errno. */
export function allocate(fd: number, mode: number, offset: number, length: number): number {
  return sys(Syscall.fallocate, fd, mode, offset, length);
}

export function truncateFd(fd: number, size: number): number {
  return sys(Syscall.ftruncate, fd, size);
}

export function syncFd(fd: number): number {
  return sys(Syscall.fsync, fd);
}

export function syncData(fd: number): number {
  return sys(Syscall.fdatasync, fd);
}

const offsets = new Scratch(16);

/**
 * copy_file_range(2) with explicit offsets. Returns the bytes copied (possibly fewer than asked, 0 at the
 * source's end) or -errno: -EXDEV, -EOPNOTSUPP or -EINVAL when the two file systems cannot do it.
 */
export function copyRange(
  from: number,
  fromOffset: number,
  to: number,
  toOffset: number,
  length: number,
): number {
  offsets.view.setBigInt64(0, BigInt(fromOffset), true);
  offsets.view.setBigInt64(8, BigInt(toOffset), true);
  return sys(Syscall.copy_file_range, from, offsets.address, to, offsets.address + 8, length, 0);
}

/** SEEK_ values of lseek(2). */
export const Seek = { SET: 0, CUR: 1, END: 2, DATA: 3, HOLE: 4 } as const;

/** lseek(2). Returns the new offset or -errno (-ENXIO: no data after `offset`). */
export function seekFd(fd: number, offset: number, whence: number): number {
  return sys(Syscall.lseek, fd, offset, whence);
}

export const CACHESTAT_SIZE = 40;
const range = new Scratch(16);
const counts = new Scratch(CACHESTAT_SIZE);

/**
 * Returns how many pages of a byte range are in the page cache, by cachestat(2), or -errno: -ENOSYS before
 * Linux 6.5, -EPERM for a file that the caller neither owns nor has open for writing.
 */
export function cachedPages(fd: number, offset: number, length: number): number {
  range.view.setBigUint64(0, BigInt(offset), true);
  range.view.setUint32(8, length, true);
  const result = sys(Syscall.cachestat, fd, range.address, counts.address, 0);
  return result < 0 ? result : counts.view.getUint32(0, true);
}
