// Directories watched with inotify(7): the requested ones, and below recursive requests as many as the limits
// allow. Directories are opened beneath the share's root under the share's rules, never by a joined path.
import { close } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { openBeneath } from "../../../linux/beneath.ts";
import { addWatch, removeWatch } from "../../../linux/inotify.ts";
import { AT_FDCWD, Open, Resolve, closeFd, openAt, procPath } from "../../../linux/open.ts";
import { emptyStatx, statFdCached } from "../../../linux/stat.ts";
import type { ShareGrant } from "../../../port/port.ts";
import { isSidecarName } from "../name/own-names.ts";

/** The share's settings that say how its directories are opened. */
export type Reach = Pick<ShareGrant, "path" | "followSymlinks" | "crossMounts">;

export interface WatchedDirectory {
  path: string;
  readonly watch: number;
  readonly reach: Reach;
  /** Watched by a volume's worker: the event loop must not open it. */
  readonly isRemote: boolean;
}

/** A requested watch; its path follows renames. */
export interface WatchRequest {
  path: string;
  readonly reach: Reach;
  readonly isRecursive: boolean;
}

/**
 * How an attempt to watch a directory ended: it has gone from its path; it has a watch under another path;
 * the limits or the kernel refuse it, or a worker adds it.
 */
export type WatchOutcome = "watched" | "gone" | "known" | "refused";

/** A directory whose subdirectories are to be watched. */
interface Walk {
  readonly path: string;
  readonly reach: Reach;
  /** When its walk was asked for, in ms since 1970: later changes in it have no event yet. */
  readonly sinceMs: number;
}

/** By as much the clock of file times may be late: a tick of the kernel at 100 Hz. */
const TICK_MS = 10;

const statx = emptyStatx();

export interface WatchLimits {
  /**
   * Has a volume's worker add the watch (watch descriptor or -errno) for a directory that must not be opened
   * on the event loop; undefined for any other directory.
   */
  readonly watchElsewhere?: (
    reach: Reach,
    path: string,
    queue: number,
    mask: number,
  ) => Promise<number> | undefined;
  /** Limit of directories watched at the same time. */
  readonly maxWatches: () => number;
  readonly warn: (text: string) => void;
}

export class WatchedDirectories {
  /** Descriptor of the inotify queue; -1 while nothing is watched. */
  queue = -1;
  private readonly mask: number;
  private readonly limits: WatchLimits;
  private readonly requests = new Map<string, Set<WatchRequest>>();
  private readonly byWatch = new Map<number, WatchedDirectory>();
  private readonly byPath = new Map<string, WatchedDirectory>();
  private readonly toWalk: Walk[] = [];
  /**
   * While a walk is under way: when it was asked for, in ms since 1970. It has not reached every directory
   * yet.
   */
  walkingSinceMs: number | undefined;
  /** Requested directories where changes may be missed until the walk below them has ended. */
  private readonly unsure = new Set<string>();
  private readonly warned = new Set<string>();
  private readonly lost: (path: string) => void;

  /** Calls `lost` for a directory at or below which changes were missed. */
  constructor(mask: number, limits: WatchLimits, lost: (path: string) => void) {
    this.mask = mask;
    this.limits = limits;
    this.lost = lost;
  }

  get count(): number {
    return this.byWatch.size;
  }
  /** True when there are no requests. */
  get isIdle(): boolean {
    return this.requests.size === 0;
  }

  find(watch: number): WatchedDirectory | undefined {
    return this.byWatch.get(watch);
  }

  has(path: string): boolean {
    return this.byPath.has(path);
  }

  /** True for a directory that a worker has watched. */
  isRemoteAt(path: string): boolean {
    return this.byPath.get(path)?.isRemote === true;
  }

  add(reach: Reach, path: string, isRecursive: boolean): WatchRequest {
    const request = { path, reach, isRecursive };
    this.link(request);
    if (this.watch(reach, path) === "watched" && isRecursive) this.walk(reach, path);
    return request;
  }

  remove(request: WatchRequest): void {
    this.unlink(request);
    this.dropUnwanted(request.path, request.isRecursive);
  }

  /** Forgets every watch. The caller closes the queue. */
  clear(): void {
    this.queue = -1;
    this.byWatch.clear();
    this.byPath.clear();
    this.toWalk.length = 0;
    this.unsure.clear();
  }

  /**
   * Watches everything anew on another queue, after the kernel has dropped events: directories may be
   * anywhere by now. Reports the loss again when that is done.
   */
  startAgain(queue: number): void {
    // In the thread pool: closing a queue takes up to 16 ms.
    close(this.queue, () => {});
    this.clear();
    this.queue = queue;
    for (const [path, requests] of this.requests) {
      const [first] = requests;
      if (first === undefined || this.watch(first.reach, path) !== "watched" || !hasRecursive(requests))
        continue;
      this.unsure.add(path);
      this.walk(first.reach, path);
    }
  }

