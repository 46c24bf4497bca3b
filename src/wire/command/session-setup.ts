// SMB2 SESSION_SETUP: one round trip of an authentication.
// [MS-SMB2] 2.2.5 (request), 2.2.6 (response).
import { BODY, checkStructureSize } from "../body.ts";
import type { Message, Writer } from "../cursor.ts";

export const SessionSetupFlag = { BINDING: 0x01 } as const;
export const SessionFlag = { IS_GUEST: 0x0001, IS_NULL: 0x0002, ENCRYPT_DATA: 0x0004 } as const;

export interface SessionSetupRequest {
  readonly flags: number;
  readonly securityMode: number;
  readonly capabilities: number;
  readonly channel: number;
  /** The GSS token. */
  readonly securityBuffer: Uint8Array;
  readonly previousSessionId: number;
}

export interface SessionSetupResponse {
  readonly sessionFlags: number;
  readonly securityBuffer: Uint8Array;
}

const REQUEST_BUFFER = BODY + 24;
const RESPONSE_BUFFER = BODY + 8;

export function decodeSessionSetupRequest(message: Message): SessionSetupRequest {
  checkStructureSize(message, 25);
  return {
    flags: message.u8(BODY + 2),
    securityMode: message.u8(BODY + 3),
    capabilities: message.u32(BODY + 4),
    channel: message.u32(BODY + 8),
    securityBuffer: message.dynamic(message.u16(BODY + 12), message.u16(BODY + 14), REQUEST_BUFFER),
    previousSessionId: message.u64(BODY + 16),
  };
}

export function encodeSessionSetupRequest(writer: Writer, request: SessionSetupRequest): void {
  writer.u16(25);
  writer.u8(request.flags);
  writer.u8(request.securityMode);
  writer.u32(request.capabilities);
  writer.u32(request.channel);
  writer.u16(REQUEST_BUFFER);
  writer.u16(request.securityBuffer.length);
  writer.u64(request.previousSessionId);
  writer.raw(request.securityBuffer);
}

export function encodeSessionSetupResponse(writer: Writer, response: SessionSetupResponse): void {
  writer.u16(9);
  writer.u16(response.sessionFlags);
  writer.u16(RESPONSE_BUFFER);
  writer.u16(response.securityBuffer.length);
  writer.raw(response.securityBuffer);
}

export function decodeSessionSetupResponse(message: Message): SessionSetupResponse {
  checkStructureSize(message, 9);
  return {
    sessionFlags: message.u16(BODY + 2),
    securityBuffer: message.dynamic(message.u16(BODY + 4), message.u16(BODY + 6), RESPONSE_BUFFER),
  };
}
