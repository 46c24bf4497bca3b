// What inotify events say about a watched tree: reports them, keeps the paths of watched directories, and
// watches directories that appear. The paths in the queue are those of an earlier time: a directory may have
// a new path, or another directory its old one, by the time its event is read.
import { readdirSync } from "node:fs";
import { Inotify } from "../../../linux/inotify.ts";
import { closeFd, procPath } from "../../../linux/open.ts";
import { CompletionFilter } from "../../../wire/command/change-notify.ts";
import { NotifyAction } from "../../../wire/fscc/notify.ts";
import type { ExpectedEvents } from "./expected-events.ts";
import {
  type Reach,
  type WatchedDirectories,
  type WatchedDirectory,
  openDirectory,
} from "./watched-directories.ts";
import { isSidecarName, isTemporaryName } from "../name/own-names.ts";

/** IN_ATTRIB does not say which attribute changed: it matches a request for any of these. */
const ATTRIB_FILTER =
  CompletionFilter.ATTRIBUTES |
  CompletionFilter.LAST_WRITE |
  CompletionFilter.LAST_ACCESS |
  CompletionFilter.EA |
  CompletionFilter.SECURITY;

/**
 * Directories that are remembered as unseen, or to be verified; with more the whole tree counts as changed.
 */
const MAX_REMEMBERED = 1024;

/** Receives the changes. Paths are a share's directory joined with the path below it. */
export interface ChangeSink {
  report(action: NotifyAction, path: string, filter: number): void;
  reportRename(from: string, to: string, isDirectory: boolean): void;
  /** Changes in the directory `path` or below were missed; undefined: anywhere. */
  reportLoss(path?: string): void;
}

export interface HalfMove {
  readonly cookie: number;
  readonly path: string;
  readonly isDirectory: boolean;
  readonly isOurs: boolean;
}

/** An event that was read from the queue but not handled yet. */
export interface ReadEvent {
  readonly directory: WatchedDirectory;
  readonly mask: number;
  readonly cookie: number;
  readonly name: string;
}

export class TreeChanges {
  /** A MOVED_FROM whose MOVED_TO was not read yet. */
  half: HalfMove | undefined;
  /** True while the queue is being read. */
  isReading = false;
  private readonly directories: WatchedDirectories;
  private readonly expected: ExpectedEvents;
  private readonly sink: ChangeSink;
  /** True where an operation of the server is at work on that path. */
  private readonly isUnderWay: (path: string) => boolean;
  /**
   * New directories that were gone from their path before they were opened: what is in them is unreported.
   */
  private readonly unseen = new Map<string, Reach>();
  /** Directories whose watch the kernel has ended: their removal is the next event of their name. */
  private readonly ended = new Set<string>();
  /** Paths that directories were moved from or to: another directory may have been watched in its place. */
  private readonly toVerify = new Map<string, Reach>();

  constructor(
    directories: WatchedDirectories,
    expected: ExpectedEvents,
    sink: ChangeSink,
    isUnderWay: (path: string) => boolean,
  ) {
    this.directories = directories;
    this.expected = expected;
    this.sink = sink;
    this.isUnderWay = isUnderWay;
  }

  clear(): void {
    this.half = undefined;
    this.unseen.clear();
    this.ended.clear();
    this.toVerify.clear();
  }

  /** The kernel has ended a watch because its directory was removed. */
  watchEnded(directory: WatchedDirectory): void {
    this.directories.forget(directory);
    if (this.ended.size >= MAX_REMEMBERED) this.ended.clear();
    this.ended.add(directory.path);
  }

