// Operations on the data of an open file, beside reads and writes.
import { Errno } from "../../../linux/errno.ts";
import { Falloc, allocate, syncFd, truncateFd, copyRange, Seek, seekFd } from "../../../linux/io.ts";
import { emptyStatx, statFd, statfsFd } from "../../../linux/stat.ts";
import { beforeTruncation } from "../values/ntfs-attributes.ts";
import { zeroRange } from "../context/data-range.ts";
import type { ShareContext } from "../context/share-context.ts";
import type { Count, Failure } from "../store.ts";
import { cloneRange } from "../../../linux/clone.ts";

const statx = emptyStatx();

/** `FileHandle.truncate`. */
export function truncateData(context: ShareContext, fd: number, size: number): 0 | Failure {
  const failure = beforeTruncation(context, fd, size);
  return failure < 0 ? failure : truncateFd(fd, size);
}

/** `FileHandle.flush`. */
export function syncData(_: ShareContext, fd: number): 0 | Failure {
  return syncFd(fd);
}

/** `FileHandle.allocate`. Checks the free space first: a failure half-way would leave the disk full. */
export function allocateData(_: ShareContext, fd: number, size: number): 0 | Failure {
  const failure = statFd(fd, statx);
  if (failure < 0) return failure;
  const facts = statfsFd(fd);
  if (typeof facts === "number") return facts;
  if (facts.available * facts.blockBytes < size - statx.blocks * 512) return -Errno.ENOSPC;
  return size === 0 ? 0 : allocate(fd, Falloc.KEEP_SIZE, 0, size);
}

/** `FileHandle.copyFrom` for two descriptors. */
export function copyRangeOf(
  _: ShareContext,
  from: number,
  fromOffset: number,
  to: number,
  toOffset: number,
  length: number,
): Count | Failure {
  const count = copyRange(from, fromOffset, to, toOffset, length);
  // The kernel refuses overlapping ranges of one file; the caller then reads and writes.
  if (count === -Errno.EINVAL || count === -Errno.ENOSYS) return -Errno.EOPNOTSUPP;
  return count;
}

/** `FileHandle.cloneFrom` for two descriptors. */
export function cloneRangeOf(
  _: ShareContext,
  from: number,
  fromOffset: number,
  to: number,
  toOffset: number,
  length: number,
): 0 | Failure {
  const result = cloneRange(from, fromOffset, to, toOffset, length);
  if (result >= 0) return 0;
  return result === -Errno.ENOTTY || result === -Errno.ENOSYS ? -Errno.EOPNOTSUPP : result;
}

/** `FileHandle.zeroRange` for a descriptor open for writing. */
export function zeroRangeOf(
  _: ShareContext,
  fd: number,
  offset: number,
  length: number,
  frees: boolean,
): Count | Failure {
  return zeroRange(fd, offset, length, frees);
}

/**
 * `FileHandle.allocatedRanges`. Where the file system does not support SEEK_DATA, all is reported as
 * allocated.
 */
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
