// Reports changes that other programs make below a share: inotify(7) events of watched directories, minus
// those that the server's own operations cause (the operations report these themselves, even where the kernel
// has no watch). The event of an operation that a volume's worker carries out may be read before the worker's
// answer: it waits.
import { readdirSync } from "node:fs";
import { Inotify, closeInotify, createInotify, drainInotify, signalEvents } from "../../../linux/inotify.ts";
import { closeFd, procPath } from "../../../linux/open.ts";
import { CompletionFilter } from "../../../wire/command/change-notify.ts";
import { NotifyAction } from "../../../wire/fscc/notify.ts";
import { ExpectedEvents } from "./expected-events.ts";
import {
  type Reach,
  WatchedDirectories,
  type WatchLimits,
  type WatchRequest,
  type WatchedDirectory,
  openDirectory,
} from "./watched-directories.ts";
import { isSidecarName, isTemporaryName } from "../name/own-names.ts";

/** After an idle time events are read at once, on SIGIO; while they keep coming, at this interval. */
const DRAIN_INTERVAL_MS = 20;

/**
 * Events wait this long for the server's operation on the same path; a slower operation is reported twice.
 */
const HOLD_MS = 2_000;

const MASK =
  Inotify.CREATE |
  Inotify.DELETE |
  Inotify.MOVED_FROM |
  Inotify.MOVED_TO |
  Inotify.ATTRIB |
  Inotify.CLOSE_WRITE |
  Inotify.ONLYDIR |
  Inotify.EXCL_UNLINK;

/** IN_ATTRIB does not say which attribute changed: it matches a request for any of these. */
const ATTRIB_FILTER =
  CompletionFilter.ATTRIBUTES |
  CompletionFilter.LAST_WRITE |
  CompletionFilter.LAST_ACCESS |
  CompletionFilter.EA |
  CompletionFilter.SECURITY;

/** Receives the changes. Paths are a share's directory joined with the path below it. */
export interface ChangeSink {
  report(action: NotifyAction, path: string, filter: number): void;
  reportRename(from: string, to: string, isDirectory: boolean): void;
  reportLoss(): void;
}

interface HalfMove {
  readonly cookie: number;
  readonly path: string;
  readonly isDirectory: boolean;
  readonly isOurs: boolean;
}

/** An event that was read from the queue but not handled yet. */
interface ReadEvent {
  readonly directory: WatchedDirectory;
  readonly mask: number;
  readonly cookie: number;
  readonly name: string;
}

export interface WatcherInit extends WatchLimits {
  readonly sink: ChangeSink;
  readonly setTimer: (delayMs: number, run: () => void) => unknown;
  readonly clearTimer: (timer: unknown) => void;
}

export class DirectoryWatcher {
  private readonly init: WatcherInit;
  private readonly directories: WatchedDirectories;
  private readonly expected = new ExpectedEvents();
  private timer: unknown;
  private isDraining = false;
  private isReading = false;
  private half: HalfMove | undefined;
  /** Paths that the server's operations are working on, with the number of operations. */
  private readonly underWay = new Map<string, number>();
  /** Events in queue order; the first one waits for the end of an operation. */
  private held: ReadEvent[] = [];
  private holdTimer: unknown;

  constructor(init: WatcherInit) {
    this.init = init;
    this.directories = new WatchedDirectories(MASK, init);
  }

  /** Number of directories that the kernel watches. */
  get watchCount(): number {
    return this.directories.count;
  }

  /** Watches a directory of a share; with `isRecursive` also all directories below it, as they are listed. */
  add(reach: Reach, path: string, isRecursive: boolean): WatchRequest {
    if (this.directories.queue < 0) this.openQueue();
    return this.directories.add(reach, path, isRecursive);
  }

  /** Reads the pending events, so that watches which the kernel has ended are removed. */
  settle(): void {
    if (this.directories.queue >= 0) this.drain();
  }

  /** True while the kernel watches the directory at `path`. */
  has(path: string): boolean {
    return this.directories.has(path);
  }

  /** Undoes one `add`. The inotify queue is closed with the last request. */
  remove(request: WatchRequest): void {
    this.directories.remove(request);
    if (this.directories.isIdle) this.close();
  }

  expect(action: NotifyAction, path: string): void {
    if (this.prepareExpecting()) this.expected.add(action, path);
  }

  expectClose(path: string): void {
    if (this.prepareExpecting()) this.expected.addClose(path);
  }