  isWanted(path: string): boolean {
    return this.requests.has(path) || this.isBelowRecursive(path);
  }

  private isBelowRecursive(path: string): boolean {
    for (let slash = path.length; slash > 0; slash = path.lastIndexOf("/", slash - 1)) {
      const requests = this.requests.get(path.slice(0, slash));
      if (requests !== undefined && hasRecursive(requests)) return true;
    }
    return false;
  }

  /**
   * True where the limit allows no watch of `path`. Sub-folders of a recursive request leave an eighth to the
   * folders that clients ask for: one client that watches a large tree must not take the changes from all
   * others.
   */
  private isFullFor(path: string): boolean {
    const limit = this.limits.maxWatches();
    return this.byWatch.size >= (this.requests.has(path) ? limit : limit - (limit >> 3));
  }

  /** Watches one directory. With `sinceMs`, reports a loss where it has changed since then. */
  watch(reach: Reach, path: string, sinceMs = Number.POSITIVE_INFINITY): WatchOutcome {
    if (this.byPath.has(path)) return "watched";
    if (this.isFullFor(path)) {
      this.warnOnce("max notify watches", "'max notify watches' is reached");
      return "refused";
    }
    if (this.queue < 0) return "refused";
    const { queue } = this;
    const elsewhere = this.limits.watchElsewhere?.(reach, path, queue, this.mask);
    if (elsewhere !== undefined) {
      // Its children are not watched: the worker would have to be asked for each.
      void elsewhere.then((watch) => this.takeLate(reach, path, queue, watch));
      return "refused";
    }
    const fd = openDirectory(reach, path);
    if (fd < 0) return "gone";
    const watch = addWatch(queue, fd, this.mask);
    // Looked at after the watch was added, so that no change falls between the two.
    const isChanged = sinceMs < Number.POSITIVE_INFINITY && isModifiedSince(fd, sinceMs);
    closeFd(fd);
    const outcome = this.take(reach, path, watch, false);
    if (isChanged && outcome === "watched") this.lost(path);
    return outcome;
  }

  /**
   * True where the tables have the directory that is at `path` now under that path. `path` is on a local
   * disk.
   */
  isAt(reach: Reach, path: string): boolean {
    const known = this.byPath.get(path);
    const fd = openDirectory(reach, path);
    if (fd < 0) return known === undefined;
    const watch = addWatch(this.queue, fd, this.mask);
    closeFd(fd);
    // The kernel returns the watch that the directory has.
    if (watch < 0 || known?.watch === watch) return known?.watch === watch;
    const other = this.byWatch.get(watch);
    if (other === undefined) removeWatch(this.queue, watch);
    // The same directory by a second path, by a mount or a symlink.
    return (
      other !== undefined && known === undefined && !other.isRemote && this.isAt(other.reach, other.path)
    );
  }

  /** Takes a watch that a worker added. The request may have ended meanwhile. */
  private takeLate(reach: Reach, path: string, queue: number, watch: number): void {
    if (this.queue !== queue) return;
    const isWanted = this.isWanted(path) && !this.byPath.has(path);
    if (isWanted) this.take(reach, path, watch, true);
    else if (watch >= 0 && !this.byWatch.has(watch)) removeWatch(queue, watch);
  }

  private take(reach: Reach, path: string, watch: number, isRemote: boolean): WatchOutcome {
    if (watch < 0) {
      const why = `the kernel refused a watch (errno ${-watch}; see fs.inotify.max_user_watches)`;
      this.warnOnce("inotify watch", why);
      return "refused";
    }
    // The same directory by another path: it has one watch, and its events are reported with the first path.
    if (this.byWatch.has(watch)) return "known";
    const directory = { path, watch, reach, isRemote };
    this.byWatch.set(watch, directory);
    this.byPath.set(path, directory);
    return "watched";
  }

  /** Warns once for each kind of reason. */
  warnOnce(kind: string, reason: string): void {
    if (this.warned.has(kind)) return;
    this.warned.add(kind);
    this.limits.warn(`clients that watch folders miss some changes by other programs: ${reason}`);
  }

  /** Watches the directories below `path` in the background if a recursive request covers it. */
  walk(reach: Reach, path: string): void {
    if (!this.isBelowRecursive(path)) return;
    this.toWalk.push({ path, reach, sinceMs: Date.now() });
    if (this.walkingSinceMs !== undefined) return;
    this.walkingSinceMs = Date.now();
    void this.walkAll().finally(() => {
      this.walkingSinceMs = undefined;
      const { unsure } = this;
      for (const unsurePath of [...unsure]) this.lost(unsurePath);
      unsure.clear();
    });
  }

