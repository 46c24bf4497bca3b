// READ; [MS-SMB2] 3.3.5.12. On the hot path: fixed offsets, data read straight into the reply.
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
import { MAX_FILE_OFFSET } from "../../vfs/store.ts";

/** The fixed part of the response, before its data. */
const RESPONSE_BYTES = 16;
export function handleRead(exchange: Exchange, open: Open): MaybePromise<NtStatus> {
  const { message } = exchange;
  const length = readRequestLength(message);
  if (length > exchange.context.settings.maxReadBytes || !paysFor(exchange, length)) {
    return Status.INVALID_PARAMETER;
  }
  // 3.3.5.12: RDMA channels belong to a transport that is not served.
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
  const outcome = open.handle.read(writer.bytes, at, length, offset);
  if (typeof outcome === "number") return finishRead(exchange, open, outcome, length, offset);
  return outcome.then((count) => finishRead(exchange, open, count, length, offset));
}

function finishRead(exchange: Exchange, open: Open, count: number, length: number, offset: number): NtStatus {
  if (count < 0) return statusOf(count);
  if (count === 0 && length > 0) return Status.END_OF_FILE;
  // What was read counts, also where it is less than the client had.
  open.position = offset + count;
  if (count < readRequestMinimumCount(exchange.message)) return Status.END_OF_FILE;
  const { writer } = exchange;
  writeReadResponse(writer, count);
  writer.position += count;
  return Status.SUCCESS;
}
