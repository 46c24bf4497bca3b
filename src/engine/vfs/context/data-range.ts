// Writes and zeros a range of an open file: the data of files, and of values that are files of their own.
import { Errno } from "../../../linux/errno.ts";
import { Falloc, Seek, allocate, seekFd, writeFromAddress, writePlain } from "../../../linux/io.ts";
import type { Count, Failure } from "../store.ts";
import { isGivenUp } from "./given-up.ts";

const ZEROS = new Uint8Array(65_536);

/** Zeros written in one call, on a file system without FALLOC_FL_ZERO_RANGE. */
const MAX_WRITTEN_BYTES = 1_048_576;

/** Writes all bytes at an address; returns `length`. */
export function writeRange(fd: number, address: number, length: number, offset: number): Count | Failure {
  let done = 0;
  while (done < length) {
    if (isGivenUp()) return -Errno.ETIMEDOUT;
    const count = writeFromAddress(fd, address + done, length - done, offset + done);
    if (count < 0) return count;
    if (count === 0) return -Errno.EIO;
    done += count;
  }
  return length;
}

/**
 * Zeros a range up to the end of the file, and frees its blocks with `frees`. Returns the number of bytes
 * zeroed, possibly fewer than asked.
 */
export function zeroRange(fd: number, offset: number, length: number, frees: boolean): Count | Failure {
  const size = seekFd(fd, 0, Seek.END);
  if (size < 0) return size;
  const count = Math.min(offset + length, size) - offset;
  if (count <= 0) return 0;
  const modes = frees ? [Falloc.PUNCH_HOLE, Falloc.ZERO_RANGE] : [Falloc.ZERO_RANGE];
  for (const mode of modes) {
    const result = allocate(fd, mode | Falloc.KEEP_SIZE, offset, count);
    if (result !== -Errno.EOPNOTSUPP && result !== -Errno.ENOSYS) return result < 0 ? result : count;
  }
  return writeZeros(fd, offset, Math.min(count, MAX_WRITTEN_BYTES));
}

function writeZeros(fd: number, offset: number, length: number): Count | Failure {
  let done = 0;
  while (done < length) {
    const count = writePlain(fd, ZEROS, 0, Math.min(ZEROS.length, length - done), offset + done);
    if (count < 0) return count;
    done += count;
  }
  return done;
}
