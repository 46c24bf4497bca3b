// Watches on directories: the changes that a client has not been told yet, and the requests that wait for a
// change. [MS-SMB2] 3.3.5.19; [MS-FSA] 2.1.4.1 (sending a notification), 2.1.5.11.1 (asking for one).
import type { MaybePromise } from "../../port/port.ts";
import { CompletionFilter } from "../../wire/command/change-notify.ts";
import { type Change, NotifyAction } from "../../wire/fscc/notify.ts";
import { type NtStatus, Status } from "../../wire/status.ts";
import { type KeptBytes, KeptChanges, type MayLearn } from "./kept-changes.ts";

/** A CHANGE_NOTIFY that waits. */
export interface WaitingRequest {
  readonly outputBytes: number;
  /** Called once, with the changes where the status is STATUS_SUCCESS. */
  readonly finish: (status: NtStatus, changes: readonly Change[]) => void;
}

/** What the first request on an open fixes for all that follow. */
export interface WatchTerms {
  /** The directory; its path (that of SharedFile) follows renames by the server. */
  readonly directory: { readonly path: string };
  readonly isRecursive: boolean;
  /** CompletionFilter bits. */
  readonly filter: number;
  /** OutputBufferLength of the first request, which limits what is kept between requests. */
  readonly outputBytes: number;
  /** The client's name for a path below the directory. */
  readonly nameOf: (path: string) => string;
  /** Whether the client may learn of a change at a path below the directory. */
  readonly mayLearn: (path: string) => MaybePromise<MayLearn>;
  /** Called when the watch ends with its open. */
  readonly ended: () => void;
}

/**
 * Watches for changes by other programs (inotify). The server announces its own changes here, so that their
 * events are not reported twice.
 */
export interface LocalChanges {
  /** Announces a change by the server: its events are suppressed. */
  expect(action: NotifyAction, path: string): void;
  /** The server has renamed a directory; the rename was announced. */
  moved(from: string, to: string): void;
  /** Announces that the server closes a descriptor opened for writing. */
  expectClose(path: string): void;
  /** An operation of the server on `path` starts. `end` is called once its changes are announced. */
  begin(path: string): void;
  end(path: string): void;
}

interface Watch extends WatchTerms {
  /** The path under which `byPath` has it. */
  key: string;
  readonly waiting: WaitingRequest[];
  readonly kept: KeptChanges;
}

interface RecordedChange {
  readonly action: NotifyAction;
  /** Below the watched directory. */
  readonly path: string;
  /** `:` and the stream's name as clients see it. */
  readonly stream?: string;
}

const NO_CHANGES: readonly Change[] = [];

/** The completion filter of a name that is added, removed or renamed. */
export function nameFilter(isDirectory: boolean): number {
  return isDirectory ? CompletionFilter.DIR_NAME : CompletionFilter.FILE_NAME;
}

/** The watches of all opens (the owners). Paths are those of SharedFile. */
export class NotifyTable {
  /** Set while changes by other programs are watched for. */
  local: LocalChanges | undefined;
  private readonly watches = new Map<object, Watch>();
  private readonly byPath = new Map<string, Set<Watch>>();
  private readonly keptBytes: KeptBytes = { bytes: 0 };

  /** Directories watched for another purpose, where the server's own changes must be announced too. */
  observers = 0;

  /** Number of watches. While it is 0 nothing need be reported. */
  get count(): number {
    return this.watches.size + this.observers;
  }

  has(owner: object): boolean {
    return this.watches.has(owner);
  }

  /** For status: what `owner` watches; undefined: nothing. */
  describe(owner: object): { filter: number; isRecursive: boolean; waiting: number } | undefined {
    const watch = this.watches.get(owner);
    return watch && { filter: watch.filter, isRecursive: watch.isRecursive, waiting: watch.waiting.length };
  }

  /** Adds the watch of `owner`, which has none yet. */
  add(owner: object, terms: WatchTerms): void {
    const watch: Watch = {
      ...terms,
      key: terms.directory.path,
      waiting: [],
      kept: new KeptChanges(terms.outputBytes, this.keptBytes, () => this.deliver(watch)),
    };
    this.watches.set(owner, watch);
    this.link(watch);
  }

  /** True where a request of `owner` would be answered at once. */
  hasChanges(owner: object): boolean {
    return this.watches.get(owner)?.kept.hasAny === true;
  }