  handle({ directory, mask, cookie, name }: ReadEvent): void {
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
    const { sink } = this;
    if ((mask & Inotify.CREATE) !== 0) {
      const isOurs = this.expected.take(Inotify.CREATE, path);
      if (!isOurs) sink.report(NotifyAction.ADDED, path, nameFilterOf(isDirectory));
      if (isDirectory) this.enterNew(reach, path);
    } else if ((mask & Inotify.DELETE) !== 0) {
      const wasWatched = this.ended.delete(path);
      if (isDirectory && !this.unseen.delete(path) && !wasWatched) this.checkWatched(path);
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
    const { sink } = this;
    const from = this.half?.cookie === cookie ? this.half : undefined;
    if (from === undefined && this.half !== undefined) this.endMove();
    this.half = undefined;
    const isOurs = this.expected.take(Inotify.MOVED_TO, path);
    if (from !== undefined) {
      if (!isOurs && !from.isOurs) sink.reportRename(from.path, path, isDirectory);
      else if (!isOurs) sink.report(NotifyAction.ADDED, path, nameFilterOf(isDirectory));
      else if (!from.isOurs) sink.report(NotifyAction.REMOVED, from.path, nameFilterOf(isDirectory));
      if (isDirectory) this.follow(reach, from.path, path, isOurs);
    } else {
      if (!isOurs) sink.report(NotifyAction.ADDED, path, nameFilterOf(isDirectory));
      // Entries of a directory from outside of the tree are not reported, as on Windows.
      if (isDirectory && !this.directories.has(path)) this.enterKnown(reach, path);
    }
  }

  /** A directory was moved within the tree. */
  private follow(reach: Reach, from: string, to: string, isOurs: boolean): void {
    const { directories } = this;
    if (directories.has(from)) {
      directories.repath(from, to);
      this.verifyLater(reach, from);
      this.verifyLater(reach, to);
    }
    // A walk under way may not have reached the directory: it is watched at its new path, and what has
    // changed in it since the walk began counts as lost. Not where a client of the server renames it
    // (smb2.notify-inotify wants the rename alone): what another program changes in it in the milliseconds
    // before its watch is not noticed then.
    const { walkingSinceMs } = directories;
    if (!this.unseen.has(from) && walkingSinceMs === undefined) this.checkWatched(to);
    const below = `${from}/`;
    for (const path of [...this.unseen.keys()]) {
      if (path !== from && !path.startsWith(below)) continue;
      this.unseen.delete(path);
      this.enterNew(reach, to + path.slice(from.length));
    }
    if (!directories.has(to)) this.enterKnown(reach, to, isOurs ? undefined : walkingSinceMs);
  }

  /** Reports a MOVED_FROM without MOVED_TO as a removal: the object left the watched directories. */
  endMove(): void {
    const { half } = this;
    if (half === undefined) return;
    this.half = undefined;
    if (!half.isOurs) {
      this.sink.report(NotifyAction.REMOVED, half.path, nameFilterOf(half.isDirectory));
    }
    if (!half.isDirectory) return;
    if (!this.unseen.has(half.path)) this.checkWatched(half.path);
    this.directories.dropTree(half.path);
    const below = `${half.path}/`;
    for (const path of this.unseen.keys())
      if (path === half.path || path.startsWith(below)) this.unseen.delete(path);
  }

  /** The changes in a directory that goes before the kernel could watch it are lost. */
  private checkWatched(path: string): void {
    if (!this.directories.has(path) && this.directories.isWanted(path)) this.sink.reportLoss(path);
  }

  /** Watches a directory that was not made now, and those below it in the background. */
  private enterKnown(reach: Reach, path: string, sinceMs?: number): void {
    const { directories } = this;
    if (!directories.isWanted(path)) return;
    const outcome = directories.watch(reach, path, sinceMs);
    if (outcome === "watched") directories.walk(reach, path);
    else if (outcome === "known") this.verifyLater(reach, path);
  }

  /** Watches a new directory and those in it; reports the entries that were made before its watch. */
  private enterNew(reach: Reach, path: string): void {
    const { directories } = this;
    if (!directories.isWanted(path)) return;
    const outcome = directories.watch(reach, path);
    if (outcome === "gone") this.remember(this.unseen, reach, path);
    else if (outcome === "known") this.verifyLater(reach, path);
    if (outcome !== "watched") return;
    const fd = openDirectory(reach, path);
    if (fd < 0) return this.remember(this.unseen, reach, path);
    try {
      for (const entry of readdirSync(procPath(fd), { withFileTypes: true })) {
        const isHidden = isTemporaryName(entry.name) || isSidecarName(entry.name);
        if (isHidden || entry.name.includes("\ufffd")) continue;
        const child = `${path}/${entry.name}`;
        if (!this.isClients(child)) {
          this.expected.addSeen(child, this.isReading);
          this.sink.report(NotifyAction.ADDED, child, nameFilterOf(entry.isDirectory()));
        }
        if (entry.isDirectory()) this.enterNew(reach, child);
      }
    } catch {
      // The directory was removed; its parent's watch reports that.
    } finally {
      closeFd(fd);
    }
  }

  /** True where an SMB client made the entry before its directory's event was read, or is making it now. */
  private isClients(path: string): boolean {
    const { expected } = this;
    return (
      this.isUnderWay(path) || expected.take(Inotify.CREATE, path) || expected.has(Inotify.MOVED_TO, path)
    );
  }

  private verifyLater(reach: Reach, path: string): void {
    this.remember(this.toVerify, reach, path);
  }

  private remember(paths: Map<string, Reach>, reach: Reach, path: string): void {
    paths.set(path, reach);
    if (paths.size <= MAX_REMEMBERED) return;
    paths.clear();
    this.sink.reportLoss(reach.path);
  }

  /**
   * Called when all events that were read are handled: the paths of moved directories are those on disk now.
   * Where another directory is at such a path, its events had a wrong path: they count as lost.
   */
  verify(): void {
    if (this.toVerify.size === 0) return;
    const { directories } = this;
    const wrong = [...this.toVerify].filter(
      ([path, reach]) =>
        directories.isWanted(path) && !directories.isRemoteAt(path) && !directories.isAt(reach, path),
    );
    for (const [path] of wrong) directories.dropTree(path);
    for (const [path, reach] of wrong) {
      this.enterKnown(reach, path);
      this.sink.reportLoss(path);
    }
    this.toVerify.clear();
  }
}

function nameFilterOf(isDirectory: boolean): number {
  return isDirectory ? CompletionFilter.DIR_NAME : CompletionFilter.FILE_NAME;
}
