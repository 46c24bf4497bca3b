// SMB2 LOGOFF: ends a session.
// [MS-SMB2] 2.2.7 (request), 2.2.8 (response).
import { checkStructureSize } from "../body.ts";
import type { Message, Writer } from "../cursor.ts";

/** The bodies have no fields but StructureSize and Reserved. */
export type LogoffRequest = Readonly<Record<string, never>>;
export type LogoffResponse = Readonly<Record<string, never>>;

export function decodeLogoffRequest(message: Message): LogoffRequest {
  checkStructureSize(message, 4);
  return {};
}

export function encodeLogoffRequest(writer: Writer, _request: LogoffRequest = {}): void {
  writer.u16(4);
  writer.u16(0);
}

export function encodeLogoffResponse(writer: Writer, _response: LogoffResponse = {}): void {
  writer.u16(4);
  writer.u16(0);
}

export function decodeLogoffResponse(message: Message): LogoffResponse {
  checkStructureSize(message, 4);
  return {};
}
