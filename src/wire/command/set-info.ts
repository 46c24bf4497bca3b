// SMB2 SET_INFO: changes information of a file, its volume or its security descriptor.
// [MS-SMB2] 2.2.39 (request), 2.2.40 (response).
import { BODY, checkStructureSize } from "../body.ts";
import type { Message, Writer } from "../cursor.ts";
import { type FileId, readFileId, writeFileId } from "../file-id.ts";

export interface SetInfoRequest {
  /** InfoType of query-info.ts. */
  readonly infoType: number;
  readonly infoClass: number;
  /** SecurityInformation bits of query-info.ts when the InfoType is SECURITY. */
  readonly additionalInformation: number;
  readonly fileId: FileId;
  readonly buffer: Uint8Array;
}

export type SetInfoResponse = Readonly<Record<string, never>>;

export const SetInfoRequestOffset = { FILE_ID: BODY + 16 } as const;

const REQUEST_BUFFER = BODY + 32;

export function decodeSetInfoRequest(message: Message): SetInfoRequest {
  checkStructureSize(message, 33);
  return {
    infoType: message.u8(BODY + 2),
    infoClass: message.u8(BODY + 3),
    additionalInformation: message.u32(BODY + 12),
    fileId: readFileId(message, SetInfoRequestOffset.FILE_ID),
    buffer: message.dynamic(message.u16(BODY + 8), message.u32(BODY + 4), REQUEST_BUFFER),
  };
}

export function encodeSetInfoRequest(writer: Writer, request: SetInfoRequest): void {
  writer.u16(33);
  writer.u8(request.infoType);
  writer.u8(request.infoClass);
  writer.u32(request.buffer.length);
  writer.u16(REQUEST_BUFFER);
  writer.u16(0);
  writer.u32(request.additionalInformation);
  writeFileId(writer, request.fileId);
  if (request.buffer.length === 0) writer.u8(0);
  else writer.raw(request.buffer);
}

export function encodeSetInfoResponse(writer: Writer, _response: SetInfoResponse = {}): void {
  writer.u16(2);
}

export function decodeSetInfoResponse(message: Message): SetInfoResponse {
  checkStructureSize(message, 2);
  return {};
}