  moved(from: string, to: string): void {
    if (this.directories.queue < 0) return;
    // Earlier events still carry the old path. A watch on the parent directory delivers the move as well.
    this.drain();
    this.expected.moved(from, to);
    this.directories.repath(from, to);
  }

  /** Announces an operation on `path`: events for that path, and all events after them, wait for `end`. */
  begin(path: string): void {
    this.underWay.set(path, (this.underWay.get(path) ?? 0) + 1);
  }

  /** Ends one `begin`. The caller has called `expect` for the operation's changes before. */
  end(path: string): void {
    const count = this.underWay.get(path);
    if (count === undefined) return;
    if (count > 1) this.underWay.set(path, count - 1);
    else this.underWay.delete(path);
    if (this.prepareExpecting()) this.expected.add(NotifyAction.MODIFIED, path);
    if (this.held.length > 0) this.handleHeld();
  }

  // Expected events are dropped only after the queue was read, so a read must follow soon.
  private prepareExpecting(): boolean {
    if (this.directories.queue < 0) return false;
    if (this.timer === undefined) this.drainLater();
    if (this.expected.isFull && !this.isDraining) {
      this.isDraining = true;
      // Later, because the operation may call `expect` again.
      queueMicrotask(() => {
        this.isDraining = false;
        if (this.directories.queue >= 0) this.drain();
      });
    }
    return true;
  }

  close(): void {
    const { queue } = this.directories;
    if (queue < 0) return;
    listeners.delete(this);
    signalEvents(queue, false);
    closeInotify(queue);
    if (this.timer !== undefined) this.init.clearTimer(this.timer);
    this.timer = undefined;
    this.half = undefined;
    this.held = [];
    this.stopHolding();
    this.directories.clear();
    this.expected.clear();
  }

  /** Called on SIGIO: there may be events. */
  signalled(): void {
    if (this.directories.queue < 0 || this.timer !== undefined) return;
    signalEvents(this.directories.queue, false);
    this.drain();
    this.drainLater();
  }

  private drainLater(): void {
    this.timer = this.init.setTimer(DRAIN_INTERVAL_MS, () => {
      this.timer = undefined;
      if (this.directories.queue < 0) return;
      // The signal is enabled first: the drain finds earlier events, later ones are signalled.
      signalEvents(this.directories.queue, true);
      if (this.drain() === 0) return;
      signalEvents(this.directories.queue, false);
      this.drainLater();
    });
  }

  /**
   * Reads the queue and handles events that need not wait. Returns their number, at least 1 while events are
   * held.
   */
  private drain(): number {
    const half = this.half;
    let count = 0;
    this.expected.read();
    this.isReading = true;
    drainInotify(this.directories.queue, (watch, mask, cookie, name) => {
      count++;
      this.take(watch, mask, cookie, name);
    });
    this.isReading = false;
    this.settleHandled(half);
    return this.half === undefined && this.held.length === 0 ? count : Math.max(1, count);
  }

  private settleHandled(half: HalfMove | undefined): void {
    if (this.held.length > 0) return;
    // MOVED_TO follows its MOVED_FROM directly. A half left from the previous read has no counterpart.
    if (half !== undefined && this.half === half) this.endMove();
    this.expected.handled();
  }

  private take(watch: number, mask: number, cookie: number, name: string): void {
    if ((mask & Inotify.Q_OVERFLOW) !== 0) {
      // The lost events may include new directories.
      this.init.sink.reportLoss();
      this.directories.walkAgain();
      return;
    }
    const directory = this.directories.find(watch);
    if (directory === undefined) return;
    if ((mask & Inotify.IGNORED) !== 0) {
      this.directories.forget(directory);
      return;
    }
    // Events without a name concern the directory itself; its parent's watch reports them.
    if (name === "" || isTemporaryName(name) || isSidecarName(name)) return;
    const event = { directory, mask, cookie, name };
    if (this.held.length === 0 && !this.mustWait(event)) return this.handle(event);
    this.held.push(event);
    if (this.held.length === 1) this.hold(event);
  }

  private mustWait({ directory, name }: ReadEvent): boolean {
    return this.underWay.size > 0 && this.underWay.has(`${directory.path}/${name}`);
  }

  private hold(first: ReadEvent): void {
    this.holdTimer = this.init.setTimer(HOLD_MS, () => {
      this.underWay.delete(`${first.directory.path}/${first.name}`);
      this.handleHeld();
    });
  }

  private stopHolding(): void {
    if (this.holdTimer !== undefined) this.init.clearTimer(this.holdTimer);
    this.holdTimer = undefined;
  }

