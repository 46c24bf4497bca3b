// The blocks of a file's data: zeroing, giving back, and where there are any; fallocate(2), lseek(2).
// [MS-FSA] 2.1.5.10.22 (allocated ranges), 2.1.5.10.37 (zero data).
import { Errno } from "../../linux/errno.ts";
import { Falloc, Seek, allocate, seekFd, writePlain } from "../../linux/io.ts";
import type { ShareContext } from "./share-context.ts";
import type { Failure } from "./store.ts";

const ZEROS = new Uint8Array(65_536);
/** Written at a time where the file system has no other way to zero. */
const MAX_WRITTEN_BYTES = 1_048_576;

/** `FileHandle.zeroRange` for a descriptor open for writing. */
export function zeroRangeOf(
  _: ShareContext,
  fd: number,
  offset: number,
  length: number,
  frees: boolean,
): number | Failure {
  const size = seekFd(fd, 0, Seek.END);
  if (size < 0) return size;
  const count = Math.min(offset + length, size) - offset;
  if (count <= 0) return 0;
  const ways = frees ? [Falloc.PUNCH_HOLE, Falloc.ZERO_RANGE] : [Falloc.ZERO_RANGE];
  for (const way of ways) {
    const result = allocate(fd, way | Falloc.KEEP_SIZE, offset, count);
    if (result !== -Errno.EOPNOTSUPP && result !== -Errno.ENOSYS) return result < 0 ? result : count;
  }
  return writeZeros(fd, offset, Math.min(count, MAX_WRITTEN_BYTES));
}

function writeZeros(fd: number, offset: number, length: number): number | Failure {
  let done = 0;
  while (done < length) {
    const count = writePlain(fd, ZEROS, 0, Math.min(ZEROS.length, length - done), offset + done);
    if (count < 0) return count;
    done += count;
  }
  return done;
}

/** `FileHandle.allocatedRanges`. A file system that cannot tell has blocks everywhere. */
export function allocatedRangesOf(
  _: ShareContext,
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
