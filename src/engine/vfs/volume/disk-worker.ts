// A volume's worker thread, so that only this thread waits for the disk. It moves data itself. All other
// operations are loaded when the first is asked for: a worker that only reads and writes for a busy disk
// takes 2 MiB instead of 4.
import { voluntarySwitches } from "../../../linux/thread-usage.ts";
import { beginJob, makeSlots } from "../context/given-up.ts";
import { Errno } from "../../../linux/errno.ts";
import { readData, writeData } from "../disk/transfer.ts";
import type { DiskAnswer, DiskRequest, ShareDefinition, ToDiskWorker } from "./worker-protocol.ts";

declare const self: Worker;

type Operations = typeof import("./worker-operations.ts");

type Transfer = (context: undefined, ...args: readonly unknown[]) => number;

const transfers = { readData, writeData } as unknown as Readonly<Record<string, Transfer | undefined>>;
const definitions = new Map<number, ShareDefinition>();
let slots = makeSlots(0);
let operations: Operations | undefined;
/** Messages that wait until the operations are loaded. */
let waiting: ToDiskWorker[] | undefined;

self.onmessage = (event: MessageEvent<ToDiskWorker>) => {
  if (waiting === undefined) take(event.data);
  else waiting.push(event.data);
};

function take(message: ToDiskWorker): void {
  if ("forget" in message) {
    definitions.delete(message.forget);
    operations?.forgetShare(message.forget);
  } else if ("slots" in message) slots = message.slots;
  else if ("end" in message) operations?.end();
  else if ("dropCaches" in message) operations?.dropCaches();
  else serve(message);
}

function serve(request: DiskRequest): void {
  if (request.definition !== undefined) definitions.set(request.share, request.definition);
  const transfer = transfers[request.operation];
  if (transfer !== undefined) self.postMessage(move(request, transfer));
  else if (operations !== undefined) self.postMessage(operations.answer(request, slots, definitions));
  else load(request);
}

function load(first: ToDiskWorker): void {
  waiting = [first];
  void import("./worker-operations.ts").then((loaded) => {
    operations = loaded;
    const messages = waiting ?? [];
    waiting = undefined;
    for (const message of messages) take(message);
  });
}

function move({ job, slot, args }: DiskRequest, transfer: Transfer): DiskAnswer {
  const switches = voluntarySwitches();
  const result = beginJob(slots, slot) ? transfer(undefined, ...args) : -Errno.ETIMEDOUT;
  const hasWaited = voluntarySwitches() !== switches;
  return { job, result, error: undefined, hasChanged: false, held: [], hasWaited };
}
