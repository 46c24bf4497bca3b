// Changes that other programs make below a share: inotify(7) events of watched directories, less those that our own
// operations cause. Where the kernel gives no watch, our own changes are still told, by whoever makes them.
import { readdirSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { openBeneath } from "../../linux/beneath.ts";
import {
  Inotify,
  addWatch,
  closeInotify,
  createInotify,
  drainInotify,
  removeWatch,
  signalEvents,
} from "../../linux/inotify.ts";
import { AT_FDCWD, Open, Resolve, closeFd, openAt, procPath } from "../../linux/open.ts";
import type { ShareGrant } from "../../port/port.ts";
import { CompletionFilter } from "../../wire/change-notify.ts";
import { NotifyAction } from "../../wire/fscc/notify.ts";
import { ExpectedEvents } from "./expected-events.ts";
import { isTemporaryName } from "./moving.ts";

/** Events are taken at once after a quiet time, and this often while they keep coming. */
const DRAIN_INTERVAL_MS = 20;

const MASK =
  Inotify.CREATE |
  Inotify.DELETE |
  Inotify.MOVED_FROM |
  Inotify.MOVED_TO |
  Inotify.ATTRIB |
  Inotify.CLOSE_WRITE |
  Inotify.ONLYDIR |
  Inotify.EXCL_UNLINK;

/** inotify does not say which attributes: whoever asked for one of these hears of it. */
const ATTRIB_FILTER =
  CompletionFilter.ATTRIBUTES |
  CompletionFilter.LAST_WRITE |
  CompletionFilter.LAST_ACCESS |
  CompletionFilter.EA |
  CompletionFilter.SECURITY;

/** Who is told; paths are a share's directory and the path below it, joined. */
export interface ChangeSink {
  report(action: NotifyAction, path: string, filter: number): void;
  reportRename(from: string, to: string, isDirectory: boolean): void;
  reportLoss(): void;
}

/** How a directory is reached: below its share's directory, by the share's rules. */
type Reach = Pick<ShareGrant, "path" | "followSymlinks" | "crossMounts">;

interface WatchedDirectory {
  path: string;
  readonly watch: number;
  readonly reach: Reach;
}

/** Watches that were asked for at one path. */
interface Root {
  plain: number;
  recursive: number;
}

interface HalfMove {
  readonly cookie: number;
  readonly path: string;
  readonly isDirectory: boolean;
  readonly isOurs: boolean;
}

export interface WatcherInit {
  readonly sink: ChangeSink;
  readonly setTimer: (delayMs: number, run: () => void) => unknown;
  readonly clearTimer: (timer: unknown) => void;
  /** Directories that may be watched at once. */
  readonly maxWatches: () => number;
  readonly warn: (text: string) => void;
}

export class DirectoryWatcher {
  private readonly init: WatcherInit;
  private readonly expected = new ExpectedEvents();
  private readonly roots = new Map<string, Root>();
  private readonly byWatch = new Map<number, WatchedDirectory>();
  private readonly byPath = new Map<string, WatchedDirectory>();
  /** Directories whose sub-directories are still to be watched. */
  private readonly toWalk: { path: string; reach: Reach }[] = [];
  private isWalking = false;
  private queue = -1;
  private hasWarned = false;
  private timer: unknown;
  private moved: HalfMove | undefined;

  constructor(init: WatcherInit) {
    this.init = init;
  }

  /** Directories that the kernel watches. */
  get watchCount(): number {
    return this.byWatch.size;
  }

  /** Watches a directory of a share, and with `recursive`, as fast as they can be listed, all below. */
  add(reach: Reach, path: string, recursive: boolean): void {
    const root = this.roots.get(path) ?? { plain: 0, recursive: 0 };
    this.roots.set(path, root);
    if (recursive) root.recursive++;
    else root.plain++;
    if (!this.watch(reach, path) || !recursive || root.recursive > 1) return;
    this.walk(reach, path);
  }

  /** Takes back one `add`. */
  remove(path: string, recursive: boolean): void {
    const root = this.roots.get(path);
    if (root === undefined) return;
    if (recursive) root.recursive--;
    else root.plain--;
    if (root.plain + root.recursive === 0) this.roots.delete(path);
    if (this.roots.size === 0) this.close();
    else if (!recursive) this.drop(path);
    else if (root.recursive === 0) this.dropBelow(path, false);
  }

  expect(action: NotifyAction, path: string): void {
    if (this.queue < 0) return;
    if (this.expected.isFull) this.drain();
    this.expected.add(action, path);
  }

  expectClose(path: string): void {
    if (this.queue < 0) return;
    if (this.expected.isFull) this.drain();
    this.expected.addClose(path);
  }

  close(): void {
    if (this.queue < 0) return;
    listeners.delete(this);
    signalEvents(this.queue, false);
    closeInotify(this.queue);
    this.queue = -1;
    if (this.timer !== undefined) this.init.clearTimer(this.timer);
    this.timer = undefined;
    this.moved = undefined;
    this.byWatch.clear();
    this.byPath.clear();
    this.toWalk.length = 0;
    this.expected.clear();
  }

  /** SIGIO: there may be events. */
  signalled(): void {
    if (this.queue < 0 || this.timer !== undefined) return;
    signalEvents(this.queue, false);
    this.drain();
    this.drainLater();
  }

  private drainLater(): void {
    this.timer = this.init.setTimer(DRAIN_INTERVAL_MS, () => {
      this.timer = undefined;
      if (this.queue < 0) return;
      // In this order: what comes between the two is found by the second, what comes later is signalled.
      signalEvents(this.queue, true);
      if (this.drain() === 0) return;
      signalEvents(this.queue, false);
      this.drainLater();
    });
  }

  /** Handles what waits; the number of events. */
  private drain(): number {
    const held = this.moved;
    let count = 0;
    drainInotify(this.queue, (watch, mask, cookie, name) => {
      count++;
      this.take(watch, mask, cookie, name);
    });
    // The other half of a move follows at once, if at all.
    if (held !== undefined && this.moved === held) this.endMove();
    // Our operations are over when they are expected: their events were among these.
    this.expected.clear();
    return this.moved === undefined ? count : Math.max(1, count);
  }

  private take(watch: number, mask: number, cookie: number, name: string | undefined): void {
    if ((mask & Inotify.Q_OVERFLOW) !== 0) {
      this.expected.clear();
      this.init.sink.reportLoss();
      return;
    }
    const directory = this.byWatch.get(watch);
    if (directory === undefined) return;
    if ((mask & Inotify.IGNORED) !== 0) {
      this.forget(directory);
      return;
    }
    // No name: the directory itself, which its parent's watch tells of. Not UTF-8: no client can see it.
    if (name === undefined || name === "" || isTemporaryName(name)) return;
    const path = `${directory.path}/${name}`;
    const isDirectory = (mask & Inotify.ISDIR) !== 0;
    if ((mask & Inotify.MOVED_TO) !== 0) return this.takeArrival(directory.reach, path, isDirectory, cookie);
    if (this.moved !== undefined) this.endMove();
    if ((mask & Inotify.MOVED_FROM) !== 0) {
      const isOurs = this.expected.take(Inotify.MOVED_FROM, path);
      this.moved = { cookie, path, isDirectory, isOurs };
      return;
    }
    this.takeChange(directory.reach, mask, path, isDirectory);
  }

  private takeChange(reach: Reach, mask: number, path: string, isDirectory: boolean): void {
    const { sink } = this.init;
    if ((mask & Inotify.CREATE) !== 0) {
      const isOurs = this.expected.take(Inotify.CREATE, path);
      if (!isOurs) sink.report(NotifyAction.ADDED, path, nameFilterOf(isDirectory));
      if (isDirectory) this.enter(reach, path, !isOurs);
    } else if ((mask & Inotify.DELETE) !== 0) {
      if (!this.expected.take(Inotify.DELETE, path))
        sink.report(NotifyAction.REMOVED, path, nameFilterOf(isDirectory));
    } else if ((mask & Inotify.CLOSE_WRITE) !== 0) {
      const filter = CompletionFilter.SIZE | CompletionFilter.LAST_WRITE;
      if (!this.expected.has(Inotify.CLOSE_WRITE, path)) sink.report(NotifyAction.MODIFIED, path, filter);
    } else if ((mask & Inotify.ATTRIB) !== 0) {
      if (!this.expected.has(Inotify.ATTRIB, path)) sink.report(NotifyAction.MODIFIED, path, ATTRIB_FILTER);
    }
  }

  private takeArrival(reach: Reach, path: string, isDirectory: boolean, cookie: number): void {
    const { sink } = this.init;
    const from = this.moved?.cookie === cookie ? this.moved : undefined;
    if (from === undefined && this.moved !== undefined) this.endMove();
    this.moved = undefined;
    const isOurs = this.expected.take(Inotify.MOVED_TO, path);
    if (from !== undefined) {
      if (!isOurs && !from.isOurs) sink.reportRename(from.path, path, isDirectory);
      else if (!isOurs) sink.report(NotifyAction.ADDED, path, nameFilterOf(isDirectory));
      else if (!from.isOurs) sink.report(NotifyAction.REMOVED, from.path, nameFilterOf(isDirectory));
      if (isDirectory) this.repath(from.path, path);
    } else if (!isOurs) {
      sink.report(NotifyAction.ADDED, path, nameFilterOf(isDirectory));
    }
    if (isDirectory) this.enter(reach, path, false);
  }

  /** What was moved away went where nobody looks. */
  private endMove(): void {
    const { moved } = this;
    if (moved === undefined) return;
    this.moved = undefined;
    if (!moved.isOurs && !isTemporaryName(moved.path.slice(moved.path.lastIndexOf("/") + 1))) {
      this.init.sink.report(NotifyAction.REMOVED, moved.path, nameFilterOf(moved.isDirectory));
    }
    if (moved.isDirectory) this.dropBelow(moved.path, true);
  }

  /** A directory that has appeared. What was put into a new one before it was watched is told of from here. */
  private enter(reach: Reach, path: string, isNew: boolean): void {
    if (!this.isWanted(path) || !this.watch(reach, path)) return;
    if (!isNew) {
      if (this.isBelowRecursive(path)) this.walk(reach, path);
      return;
    }
    const fd = openDirectory(reach, path);
    if (fd < 0) return;
    try {
      for (const entry of readdirSync(procPath(fd), { withFileTypes: true })) {
        const child = `${path}/${entry.name}`;
        this.expected.addCreation(child);
        this.init.sink.report(NotifyAction.ADDED, child, nameFilterOf(entry.isDirectory()));
        if (entry.isDirectory()) this.enter(reach, child, true);
      }
    } catch {
      // Gone again: its removal is told by its parent.
    } finally {
      closeFd(fd);
    }
  }

  private isWanted(path: string): boolean {
    return this.roots.has(path) || this.isBelowRecursive(path);
  }

  private isBelowRecursive(path: string): boolean {
    for (let slash = path.length; slash > 0; slash = path.lastIndexOf("/", slash - 1)) {
      if ((this.roots.get(path.slice(0, slash))?.recursive ?? 0) > 0) return true;
    }
    return false;
  }

  /** Has the kernel watch one directory; false where it cannot or may not. */
  private watch(reach: Reach, path: string): boolean {
    if (this.byPath.has(path)) return true;
    if (this.byWatch.size >= this.init.maxWatches()) {
      this.warnOnce("'max notify watches' is reached");
      return false;
    }
    if (this.queue < 0 && !this.openQueue()) return false;
    const fd = openDirectory(reach, path);
    if (fd < 0) return false;
    const watch = addWatch(this.queue, fd, MASK);
    closeFd(fd);
    if (watch < 0) {
      this.warnOnce(`the kernel watches no more (errno ${-watch}; see fs.inotify.max_user_watches)`);
      return false;
    }
    // The same directory by another path: it has one watch, and one of its paths is told.
    if (this.byWatch.has(watch)) return false;
    const directory = { path, watch, reach };
    this.byWatch.set(watch, directory);
    this.byPath.set(path, directory);
    return true;
  }

  private openQueue(): boolean {
    const queue = createInotify();
    if (queue < 0) {
      this.warnOnce(`the kernel gives no inotify queue (errno ${-queue}; see fs.inotify.max_user_instances)`);
      return false;
    }
    this.queue = queue;
    listenForSignals(this);
    signalEvents(queue, true);
    return true;
  }

  private warnOnce(reason: string): void {
    if (this.hasWarned) return;
    this.hasWarned = true;
    this.init.warn(`changes by other programs are not all told to clients that watch folders: ${reason}`);
  }

  private walk(reach: Reach, path: string): void {
    this.toWalk.push({ path, reach });
    if (this.isWalking) return;
    this.isWalking = true;
    void this.walkAll().finally(() => {
      this.isWalking = false;
    });
  }

  /** One directory at a time, listed in the thread pool. */
  private async walkAll(): Promise<void> {
    for (let next = this.toWalk.pop(); next !== undefined; next = this.toWalk.pop()) {
      const { path, reach } = next;
      const fd = openDirectory(reach, path);
      if (fd < 0) continue;
      const entries = await readdir(procPath(fd), { withFileTypes: true }).catch(() => []);
      closeFd(fd);
      for (const entry of entries) {
        const child = `${path}/${entry.name}`;
        if (!entry.isDirectory() || !this.isBelowRecursive(child)) continue;
        if (!this.watch(reach, child)) break;
        this.toWalk.push({ path: child, reach });
      }
    }
  }

  /** Ends the watches below a directory (and with `all` of roots too) that nobody wants any more. */
  private dropBelow(path: string, all: boolean): void {
    const below = `${path}/`;
    for (const directory of [...this.byWatch.values()]) {
      if (directory.path !== path && !directory.path.startsWith(below)) continue;
      if (all || !this.isWanted(directory.path)) this.end(directory);
    }
  }

  private drop(path: string): void {
    const directory = this.byPath.get(path);
    if (directory !== undefined && !this.isWanted(path)) this.end(directory);
  }

  private end(directory: WatchedDirectory): void {
    this.forget(directory);
    removeWatch(this.queue, directory.watch);
  }

  private forget(directory: WatchedDirectory): void {
    this.byWatch.delete(directory.watch);
    if (this.byPath.get(directory.path) === directory) this.byPath.delete(directory.path);
  }

  private repath(from: string, to: string): void {
    const below = `${from}/`;
    for (const directory of [...this.byWatch.values()]) {
      const { path } = directory;
      if (path !== from && !path.startsWith(below)) continue;
      this.byPath.delete(path);
      directory.path = to + path.slice(from.length);
      this.byPath.set(directory.path, directory);
    }
  }
}

function nameFilterOf(isDirectory: boolean): number {
  return isDirectory ? CompletionFilter.DIR_NAME : CompletionFilter.FILE_NAME;
}

/** An O_PATH descriptor of a directory below its share's, or a failure. */
function openDirectory(reach: Reach, path: string): number {
  const root = openAt(AT_FDCWD, reach.path, Open.PATH | Open.DIRECTORY);
  if (root < 0) return root;
  const resolve =
    (reach.followSymlinks ? 0 : Resolve.NO_SYMLINKS) | (reach.crossMounts ? 0 : Resolve.NO_XDEV);
  const below = path.slice(reach.path.length + 1);
  const fd = openBeneath(root, below, Open.PATH | Open.DIRECTORY, 0, resolve);
  closeFd(root);
  return fd;
}

const listeners = new Set<DirectoryWatcher>();
let isListening = false;

// Never taken off again: a signal on its way would end the process.
function listenForSignals(watcher: DirectoryWatcher): void {
  listeners.add(watcher);
  if (isListening) return;
  isListening = true;
  process.on("SIGIO", () => {
    for (const listener of listeners) listener.signalled();
  });
}
