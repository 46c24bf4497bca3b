// SMB2 CHANGE_NOTIFY ([MS-SMB2] 2.2.35, 2.2.36, 3.3.5.19; [MS-FSA] 2.1.5.11.1): checks, waits and answers.
// state/notify.ts records the changes.
import type { MaybePromise } from "../../../port/port.ts";
import { Access } from "../../../wire/security/access.ts";
import { beginBufferResponse, finishBufferResponse } from "../../../wire/command/buffer-response.ts";
import {
  ChangeNotifyFlag,
  type ChangeNotifyRequest,
  decodeChangeNotifyRequest,
} from "../../../wire/command/change-notify.ts";
import { appendChange, type Change } from "../../../wire/fscc/notify.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { EngineContext } from "../../connection/context.ts";
import type { Exchange } from "../../connection/exchange.ts";
import { paysFor } from "../../connection/credits.ts";
import type { Session } from "../../state/session.ts";
import type { WaitingRequest } from "../../state/notify.ts";
import type { Open } from "../../state/open.ts";
import { mayLearnBelow } from "./may-learn.ts";

const FIXED_BYTES = 8;
/** FILE_NOTIFY_INFORMATION without the name, with padding. */
const MAX_ENTRY_BYTES = 16;

/** What of an exchange limits the size of the answer. */
type NotifyLimits = Parameters<typeof paysFor>[0] & {
  readonly context: { readonly settings: { readonly maxTransactBytes: number } };
};

/** How a request ends: STATUS_SUCCESS with changes, or another status without. */
interface NotifyResult {
  readonly status: NtStatus;
  readonly changes: readonly Change[];
}

export function handleChangeNotify(exchange: Exchange, open: Open): MaybePromise<NtStatus> {
  const request = decodeChangeNotifyRequest(exchange.message);
  const { context, connection } = exchange;
  const { notify, settings } = context;
  if (!settings.changeNotify) return Status.NOT_IMPLEMENTED;
  // A snapshot does not change.
  if (open.snapshotPath !== undefined) return Status.NOT_SUPPORTED;
  const refusal = checkRequest(exchange, open, request);
  if (refusal !== Status.SUCCESS) return refusal;
  if (!notify.has(open)) {
    if (countWatches(context, open.session) >= settings.maxNotifyHandles)
      return Status.INSUFFICIENT_RESOURCES;
    startWatch(context, open, request);
  }
  if (notify.hasChanges(open)) return answerNow(exchange, open, request.outputBufferLength);
  // 3.3.4.2: only the last request of a compound may be answered asynchronously.
  if (!exchange.isLast) return Status.INTERNAL_ERROR;
  exchange.dropRequest();
  if (!connection.mayWait(exchange)) return Status.INSUFFICIENT_RESOURCES;
  connection.sendInterim(exchange);
  return waitForChange(exchange, open, request.outputBufferLength).then((outcome) =>
    answer(exchange, outcome),
  );
}

/** 3.3.5.19, 3.3.5.2.5: STATUS_SUCCESS, or the status that refuses the request. */
export function checkRequest(
  exchange: NotifyLimits,
  open: Pick<Open, "isDirectory" | "file" | "grantedAccess">,
  request: Pick<ChangeNotifyRequest, "outputBufferLength">,
): NtStatus {
  const { outputBufferLength } = request;
  if (outputBufferLength > exchange.context.settings.maxTransactBytes) return Status.INVALID_PARAMETER;
  if (!paysFor(exchange, outputBufferLength)) return Status.INVALID_PARAMETER;
  if (!open.isDirectory || open.file === undefined) return Status.INVALID_PARAMETER;
  if ((open.grantedAccess & Access.LIST_DIRECTORY) === 0) return Status.ACCESS_DENIED;
  if (open.file.deletePending) return Status.DELETE_PENDING;
  return Status.SUCCESS;
}

function countWatches(context: EngineContext, session: Session): number {
  let count = 0;
  if (context.notify.count < context.settings.maxNotifyHandles) return 0;
  for (const open of context.opens.ofSession(session)) if (context.notify.has(open)) count++;
  return count;
}

/** 3.3.5.19: the first request on an open sets filter and recursion for the lifetime of the open. */
function startWatch(context: EngineContext, open: Open, request: ChangeNotifyRequest): void {
  const { file, tree } = open;
  const { store, grant } = tree;
  if (file === undefined || store === undefined) return;
  const isRecursive = (request.flags & ChangeNotifyFlag.WATCH_TREE) !== 0;
  const { watcher } = context;
  const kernelWatch = context.settings.kernelChangeNotify
    ? watcher.add(grant, file.path, isRecursive)
    : undefined;
  context.notify.add(open, {
    directory: file,
    isRecursive,
    filter: request.completionFilter,
    outputBytes: request.outputBufferLength,
    nameOf: (path) => store.clientPath(path),
    mayLearn: mayLearnBelow(store, () => file.pathBelow(grant.path), context.log),
    ended: () => {
      if (kernelWatch !== undefined) watcher.remove(kernelWatch);
    },
  });
}

function answerNow(exchange: Exchange, open: Open, outputBytes: number): NtStatus {
  let outcome: NotifyResult | undefined;
  exchange.context.notify.request(open, {
    outputBytes,
    finish: (status, changes) => {
      outcome = { status, changes };
    },
  });
  return outcome === undefined ? Status.INTERNAL_ERROR : answer(exchange, outcome);
}

function waitForChange(exchange: Exchange, open: Open, outputBytes: number): Promise<NotifyResult> {
  const { notify } = exchange.context;
  return new Promise((resolve) => {
    const waiting: WaitingRequest = {
      outputBytes,
      finish: (status, changes) => resolve({ status, changes }),
    };
    exchange.cancel = () => notify.cancel(open, waiting);
    notify.request(open, waiting);
  });
}

function answer(exchange: Exchange, { status, changes }: NotifyResult): NtStatus {
  let room = FIXED_BYTES;
  for (const { name } of changes) room += MAX_ENTRY_BYTES + name.length * 2;
  const writer = exchange.reserve(room);
  const mark = beginBufferResponse(writer);
  let previous = -1;
  for (const change of changes) previous = appendChange(writer, change, previous);
  finishBufferResponse(writer, mark);
  return status;
}