  /** Handles held events up to the next one that must wait. */
  private handleHeld(): void {
    const { held } = this;
    const first = held[0];
    if (first === undefined || this.mustWait(first)) return;
    this.stopHolding();
    const next = held.findIndex((event) => this.mustWait(event));
    this.held = next < 0 ? [] : held.slice(next);
    for (const event of next < 0 ? held : held.slice(0, next)) this.handle(event);
    const waiting = this.held[0];
    if (waiting !== undefined) this.hold(waiting);
    else this.settleHandled(undefined);
  }

  private handle({ directory, mask, cookie, name }: ReadEvent): void {
    const path = `${directory.path}/${name}`;
    const isDirectory = (mask & Inotify.ISDIR) !== 0;
    if ((mask & Inotify.MOVED_TO) !== 0) return this.takeArrival(directory.reach, path, isDirectory, cookie);
    if (this.half !== undefined) this.endMove();
    if ((mask & Inotify.MOVED_FROM) !== 0) {
      const isOurs = this.expected.take(Inotify.MOVED_FROM, path);
      this.half = { cookie, path, isDirectory, isOurs };
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
    const from = this.half?.cookie === cookie ? this.half : undefined;
    if (from === undefined && this.half !== undefined) this.endMove();
    this.half = undefined;
    const isOurs = this.expected.take(Inotify.MOVED_TO, path);
    if (from !== undefined) {
      if (!isOurs && !from.isOurs) sink.reportRename(from.path, path, isDirectory);
      else if (!isOurs) sink.report(NotifyAction.ADDED, path, nameFilterOf(isDirectory));
      else if (!from.isOurs) sink.report(NotifyAction.REMOVED, from.path, nameFilterOf(isDirectory));
      if (isDirectory) this.directories.repath(from.path, path);
    } else if (!isOurs) {
      sink.report(NotifyAction.ADDED, path, nameFilterOf(isDirectory));
    }
    if (isDirectory && !this.directories.has(path)) this.enter(reach, path, false);
  }

  /** Reports a MOVED_FROM without MOVED_TO as a removal: the object left the watched directories. */
  private endMove(): void {
    const { half } = this;
    if (half === undefined) return;
    this.half = undefined;
    if (!half.isOurs) {
      this.init.sink.report(NotifyAction.REMOVED, half.path, nameFilterOf(half.isDirectory));
    }
    if (half.isDirectory) this.directories.dropTree(half.path);
  }

  /**
   * Watches a directory that has appeared. For a new one, reports the entries that were made before its
   * watch.
   */
  private enter(reach: Reach, path: string, isNew: boolean): void {
    const { directories } = this;
    if (!directories.isWanted(path) || !directories.watch(reach, path)) return;
    if (!isNew) {
      directories.walk(reach, path);
      return;
    }
    const fd = openDirectory(reach, path);
    if (fd < 0) return;
    try {
      for (const entry of readdirSync(procPath(fd), { withFileTypes: true })) {
        const isHidden = isTemporaryName(entry.name) || isSidecarName(entry.name);
        if (isHidden || entry.name.includes("\ufffd")) continue;
        const child = `${path}/${entry.name}`;
        // An SMB client created the entry before its directory's event was read, or is creating it now.
        const isClients = this.underWay.has(child) || this.expected.take(Inotify.CREATE, child);
        if (!isClients) {
          this.expected.addSeen(child, this.isReading);
          this.init.sink.report(NotifyAction.ADDED, child, nameFilterOf(entry.isDirectory()));
        }
        if (entry.isDirectory()) this.enter(reach, child, !isClients);
      }
    } catch {
      // The directory was removed; its parent's watch reports that.
    } finally {
      closeFd(fd);
    }
  }

  private openQueue(): void {
    const queue = createInotify();
    if (queue < 0) {
      this.directories.warnOnce(
        `the kernel refused an inotify queue (errno ${-queue}; see fs.inotify.max_user_instances)`,
      );
      return;
    }
    this.directories.queue = queue;
    listenForSignals(this);
    signalEvents(queue, true);
  }
}

function nameFilterOf(isDirectory: boolean): number {
  return isDirectory ? CompletionFilter.DIR_NAME : CompletionFilter.FILE_NAME;
}

const listeners = new Set<DirectoryWatcher>();
let isListening = false;

// The handler is never removed: a SIGIO still pending would then end the process.
function listenForSignals(watcher: DirectoryWatcher): void {
  listeners.add(watcher);
  if (isListening) return;
  isListening = true;
  process.on("SIGIO", () => {
    for (const listener of listeners) listener.signalled();
  });
}
