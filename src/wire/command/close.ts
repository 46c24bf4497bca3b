// SMB2 CLOSE: closes an open and returns the file's final attributes if the client asks for them.
// [MS-SMB2] 2.2.15 (request), 2.2.16 (response).
import { BODY, checkStructureSize } from "../body.ts";
import type { Message, Writer } from "../cursor.ts";
import { type FileId, readFileId, writeFileId } from "../file-id.ts";
import { attributesOnWire } from "../fscc/attributes.ts";
import { type FileMetadata, readTimes, writeTimes } from "../fscc/metadata.ts";

export const CloseFlag = { POSTQUERY_ATTRIB: 0x0001 } as const;

export interface CloseRequest {
  readonly flags: number;
  readonly fileId: FileId;
}

/**
 * `file` is undefined when the client did not ask for attributes; it also determines the response's Flags.
 */
export interface CloseResponse {
  readonly file: FileMetadata | undefined;
}

export const CloseRequestOffset = { FLAGS: BODY + 2, FILE_ID: BODY + 8 } as const;

export function decodeCloseRequest(message: Message): CloseRequest {
  checkStructureSize(message, 24);
  return {
    flags: message.u16(CloseRequestOffset.FLAGS),
    fileId: readFileId(message, CloseRequestOffset.FILE_ID),
  };
}

export function encodeCloseRequest(writer: Writer, request: CloseRequest): void {
  writer.u16(24);
  writer.u16(request.flags);
  writer.u32(0);
  writeFileId(writer, request.fileId);
}

export function encodeCloseResponse(writer: Writer, response: CloseResponse): void {
  const file = response.file;
  writer.u16(60);
  writer.u16(file === undefined ? 0 : CloseFlag.POSTQUERY_ATTRIB);
  writer.u32(0);
  if (file === undefined) {
    writer.zero(52);
    return;
  }
  writeTimes(writer, file);
  writer.u64(file.allocated);
  writer.u64(file.size);
  writer.u32(attributesOnWire(file.attributes));
}

export function decodeCloseResponse(message: Message): CloseResponse {
  checkStructureSize(message, 60);
  if ((message.u16(BODY + 2) & CloseFlag.POSTQUERY_ATTRIB) === 0) return { file: undefined };
  return {
    file: {
      ...readTimes(message.reader(BODY + 8, 32)),
      allocated: message.u64(BODY + 40),
      size: message.u64(BODY + 48),
      attributes: message.u32(BODY + 56),
    },
  };
}
