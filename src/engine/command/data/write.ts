// SMB2 WRITE ([MS-SMB2] 3.3.5.13). Hot path: fields at fixed offsets, data written from the receive buffer.
import type { MaybePromise } from "../../../port/port.ts";
import { Access } from "../../../wire/security/access.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import {
  isAppendRequest,
  WriteFlag,
  writeRequestChannel,
  writeRequestDataStart,
  writeRequestFlags,
  writeRequestLength,
  writeRequestOffset,
  writeWriteResponse,
} from "../../../wire/command/write.ts";
import type { Exchange } from "../../connection/exchange.ts";
import { paysFor } from "../../connection/credits.ts";
import type { Open, SharedFile } from "../../state/open.ts";
import { andThen } from "../../and-then.ts";
import { type Count, type Failure, type FileHandle, isFailure, MAX_FILE_OFFSET } from "../../vfs/store.ts";
import { dataWritten } from "../open/cache-breaks.ts";
import { statusOf } from "../errno-status.ts";
import { afterLate } from "../open/long-work.ts";
import { noteModified } from "../open/modified.ts";
import { writeToPipe } from "./pipe.ts";

const RESPONSE_BYTES = 16;

export function handleWrite(exchange: Exchange, open: Open): MaybePromise<NtStatus> {
  const { message } = exchange;
  const length = writeRequestLength(message);
  if (length > exchange.context.settings.maxWriteBytes || !paysFor(exchange, length)) {
    return Status.INVALID_PARAMETER;
  }
  if (exchange.connection.isAtLeast3 && writeRequestChannel(message) !== 0) return Status.INVALID_PARAMETER;
  const at = writeRequestDataStart(message);
  if (open.pipe >= 0) return writeToPipe(exchange, open, message.bytes.subarray(at, at + length));
  if (open.isDirectory) return Status.INVALID_DEVICE_REQUEST;
  if (open.snapshotPath !== undefined) return Status.MEDIA_WRITE_PROTECTED;
  if ((open.grantedAccess & (Access.WRITE_DATA | Access.APPEND_DATA)) === 0) return Status.ACCESS_DENIED;
  if (open.handle === undefined) return Status.ACCESS_DENIED;
  const offset = writeRequestOffset(message);
  if (isAppendRequest(message)) return appendData(exchange, open, open.handle, at, length);
  if (offset + length > 2 ** 63) return Status.INVALID_PARAMETER;
  if (offset + length > MAX_FILE_OFFSET) return Status.DISK_FULL;
  return writeAt(exchange, open, open.handle, at, length, offset);
}

function writeAt(
  exchange: Exchange,
  open: Open,
  handle: FileHandle,
  at: number,
  length: number,
  offset: number,
): MaybePromise<NtStatus> {
  if (length === 0) return answer(exchange, 0);
  // It has waited for others, and who opens the file by now does not wait for it.
  if (open.isClosed) return Status.FILE_CLOSED;
  const { file } = open;
  if (file !== undefined && exchange.context.opens.late.of(file) !== undefined)
    return afterLate(exchange, file, () => writeAt(exchange, open, handle, at, length, offset));
  if (file?.locks?.blocksWrite(open.id, offset, length) === true) return Status.FILE_LOCK_CONFLICT;
  const written = handle.write(exchange.requestBuffer, at, length, offset);
  // A change of a named stream is reported at its CLOSE: suppress the inotify event of each write.
  const isStream = open.file?.base !== undefined;
  const outcome = isStream ? exchange.context.notify.quietly(written, open.file?.path) : written;
  const isWriteThrough = (writeRequestFlags(exchange.message) & WriteFlag.WRITE_THROUGH) !== 0;
  if (isWriteThrough) return andThen(outcome, (count) => flushAndFinish(exchange, open, handle, count));
  if (typeof outcome === "number") return finishWrite(exchange, open, outcome);
  return outcome.then((count) => finishWrite(exchange, open, count));
}

// SMB2_WRITEFLAG_WRITE_THROUGH: the data must be on the disk before the response is sent.
function flushAndFinish(
  exchange: Exchange,
  open: Open,
  handle: FileHandle,
  count: Count | Failure,
): MaybePromise<NtStatus> {
  if (isFailure(count)) return statusOf(count);
  return andThen(handle.flush(), (result) => finishWrite(exchange, open, result < 0 ? result : count));
}

function appendData(
  exchange: Exchange,
  open: Open,
  handle: FileHandle,
  at: number,
  length: number,
): MaybePromise<NtStatus> {
  const { late } = exchange.context.opens;
  const append = (): MaybePromise<NtStatus> =>
    andThen(
      afterLate(exchange, open.file, () => handle.stat()),
      (stat) => {
        if (typeof stat === "number") return statusOf(stat);
        // The end of the file is not known before its late changes have ended.
        if (open.file !== undefined && late.of(open.file) !== undefined) return append();
        return writeAt(exchange, open, handle, at, length, stat.size);
      },
    );
  return open.file === undefined ? append() : appendInTurn(open.file, append);
}

/** Runs the appends to one file one after another: each starts at the end that the one before has set. */
function appendInTurn(file: SharedFile, append: () => MaybePromise<NtStatus>): MaybePromise<NtStatus> {
  const outcome = file.appending === undefined ? append() : file.appending.then(append);
  if (!(outcome instanceof Promise)) return outcome;
  const ended = (): void => {
    if (file.appending === settled) file.appending = undefined;
  };
  const settled: Promise<void> = outcome.then(ended, ended);
  file.appending = settled;
  return outcome;
}

function finishWrite(exchange: Exchange, open: Open, count: Count | Failure): MaybePromise<NtStatus> {
  const isFirst = !open.hasWritten;
  // A failed write may have written a part of the data.
  dataWritten(exchange.context, open);
  if (isFailure(count)) return statusOf(count);
  // Sets ARCHIVE on the open's first write only: a client that clears it later wants it to stay cleared.
  if (isFirst || open.fixedTimes !== undefined || open.file?.base !== undefined) {
    return andThen(noteModified(exchange.context, open, isFirst), () => answer(exchange, count));
  }
  return answer(exchange, count);
}

function answer(exchange: Exchange, count: Count): NtStatus {
  writeWriteResponse(exchange.reserve(RESPONSE_BYTES), count);
  return Status.SUCCESS;
}
