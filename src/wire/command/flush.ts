// SMB2 FLUSH: writes a file's cached data to the disk.
// [MS-SMB2] 2.2.17 (request), 2.2.18 (response).
import { BODY, checkStructureSize } from "../body.ts";
import type { Message, Writer } from "../cursor.ts";
import { type FileId, readFileId, writeFileId } from "../file-id.ts";

export interface FlushRequest {
  readonly fileId: FileId;
}

/** The body has no fields but StructureSize and Reserved. */
export type FlushResponse = Readonly<Record<string, never>>;

export const FlushRequestOffset = { FILE_ID: BODY + 8 } as const;

export function decodeFlushRequest(message: Message): FlushRequest {
  checkStructureSize(message, 24);
  return { fileId: readFileId(message, FlushRequestOffset.FILE_ID) };
}

export function encodeFlushRequest(writer: Writer, request: FlushRequest): void {
  writer.u16(24);
  writer.zero(6);
  writeFileId(writer, request.fileId);
}

export function encodeFlushResponse(writer: Writer, _response: FlushResponse = {}): void {
  writer.u16(4);
  writer.u16(0);
}

export function decodeFlushResponse(message: Message): FlushResponse {
  checkStructureSize(message, 4);
  return {};
}