  /**
   * Answers a request of `owner` at once where there are changes, else at the next change, in order of
   * arrival.
   */
  request(owner: object, request: WaitingRequest): void {
    const watch = this.watches.get(owner);
    if (watch === undefined) return request.finish(Status.NOTIFY_CLEANUP, NO_CHANGES);
    watch.waiting.push(request);
    if (watch.waiting.length === 1) this.deliver(watch);
  }

  cancel(owner: object, request: WaitingRequest): void {
    const waiting = this.watches.get(owner)?.waiting;
    const at = waiting?.indexOf(request) ?? -1;
    if (waiting === undefined || at < 0) return;
    waiting.splice(at, 1);
    request.finish(Status.CANCELLED, NO_CHANGES);
  }

  /**
   * Ends the watch of an open that closes: STATUS_NOTIFY_CLEANUP for its waiting requests. True where there
   * were any.
   */
  remove(owner: object): boolean {
    const watch = this.watches.get(owner);
    if (watch === undefined) return false;
    this.watches.delete(owner);
    this.unlink(watch);
    watch.kept.clear();
    watch.ended();
    return finishAll(watch, Status.NOTIFY_CLEANUP);
  }

  /** A directory is delete-pending: its waiting requests end with STATUS_DELETE_PENDING. */
  deletePending(directory: { readonly path: string }): void {
    for (const watch of this.byPath.get(directory.path) ?? []) {
      if (watch.directory === directory) finishAll(watch, Status.DELETE_PENDING);
    }
  }

  /**
   * Defers inotify events for `paths` while `work` runs: an operation of the server that ends with reporting
   * its own changes here. Returns `work`. Does nothing where `work` is no promise.
   */
  during<T>(work: MaybePromise<T>, ...paths: readonly string[]): MaybePromise<T> {
    const { local } = this;
    if (local === undefined || this.count === 0 || !(work instanceof Promise)) return work;
    for (const path of paths) local.begin(path);
    const end = (): void => {
      for (const path of paths) local.end(path);
    };
    work.then(end, end);
    return work;
  }

  /** `during` for `work` that changes only metadata stored beside the data of `path`, and reports nothing. */
  quietly<T>(work: MaybePromise<T>, path: string | undefined): MaybePromise<T> {
    if (path === undefined || this.count === 0) return work;
    if (work instanceof Promise) return this.during(work, path);
    this.local?.expect(NotifyAction.MODIFIED, path);
    return work;
  }

  /**
   * Reports and announces a change by the server; `filter` is its CompletionFilter bits. Call it in the same
   * turn of the event loop as the change.
   */
  changed(action: NotifyAction, path: string, filter: number): void {
    if (this.count === 0) return;
    this.local?.expect(action, path);
    this.report(action, path, filter);
  }

  /** The server has added, changed or removed the named stream `name` of the file `path`. */
  streamChanged(action: NotifyAction, path: string, name: string, filter: number): void {
    if (this.count === 0) return;
    // inotify reports a change of the file's attributes.
    this.local?.expect(NotifyAction.MODIFIED, path);
    this.forEachWatcher(path, filter, (watch, start) => {
      record(watch, { action, path: path.slice(start), stream: `:${name}` });
      this.deliver(watch);
    });
  }

  /** The server has renamed a stream of the file `path`. */
  streamRenamed(path: string, from: string, to: string): void {
    if (this.count === 0) return;
    this.local?.expect(NotifyAction.MODIFIED, path);
    this.forEachWatcher(path, CompletionFilter.STREAM_NAME, (watch, start) => {
      const file = path.slice(start);
      record(
        watch,
        { action: NotifyAction.REMOVED_STREAM, path: file, stream: `:${from}` },
        { action: NotifyAction.ADDED_STREAM, path: file, stream: `:${to}` },
      );
      this.deliver(watch);
    });
  }

  /** The server has renamed a file or directory. */
  renamed(from: string, to: string, isDirectory: boolean): void {
    if (this.count === 0) return;
    this.local?.expect(NotifyAction.RENAMED_OLD_NAME, from);
    this.local?.expect(NotifyAction.RENAMED_NEW_NAME, to);
    if (isDirectory) this.local?.moved(from, to);
    this.reportRename(from, to, isDirectory);
    this.move(from, to);
  }

  /** The server has added a hard link, over an existing file where `isReplacing`. */
  linked(path: string, isReplacing: boolean): void {
    if (this.count === 0) return;
    if (isReplacing) {
      // The new link is renamed over the old file.
      this.local?.expect(NotifyAction.RENAMED_NEW_NAME, path);
      this.report(NotifyAction.REMOVED, path, CompletionFilter.FILE_NAME);
    }
    this.changed(NotifyAction.ADDED, path, CompletionFilter.FILE_NAME);
  }

