// Watches of large cached directories by inotify: changes by anybody on this machine update the names, so
// that a directory that changes is not read again. The kernel queues an event before the change's system call
// returns: who drains the queue before each look-up misses nothing.
import {
  addWatch,
  closeInotify,
  createInotify,
  drainInotify,
  Inotify,
  removeWatch,
} from "../../../linux/inotify.ts";

const ADDED = Inotify.CREATE | Inotify.MOVED_TO;
const REMOVED = Inotify.DELETE | Inotify.MOVED_FROM;
const ENDED = Inotify.IGNORED | Inotify.UNMOUNT | Inotify.DELETE_SELF;
const WATCHED = ADDED | REMOVED | Inotify.DELETE_SELF | Inotify.ONLYDIR;
const MAX_WATCHES = 64;

export interface FolderChanges {
  added(key: string, name: string): void;
  removed(key: string, name: string): void;
  /** Changes of that directory are not reported any more. */
  lost(key: string): void;
}

export class FolderWatches {
  private readonly changes: FolderChanges;
  private queue = -1;
  private isDraining = false;
  private readonly keys = new Map<number, string>();
  private readonly watches = new Map<string, number>();

  constructor(changes: FolderChanges) {
    this.changes = changes;
  }

  has(key: string): boolean {
    return this.watches.has(key);
  }

  /** Watches the directory of a descriptor; false where the kernel cannot or too many are watched. */
  add(key: string, fd: number): boolean {
    if (this.watches.has(key)) return true;
    if (this.watches.size >= MAX_WATCHES) return false;
    if (this.queue < 0) this.queue = createInotify();
    if (this.queue < 0) return false;
    const watch = addWatch(this.queue, fd, WATCHED);
    if (watch < 0) return false;
    this.keys.set(watch, key);
    this.watches.set(key, watch);
    return true;
  }

  remove(key: string): void {
    const watch = this.watches.get(key);
    if (watch === undefined) return;
    this.watches.delete(key);
    this.keys.delete(watch);
    removeWatch(this.queue, watch);
    this.closeUnused();
  }

  /** Not while the queue is read: a thread may open another file, which would be read then. */
  private closeUnused(): void {
    if (this.watches.size === 0 && !this.isDraining) this.close();
  }

  /** Reports the changes so far. */
  drain(): void {
    if (this.queue < 0) return;
    this.isDraining = true;
    const failure = drainInotify(this.queue, (watch, mask, _cookie, name) => this.take(watch, mask, name));
    this.isDraining = false;
    if (failure < 0) this.loseAll();
    this.closeUnused();
  }

  close(): void {
    if (this.queue >= 0) closeInotify(this.queue);
    this.queue = -1;
    this.keys.clear();
    this.watches.clear();
  }

  private take(watch: number, mask: number, name: string): void {
    if ((mask & Inotify.Q_OVERFLOW) !== 0) {
      this.loseAll();
      return;
    }
    const key = this.keys.get(watch);
    if (key === undefined) return;
    if ((mask & ADDED) !== 0) this.changes.added(key, name);
    else if ((mask & REMOVED) !== 0) this.changes.removed(key, name);
    else if ((mask & ENDED) !== 0) {
      this.keys.delete(watch);
      this.watches.delete(key);
      this.changes.lost(key);
    }
  }

  private loseAll(): void {
    for (const key of [...this.watches.keys()]) {
      this.remove(key);
      this.changes.lost(key);
    }
  }
}
