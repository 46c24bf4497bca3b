// One change at a time of what sidecars keep in a folder: entries are read, changed and put back as a whole, by the
// loop, by workers, and by other servers of the same folder. flock(2) on the folder itself, which outlives its sidecar.
import { Errno } from "../../../linux/errno.ts";
import { FlockOperation, flockFd } from "../../../linux/locks.ts";
import { Open, closeFd, openAt } from "../../../linux/open.ts";
import { emptyStatx, statFd } from "../../../linux/stat.ts";
import { identityOf } from "../format/file-stat.ts";

/** On the loop: longer than a thread takes that works in memory. */
const EVENT_LOOP_WAIT_MS = 3;
/** Others, too, may lock a directory, for as long as they like: then it is done without. */
const WORKER_WAIT_MS = 2_000;

const EXCLUSIVE = FlockOperation.EXCLUSIVE | FlockOperation.NONBLOCK;

const facts = emptyStatx();
/** What this thread has locked: what it does within that needs no other lock. */
const lockedByThread = new Set<string>();

export interface FolderLock {
  readonly fd: number;
  readonly identity: string;
}

/**
 * Keeps others from changing what is kept in these folders, until `unlockFolders`. Undefined where somebody is at it
 * and the caller must not wait: a worker is to do it.
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

/** Calls `action` if nobody else is at work in the folder. */
export function ifUnlocked(folder: number, action: () => void): void {
  const locks = openLocks([folder]);
  if (locks.every(({ fd }) => flockFd(fd, EXCLUSIVE) !== -Errno.EAGAIN)) action();
  for (const { fd } of locks) closeFd(fd);
}

/** Descriptors to lock, in an order that is the same for all; without those that this thread has locked. */
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

/** False where another holds it and the caller must not wait. A file system without locks goes without. */
function takeLock(fd: number, mayWait: boolean): boolean {
  const until = performance.now() + (mayWait ? WORKER_WAIT_MS : EVENT_LOOP_WAIT_MS);
  while (flockFd(fd, EXCLUSIVE) === -Errno.EAGAIN) {
    if (performance.now() >= until) return mayWait;
    if (mayWait) Bun.sleepSync(1);
  }
  return true;
}
