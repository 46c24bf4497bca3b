// A volume's worker thread: runs operations of the table as the user of the share, so that only this thread
// waits for the disk. It has a directory cache of its own.
import { Errno } from "../../../linux/errno.ts";
import { voluntarySwitches } from "../../../linux/thread-usage.ts";
import { DirectoryCache } from "../context/directory-cache.ts";
import { diskOperations } from "../disk/operations.ts";
import type { DiskAnswer, DiskRequest, ToDiskWorker } from "./worker-protocol.ts";
import { closeFolderQueue, takeHeldChanges } from "../context/folder-times.ts";
import { beginJob, makeSlots } from "../context/given-up.ts";
import { ShareContext } from "../context/share-context.ts";

declare const self: Worker;

type AnyOperation = (context: ShareContext, ...args: readonly unknown[]) => unknown;

const table = diskOperations as unknown as Readonly<Record<string, AnyOperation | undefined>>;
const shares = new Map<number, ShareContext>();
const directories = new DirectoryCache();
let slots = makeSlots(0);

self.onmessage = (event: MessageEvent<ToDiskWorker>) => {
  const message = event.data;
  if ("forget" in message) shares.delete(message.forget);
  else if ("slots" in message) slots = message.slots;
  else if ("end" in message) closeFolderQueue();
  else self.postMessage(answer(message));
};

function answer(request: DiskRequest): DiskAnswer {
  const { job } = request;
  directories.distrust(request.changedMs);
  const before = directories.changes;
  const switches = voluntarySwitches();
  try {
    const operation = table[request.operation];
    if (operation === undefined) throw new Error(`no operation ${request.operation}`);
    const context = contextOf(request);
    const isWanted = beginJob(slots, request.slot);
    const result = isWanted ? operation(context, ...request.args) : -Errno.ETIMEDOUT;
    const hasChanged = directories.changes !== before;
    const hasWaited = voluntarySwitches() !== switches;
    return { job, result, error: undefined, hasChanged, held: takeHeldChanges(), hasWaited };
  } catch (error) {
    return { job, result: undefined, error: String(error), hasChanged: true, held: [], hasWaited: false };
  }
}

function contextOf(request: DiskRequest): ShareContext {
  const { share, definition } = request;
  if (definition !== undefined) {
    const context = new ShareContext(definition.grant, definition.rootFd, directories, true);
    shares.set(share, context);
    return context;
  }
  const context = shares.get(share);
  if (context === undefined) throw new Error(`no share ${share}`);
  return context;
}
