// SMB2 CANCEL: cancels the request with the same MessageId or AsyncId; it has no response.
// [MS-SMB2] 2.2.30.
import { checkStructureSize } from "../body.ts";
import type { Message, Writer } from "../cursor.ts";

/** The body has no fields but StructureSize and Reserved. */
export type CancelRequest = Readonly<Record<string, never>>;

export function decodeCancelRequest(message: Message): CancelRequest {
  checkStructureSize(message, 4);
  return {};
}

export function encodeCancelRequest(writer: Writer, _request: CancelRequest = {}): void {
  writer.u16(4);
  writer.u16(0);
}
