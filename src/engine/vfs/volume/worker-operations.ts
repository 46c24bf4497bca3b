// The operations of the table in a volume's worker, as the user of the share. The thread has a directory
// cache of its own.
import { Errno } from "../../../linux/errno.ts";
import { voluntarySwitches } from "../../../linux/thread-usage.ts";
import { DirectoryCache } from "../context/directory-cache.ts";
import { closeFolderQueue, takeHeldChanges } from "../context/folder-times.ts";
import { beginJob, type JobSlots } from "../context/given-up.ts";
import { ShareContext } from "../context/share-context.ts";
import { diskOperations } from "../disk/operations.ts";
import type { DiskAnswer, DiskRequest, ShareDefinition } from "./worker-protocol.ts";

type AnyOperation = (context: ShareContext, ...args: readonly unknown[]) => unknown;

type Definitions = ReadonlyMap<number, ShareDefinition>;

const table = diskOperations as unknown as Readonly<Record<string, AnyOperation | undefined>>;
const shares = new Map<number, ShareContext>();
const directories = new DirectoryCache();

export function forgetShare(share: number): void {
  shares.delete(share);
}

export function dropCaches(): void {
  directories.clear();
}

/** Closes the thread's descriptors. */
export function end(): void {
  closeFolderQueue();
}

export function answer(request: DiskRequest, slots: JobSlots, definitions: Definitions): DiskAnswer {
  const { job } = request;
  directories.distrust(request.changedMs);
  const before = directories.changes;
  const switches = voluntarySwitches();
  try {
    const operation = table[request.operation];
    if (operation === undefined) throw new Error(`no operation ${request.operation}`);
    const context = contextOf(request.share, definitions);
    const isWanted = beginJob(slots, request.slot);
    const result = isWanted ? operation(context, ...request.args) : -Errno.ETIMEDOUT;
    const hasChanged = directories.changes !== before;
    const hasWaited = voluntarySwitches() !== switches;
    return { job, result, error: undefined, hasChanged, held: takeHeldChanges(), hasWaited };
  } catch (error) {
    return { job, result: undefined, error: String(error), hasChanged: true, held: [], hasWaited: false };
  }
}

function contextOf(share: number, definitions: Definitions): ShareContext {
  const known = shares.get(share);
  if (known !== undefined) return known;
  const definition = definitions.get(share);
  if (definition === undefined) throw new Error(`no share ${share}`);
  const context = new ShareContext(definition.grant, definition.rootFd, directories, true);
  shares.set(share, context);
  return context;
}
