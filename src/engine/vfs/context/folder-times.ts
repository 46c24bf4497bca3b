// Keeps a folder's modification time while the server makes or removes an object of its own in it: a client
// that copies dates would lose the folder's. inotify tells whether another program has changed the folder
// meanwhile; such a change moves the time. The ctime cannot be set: it is reported to the event loop, which
// shows clients the old one.
import { close } from "node:fs";
import { setTimesFd } from "../../../linux/directory-entries.ts";
import { Inotify, addWatch, createInotify, drainInotify, removeWatch } from "../../../linux/inotify.ts";
import { type Statx, emptyStatx, statFd } from "../../../linux/stat.ts";
import { type Timer, timers } from "../../../loop/timers.ts";
import { deviceOf } from "../format/file-stat.ts";
import { isSidecarName } from "../name/own-names.ts";

const NAMES = Inotify.CREATE | Inotify.DELETE | Inotify.MOVED_FROM | Inotify.MOVED_TO;
/** A queue that was not used for this long is closed: a worker's descriptor would outlive its thread. */
const QUEUE_IDLE_MS = 300;

const MAX_HELD = 64;
const facts = emptyStatx();

/** A folder and its ctime. */
export interface FolderChange {
  readonly device: number;
  readonly inodeLow: number;
  readonly inodeHigh: number;
  changeSeconds: number;
  changeNanoseconds: number;
}

/** A folder whose ctime the server has moved. */
export interface HeldChange {
  readonly before: FolderChange;
  readonly after: FolderChange;
}

const NONE: readonly HeldChange[] = [];
let held: HeldChange[] = [];

/** Returns and forgets the folders whose ctime operations of this thread have moved. */
export function takeHeldChanges(): readonly HeldChange[] {
  if (held.length === 0) return NONE;
  const taken = held;
  held = [];
  return taken;
}

/** This thread's inotify queue. */
let queue: number | undefined;
let queueTimer: Timer | undefined;
let isKeeping = false;

/**
 * Calls `action`, which makes or removes the sidecar or `ownName` in the folder, and sets the folder's
 * modification time back to what it was before. Where the thread's user may not set it, it stays;
 * `asServer` makes the call as the server.
 */
export function keepingFolderTimes<T>(
  folder: number,
  ownName: string,
  action: () => T,
  asServer: (restore: () => void) => void = (restore) => restore(),
): T {
  // A nested call concerns the same folder.
  if (isKeeping || statFd(folder, facts) < 0) return action();
  const { modifySeconds, modifyNanoseconds } = facts;
  const before = changeOf(facts);
  const watch = watchFolder(folder);
  isKeeping = true;
  try {
    const result = action();
    asServer(() => {
      if (restoreTime(folder, ownName, watch, modifySeconds, modifyNanoseconds)) holdChange(folder, before);
    });
    return result;
  } finally {
    isKeeping = false;
    if (watch >= 0) removeWatch(queue ?? -1, watch);
  }
}

/** True where the time was set back. */
function restoreTime(
  folder: number,
  own: string,
  watch: number,
  seconds: number,
  nanoseconds: number,
): boolean {
  if (statFd(folder, facts) < 0) return false;
  if (facts.modifySeconds === seconds && facts.modifyNanoseconds === nanoseconds) return false;
  // ATTRIB without a name: somebody has set the folder's own times.
  if (seesOtherChange(watch, own, NAMES | Inotify.ATTRIB)) return false;
  if (setModifyTime(folder, seconds, nanoseconds) < 0) return false;
  // Somebody changed the folder between the look at its times and the setting of them.
  if (!seesOtherChange(watch, own, NAMES)) return true;
  const nowMs = Date.now();
  setModifyTime(folder, Math.floor(nowMs / 1000), (nowMs % 1000) * 1_000_000);
  return false;
}

function holdChange(folder: number, before: FolderChange): void {
  if (statFd(folder, facts) < 0 || held.length >= MAX_HELD) return;
  const after = changeOf(facts);
  const isSame =
    after.changeSeconds === before.changeSeconds && after.changeNanoseconds === before.changeNanoseconds;
  if (!isSame) held.push({ before, after });
}

function changeOf(stat: Statx): FolderChange {
  const { inodeLow, inodeHigh, changeSeconds, changeNanoseconds } = stat;
  return { device: deviceOf(stat), inodeLow, inodeHigh, changeSeconds, changeNanoseconds };
}

/** Sets both times, because many FUSE file systems ignore a change of one alone. */
function setModifyTime(folder: number, seconds: number, nanoseconds: number): number {
  return setTimesFd(folder, facts.accessSeconds, facts.accessNanoseconds, seconds, nanoseconds);
}

/** Returns a watch number of `queue`, or -errno: other programs' changes are not noticed then. */
function watchFolder(folder: number): number {
  if (queue === undefined) {
    const made = createInotify();
    if (made < 0) return made;
    queue = made;
  }
  timers.clear(queueTimer);
  queueTimer = timers.set(QUEUE_IDLE_MS, closeFolderQueue);
  return addWatch(queue, folder, NAMES | Inotify.ATTRIB);
}

/** Closes this thread's inotify queue, if it has one. */
export function closeFolderQueue(): void {
  timers.clear(queueTimer);
  // In the thread pool: closing a queue takes up to 16 ms.
  if (queue !== undefined) close(queue, () => {});
  queue = undefined;
  queueTimer = undefined;
}

/** Reads the queue; true where an event of `mask` is not of the sidecar's nor of `own`. */
function seesOtherChange(watch: number, own: string, mask: number): boolean {
  if (watch < 0) return false;
  let found = false;
  drainInotify(queue ?? -1, (of, event, _cookie, name) => {
    if (of === watch && (event & mask) !== 0 && name !== own && !isSidecarName(name)) found = true;
  });
  return found;
}