  /** Lists one directory at a time, in the thread pool. */
  private async walkAll(): Promise<void> {
    for (let next = this.toWalk.pop(); next !== undefined; next = this.toWalk.pop()) {
      const fd = openDirectory(next.reach, next.path);
      if (fd < 0) continue;
      try {
        await this.watchChildren(next, procPath(fd));
      } catch {
        // Removed or not readable: the others are still watched.
      } finally {
        closeFd(fd);
      }
    }
  }

  private async watchChildren({ path, reach, sinceMs }: Walk, directory: string): Promise<void> {
    for (const entry of await readdir(directory, { withFileTypes: true })) {
      const child = `${path}/${entry.name}`;
      if (!entry.isDirectory() || isSidecarName(entry.name) || !this.isBelowRecursive(child)) continue;
      // Loads the inode in the thread pool, so that opening it below does not read the disk on the event
      // loop.
      await stat(`${directory}/${entry.name}`);
      const outcome = this.watch(reach, child, sinceMs);
      if (outcome === "watched") this.toWalk.push({ path: child, reach, sinceMs });
      else if (this.isFullFor(child)) return;
    }
  }

  /** Ends the watch of a directory, with `below` also those below it, unless another request covers them. */
  private dropUnwanted(path: string, below: boolean): void {
    const directories = below ? this.atOrBelow(path) : [this.byPath.get(path)];
    for (const directory of directories) {
      if (directory !== undefined && !this.isWanted(directory.path)) this.end(directory);
    }
  }

  /** Ends all watches at or below a path. */
  dropTree(path: string): void {
    for (const directory of this.atOrBelow(path)) this.end(directory);
  }

  private atOrBelow(path: string): WatchedDirectory[] {
    const below = `${path}/`;
    return [...this.byWatch.values()].filter(
      (directory) => directory.path === path || directory.path.startsWith(below),
    );
  }

  private end(directory: WatchedDirectory): void {
    this.forget(directory);
    removeWatch(this.queue, directory.watch);
  }

  /** Removes a watch from the tables only: the kernel ends the watch of a removed directory itself. */
  forget(directory: WatchedDirectory): void {
    this.byWatch.delete(directory.watch);
    if (this.byPath.get(directory.path) === directory) this.byPath.delete(directory.path);
  }

  /** Changes the paths of watched directories and requests at or below a renamed directory. */
  repath(from: string, to: string): void {
    for (const directory of this.atOrBelow(from)) {
      this.byPath.delete(directory.path);
      directory.path = to + directory.path.slice(from.length);
      this.byPath.set(directory.path, directory);
    }
    const below = `${from}/`;
    for (const [path, asked] of [...this.requests]) {
      if (path !== from && !path.startsWith(below)) continue;
      for (const request of [...asked]) {
        this.unlink(request);
        request.path = to + path.slice(from.length);
        this.link(request);
      }
    }
    // The walk may have listed the directory under its old path already.
    const reach = this.byPath.get(to)?.reach;
    if (this.walkingSinceMs !== undefined && reach !== undefined) this.walk(reach, to);
  }

  private link(request: WatchRequest): void {
    const there = this.requests.get(request.path);
    if (there === undefined) this.requests.set(request.path, new Set([request]));
    else there.add(request);
  }

  private unlink(request: WatchRequest): void {
    const there = this.requests.get(request.path);
    there?.delete(request);
    if (there?.size === 0) this.requests.delete(request.path);
  }
}

/** True where an entry was added, removed or renamed in the directory after that time. */
function isModifiedSince(fd: number, sinceMs: number): boolean {
  if (statFdCached(fd, statx) < 0) return true;
  // A directory that is as it was made: one made before that time has missed nothing, one made later has an
  // event.
  const { hasBirth, birthSeconds, birthNanoseconds, modifySeconds, modifyNanoseconds } = statx;
  if (hasBirth && birthSeconds === modifySeconds && birthNanoseconds === modifyNanoseconds) return false;
  return statx.modifySeconds * 1000 + statx.modifyNanoseconds / 1e6 > sinceMs - TICK_MS;
}

function hasRecursive(requests: Iterable<WatchRequest>): boolean {
  for (const request of requests) if (request.isRecursive) return true;
  return false;
}

/** Returns an O_PATH descriptor of a directory at or below its share's directory; -errno on failure. */
export function openDirectory(reach: Reach, path: string): number {
  const root = openAt(AT_FDCWD, reach.path, Open.PATH | Open.DIRECTORY);
  if (root < 0) return root;
  const resolve =
    (reach.followSymlinks ? 0 : Resolve.NO_SYMLINKS) | (reach.crossMounts ? 0 : Resolve.NO_XDEV);
  const below = path.slice(reach.path.length + 1);
  const fd = openBeneath(root, below, Open.PATH | Open.DIRECTORY, 0, resolve);
  closeFd(root);
  return fd;
}
