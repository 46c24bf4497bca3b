// The blocks of a file's data: zeroing, giving back, and where there are any; fallocate(2), lseek(2).
// [MS-FSA] 2.1.5.10.22 (allocated ranges), 2.1.5.10.37 (zero data).
import { Errno } from "../../linux/errno.ts";
import { Falloc, Seek, allocate, seekFd, writePlain } from "../../linux/io.ts";
import type { Failure } from "./store.ts";

const ZEROS = new Uint8Array(65_536);

/** `FileHandle.zeroRange` for a descriptor open for writing. */
export function zeroRangeOf(fd: number, offset: number, length: number, frees: boolean): 0 | Failure {
  const size = seekFd(fd, 0, Seek.END);
  if (size < 0) return size;
  const end = Math.min(offset + length, size);
  if (end <= offset) return 0;
  const ways = frees ? [Falloc.PUNCH_HOLE, Falloc.ZERO_RANGE] : [Falloc.ZERO_RANGE];
  for (const way of ways) {
    const result = allocate(fd, way | Falloc.KEEP_SIZE, offset, end - offset);
    if (result !== -Errno.EOPNOTSUPP && result !== -Errno.ENOSYS) return result < 0 ? result : 0;
  }
  return writeZeros(fd, offset, end);
}

function writeZeros(fd: number, offset: number, end: number): 0 | Failure {
  for (let at = offset; at < end;) {
    const count = writePlain(fd, ZEROS, 0, Math.min(ZEROS.length, end - at), at);
    if (count < 0) return count;
    at += count;
  }
  return 0;
}

/** `FileHandle.allocatedRanges`. A file system that cannot tell has blocks everywhere. */
export function allocatedRangesOf(
  fd: number,
  offset: number,
  length: number,
  limit: number,
): number[] | Failure {
  const size = seekFd(fd, 0, Seek.END);
  if (size < 0) return size;
  const end = Math.min(offset + length, size);
  const ranges: number[] = [];
  for (let at = offset; at < end && ranges.length < limit * 2;) {
    const data = seekFd(fd, at, Seek.DATA);
    if (data === -Errno.ENXIO) break;
    if (data < 0) return data === -Errno.EINVAL ? [offset, end - offset] : data;
    if (data >= end) break;
    const hole = seekFd(fd, data, Seek.HOLE);
    if (hole < 0) return hole;
    ranges.push(data, Math.min(hole, end) - data);
    at = hole;
  }
  return ranges;
}
