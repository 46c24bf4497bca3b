// FSCTL_PIPE_WAIT and FSCTL_PIPE_PEEK. (FSCTL_PIPE_TRANSCEIVE has no structure: its buffers are the pipe's
// data.) [MS-FSCC] 2.3, FSCTL_PIPE_WAIT Request and FSCTL_PIPE_PEEK Reply.
import { Reader, type Writer } from "../cursor.ts";

export interface PipeWaitRequest {
  /** In units of 100 ns; undefined when the client leaves it to the server. */
  readonly timeout: number | undefined;
  /** Without the leading `\pipe\`. */
  readonly name: string;
}

export function decodePipeWaitRequest(data: Uint8Array): PipeWaitRequest {
  const reader = new Reader(data);
  const timeout = reader.u64();
  const length = reader.u32();
  const specified = reader.u8() !== 0;
  reader.skip(1);
  return { timeout: specified ? timeout : undefined, name: reader.utf16(length) };
}

export function encodePipeWaitRequest(writer: Writer, request: PipeWaitRequest): void {
  writer.u64(request.timeout ?? 0);
  writer.u32(request.name.length * 2);
  writer.u8(request.timeout === undefined ? 0 : 1);
  writer.u8(0);
  writer.utf16(request.name);
}

export interface PipePeekResponse {
  /** PipeState of pipe-information.ts. */
  readonly state: number;
  readonly readDataAvailable: number;
  readonly messages: number;
  readonly messageLength: number;
  readonly data: Uint8Array;
}

export function encodePipePeekResponse(writer: Writer, response: PipePeekResponse): void {
  writer.u32(response.state);
  writer.u32(response.readDataAvailable);
  writer.u32(response.messages);
  writer.u32(response.messageLength);
  writer.raw(response.data);
}

export function decodePipePeekResponse(data: Uint8Array): PipePeekResponse {
  const reader = new Reader(data);
  return {
    state: reader.u32(),
    readDataAvailable: reader.u32(),
    messages: reader.u32(),
    messageLength: reader.u32(),
    data: reader.range(reader.remaining),
  };
}
