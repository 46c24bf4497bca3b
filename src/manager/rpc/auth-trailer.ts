// The authentication trailer of a PDU: sec_trailer and authentication token; [MS-RPCE] 2.2.2.11, C706 13.2.6.
import { wireError } from "../../wire/cursor.ts";
import type { PduHeader } from "./pdu.ts";

/** auth_type; [MS-RPCE] 2.2.1.1.7. */
export const AuthType = { SPNEGO: 9, NTLMSSP: 10, KERBEROS: 16 } as const;

/** auth_level; [MS-RPCE] 2.2.1.1.8. */
export const AuthLevel = { CONNECT: 2, PACKET: 4, INTEGRITY: 5, PRIVACY: 6 } as const;

/** The fields that a security context keeps for all its PDUs. */
export interface AuthFields {
  readonly type: number;
  readonly level: number;
  readonly contextId: number;
}

export interface AuthTrailer extends AuthFields {
  /** Offsets in the PDU: where the padding and where the sec_trailer begins. */
  readonly bodyEnd: number;
  readonly start: number;
  readonly value: Uint8Array;
}

export const SEC_TRAILER_BYTES = 8;
/** Offset of the stub in a REQUEST and a RESPONSE; no padding begins before it. */
const LEAST_BODY = 16;

/** Undefined for a PDU without a trailer. `value` is a view. Throws WireError for lengths that do not fit. */
export function decodeTrailer(pdu: Uint8Array, header: PduHeader): AuthTrailer | undefined {
  if (header.authLength === 0) return undefined;
  const start = pdu.length - header.authLength - SEC_TRAILER_BYTES;
  if (start < LEAST_BODY) throw wireError("authentication trailer longer than the PDU");
  const view = new DataView(pdu.buffer, pdu.byteOffset, pdu.byteLength);
  const bodyEnd = start - view.getUint8(start + 2);
  if (bodyEnd < LEAST_BODY) throw wireError("authentication padding longer than the PDU");
  return {
    type: view.getUint8(start),
    level: view.getUint8(start + 1),
    contextId: view.getUint32(start + 4, header.littleEndian),
    bodyEnd,
    start,
    value: pdu.subarray(start + SEC_TRAILER_BYTES),
  };
}

/**
 * A copy of the PDU with a trailer, before which the body is padded to a multiple of `boundary`. The token's
 * place is zero; the lengths in the header are those of the whole.
 */
export function withTrailer(
  pdu: Uint8Array,
  { type, level, contextId }: AuthFields,
  tokenBytes: number,
  boundary: number,
): { readonly bytes: Uint8Array; readonly bodyEnd: number; readonly tokenAt: number } {
  const padding = -pdu.length & (boundary - 1);
  const bodyEnd = pdu.length + padding;
  const tokenAt = bodyEnd + SEC_TRAILER_BYTES;
  const bytes = new Uint8Array(tokenAt + tokenBytes);
  bytes.set(pdu);
  bytes.set([type, level, padding, 0], bodyEnd);
  const view = new DataView(bytes.buffer);
  view.setUint32(bodyEnd + 4, contextId, true);
  view.setUint16(8, bytes.length, true);
  view.setUint16(10, tokenBytes, true);
  return { bytes, bodyEnd, tokenAt };
}
