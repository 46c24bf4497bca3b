// Watches on directories: what changed since a client last asked, and the requests that wait for a change.
// [MS-SMB2] 3.3.5.19; [MS-FSA] 2.1.4.1 (sending a notification), 2.1.5.11.1 (asking for one).
import type { MaybePromise } from "../../port/port.ts";
import { CompletionFilter } from "../../wire/command/change-notify.ts";
import { type Change, NotifyAction } from "../../wire/fscc/notify.ts";
import { type NtStatus, Status } from "../../wire/status.ts";

/** Bytes of changes kept for one watch, whatever its client asked for. More is an overflow. */
const MAX_WATCH_BYTES = 64 * 1024;
/** Bytes of changes kept for all watches together. */
const MAX_TOTAL_BYTES = 4 * 1024 * 1024;
/** FILE_NOTIFY_INFORMATION without its name. */
const ENTRY_BYTES = 12;

/** A CHANGE_NOTIFY that waits. */
export interface WaitingRequest {
  readonly outputBytes: number;
  /** Called once: an NTSTATUS, and the changes where it is SUCCESS. */
  readonly finish: (status: NtStatus, changes: readonly Change[]) => void;
}

/** What a first request on an open fixes for the open's life. */
export interface WatchTerms {
  /** The directory; its path (as SharedFile has it) follows our renames. */
  readonly directory: { readonly path: string };
  readonly isRecursive: boolean;
  /** CompletionFilter bits. */
  readonly filter: number;
  /** OutputBufferLength of the first request: so much is kept between requests. */
  readonly outputBytes: number;
  /** The name for the client of a path below the directory; undefined where it must not be told of it. */
  readonly nameOf: (path: string) => string | undefined;
  /** Called when the watch ends with its open. */
  readonly ended: () => void;
}

/** Where changes by other programs are seen. Told of ours, so that it does not report them again. */
export interface LocalChanges {
  /** A change of ours by its NotifyAction: its events are no news. */
  expect(action: NotifyAction, path: string): void;
  /** A directory has another path, by a rename of ours that was expected. */
  moved(from: string, to: string): void;
  /** A descriptor of ours that could write is closed. */
  expectClose(path: string): void;
  /** An operation of ours on `path` is under way; ended by `end`, when what came of it is expected. */
  begin(path: string): void;
  end(path: string): void;
}

interface Watch extends WatchTerms {
  /** The path under which the table has it. */
  key: string;
  readonly waiting: WaitingRequest[];
  changes: Change[];
  bytes: number;
  hasOverflowed: boolean;
}

const NO_CHANGES: readonly Change[] = [];

/** The completion filter of a name that appears, goes or changes. */
export function nameFilter(isDirectory: boolean): number {
  return isDirectory ? CompletionFilter.DIR_NAME : CompletionFilter.FILE_NAME;
}

/** Owners are opens; paths are those of SharedFile. */
export class NotifyTable {
  /** Set while changes by other programs are looked for. */
  local: LocalChanges | undefined;
  private readonly watches = new Map<object, Watch>();
  private readonly byPath = new Map<string, Set<Watch>>();
  private totalBytes = 0;

  /** Directories that are watched for another purpose: our own changes must be known from others' there, too. */
  observers = 0;

  /** Watches there are. Nothing need be reported while it is 0. */
  get count(): number {
    return this.watches.size + this.observers;
  }

  has(owner: object): boolean {
    return this.watches.has(owner);
  }

  /** Starts to watch for `owner`, which has no watch yet. */
  add(owner: object, terms: WatchTerms): void {
    const watch: Watch = {
      ...terms,
      key: terms.directory.path,
      waiting: [],
      changes: [],
      bytes: 0,
      hasOverflowed: false,
    };
    this.watches.set(owner, watch);
    this.link(watch);
  }

  /** True when a request of `owner` would be answered at once. */
  hasNews(owner: object): boolean {
    const watch = this.watches.get(owner);
    return watch !== undefined && (watch.hasOverflowed || watch.changes.length > 0);
  }

  /** Answers a request of `owner` at once where there are changes already, else when there are; first come first served. */
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

  /** Ends the watch of an open that is closed. True when requests waited: they have their answer now. */
  remove(owner: object): boolean {
    const watch = this.watches.get(owner);
    if (watch === undefined) return false;
    this.watches.delete(owner);
    this.unlink(watch);
    this.forget(watch);
    watch.ended();
    return finishAll(watch, Status.NOTIFY_CLEANUP);
  }

  /** A directory is to go with its last handle: nothing will be told of it any more. */
  deletePending(directory: { readonly path: string }): void {
    for (const watch of this.byPath.get(directory.path) ?? []) {
      if (watch.directory === directory) finishAll(watch, Status.DELETE_PENDING);
    }
  }

  /**
   * Operations on `paths` that have begun: `work` ends when they are over and what came of them has been told here.
   * Until then nobody else tells of these paths. Where the answer is at hand there is nothing to wait for.
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

  /** The same for `work` that changes what is stored beside the data of `path` and is not told of. */
  quietly<T>(work: MaybePromise<T>, path: string | undefined): MaybePromise<T> {
    if (path === undefined || this.count === 0) return work;
    if (work instanceof Promise) return this.during(work, path);
    this.local?.expect(NotifyAction.MODIFIED, path);
    return work;
  }

  /** A change that we made; `filter` has the CompletionFilter bits that it concerns. Call it in the turn of the change. */
  changed(action: NotifyAction, path: string, filter: number): void {
    if (this.count === 0) return;
    this.local?.expect(action, path);
    this.report(action, path, filter);
  }

