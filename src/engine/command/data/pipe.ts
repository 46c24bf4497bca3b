// Named pipes on IPC$: bytes go to the manager and come back from it; [MS-SMB2] 3.3.5.12, 3.3.5.13, 3.3.5.15.
import { writeReadResponse } from "../../../wire/command/read.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import { writeWriteResponse } from "../../../wire/command/write.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { Open } from "../../state/open.ts";

const READ_RESPONSE_BYTES = 16;
const WRITE_RESPONSE_BYTES = 16;

/** READ on a pipe: BUFFER_OVERFLOW where the answer's fragment has more than was asked for. */
export async function readFromPipe(exchange: Exchange, open: Open, length: number): Promise<NtStatus> {
  const answer = await exchange.context.manager.readPipe({ pipe: open.pipe, length });
  if (answer.status !== Status.SUCCESS) return answer.status;
  const writer = exchange.reserve(READ_RESPONSE_BYTES + answer.data.length);
  writeReadResponse(writer, answer.data.length);
  writer.raw(answer.data);
  return answer.more ? Status.BUFFER_OVERFLOW : Status.SUCCESS;
}

export async function writeToPipe(exchange: Exchange, open: Open, data: Uint8Array): Promise<NtStatus> {
  // The manager may keep what it gets; the request's buffer goes back to the pool.
  const { status } = await exchange.context.manager.writePipe({ pipe: open.pipe, data: data.slice() });
  if (status !== Status.SUCCESS) return status;
  writeWriteResponse(exchange.reserve(WRITE_RESPONSE_BYTES), data.length);
  return Status.SUCCESS;
}
