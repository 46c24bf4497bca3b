// SMB2 QUERY_INFO: queries information on a file, its volume, its security descriptor or quotas.
// [MS-SMB2] 2.2.37 (request), 2.2.38 (response).
import { BODY, checkStructureSize } from "../body.ts";
import { type BufferResponse, decodeBufferResponse, encodeBufferResponse } from "./buffer-response.ts";
import type { Message, Writer } from "../cursor.ts";
import { type FileId, readFileId, writeFileId } from "../file-id.ts";

export const InfoType = { FILE: 0x01, FILESYSTEM: 0x02, SECURITY: 0x03, QUOTA: 0x04 } as const;
export type InfoType = (typeof InfoType)[keyof typeof InfoType];

/** AdditionalInformation with InfoType.SECURITY, in QUERY_INFO and SET_INFO. */
export const SecurityInformation = {
  OWNER: 0x0000_0001,
  GROUP: 0x0000_0002,
  DACL: 0x0000_0004,
  SACL: 0x0000_0008,
  LABEL: 0x0000_0010,
  ATTRIBUTE: 0x0000_0020,
  SCOPE: 0x0000_0040,
  BACKUP: 0x0001_0000,
} as const;

/** Flags of a query of extended attributes. */
export const QueryInfoFlag = {
  RESTART_SCAN: 0x0000_0001,
  RETURN_SINGLE_ENTRY: 0x0000_0002,
  INDEX_SPECIFIED: 0x0000_0004,
} as const;

export interface QueryInfoRequest {
  readonly infoType: number;
  readonly infoClass: number;
  readonly outputBufferLength: number;
  readonly additionalInformation: number;
  readonly flags: number;
  readonly fileId: FileId;
  /** A list of EA names or a quota query; else empty. */
  readonly inputBuffer: Uint8Array;
}

export type QueryInfoResponse = BufferResponse;

export const QueryInfoRequestOffset = { FILE_ID: BODY + 24 } as const;

const REQUEST_BUFFER = BODY + 40;

export function decodeQueryInfoRequest(message: Message): QueryInfoRequest {
  checkStructureSize(message, 41);
  return {
    infoType: message.u8(BODY + 2),
    infoClass: message.u8(BODY + 3),
    outputBufferLength: message.u32(BODY + 4),
    additionalInformation: message.u32(BODY + 16),
    flags: message.u32(BODY + 20),
    fileId: readFileId(message, QueryInfoRequestOffset.FILE_ID),
    inputBuffer: message.dynamic(message.u16(BODY + 8), message.u32(BODY + 12), REQUEST_BUFFER),
  };
}

export function encodeQueryInfoRequest(writer: Writer, request: QueryInfoRequest): void {
  writer.u16(41);
  writer.u8(request.infoType);
  writer.u8(request.infoClass);
  writer.u32(request.outputBufferLength);
  writer.u16(request.inputBuffer.length === 0 ? 0 : REQUEST_BUFFER);
  writer.u16(0);
  writer.u32(request.inputBuffer.length);
  writer.u32(request.additionalInformation);
  writer.u32(request.flags);
  writeFileId(writer, request.fileId);
  // Without input: the byte of the dynamic part that StructureSize includes.
  if (request.inputBuffer.length === 0) writer.u8(0);
  else writer.raw(request.inputBuffer);
}

export function encodeQueryInfoResponse(writer: Writer, response: QueryInfoResponse): void {
  encodeBufferResponse(writer, response);
}

export function decodeQueryInfoResponse(message: Message): QueryInfoResponse {
  return decodeBufferResponse(message);
}
