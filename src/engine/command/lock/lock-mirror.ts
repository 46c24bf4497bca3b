// Mirrors SMB byte-range locks as fcntl(2) locks on the open's descriptor (`posix locking`), so that programs
// on the server see them. SMB locks nest and stack, the kernel's do not: each stretch gets the strongest lock
// held there.
import { Errno } from "../../../linux/errno.ts";
import type { Open } from "../../state/open.ts";
import type { RangeLocks, Stretch } from "../../state/range-locks.ts";
import type { FileHandle, Failure } from "../../vfs/store.ts";

/** The kernel's offsets end here, at 2^63; what clients lock above it has no meaning for local programs. */
const MAX_OFFSET = (1n << 63n) - 1n;

/** Sets the kernel's locks of a range to match `locks`; false if a local program holds a conflicting lock. */
export function mirrorLocks(open: Open, locks: RangeLocks, offset: bigint, length: bigint): boolean {
  const { handle } = open;
  // fcntl(2) takes length 0 as up to the end of the file; in SMB an empty range locks nothing.
  if (handle === undefined || length === 0n || offset > MAX_OFFSET) return true;
  const last = offset + length - 1n;
  for (const stretch of locks.stretches(open.id, offset, last > MAX_OFFSET ? MAX_OFFSET : last)) {
    if (setKernelLock(handle, stretch) < 0) return false;
  }
  return true;
}

/** Releases all kernel locks of the open. Call it before waiting SMB locks are granted. */
export function unmirrorAll(open: Open): void {
  open.handle?.lockRange?.("nothing", 0n, 0n);
}

// fcntl(2) needs a readable descriptor for a shared lock and a writable one for an exclusive lock (EBADF).
// SMB needs either right, so an exclusive lock falls back to a shared one, and then to none.
function setKernelLock(handle: FileHandle, { offset, last, held }: Stretch): 0 | Failure {
  if (handle.lockRange === undefined) return 0;
  const length = last === MAX_OFFSET ? 0n : last - offset + 1n;
  let result = handle.lockRange(held, offset, length);
  if (result === -Errno.EBADF && held === "exclusive") result = handle.lockRange("shared", offset, length);
  return result === -Errno.EBADF ? 0 : result;
}
