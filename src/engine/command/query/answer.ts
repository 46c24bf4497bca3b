// QUERY_INFO answers of unknown length, cut to the client's buffer.
import { beginBufferResponse, finishBufferResponse } from "../../../wire/command/buffer-response.ts";
import type { Writer } from "../../../wire/cursor.ts";
import type { QueryInfoRequest } from "../../../wire/command/query-info.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Exchange } from "../../connection/exchange.ts";

/** A fixed part and a path of the longest length. */
const MAX_ANSWER_BYTES = 128 + 2 * 32_767;

/**
 * Writes an answer of unknown length and cuts it to what the client takes: BUFFER_OVERFLOW says that it was cut.
 * The caller has checked that the fixed part fits.
 */
export function answerQuery(
  exchange: Exchange,
  request: QueryInfoRequest,
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
