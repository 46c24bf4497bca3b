// READ and WRITE on the named pipes of IPC$, which the manager serves ([MS-SMB2] 3.3.5.12, 3.3.5.13).
import { writeReadResponse } from "../../../wire/command/read.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import { writeWriteResponse } from "../../../wire/command/write.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { Open } from "../../state/open.ts";

const READ_RESPONSE_BYTES = 16;
const WRITE_RESPONSE_BYTES = 16;

/** Answers a READ on a pipe; STATUS_BUFFER_OVERFLOW when the message has more bytes than `length`. */
export async function readFromPipe(exchange: Exchange, open: Open, length: number): Promise<NtStatus> {
  const answer = await exchange.context.manager.readPipe({ pipe: open.pipe, length });
  if (answer.status !== Status.SUCCESS) return answer.status;
  const writer = exchange.reserve(READ_RESPONSE_BYTES + answer.data.length);
  writeReadResponse(writer, answer.data.length);
  writer.raw(answer.data);
  return answer.more ? Status.BUFFER_OVERFLOW : Status.SUCCESS;
}

/** Answers a WRITE on a pipe. `data` may point into the request's buffer. */
export async function writeToPipe(exchange: Exchange, open: Open, data: Uint8Array): Promise<NtStatus> {
  // The manager may store the bytes, but the request's buffer returns to the pool: copy them.
  const { status } = await exchange.context.manager.writePipe({ pipe: open.pipe, data: data.slice() });
  if (status !== Status.SUCCESS) return status;
  writeWriteResponse(exchange.reserve(WRITE_RESPONSE_BYTES), data.length);
  return Status.SUCCESS;
}
