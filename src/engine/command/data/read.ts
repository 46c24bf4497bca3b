// SMB2 READ ([MS-SMB2] 3.3.5.12). Hot path: fields at fixed offsets, file data read directly into the reply.
import type { MaybePromise } from "../../../port/port.ts";
import { Access } from "../../../wire/security/access.ts";
import {
  readRequestChannel,
  readRequestLength,
  readRequestMinimumCount,
  readRequestOffset,
  writeReadResponse,
} from "../../../wire/command/read.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Exchange } from "../../connection/exchange.ts";
import { paysFor } from "../../connection/credits.ts";
import type { Open } from "../../state/open.ts";
import { statusOf } from "../errno-status.ts";
import { readFromPipe } from "./pipe.ts";
import { type Count, type Failure, isFailure, MAX_FILE_OFFSET } from "../../vfs/store.ts";

/** Fixed part of the response, before the data. */
const RESPONSE_BYTES = 16;

export function handleRead(exchange: Exchange, open: Open): MaybePromise<NtStatus> {
  const { message } = exchange;
  const length = readRequestLength(message);
  if (length > exchange.context.settings.maxReadBytes || !paysFor(exchange, length)) {
    return Status.INVALID_PARAMETER;
  }
  // 3.3.5.12: channels other than SMB2_CHANNEL_NONE need RDMA, which this server does not offer.
  if (exchange.connection.isAtLeast3 && readRequestChannel(message) !== 0) return Status.INVALID_PARAMETER;
  if (open.pipe >= 0) return readFromPipe(exchange, open, length);
  if (open.isDirectory) return Status.INVALID_DEVICE_REQUEST;
  if ((open.grantedAccess & (Access.READ_DATA | Access.EXECUTE)) === 0) return Status.ACCESS_DENIED;
  const offset = readRequestOffset(message);
  if (offset + length > 2 ** 63) return Status.INVALID_PARAMETER;
  if (open.handle === undefined) return Status.ACCESS_DENIED;
  if (offset > MAX_FILE_OFFSET) return Status.END_OF_FILE;
  const locks = open.file?.locks;
  if (locks !== undefined && length > 0 && locks.blocksRead(open.id, offset, length)) {
    return Status.FILE_LOCK_CONFLICT;
  }
  const writer = exchange.reserve(RESPONSE_BYTES + length);
  const at = writer.position + RESPONSE_BYTES;
  const outcome = open.handle.read(exchange.replyBuffer, at, length, offset);
  if (typeof outcome === "number") return finishRead(exchange, open, outcome, length, offset);
  return outcome.then((count) => finishRead(exchange, open, count, length, offset));
}

function finishRead(
  exchange: Exchange,
  open: Open,
  count: Count | Failure,
  length: number,
  offset: number,
): NtStatus {
  if (isFailure(count)) return statusOf(count);
  if (count === 0 && length > 0) return Status.END_OF_FILE;
  // CurrentByteOffset advances even if fewer bytes than MinimumCount were read.
  open.position = offset + count;
  if (count < readRequestMinimumCount(exchange.message)) return Status.END_OF_FILE;
  const { writer } = exchange;
  writeReadResponse(writer, count);
  writer.position += count;
  return Status.SUCCESS;
}