  /** A change of ours to the named stream `name` of the file `path`, or `name` itself is new or gone. */
  streamChanged(action: NotifyAction, path: string, name: string, filter: number): void {
    if (this.count === 0) return;
    // Other programs see a change of the file's attributes.
    this.local?.expect(NotifyAction.MODIFIED, path);
    this.forEachWatcher(path, filter, (watch, start) => {
      this.keep(watch, action, path.slice(start), `:${name}`);
      this.deliver(watch);
    });
  }

  /** A stream of the file `path` has another name. */
  streamRenamed(path: string, from: string, to: string): void {
    if (this.count === 0) return;
    this.local?.expect(NotifyAction.MODIFIED, path);
    this.forEachWatcher(path, CompletionFilter.STREAM_NAME, (watch, start) => {
      this.keep(watch, NotifyAction.REMOVED_STREAM, path.slice(start), `:${from}`);
      this.keep(watch, NotifyAction.ADDED_STREAM, path.slice(start), `:${to}`);
      this.deliver(watch);
    });
  }

  /** A rename that we made. */
  renamed(from: string, to: string, isDirectory: boolean): void {
    if (this.count === 0) return;
    this.local?.expect(NotifyAction.RENAMED_OLD_NAME, from);
    this.local?.expect(NotifyAction.RENAMED_NEW_NAME, to);
    if (isDirectory) this.local?.moved(from, to);
    this.reportRename(from, to, isDirectory);
    this.move(from, to);
  }

  /** A further name that we made for a file, in the place of another where there was one. */
  linked(path: string, isReplacing: boolean): void {
    if (this.count === 0) return;
    if (isReplacing) {
      // It is put there by renaming.
      this.local?.expect(NotifyAction.RENAMED_NEW_NAME, path);
      this.report(NotifyAction.REMOVED, path, CompletionFilter.FILE_NAME);
    }
    this.changed(NotifyAction.ADDED, path, CompletionFilter.FILE_NAME);
  }

  /** The descriptor of a file that could be written is about to be closed. */
  closing(path: string): void {
    if (this.count > 0) this.local?.expectClose(path);
  }

  /** Tells every watch that sees `path` of a change, whoever made it. */
  report(action: NotifyAction, path: string, filter: number): void {
    this.forEachWatcher(path, filter, (watch, start) => {
      this.keep(watch, action, path.slice(start));
      this.deliver(watch);
    });
  }

  /** [MS-FSCC] 2.7.1: within a directory one name becomes another; from one to the other it is two events. */
  reportRename(from: string, to: string, isDirectory: boolean): void {
    const filter = nameFilter(isDirectory);
    const parentEnd = from.lastIndexOf("/") + 1;
    if (parentEnd !== to.lastIndexOf("/") + 1 || !to.startsWith(from.slice(0, parentEnd))) {
      this.report(NotifyAction.REMOVED, from, filter);
      this.report(NotifyAction.ADDED, to, filter);
      return;
    }
    this.forEachWatcher(from, filter, (watch, start) => {
      this.keep(watch, NotifyAction.RENAMED_OLD_NAME, from.slice(start));
      this.keep(watch, NotifyAction.RENAMED_NEW_NAME, to.slice(start));
      this.deliver(watch);
    });
  }

  /** Changes were lost: everybody must look for themselves. */
  reportLoss(): void {
    for (const watch of this.watches.values()) {
      this.overflow(watch);
      this.deliver(watch);
    }
  }

  /** Calls `tell` for the watches of the parent and the recursive ones above; `start` is where their name begins. */
  private forEachWatcher(path: string, filter: number, tell: (watch: Watch, start: number) => void): void {
    let isParent = true;
    let slash = path.lastIndexOf("/");
    while (slash > 0) {
      const watches = this.byPath.get(path.slice(0, slash));
      if (watches !== undefined) {
        for (const watch of watches) {
          if ((watch.filter & filter) !== 0 && (isParent || watch.isRecursive)) tell(watch, slash + 1);
        }
      }
      isParent = false;
      slash = path.lastIndexOf("/", slash - 1);
    }
  }

  private keep(watch: Watch, action: NotifyAction, path: string, stream = ""): void {
    if (watch.hasOverflowed) return;
    const fileName = watch.nameOf(path);
    if (fileName === undefined) return;
    const name = fileName + stream;
    const bytes = (-watch.bytes & 3) + ENTRY_BYTES + name.length * 2;
    const limit = Math.min(watch.outputBytes, MAX_WATCH_BYTES);
    if (watch.bytes + bytes > limit || this.totalBytes + bytes > MAX_TOTAL_BYTES) {
      this.overflow(watch);
      return;
    }
    watch.changes.push({ action, name });
    watch.bytes += bytes;
    this.totalBytes += bytes;
  }

  private overflow(watch: Watch): void {
    this.forget(watch);
    watch.hasOverflowed = true;
  }

  private forget(watch: Watch): void {
    this.totalBytes -= watch.bytes;
    watch.bytes = 0;
    watch.changes = [];
    watch.hasOverflowed = false;
  }

  /** Answers the oldest waiting request where there is something to tell. */
  private deliver(watch: Watch): void {
    if (!watch.hasOverflowed && watch.changes.length === 0) return;
    const request = watch.waiting.shift();
    if (request === undefined) return;
    const { changes } = watch;
    const fits = !watch.hasOverflowed && watch.bytes <= request.outputBytes;
    this.forget(watch);
    if (fits) request.finish(Status.SUCCESS, changes);
    else request.finish(Status.NOTIFY_ENUM_DIR, NO_CHANGES);
  }

  /** Watches at or below a renamed directory are found by its new path from now on. */
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

function finishAll(watch: Watch, status: NtStatus): boolean {
  const waiting = watch.waiting.splice(0);
  for (const request of waiting) request.finish(status, NO_CHANGES);
  return waiting.length > 0;
}
