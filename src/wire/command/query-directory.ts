// SMB2 QUERY_DIRECTORY: returns the next part of a directory listing.
// [MS-SMB2] 2.2.33 (request), 2.2.34 (response).
import { BODY, checkStructureSize } from "../body.ts";
import { type BufferResponse, decodeBufferResponse, encodeBufferResponse } from "./buffer-response.ts";
import { decodeUtf16, type Message, type Writer } from "../cursor.ts";
import { type FileId, readFileId, writeFileId } from "../file-id.ts";

export const QueryDirectoryFlag = {
  RESTART_SCANS: 0x01,
  RETURN_SINGLE_ENTRY: 0x02,
  INDEX_SPECIFIED: 0x04,
  REOPEN: 0x10,
} as const;

export interface QueryDirectoryRequest {
  /** A FileInfoClass of fscc/info-class.ts for directories. */
  readonly infoClass: number;
  readonly flags: number;
  readonly fileIndex: number;
  readonly fileId: FileId;
  readonly pattern: string;
  readonly outputBufferLength: number;
}

/** A list of entries, see fscc/directory-entry.ts. */
export type QueryDirectoryResponse = BufferResponse;

export const QueryDirectoryRequestOffset = { FILE_ID: BODY + 8 } as const;

const REQUEST_BUFFER = BODY + 32;

export function decodeQueryDirectoryRequest(message: Message): QueryDirectoryRequest {
  checkStructureSize(message, 33);
  const pattern = message.dynamic(message.u16(BODY + 24), message.u16(BODY + 26), REQUEST_BUFFER);
  return {
    infoClass: message.u8(BODY + 2),
    flags: message.u8(BODY + 3),
    fileIndex: message.u32(BODY + 4),
    fileId: readFileId(message, QueryDirectoryRequestOffset.FILE_ID),
    pattern: decodeUtf16(pattern),
    outputBufferLength: message.u32(BODY + 28),
  };
}

export function encodeQueryDirectoryRequest(writer: Writer, request: QueryDirectoryRequest): void {
  writer.u16(33);
  writer.u8(request.infoClass);
  writer.u8(request.flags);
  writer.u32(request.fileIndex);
  writeFileId(writer, request.fileId);
  writer.u16(REQUEST_BUFFER);
  writer.u16(request.pattern.length * 2);
  writer.u32(request.outputBufferLength);
  // Without a pattern: the byte of the dynamic part that StructureSize includes.
  if (request.pattern.length === 0) writer.u8(0);
  else writer.utf16(request.pattern);
}

export function encodeQueryDirectoryResponse(writer: Writer, response: QueryDirectoryResponse): void {
  encodeBufferResponse(writer, response);
}

export function decodeQueryDirectoryResponse(message: Message): QueryDirectoryResponse {
  return decodeBufferResponse(message);
}
