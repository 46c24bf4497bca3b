// The common layout of QUERY_INFO, QUERY_DIRECTORY and CHANGE_NOTIFY responses: offset, length, bytes.
// [MS-SMB2] 2.2.34, 2.2.36, 2.2.38; StructureSize 9.
import { BODY, checkStructureSize } from "../body.ts";
import type { Message, Writer } from "../cursor.ts";

export interface BufferResponse {
  readonly buffer: Uint8Array;
}

/** Offset of the buffer from the start of the SMB2 header. */
export const RESPONSE_BUFFER = BODY + 8;

/** Starts a response whose buffer the caller writes next. Returns a mark for `finishBufferResponse`. */
export function beginBufferResponse(writer: Writer): number {
  writer.u16(9);
  writer.u16(RESPONSE_BUFFER);
  writer.u32(0);
  return writer.position;
}

/** Sets OutputBufferLength to the bytes written since `mark`; an empty buffer gets offset 0. */
export function finishBufferResponse(writer: Writer, mark: number): void {
  const length = writer.position - mark;
  if (length === 0) writer.patch16(mark - 6, 0);
  writer.patch32(mark - 4, length);
}

export function encodeBufferResponse(writer: Writer, response: BufferResponse): void {
  const mark = beginBufferResponse(writer);
  writer.raw(response.buffer);
  finishBufferResponse(writer, mark);
}

export function decodeBufferResponse(message: Message): BufferResponse {
  checkStructureSize(message, 9);
  return { buffer: message.dynamic(message.u16(BODY + 2), message.u32(BODY + 4), RESPONSE_BUFFER) };
}
