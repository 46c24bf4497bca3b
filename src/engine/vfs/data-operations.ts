// What is done to the data of an open file where it is not done on the loop or in the runtime's pool. Memory is told by
// its address: it is the loop's, which keeps it until the answer.
import { Errno } from "../../linux/errno.ts";
import { Falloc, allocate, readToAddress, syncFd, truncateFd, writeFromAddress } from "../../linux/io.ts";
import { emptyStatx, statFd, statfsFd } from "../../linux/stat.ts";
import { isGivenUp } from "./given-up.ts";
import type { ShareContext } from "./share-context.ts";
import type { Failure } from "./store.ts";

const statx = emptyStatx();

/** Reads until `length` bytes or the end of the file: the count, or a failure. */
export function readData(
  _: ShareContext,
  fd: number,
  address: number,
  length: number,
  offset: number,
): number | Failure {
  let done = 0;
  while (done < length) {
    const count = readToAddress(fd, address + done, length - done, offset + done);
    if (count < 0) return count;
    if (count === 0) break;
    done += count;
  }
  return done;
}

/** Writes all bytes: `length`, or a failure. */
export function writeData(
  _: ShareContext,
  fd: number,
  address: number,
  length: number,
  offset: number,
): number | Failure {
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

/** `FileHandle.truncate`. */
export function truncateData(_: ShareContext, fd: number, size: number): 0 | Failure {
  return truncateFd(fd, size);
}

/** `FileHandle.flush`. */
export function syncData(_: ShareContext, fd: number): 0 | Failure {
  return syncFd(fd);
}

/** `FileHandle.allocate`. Refused as a whole rather than half-way, which would leave the disk full. */
export function allocateData(_: ShareContext, fd: number, size: number): 0 | Failure {
  const failure = statFd(fd, statx);
  if (failure < 0) return failure;
  const facts = statfsFd(fd);
  if (typeof facts === "number") return facts;
  if (facts.available * facts.blockBytes < size - statx.blocks * 512) return -Errno.ENOSPC;
  return size === 0 ? 0 : allocate(fd, Falloc.KEEP_SIZE, 0, size);
}
