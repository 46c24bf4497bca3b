// Oplock and lease breaks by commands: waiting for other clients, and ending caches that a change makes
// stale. [MS-FSA] 2.1.4.12; [MS-SMB2] 3.3.4.2 (interim responses), 3.3.5.16 (cancel).
import type { MaybePromise } from "../../../port/port.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { EngineContext } from "../../connection/context.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { FileCaching } from "../../state/caching-holder.ts";
import type { Open } from "../../state/open.ts";

/**
 * Sends an interim response and calls `again` when a holder of an oplock or lease on `file` has acknowledged,
 * closed or timed out. CANCELLED when the client cancels or disconnects, INSUFFICIENT_RESOURCES when it has
 * too many waiting requests.
 */
export function waitForCaching(
  exchange: Exchange,
  file: FileCaching,
  again: () => MaybePromise<NtStatus>,
): MaybePromise<NtStatus> {
  const { connection, context } = exchange;
  if (connection.isClosed) return Status.CANCELLED;
  if (!connection.mayWait(exchange)) return Status.INSUFFICIENT_RESOURCES;
  connection.sendInterim(exchange);
  const hasMoved = new Promise<boolean>((resolve) => {
    const settle = (outcome: boolean): void => {
      context.caching.unwait(file, moved);
      exchange.cancel = undefined;
      resolve(outcome);
    };
    const moved = (): void => settle(true);
    context.caching.wait(file, moved);
    exchange.cancel = () => settle(false);
  });
  return hasMoved.then((moved) => (moved ? again() : Status.CANCELLED));
}

/** Breaks the read caching of other opens after a change of the file's data through `open`. */
export function dataChanged(context: EngineContext, open: Open): void {
  const caching = open.file?.caching;
  if (caching !== undefined && caching.active > 0) context.caching.breakReading(caching, open.caching);
}

/**
 * As `dataChanged`, for WRITE: the parent directory's lease is broken when the open closes; [MS-FSA] 2.1.5.5.
 */
export function dataWritten(context: EngineContext, open: Open): void {
  open.hasWritten = true;
  dataChanged(context, open);
}

/**
 * Breaks directory leases after a change of the entry `path` (as in SharedFile.path) in its parent's listing;
 * the lease with the key `parentKey` stays.
 */
export function listingChanged(context: EngineContext, path: string, parentKey: string | undefined): void {
  if (context.caching.directoryLeases === 0) return;
  const slash = path.lastIndexOf("/");
  const parent = slash < 0 ? undefined : context.opens.findByPath(path.slice(0, slash));
  if (parent !== undefined) context.caching.breakListing(parent.caching, parentKey);
}

/** As `listingChanged`, for the file of `open` and its parent lease key. */
export function entryChanged(context: EngineContext, open: Open): void {
  if (context.caching.directoryLeases === 0 || open.file === undefined) return;
  listingChanged(context, open.file.path, open.parentLeaseKey);
}
