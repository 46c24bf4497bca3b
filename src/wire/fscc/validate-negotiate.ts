// FSCTL_VALIDATE_NEGOTIATE_INFO: the client verifies, by a signed request, what was negotiated unsigned.
// [MS-SMB2] 2.2.31.4 (request), 2.2.32.6 (response).
import { Reader, type Writer, wireError } from "../cursor.ts";

export interface ValidateNegotiateRequest {
  readonly capabilities: number;
  /** 16 bytes. */
  readonly clientGuid: Uint8Array;
  readonly securityMode: number;
  readonly dialects: readonly number[];
}

export interface ValidateNegotiateResponse {
  readonly capabilities: number;
  /** 16 bytes. */
  readonly serverGuid: Uint8Array;
  readonly securityMode: number;
  readonly dialect: number;
}

export function decodeValidateNegotiateRequest(data: Uint8Array): ValidateNegotiateRequest {
  const reader = new Reader(data);
  const capabilities = reader.u32();
  const clientGuid = reader.range(16);
  const securityMode = reader.u16();
  const count = reader.u16();
  if (count * 2 > reader.remaining) throw wireError("dialects cut off");
  const dialects: number[] = [];
  for (let i = 0; i < count; i++) dialects.push(reader.u16());
  return { capabilities, clientGuid, securityMode, dialects };
}

export function encodeValidateNegotiateRequest(writer: Writer, request: ValidateNegotiateRequest): void {
  writer.u32(request.capabilities);
  writer.raw(request.clientGuid);
  writer.u16(request.securityMode);
  writer.u16(request.dialects.length);
  for (const dialect of request.dialects) writer.u16(dialect);
}

export function encodeValidateNegotiateResponse(writer: Writer, response: ValidateNegotiateResponse): void {
  writer.u32(response.capabilities);
  writer.raw(response.serverGuid);
  writer.u16(response.securityMode);
  writer.u16(response.dialect);
}

export function decodeValidateNegotiateResponse(data: Uint8Array): ValidateNegotiateResponse {
  const reader = new Reader(data);
  return {
    capabilities: reader.u32(),
    serverGuid: reader.range(16),
    securityMode: reader.u16(),
    dialect: reader.u16(),
  };
}
