// Directories that a client caches the listing of, and programs on the server that change them: the kernel is asked
// to tell of it, as it is for CHANGE_NOTIFY, and the lease ends. [MS-SMB2] 3.3.4.7; inotify(7).
import type { EngineContext } from "../connection/context.ts";
import type { CachingHolder } from "../state/caching-holder.ts";
import type { NotifyTable } from "../state/notify.ts";
import type { Open } from "../state/open.ts";
import type { ChangeSink } from "../vfs/watch.ts";
import type { WatchRequest } from "../vfs/watched-directories.ts";
import { listingChanged } from "./caching.ts";

/** Takes the kernel's news to those who watch and to those who cache. */
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
    reportLoss() {
      notify.reportLoss();
      context().caching.breakListings();
    },
  };
}

/** The watches that go with leases on directories. */
export class LeasedDirectories {
  private readonly watches = new Map<CachingHolder, WatchRequest>();

  /** A lease was made on the directory that `open` is of. */
  begin(context: EngineContext, holder: CachingHolder, open: Open): void {
    if (!context.settings.kernelChangeNotify || open.file === undefined) return;
    context.notify.observers++;
    this.watches.set(holder, context.watcher.add(open.tree.grant, open.file.path, false));
  }

  end(context: EngineContext, holder: CachingHolder): void {
    const watch = this.watches.get(holder);
    if (watch === undefined) return;
    this.watches.delete(holder);
    context.notify.observers--;
    context.watcher.remove(watch);
  }
}
