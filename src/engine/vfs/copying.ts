// Copies between two open files in the kernel: copy_file_range(2), which shares blocks where the disk can, and
// FICLONERANGE for the callers that want nothing else. [MS-FSA] 2.1.5.10.4.
import { cloneRange, hasXfsReflinks } from "../../linux/clone.ts";
import { Errno } from "../../linux/errno.ts";
import { copyRange } from "../../linux/io.ts";
import { Open, closeFd, reopen } from "../../linux/open.ts";
import { FileSystemMagic } from "../../linux/stat.ts";
import type { ShareContext } from "./share-context.ts";
import type { Failure } from "./store.ts";

/** `FileHandle.copyFrom` for two descriptors. */
export function copyRangeOf(
  _: ShareContext,
  from: number,
  fromOffset: number,
  to: number,
  toOffset: number,
  length: number,
): number {
  const count = copyRange(from, fromOffset, to, toOffset, length);
  // Within one file ranges that overlap are refused by the kernel, and read and written by the caller.
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

/** Whether files on the file system of `fd` (O_PATH will do), which is of this type, can share blocks. */
export function sharesBlocks(fd: number, type: number): boolean {
  if (type === FileSystemMagic.BTRFS) return true;
  if (type !== FileSystemMagic.XFS) return false;
  const readable = reopen(fd, Open.RDONLY | Open.NONBLOCK | Open.NOCTTY);
  if (readable < 0) return false;
  const hasReflinks = hasXfsReflinks(readable);
  closeFd(readable);
  return hasReflinks;
}
