// Reports changes that other programs make below a share: inotify(7) events of watched directories, minus
// those that the server's own operations cause (the operations report these themselves, even where the kernel
// has no watch). The event of an operation that a volume's worker carries out may be read before the worker's
// answer: it waits.
import { Errno } from "../../../linux/errno.ts";
import { Inotify, closeInotify, createInotify, drainInotify, signalEvents } from "../../../linux/inotify.ts";
import { NotifyAction } from "../../../wire/fscc/notify.ts";
import { ExpectedEvents } from "./expected-events.ts";
import { type ChangeSink, type HalfMove, type ReadEvent, TreeChanges } from "./tree-changes.ts";
import {
  type Reach,
  WatchedDirectories,
  type WatchLimits,
  type WatchRequest,
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
  private readonly changes: TreeChanges;
  /** The kernel has dropped events: the queue is replaced once it has been read. */
  private hasOverflowed = false;
  /** Paths that the server's operations are working on, with the number of operations. */
  private readonly underWay = new Map<string, number>();
  /** Events in queue order; the first one waits for the end of an operation. */
  private held: ReadEvent[] = [];
  private holdTimer: unknown;

  constructor(init: WatcherInit) {
    this.init = init;
    this.directories = new WatchedDirectories(MASK, init, (path) => init.sink.reportLoss(path));
    const isOurs = (path: string): boolean => this.underWay.has(path);
    this.changes = new TreeChanges(this.directories, this.expected, init.sink, isOurs);
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
    if (this.directories.queue < 0) return;
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
    this.forgetEvents();
    this.directories.clear();
  }

  private forgetEvents(): void {
    this.hasOverflowed = false;
    this.changes.clear();
    this.held = [];
    this.stopHolding();
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
    const { changes } = this;
    const { half } = changes;
    let count = 0;
    this.expected.read();
    changes.isReading = true;
    drainInotify(this.directories.queue, (watch, mask, cookie, name) => {
      count++;
      this.take(watch, mask, cookie, name);
    });
    changes.isReading = false;
    if (this.hasOverflowed) this.startAgain();
    else this.settleHandled(half);
    return changes.half === undefined && this.held.length === 0 ? count : Math.max(1, count);
  }

  private settleHandled(half: HalfMove | undefined): void {
    if (this.held.length > 0) return;
    // MOVED_TO follows its MOVED_FROM directly. A half left from the previous read has no counterpart.
    if (half !== undefined && this.changes.half === half) this.changes.endMove();
    this.changes.verify();
    this.expected.handled();
  }

  /** The kernel has dropped events: which directories there are, and where, must be found out anew. */
  private startAgain(): void {
    const { directories, init } = this;
    signalEvents(directories.queue, false);
    this.forgetEvents();
    const queue = this.makeQueue();
    if (queue < 0) return;
    directories.startAgain(queue);
    signalEvents(queue, true);
    init.sink.reportLoss();
  }

  private take(watch: number, mask: number, cookie: number, name: string): void {
    if ((mask & Inotify.Q_OVERFLOW) !== 0) {
      this.hasOverflowed = true;
      return;
    }
    const directory = this.directories.find(watch);
    if (directory === undefined) return;
    if ((mask & Inotify.IGNORED) !== 0) {
      this.changes.watchEnded(directory);
      return;
    }
    // Events without a name concern the directory itself; its parent's watch reports them.
    if (name === "" || isTemporaryName(name) || isSidecarName(name)) return;
    const event = { directory, mask, cookie, name };
    if (this.held.length === 0 && !this.mustWait(event)) return this.changes.handle(event);
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
    for (const event of next < 0 ? held : held.slice(0, next)) this.changes.handle(event);
    const waiting = this.held[0];
    if (waiting !== undefined) this.hold(waiting);
    else this.settleHandled(undefined);
  }

  private openQueue(): void {
    const queue = this.makeQueue();
    if (queue < 0) return;
    this.directories.queue = queue;
    listenForSignals(this);
    signalEvents(queue, true);
  }

  private makeQueue(): number {
    const queue = createInotify();
    if (queue < 0) {
      const why =
        queue === -Errno.ENOSYS
          ? "the kernel has no inotify"
          : `the kernel refused an inotify queue (errno ${-queue}; see fs.inotify.max_user_instances)`;
      this.directories.warnOnce("inotify queue", why);
    }
    return queue;
  }
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
