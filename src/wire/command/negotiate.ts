// SMB2 NEGOTIATE: negotiates dialect, capabilities and limits of a connection.
// [MS-SMB2] 2.2.3 (request), 2.2.4 (response).
import { BODY, checkStructureSize } from "../body.ts";
import type { Message, Writer } from "../cursor.ts";
import { readTime, type Time, writeFiletime } from "../filetime.ts";
import {
  decodeNegotiateContexts,
  encodeNegotiateContexts,
  type NegotiateContext,
} from "../context/negotiate-context.ts";

export const Dialect = {
  SMB_2_0_2: 0x0202,
  SMB_2_1: 0x0210,
  SMB_3_0: 0x0300,
  SMB_3_0_2: 0x0302,
  SMB_3_1_1: 0x0311,
  /** The response to an SMB1 negotiate with "SMB 2.???"; the client then sends an SMB2 NEGOTIATE. */
  WILDCARD: 0x02ff,
} as const;
export type Dialect = (typeof Dialect)[keyof typeof Dialect];

export const SecurityMode = { SIGNING_ENABLED: 0x0001, SIGNING_REQUIRED: 0x0002 } as const;

export const Capability = {
  DFS: 0x0000_0001,
  LEASING: 0x0000_0002,
  LARGE_MTU: 0x0000_0004,
  MULTI_CHANNEL: 0x0000_0008,
  PERSISTENT_HANDLES: 0x0000_0010,
  DIRECTORY_LEASING: 0x0000_0020,
  ENCRYPTION: 0x0000_0040,
  NOTIFICATIONS: 0x0000_0080,
} as const;

export interface NegotiateRequest {
  readonly securityMode: number;
  readonly capabilities: number;
  /** 16 bytes. */
  readonly clientGuid: Uint8Array;
  readonly dialects: readonly number[];
  /** Empty unless the dialects include 3.1.1. */
  readonly contexts: readonly NegotiateContext[];
}

export interface NegotiateResponse {
  readonly securityMode: number;
  readonly dialect: number;
  /** 16 bytes. */
  readonly serverGuid: Uint8Array;
  readonly capabilities: number;
  readonly maxTransactSize: number;
  readonly maxReadSize: number;
  readonly maxWriteSize: number;
  readonly systemTime: Time;
  /** Undefined for zero, which current servers send. */
  readonly serverStartTime: Time | undefined;
  readonly securityBuffer: Uint8Array;
  readonly contexts: readonly NegotiateContext[];
}

const REQUEST_SIZE = 36;
const RESPONSE_SIZE = 65;
const REQUEST_BUFFER = BODY + 36;
const RESPONSE_BUFFER = BODY + 64;

export function decodeNegotiateRequest(message: Message): NegotiateRequest {
  checkStructureSize(message, REQUEST_SIZE);
  const reader = message.reader(REQUEST_BUFFER, message.u16(BODY + 2) * 2);
  const dialects: number[] = [];
  while (reader.remaining > 0) dialects.push(reader.u16());
  return {
    securityMode: message.u16(BODY + 4),
    capabilities: message.u32(BODY + 8),
    clientGuid: message.range(BODY + 12, 16),
    dialects,
    contexts: dialects.includes(Dialect.SMB_3_1_1)
      ? decodeNegotiateContexts(
          message,
          message.u32(BODY + 28),
          message.u16(BODY + 32),
          REQUEST_BUFFER + dialects.length * 2,
        )
      : [],
  };
}

export function encodeNegotiateRequest(writer: Writer, request: NegotiateRequest): void {
  const body = writer.position;
  writer.u16(REQUEST_SIZE);
  writer.u16(request.dialects.length);
  writer.u16(request.securityMode);
  writer.u16(0);
  writer.u32(request.capabilities);
  writer.raw(request.clientGuid);
  writer.zero(8);
  for (const dialect of request.dialects) writer.u16(dialect);
  if (!request.dialects.includes(Dialect.SMB_3_1_1)) return;
  writer.align(8);
  writer.patch32(body + 28, writer.offset());
  writer.patch16(body + 32, request.contexts.length);
  encodeNegotiateContexts(writer, request.contexts);
}

export function encodeNegotiateResponse(writer: Writer, response: NegotiateResponse): void {
  const body = writer.position;
  const start = response.serverStartTime;
  writer.u16(RESPONSE_SIZE);
  writer.u16(response.securityMode);
  writer.u16(response.dialect);
  writer.u16(0);
  writer.raw(response.serverGuid);
  writer.u32(response.capabilities);
  writer.u32(response.maxTransactSize);
  writer.u32(response.maxReadSize);
  writer.u32(response.maxWriteSize);
  writeFiletime(writer, response.systemTime.seconds, response.systemTime.nanoseconds);
  if (start === undefined) writer.zero(8);
  else writeFiletime(writer, start.seconds, start.nanoseconds);
  writer.u16(RESPONSE_BUFFER);
  writer.u16(response.securityBuffer.length);
  writer.u32(0);
  writer.raw(response.securityBuffer);
  if (response.dialect !== Dialect.SMB_3_1_1) return;
  writer.align(8);
  writer.patch16(body + 6, response.contexts.length);
  writer.patch32(body + 60, writer.offset());
  encodeNegotiateContexts(writer, response.contexts);
}

export function decodeNegotiateResponse(message: Message): NegotiateResponse {
  checkStructureSize(message, RESPONSE_SIZE);
  const dialect = message.u16(BODY + 4);
  const hasStart = message.u32(BODY + 48) !== 0 || message.u32(BODY + 52) !== 0;
  return {
    securityMode: message.u16(BODY + 2),
    dialect,
    serverGuid: message.range(BODY + 8, 16),
    capabilities: message.u32(BODY + 24),
    maxTransactSize: message.u32(BODY + 28),
    maxReadSize: message.u32(BODY + 32),
    maxWriteSize: message.u32(BODY + 36),
    systemTime: readTime(message.reader(BODY + 40, 8)),
    serverStartTime: hasStart ? readTime(message.reader(BODY + 48, 8)) : undefined,
    securityBuffer: message.dynamic(message.u16(BODY + 56), message.u16(BODY + 58), RESPONSE_BUFFER),
    contexts:
      dialect === Dialect.SMB_3_1_1
        ? decodeNegotiateContexts(message, message.u32(BODY + 60), message.u16(BODY + 6), RESPONSE_BUFFER)
        : [],
  };
}
