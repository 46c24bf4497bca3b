// What commands do about the caches of others: wait for them, and end those that a change makes stale.
// [MS-FSA] 2.1.4.12; [MS-SMB2] 3.3.4.2 (interim responses), 3.3.5.16 (cancel).
import type { MaybePromise } from "../../../port/port.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { EngineContext } from "../../connection/context.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { FileCaching } from "../../state/caching-holder.ts";
import type { Open } from "../../state/open.ts";

/**
 * Parks the request until those who cache `file` have moved: then the caller looks again, by `again`. Another status
 * when the client took the request back or is gone, or has too many that wait.
 */
export function waitForCaching(
  exchange: Exchange,
  file: FileCaching,
  again: () => MaybePromise<NtStatus>,
): MaybePromise<NtStatus> {
  const { connection, context } = exchange;
  if (connection.isClosed) return Status.CANCELLED;
  const isKnownToWait = exchange.asyncId !== 0;
  if (!isKnownToWait && connection.waitingCount >= context.settings.maxWaitingRequests) {
    return Status.INSUFFICIENT_RESOURCES;
  }
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

/** The data of `open`'s file has changed: reads from caches of others end. One check where nobody else caches. */
export function dataChanged(context: EngineContext, open: Open): void {
  const caching = open.file?.caching;
  if (caching !== undefined && caching.active > 0) context.caching.breakReading(caching, open);
}

/** The same for data written: the listing of the directory follows when the open closes; [MS-FSA] 2.1.5.5. */
export function dataWritten(context: EngineContext, open: Open): void {
  open.hasWritten = true;
  dataChanged(context, open);
}

/** What is seen of `path` (as SharedFile has it) in its directory's listing has changed, by an open with that key. */
export function listingChanged(context: EngineContext, path: string, parentKey: string | undefined): void {
  if (context.caching.directoryLeases === 0) return;
  const slash = path.lastIndexOf("/");
  const parent = slash < 0 ? undefined : context.opens.findByPath(path.slice(0, slash));
  if (parent !== undefined) context.caching.breakListing(parent.caching, parentKey);
}

/** The same for the file that `open` is of. */
export function entryChanged(context: EngineContext, open: Open): void {
  if (context.caching.directoryLeases === 0 || open.file === undefined) return;
  listingChanged(context, open.file.path, open.parentLeaseKey);
}
