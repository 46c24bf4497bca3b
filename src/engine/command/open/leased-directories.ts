// inotify watches on directories with a lease: a change by a program on the server breaks the lease.
// [MS-SMB2] 3.3.4.7; inotify(7).
import type { EngineContext } from "../../connection/context.ts";
import type { CachingHolder } from "../../state/caching-holder.ts";
import type { NotifyTable } from "../../state/notify.ts";
import type { Open } from "../../state/open.ts";
import type { ChangeSink } from "../../vfs/watch/tree-changes.ts";
import type { WatchRequest } from "../../vfs/watch/watched-directories.ts";
import { listingChanged } from "./cache-breaks.ts";

/** Passes the kernel's change events to CHANGE_NOTIFY requests and to directory leases. */
export function makeChangeSink(notify: NotifyTable, context: () => EngineContext): ChangeSink {
  return {
    report(action, path, filter) {
      notify.report(action, path, filter);
      listingChanged(context(), path, undefined);
    },
    reportRename(from, to, isDirectory) {
      notify.reportRename(from, to, isDirectory);
      listingChanged(context(), from, undefined);
      listingChanged(context(), to, undefined);
    },
    reportLoss(path) {
      notify.reportLoss(path);
      if (path === undefined) context().caching.breakListings();
      else listingChanged(context(), `${path}/`, undefined);
    },
  };
}

/** How long a watch outlives its lease: clients reopen directories soon, and adding a watch is expensive. */
const LINGER_MS = 10_000;
const MAX_LINGERING = 256;

interface Watched {
  readonly identity: string;
  readonly request: WatchRequest;
  endedMs: number;
}

/** Identifies the directory: a new one may reuse a removed one's inode number, but not its birth time. */
function instanceKeyOf(open: Open): string {
  const stat = open.node?.stat;
  return `${open.file?.identity ?? ""} ${stat?.birthSeconds ?? 0} ${stat?.birthNanoseconds ?? 0}`;
}

/** The inotify watches that belong to directory leases. */
export class LeasedDirectories {
  private readonly watches = new Map<CachingHolder, Watched>();
  /** Watches whose lease has ended, by directory, the oldest first. */
  private readonly lingering = new Map<string, Watched>();

  /** Number of watches that have outlived their lease. */
  get lingeringCount(): number {
    return this.lingering.size;
  }

  /** Starts the watch for a new lease on the directory of `open`, or takes up the lingering one. */
  begin(context: EngineContext, holder: CachingHolder, open: Open): void {
    if (!context.settings.kernelChangeNotify || open.file === undefined) return;
    const { path } = open.file;
    const identity = instanceKeyOf(open);
    const { watcher, notify } = context;
    const before = this.lingering.get(identity);
    if (before !== undefined && before.request.path === path && watcher.has(path)) {
      this.lingering.delete(identity);
      this.watches.set(holder, before);
      return;
    }
    // Processes pending kernel events first, so that a watch that the kernel ended is not reused.
    watcher.settle();
    const request = watcher.add(open.tree.grant, path, false);
    notify.observers++;
    this.watches.set(holder, { identity, request, endedMs: 0 });
    if (before !== undefined) this.drop(context, before);
  }

  end(context: EngineContext, holder: CachingHolder): void {
    const watched = this.watches.get(holder);
    if (watched === undefined) return;
    this.watches.delete(holder);
    const before = this.lingering.get(watched.identity);
    if (before !== undefined) this.drop(context, before);
    watched.endedMs = context.clock.now();
    this.lingering.set(watched.identity, watched);
    if (this.lingering.size <= MAX_LINGERING) return;
    for (const oldest of this.lingering.values()) return this.drop(context, oldest);
  }

  /** Ends watches that have lingered for LINGER_MS; called periodically. */
  sweep(context: EngineContext): void {
    const nowMs = context.clock.now();
    for (const watched of [...this.lingering.values()]) {
      if (nowMs - watched.endedMs >= LINGER_MS) this.drop(context, watched);
    }
  }

  private drop(context: EngineContext, watched: Watched): void {
    this.lingering.delete(watched.identity);
    context.notify.observers--;
    context.watcher.remove(watched.request);
  }
}
