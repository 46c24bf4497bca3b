// SMB2 CHANGE_NOTIFY: waits for changes in a directory.
// [MS-SMB2] 2.2.35 (request), 2.2.36 (response). fscc/notify.ts has the list of changes.
import { BODY, checkStructureSize } from "../body.ts";
import { type BufferResponse, decodeBufferResponse, encodeBufferResponse } from "./buffer-response.ts";
import type { Message, Writer } from "../cursor.ts";
import { type FileId, readFileId, writeFileId } from "../file-id.ts";

export const ChangeNotifyFlag = { WATCH_TREE: 0x0001 } as const;

export const CompletionFilter = {
  FILE_NAME: 0x0000_0001,
  DIR_NAME: 0x0000_0002,
  ATTRIBUTES: 0x0000_0004,
  SIZE: 0x0000_0008,
  LAST_WRITE: 0x0000_0010,
  LAST_ACCESS: 0x0000_0020,
  CREATION: 0x0000_0040,
  EA: 0x0000_0080,
  SECURITY: 0x0000_0100,
  STREAM_NAME: 0x0000_0200,
  STREAM_SIZE: 0x0000_0400,
  STREAM_WRITE: 0x0000_0800,
} as const;

export interface ChangeNotifyRequest {
  readonly flags: number;
  readonly outputBufferLength: number;
  readonly fileId: FileId;
  readonly completionFilter: number;
}

/** A list of FILE_NOTIFY_INFORMATION; empty with STATUS_NOTIFY_ENUM_DIR and STATUS_NOTIFY_CLEANUP. */
export type ChangeNotifyResponse = BufferResponse;

export const ChangeNotifyRequestOffset = { FILE_ID: BODY + 8 } as const;

export function decodeChangeNotifyRequest(message: Message): ChangeNotifyRequest {
  checkStructureSize(message, 32);
  return {
    flags: message.u16(BODY + 2),
    outputBufferLength: message.u32(BODY + 4),
    fileId: readFileId(message, ChangeNotifyRequestOffset.FILE_ID),
    completionFilter: message.u32(BODY + 24),
  };
}

export function encodeChangeNotifyRequest(writer: Writer, request: ChangeNotifyRequest): void {
  writer.u16(32);
  writer.u16(request.flags);
  writer.u32(request.outputBufferLength);
  writeFileId(writer, request.fileId);
  writer.u32(request.completionFilter);
  writer.u32(0);
}

export function encodeChangeNotifyResponse(writer: Writer, response: ChangeNotifyResponse): void {
  encodeBufferResponse(writer, response);
}

export function decodeChangeNotifyResponse(message: Message): ChangeNotifyResponse {
  return decodeBufferResponse(message);
}
