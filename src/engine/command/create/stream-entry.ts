// CREATE of a named stream: its entry in the open table, its creation and its truncation.
import type { Failure } from "../../vfs/store.ts";
import { Errno } from "../../../linux/errno.ts";
import type { MaybePromise } from "../../../port/port.ts";
import { CompletionFilter } from "../../../wire/command/change-notify.ts";
import { CreateAction, CreateDisposition } from "../../../wire/command/create.ts";
import { NotifyAction } from "../../../wire/fscc/notify.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Open, SharedFile } from "../../state/open.ts";
import type { OpenTable } from "../../state/open-table.ts";
import { andThen } from "../../and-then.ts";
import { breakReaders, preallocate } from "./finish.ts";
import type { Creation, StreamCreation } from "./creation.ts";
import { statusOf } from "../errno-status.ts";
import { reportStream } from "../open/modified.ts";

const OVERWRITTEN = CompletionFilter.STREAM_SIZE | CompletionFilter.STREAM_WRITE;

/** The SharedFile of the stream, common to all its opens. */
export function sharedStreamOf(stream: StreamCreation, opens: OpenTable, base: SharedFile): SharedFile {
  const { streamName } = stream.handle;
  let file = opens.takeStream(base, stream.folded);
  // Other programs may have created two streams whose names differ only in case: they get a SharedFile each.
  if (!stream.isMissing && file.stream !== undefined && file.stream.key !== streamName.key) {
    file = opens.takeStream(base, `${stream.folded}\0${streamName.key}`);
  }
  file.stream ??= streamName;
  stream.handle.streamName = file.stream;
  return file;
}

/** Runs once the open is in the open table: creates or truncates the stream, then goes on to the answer. */
export function finishStream(creation: Creation, open: Open, stream: StreamCreation): MaybePromise<NtStatus> {
  const { context } = creation.exchange;
  if (stream.isMissing) {
    const made = context.notify.quietly(stream.handle.create(), open.file?.path);
    return andThen(made, (result) => {
      // Another open has created it meanwhile, or clients do not see it because it is empty.
      if (result === -Errno.EEXIST) {
        const isCreate = creation.request.createDisposition === CreateDisposition.CREATE;
        if (isCreate && !stream.mayExist) return Status.OBJECT_NAME_COLLISION;
        creation.action = CreateAction.OPENED;
        return creation.truncates ? emptyStream(creation, open, stream) : preallocate(creation, open);
      }
      if (result < 0) return streamStatusOf(result);
      reportStream(context, open, NotifyAction.ADDED_STREAM, CompletionFilter.STREAM_NAME);
      return preallocate(creation, open);
    });
  }
  return creation.truncates ? emptyStream(creation, open, stream) : preallocate(creation, open);
}

function emptyStream(creation: Creation, open: Open, stream: StreamCreation): MaybePromise<NtStatus> {
  const isSuperseded = creation.request.createDisposition === CreateDisposition.SUPERSEDE;
  creation.action = isSuperseded ? CreateAction.SUPERSEDED : CreateAction.OVERWRITTEN;
  const { notify } = creation.exchange.context;
  return andThen(notify.quietly(stream.handle.truncate(0), open.file?.path), (result) => {
    if (result < 0) return streamStatusOf(result);
    breakReaders(creation, open);
    reportStream(creation.exchange.context, open, NotifyAction.MODIFIED_STREAM, OVERWRITTEN);
    return preallocate(creation, open);
  });
}

/** As `statusOf`, but OBJECT_NAME_INVALID for a disk without streams and for a too long stream name. */
export function streamStatusOf(failure: Failure): NtStatus {
  return failure === -Errno.EOPNOTSUPP || failure === -Errno.ERANGE
    ? Status.OBJECT_NAME_INVALID
    : statusOf(failure);
}
