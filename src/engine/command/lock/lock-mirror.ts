// Mirrors SMB byte-range locks as fcntl(2) locks on the open's descriptor (`posix locking`), so that programs
// on the server see them. SMB locks nest and stack, the kernel's do not: each stretch gets the strongest lock
// held there.
import { Errno } from "../../../linux/errno.ts";
import type { MaybePromise } from "../../../port/port.ts";
import type { Open, SharedFile } from "../../state/open.ts";
import type { RangeLocks, Stretch } from "../../state/range-locks.ts";
import { andThen } from "../../and-then.ts";
import type { FileHandle, Failure } from "../../vfs/store.ts";

/** The kernel's offsets end here, at 2^63; what clients lock above it has no meaning for local programs. */
const MAX_OFFSET = (1n << 63n) - 1n;

/** Sets the kernel's locks of a range to match `locks`; false if a local program holds a conflicting lock. */
export function mirrorLocks(
  open: Open,
  file: SharedFile,
  locks: RangeLocks,
  offset: bigint,
  length: bigint,
): MaybePromise<boolean> {
  const { handle } = open;
  // fcntl(2) takes length 0 as up to the end of the file; in SMB an empty range locks nothing.
  if (handle === undefined || length === 0n || offset > MAX_OFFSET) return true;
  const last = offset + length - 1n;
  const end = last > MAX_OFFSET ? MAX_OFFSET : last;
  return inOrder(file, () => setStretches(handle, locks.stretches(open.id, offset, end)));
}

/** Releases all kernel locks of the open. Call it before waiting SMB locks are granted. */
export function unmirrorAll(open: Open, file: SharedFile): void {
  void inOrder(file, () => open.handle?.lockRange?.("nothing", 0n, 0n) ?? 0);
}

/**
 * Changes the kernel's locks of a file. On a network disk, where a change waits, the next one begins when it
 * has ended, and sets what the table of SMB locks says by then.
 */
function inOrder<T>(file: SharedFile, change: () => MaybePromise<T>): MaybePromise<T> {
  const changed = file.mirroring === undefined ? change() : file.mirroring.then(change);
  if (!(changed instanceof Promise)) return changed;
  const done = changed.then(
    () => leave(),
    () => leave(),
  );
  const leave = (): void => {
    if (file.mirroring === done) file.mirroring = undefined;
  };
  file.mirroring = done;
  return changed;
}

function setStretches(handle: FileHandle, stretches: readonly Stretch[], from = 0): MaybePromise<boolean> {
  for (let index = from; index < stretches.length; index++) {
    const stretch = stretches[index];
    const result = stretch === undefined ? 0 : setKernelLock(handle, stretch);
    if (result instanceof Promise)
      return result.then((late) => late >= 0 && setStretches(handle, stretches, index + 1));
    if (result < 0) return false;
  }
  return true;
}

// fcntl(2) needs a readable descriptor for a shared lock and a writable one for an exclusive lock (EBADF).
// SMB needs either right, so an exclusive lock falls back to a shared one, and then to none.
function setKernelLock(handle: FileHandle, { offset, last, held }: Stretch): MaybePromise<0 | Failure> {
  if (handle.lockRange === undefined) return 0;
  const length = last === MAX_OFFSET ? 0n : last - offset + 1n;
  const lock = (kind: typeof held) => handle.lockRange?.(kind, offset, length) ?? 0;
  const set = andThen(lock(held), (result) =>
    result === -Errno.EBADF && held === "exclusive" ? lock("shared") : result,
  );
  return andThen(set, (result) => (result === -Errno.EBADF ? 0 : result));
}
