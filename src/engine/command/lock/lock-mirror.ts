// Byte-range locks as programs on the server see them: fcntl(2) locks on the open's own descriptor (`posix locking`).
// Ours nest and stack, those of the kernel do not: so the kernel is told, for each stretch, the strongest lock held.
import { Errno } from "../../../linux/errno.ts";
import type { Open } from "../../state/open.ts";
import type { RangeLocks, Stretch } from "../../state/range-locks.ts";
import type { FileHandle, Failure } from "../../vfs/store.ts";

/** The kernel's offsets end here, at 2^63; what clients lock above it has no meaning for local programs. */
const MAX_OFFSET = (1n << 63n) - 1n;

/** Brings the kernel's locks of a range in line with `locks`; false where a local program's lock is in the way. */
export function mirrorLocks(open: Open, locks: RangeLocks, offset: bigint, length: bigint): boolean {
  const { handle } = open;
  // An empty range locks nothing here, and for the kernel it would be everything to the end.
  if (handle === undefined || length === 0n || offset > MAX_OFFSET) return true;
  const last = offset + length - 1n;
  for (const stretch of locks.stretches(open.id, offset, last > MAX_OFFSET ? MAX_OFFSET : last)) {
    if (setKernelLock(handle, stretch) < 0) return false;
  }
  return true;
}

/** Ends all of the open's locks in the kernel, before others that wait for them get theirs. */
export function unmirrorAll(open: Open): void {
  open.handle?.lockRange?.("nothing", 0n, 0n);
}

// The kernel locks shared only what may be read, exclusively what may be written; SMB asks for either.
function setKernelLock(handle: FileHandle, { offset, last, held }: Stretch): 0 | Failure {
  if (handle.lockRange === undefined) return 0;
  const length = last === MAX_OFFSET ? 0n : last - offset + 1n;
  let result = handle.lockRange(held, offset, length);
  if (result === -Errno.EBADF && held === "exclusive") result = handle.lockRange("shared", offset, length);
  return result === -Errno.EBADF ? 0 : result;
}
