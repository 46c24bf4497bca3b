// SMB2 IOCTL: file system controls and pipe transactions. [MS-SMB2] 2.2.31 (request), 2.2.32 (response).
// fscc/fsctl.ts has the control codes.
import { BODY, checkStructureSize } from "../body.ts";
import type { Message, Writer } from "../cursor.ts";
import { type FileId, readFileId, writeFileId } from "../file-id.ts";

export const IoctlFlag = { IS_FSCTL: 0x0000_0001 } as const;

export interface IoctlRequest {
  readonly ctlCode: number;
  readonly fileId: FileId;
  readonly input: Uint8Array;
  readonly maxInputResponse: number;
  readonly maxOutputResponse: number;
  readonly flags: number;
}

export interface IoctlResponse {
  readonly ctlCode: number;
  readonly fileId: FileId;
  readonly output: Uint8Array;
  readonly flags: number;
}

export const IoctlRequestOffset = { CTL_CODE: BODY + 4, FILE_ID: BODY + 8 } as const;

const REQUEST_BUFFER = BODY + 56;

/** Offset of a response's output from the start of the SMB2 header. */
export const IOCTL_RESPONSE_OUTPUT = BODY + 48;

/** Ignores OutputOffset and OutputCount, which have no meaning in a request. */
export function decodeIoctlRequest(message: Message): IoctlRequest {
  checkStructureSize(message, 57);
  return {
    ctlCode: message.u32(IoctlRequestOffset.CTL_CODE),
    fileId: readFileId(message, IoctlRequestOffset.FILE_ID),
    input: message.dynamic(message.u32(BODY + 24), message.u32(BODY + 28), REQUEST_BUFFER),
    maxInputResponse: message.u32(BODY + 32),
    maxOutputResponse: message.u32(BODY + 44),
    flags: message.u32(BODY + 48),
  };
}

export function encodeIoctlRequest(writer: Writer, request: IoctlRequest): void {
  writer.u16(57);
  writer.u16(0);
  writer.u32(request.ctlCode);
  writeFileId(writer, request.fileId);
  writer.u32(REQUEST_BUFFER);
  writer.u32(request.input.length);
  writer.u32(request.maxInputResponse);
  writer.u32(REQUEST_BUFFER);
  writer.u32(0);
  writer.u32(request.maxOutputResponse);
  writer.u32(request.flags);
  writer.u32(0);
  // Without input: the byte of the dynamic part that StructureSize includes.
  if (request.input.length === 0) writer.u8(0);
  else writer.raw(request.input);
}

/** Starts a response whose output the caller writes next. Returns a mark for `finishIoctlResponse`. */
export function beginIoctlResponse(writer: Writer, ctlCode: number, fileId: FileId, flags: number): number {
  writer.u16(49);
  writer.u16(0);
  writer.u32(ctlCode);
  writeFileId(writer, fileId);
  writer.u32(IOCTL_RESPONSE_OUTPUT);
  writer.u32(0);
  writer.u32(IOCTL_RESPONSE_OUTPUT);
  writer.u32(0);
  writer.u32(flags);
  writer.u32(0);
  return writer.position;
}

/** Sets OutputCount to the bytes written since `mark`. */
export function finishIoctlResponse(writer: Writer, mark: number): void {
  writer.patch32(mark - 12, writer.position - mark);
}

export function encodeIoctlResponse(writer: Writer, response: IoctlResponse): void {
  const mark = beginIoctlResponse(writer, response.ctlCode, response.fileId, response.flags);
  writer.raw(response.output);
  finishIoctlResponse(writer, mark);
}

export function decodeIoctlResponse(message: Message): IoctlResponse {
  checkStructureSize(message, 49);
  return {
    ctlCode: message.u32(BODY + 4),
    fileId: readFileId(message, BODY + 8),
    output: message.dynamic(message.u32(BODY + 32), message.u32(BODY + 36), IOCTL_RESPONSE_OUTPUT),
    flags: message.u32(BODY + 40),
  };
}
