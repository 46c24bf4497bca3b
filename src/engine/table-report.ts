// The sizes of the engine's tables as a log line. Without connections, entries that belong to no durable open
// are leaks; [MS-SMB2] 3.3.7.1 (loss of a connection).
import type { EngineContext } from "./connection/context.ts";

/** Returns `tables: opens=N files=N …`. `lingering` watches belong to no open and are not counted. */
export function describeTables(context: EngineContext, lingering: number): string {
  const { caching, durables, notify, opens, pool, sessions } = context;
  let locks = 0;
  let waiting = durables.pendingCount;
  for (const file of opens.sharedFiles()) {
    locks += file.locks?.count ?? 0;
    waiting += (file.locks?.waiterCount ?? 0) + file.caching.waiters.size;
  }
  const counts = {
    opens: opens.count,
    files: opens.fileCount,
    sessions: sessions.size,
    locks,
    leases: caching.leaseCount,
    watches: notify.count - lingering,
    waiting,
    detached: durables.detachedCount,
    buffers: pool.lentBytes,
  };
  const fields = Object.entries(counts).map(([name, count]) => `${name}=${count}`);
  return `tables: ${fields.join(" ")}`;
}
