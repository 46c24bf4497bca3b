// SMB2 TREE_DISCONNECT: disconnects from a share.
// [MS-SMB2] 2.2.11 (request), 2.2.12 (response).
import { checkStructureSize } from "../body.ts";
import type { Message, Writer } from "../cursor.ts";

/** The bodies have no fields but StructureSize and Reserved. */
export type TreeDisconnectRequest = Readonly<Record<string, never>>;
export type TreeDisconnectResponse = Readonly<Record<string, never>>;

export function decodeTreeDisconnectRequest(message: Message): TreeDisconnectRequest {
  checkStructureSize(message, 4);
  return {};
}

export function encodeTreeDisconnectRequest(writer: Writer, _request: TreeDisconnectRequest = {}): void {
  writer.u16(4);
  writer.u16(0);
}

export function encodeTreeDisconnectResponse(writer: Writer, _response: TreeDisconnectResponse = {}): void {
  writer.u16(4);
  writer.u16(0);
}

export function decodeTreeDisconnectResponse(message: Message): TreeDisconnectResponse {
  checkStructureSize(message, 4);
  return {};
}
