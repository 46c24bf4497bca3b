// Copies between two open files in the kernel: copy_file_range(2), which shares blocks where the disk can, and
// FICLONERANGE for the callers that want nothing else. [MS-FSA] 2.1.5.10.4.
import { cloneRange } from "../../linux/clone.ts";
import { Errno } from "../../linux/errno.ts";
import { copyRange } from "../../linux/io.ts";
import type { Failure } from "./store.ts";

/** `FileHandle.copyFrom` for two descriptors. */
export function copyRangeOf(
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