  /** The server is about to close a descriptor opened for writing. */
  closing(path: string): void {
    if (this.count > 0) this.local?.expectClose(path);
  }

  /** Reports a change of any program to every watch that covers `path`. */
  report(action: NotifyAction, path: string, filter: number): void {
    this.forEachWatcher(path, filter, (watch, start) => {
      record(watch, { action, path: path.slice(start) });
      this.deliver(watch);
    });
  }

  /**
   * Reports a rename of any program: as such within a directory, else as REMOVED and ADDED; [MS-FSCC] 2.7.1.
   */
  reportRename(from: string, to: string, isDirectory: boolean): void {
    const filter = nameFilter(isDirectory);
    const parentEnd = from.lastIndexOf("/") + 1;
    if (parentEnd !== to.lastIndexOf("/") + 1 || !to.startsWith(from.slice(0, parentEnd))) {
      this.report(NotifyAction.REMOVED, from, filter);
      this.report(NotifyAction.ADDED, to, filter);
      return;
    }
    this.forEachWatcher(from, filter, (watch, start) => {
      record(
        watch,
        { action: NotifyAction.RENAMED_OLD_NAME, path: from.slice(start) },
        { action: NotifyAction.RENAMED_NEW_NAME, path: to.slice(start) },
      );
      this.deliver(watch);
    });
  }

  /**
   * Events in the directory `path` or below were lost: the watches that cover it overflow
   * (STATUS_NOTIFY_ENUM_DIR); without `path` all.
   */
  reportLoss(path?: string): void {
    const lose = (watch: Watch): void => {
      watch.kept.overflow();
      this.deliver(watch);
    };
    if (path === undefined) for (const watch of this.watches.values()) lose(watch);
    else this.forEachWatcher(`${path}/`, -1, lose);
  }

  /**
   * Calls `visit` for the watches on the parent and the recursive ones above it; the path below the watched
   * directory starts at `start`.
   */
  private forEachWatcher(path: string, filter: number, visit: (watch: Watch, start: number) => void): void {
    let isParent = true;
    let slash = path.lastIndexOf("/");
    while (slash > 0) {
      const watches = this.byPath.get(path.slice(0, slash));
      if (watches !== undefined) {
        for (const watch of watches) {
          if ((watch.filter & filter) !== 0 && (isParent || watch.isRecursive)) visit(watch, slash + 1);
        }
      }
      isParent = false;
      slash = path.lastIndexOf("/", slash - 1);
    }
  }

  /** Answers the oldest waiting request where the watch has changes. */
  private deliver(watch: Watch): void {
    if (!watch.kept.hasAny) return;
    const request = watch.waiting.shift();
    if (request === undefined) return;
    const changes = watch.kept.take(request.outputBytes);
    if (changes === undefined) request.finish(Status.NOTIFY_ENUM_DIR, NO_CHANGES);
    else request.finish(Status.SUCCESS, changes);
  }

  /** Moves the watches at and below a renamed directory to its new path. */
  private move(from: string, to: string): void {
    const below = `${from}/`;
    for (const watch of this.watches.values()) {
      if (watch.key !== from && !watch.key.startsWith(below)) continue;
      this.unlink(watch);
      watch.key = to + watch.key.slice(from.length);
      this.link(watch);
    }
  }

  private link(watch: Watch): void {
    const there = this.byPath.get(watch.key);
    if (there === undefined) this.byPath.set(watch.key, new Set([watch]));
    else there.add(watch);
  }

  private unlink(watch: Watch): void {
    const there = this.byPath.get(watch.key);
    there?.delete(watch);
    if (there?.size === 0) this.byPath.delete(watch.key);
  }
}

/** Keeps changes for the watch, those of a rename together. */
function record(watch: Watch, ...changes: readonly RecordedChange[]): void {
  if (watch.kept.hasOverflowed) return;
  const offered = changes.map(({ action, path, stream = "" }) => ({
    change: { action, name: watch.nameOf(path) + stream },
    mayLearn: watch.mayLearn(path),
  }));
  watch.kept.add(...offered);
}

function finishAll(watch: Watch, status: NtStatus): boolean {
  const waiting = watch.waiting.splice(0);
  for (const request of waiting) request.finish(status, NO_CHANGES);
  return waiting.length > 0;
}
