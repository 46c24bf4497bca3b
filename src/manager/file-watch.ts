// Tells when one of the server's own files changes, by inotify(7) on the directories that they are in:
// editors and the server's tools replace a file by a rename, so that a watch on the file itself would end.
import { basename, dirname } from "node:path";
import {
  addWatch,
  closeInotify,
  createInotify,
  drainInotify,
  Inotify,
  removeWatch,
  signalEvents,
} from "../linux/inotify.ts";
import { AT_FDCWD, closeFd, Open, openAt } from "../linux/open.ts";
import { type Timer, timers } from "../loop/timers.ts";
import { followLink } from "./paths.ts";

/** A change is told once nothing more has happened for this long, so that several files are read together. */
const SETTLE_MS = 300;
/** The longest time from the first of many changes. */
const MOST_MS = 2_000;
/**
 * A directory that is missing, or whose file system was unmounted, is looked for again; so is a queue where
 * the kernel gave none.
 */
const RETRY_MS = 30_000;

/** A file that is being written is not read: CLOSE_WRITE comes after the last byte. */
const MASK =
  Inotify.CLOSE_WRITE |
  Inotify.MOVED_TO |
  Inotify.MOVED_FROM |
  Inotify.DELETE |
  Inotify.DELETE_SELF |
  Inotify.MOVE_SELF |
  Inotify.ONLYDIR;
/** The watch is of no use any more. */
const ENDED = Inotify.DELETE_SELF | Inotify.MOVE_SELF | Inotify.IGNORED | Inotify.UNMOUNT;

export class FileWatch {
  private readonly changed: () => void;
  private readonly log: { warn(text: string): void };
  private files: readonly string[] = [];
  private queue = -1;
  /** By number of the watch, the names that count. */
  private names: ReadonlyMap<number, ReadonlySet<string>> = new Map();
  private timer: Timer | undefined;
  private retryTimer: Timer | undefined;
  private firstMs: number | undefined;
  private listens = false;
  private hasWarned = false;

  constructor(changed: () => void, log: { warn(text: string): void }) {
    this.changed = changed;
    this.log = log;
  }

  /**
   * Watches these files, and those that they link to, in the place of the former ones; none: watches nothing.
   */
  follow(files: readonly string[]): void {
    this.files = files;
    timers.clear(this.retryTimer);
    this.retryTimer = undefined;
    if (files.length === 0) return this.stop();
    if (!this.open()) return this.retryLater();
    const next = new Map<number, Set<string>>();
    let isWhole = true;
    for (const [directory, names] of namesByDirectory(files)) {
      const watch = this.watch(directory);
      // Two paths may lead to one directory.
      if (watch >= 0) next.set(watch, names.union(next.get(watch) ?? new Set()));
      else isWhole = false;
    }
    // The queue is kept: closing one takes the kernel milliseconds, in which events would be lost.
    for (const watch of this.names.keys()) if (!next.has(watch)) removeWatch(this.queue, watch);
    this.names = next;
    if (!isWhole) this.retryLater();
  }

  private retryLater(): void {
    this.retryTimer = timers.set(RETRY_MS, () => {
      const before = this.names;
      this.follow(this.files);
      // Nobody has told what happened to the files before they were watched.
      if ([...this.names.keys()].some((watch) => !before.has(watch))) this.changed();
    });
  }

  private stop(): void {
    timers.clear(this.timer);
    this.timer = undefined;
    this.firstMs = undefined;
    this.names = new Map();
    if (this.queue >= 0) closeInotify(this.queue);
    this.queue = -1;
  }

  private open(): boolean {
    if (this.queue >= 0) return true;
    if (!this.listens) process.on("SIGIO", this.onSignal);
    this.listens = true;
    const queue = createInotify();
    const result = queue < 0 ? queue : signalEvents(queue, true);
    if (result >= 0) this.queue = queue;
    else if (queue >= 0) closeInotify(queue);
    if (result < 0 && !this.hasWarned)
      this.log.warn(
        `changes of the configuration are not noticed: the kernel gives no inotify (errno ${-result})`,
      );
    this.hasWarned = result < 0;
    return result >= 0;
  }

  /** Returns the number of the watch; -errno where the directory cannot be watched. */
  private watch(directory: string): number {
    const fd = openAt(AT_FDCWD, directory, Open.PATH | Open.DIRECTORY);
    if (fd < 0) return fd;
    const watch = addWatch(this.queue, fd, MASK);
    closeFd(fd);
    return watch;
  }

  // Never removed: a SIGIO that is still pending would then end the process.
  private readonly onSignal = (): void => {
    if (this.drain()) this.tellLater();
  };

  /** Reads the queue. True where one of the files has changed. */
  private drain(): boolean {
    let hasChanged = false;
    if (this.queue < 0) return false;
    drainInotify(this.queue, (watch, mask, _cookie, name) => {
      if ((mask & Inotify.Q_OVERFLOW) !== 0) hasChanged = true;
      const names = this.names.get(watch);
      hasChanged ||= names !== undefined && ((mask & ENDED) !== 0 || names.has(name));
    });
    return hasChanged;
  }

  private tellLater(): void {
    const now = performance.now();
    this.firstMs ??= now;
    timers.clear(this.timer);
    const delayMs = Math.max(0, Math.min(SETTLE_MS, this.firstMs + MOST_MS - now));
    this.timer = timers.set(delayMs, () => {
      this.firstMs = undefined;
      // A directory may have been replaced.
      this.follow(this.files);
      this.changed();
    });
  }
}

/** A link counts where it is and where it leads to: both may be replaced. */
function namesByDirectory(files: readonly string[]): ReadonlyMap<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const file of files)
    for (const path of new Set([file, followLink(file)]))
      found.set(dirname(path), (found.get(dirname(path)) ?? new Set()).add(basename(path)));
  return found;
}
