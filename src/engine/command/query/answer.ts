// QUERY_INFO answers of unknown length, truncated to the client's buffer ([MS-SMB2] 3.3.5.20).
import { beginBufferResponse, finishBufferResponse } from "../../../wire/command/buffer-response.ts";
import type { Writer } from "../../../wire/cursor.ts";
import type { QueryInfoRequest } from "../../../wire/command/query-info.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Exchange } from "../../connection/exchange.ts";

/** A fixed part and the longest path. */
const MAX_ANSWER_BYTES = 128 + 2 * 32_767;

/**
 * Writes an answer of unknown length; if it is longer than OutputBufferLength, truncates it to that and
 * returns STATUS_BUFFER_OVERFLOW. The caller has checked that the fixed part fits.
 */
export function answerQuery(
  exchange: Pick<Exchange, "reserve">,
  request: Pick<QueryInfoRequest, "outputBufferLength">,
  write: (writer: Writer) => void,
): NtStatus {
  const writer = exchange.reserve(MAX_ANSWER_BYTES);
  const mark = beginBufferResponse(writer);
  write(writer);
  const isCut = writer.position - mark > request.outputBufferLength;
  if (isCut) writer.position = mark + request.outputBufferLength;
  finishBufferResponse(writer, mark);
  return isCut ? Status.BUFFER_OVERFLOW : Status.SUCCESS;
}
