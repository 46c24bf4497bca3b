// Serializes changes of a folder's sidecar: the event loop, workers and other servers read and replace whole
// entries. flock(2) on the folder itself, which outlives its sidecar.
import { Errno } from "../../../linux/errno.ts";
import { FlockOperation, flockFd } from "../../../linux/locks.ts";
import { Open, closeFd, openAt } from "../../../linux/open.ts";
import { emptyStatx, statFd } from "../../../linux/stat.ts";
import { identityOf } from "../format/file-stat.ts";

/** The event loop's wait: longer than another thread needs that works in memory. */
const EVENT_LOOP_WAIT_MS = 3;
/**
 * A worker's wait; other programs may lock the directory for any time, so the change is then made without the
 * lock.
 */
const WORKER_WAIT_MS = 2_000;

const EXCLUSIVE = FlockOperation.EXCLUSIVE | FlockOperation.NONBLOCK;

const facts = emptyStatx();
/** Identities of the folders that this thread has locked; nested calls do not lock them again. */
const lockedByThread = new Set<string>();

export interface FolderLock {
  readonly fd: number;
  readonly identity: string;
}

/**
 * Locks the sidecars of these folders until `unlockFolders`. Undefined where another holds a lock and the
 * caller may not wait; a worker must then make the change.
 */
export function lockFolders(folders: readonly number[], mayWait: boolean): readonly FolderLock[] | undefined {
  const locks = openLocks(folders);
  if (locks.every(({ fd }) => takeLock(fd, mayWait))) {
    for (const { identity } of locks) lockedByThread.add(identity);
    return locks;
  }
  for (const { fd } of locks) closeFd(fd);
  return undefined;
}

export function unlockFolders(locks: readonly FolderLock[]): void {
  for (const { fd, identity } of locks) {
    lockedByThread.delete(identity);
    closeFd(fd);
  }
}

/** Calls `action` if no other thread or server has the folder locked. */
export function ifUnlocked(folder: number, action: () => void): void {
  const locks = openLocks([folder]);
  if (locks.every(({ fd }) => flockFd(fd, EXCLUSIVE) !== -Errno.EAGAIN)) action();
  for (const { fd } of locks) closeFd(fd);
}

/**
 * Opens the folders for locking, in the same order for all callers; without those that this thread has
 * locked.
 */
function openLocks(folders: readonly number[]): FolderLock[] {
  const locks: FolderLock[] = [];
  for (const folder of folders) {
    if (statFd(folder, facts) < 0) continue;
    const identity = identityOf(facts);
    if (lockedByThread.has(identity) || locks.some((lock) => lock.identity === identity)) continue;
    const fd = openAt(folder, ".", Open.RDONLY | Open.DIRECTORY);
    if (fd >= 0) locks.push({ fd, identity });
  }
  return locks.sort((a, b) => (a.identity < b.identity ? -1 : 1));
}

/** False where another holds the lock and the caller may not wait. True on a file system without flock(2). */
function takeLock(fd: number, mayWait: boolean): boolean {
  const until = performance.now() + (mayWait ? WORKER_WAIT_MS : EVENT_LOOP_WAIT_MS);
  while (flockFd(fd, EXCLUSIVE) === -Errno.EAGAIN) {
    if (performance.now() >= until) return mayWait;
    if (mayWait) Bun.sleepSync(1);
  }
  return true;
}
