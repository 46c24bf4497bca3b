// SMB2 ECHO: checks whether the server responds.
// [MS-SMB2] 2.2.28 (request), 2.2.29 (response).
import { checkStructureSize } from "../body.ts";
import type { Message, Writer } from "../cursor.ts";

/** The bodies have no fields but StructureSize and Reserved. */
export type EchoRequest = Readonly<Record<string, never>>;
export type EchoResponse = Readonly<Record<string, never>>;

export function decodeEchoRequest(message: Message): EchoRequest {
  checkStructureSize(message, 4);
  return {};
}

export function encodeEchoRequest(writer: Writer, _request: EchoRequest = {}): void {
  writer.u16(4);
  writer.u16(0);
}

export function encodeEchoResponse(writer: Writer, _response: EchoResponse = {}): void {
  writer.u16(4);
  writer.u16(0);
}

export function decodeEchoResponse(message: Message): EchoResponse {
  checkStructureSize(message, 4);
  return {};
}
