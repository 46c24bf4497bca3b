// Decodes and encodes DCE/RPC connection-oriented PDUs; C706 12.6, [MS-RPCE] 2.2.2.
// Requests may have either byte order, replies are little-endian.
import { wireError } from "../../wire/cursor.ts";
import type { SyntaxName } from "./syntax.ts";

export const PduType = {
  REQUEST: 0,
  RESPONSE: 2,
  FAULT: 3,
  BIND: 11,
  BIND_ACK: 12,
  BIND_NAK: 13,
  ALTER_CONTEXT: 14,
  ALTER_CONTEXT_RESP: 15,
  AUTH3: 16,
  CO_CANCEL: 18,
  ORPHANED: 19,
} as const;

export const PduFlag = {
  FIRST_FRAG: 0x01,
  LAST_FRAG: 0x02,
  /** In binds: signatures cover the PDU's header, which those of NTLM do anyway. */
  SUPPORT_HEADER_SIGN: 0x04,
  DID_NOT_EXECUTE: 0x20,
  OBJECT_UUID: 0x80,
} as const;

/** Status of a fault; C706 appendix N, [MS-RPCE] 2.2.2.11. */
export const FaultStatus = {
  ACCESS_DENIED: 0x0000_0005,
  /** RPC_X_BAD_STUB_DATA: the stub does not decode. */
  BAD_STUB_DATA: 0x0000_06f7,
  /** RPC_S_SEC_PKG_ERROR: a signature is wrong or missing. */
  SECURITY_PACKAGE: 0x0000_0721,
  CONTEXT_MISMATCH: 0x1c00_001a,
  OPERATION_RANGE: 0x1c01_0002,
  UNKNOWN_INTERFACE: 0x1c01_0003,
  PROTOCOL_ERROR: 0x1c01_000b,
} as const;

/** provider_reject_reason_t and p_reject_reason_t; C706 12.6.3.1, [MS-RPCE] 2.2.2.5. */
export const BindResult = { ACCEPTANCE: 0, PROVIDER_REJECTION: 2, NEGOTIATE_ACK: 3 } as const;
export const BindReason = {
  NOT_SPECIFIED: 0,
  ABSTRACT_SYNTAX: 1,
  TRANSFER_SYNTAXES: 2,
  LOCAL_LIMIT: 3,
} as const;
export const NakReason = { NOT_SPECIFIED: 0, PROTOCOL_VERSION: 4, AUTHENTICATION_TYPE: 8 } as const;

export const HEADER_BYTES = 16;
const RESPONSE_HEADER_BYTES = 24;
/** The largest fragment sent or accepted, as Windows and Samba use on pipes. */
export const MAX_FRAGMENT_BYTES = 4_280;
/** Every implementation can receive this size; C706 12.6.3.1, MustRecvFragSize. */
export const MIN_FRAGMENT_BYTES = 1_432;

export interface PduHeader {
  readonly minorVersion: number;
  readonly type: number;
  readonly flags: number;
  readonly littleEndian: boolean;
  readonly fragmentLength: number;
  readonly authLength: number;
  readonly callId: number;
}

export interface PresentationContext {
  readonly id: number;
  readonly abstractSyntax: SyntaxName;
  readonly transferSyntaxes: readonly SyntaxName[];
}

export interface BindPdu {
  readonly maxReceiveFragment: number;
  readonly associationGroup: number;
  readonly contexts: readonly PresentationContext[];
}

export interface RequestPdu {
  readonly contextId: number;
  readonly opnum: number;
  readonly stub: Uint8Array;
}

/** Bind-time feature negotiation: the rest of this identifier is a mask of features; [MS-RPCE] 2.2.2.14. */
export const FEATURE_NEGOTIATION_PREFIX = "6cb71c2c-9812-4540-";

/** NDR 2.0. */
export const NDR20: SyntaxName = { uuid: "8a885d04-1ceb-11c9-9fe8-08002b104860", major: 2, minor: 0 };

/** Decodes the common header. Throws WireError, also for less than `HEADER_BYTES` bytes. */
export function decodeHeader(bytes: Uint8Array): PduHeader {
  if (bytes.length < HEADER_BYTES) throw wireError("PDU header too short");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // Integer representation is the high half of the first drep byte; C706 14.1.
  const littleEndian = view.getUint8(4) >> 4 === 1;
  if (view.getUint8(0) !== 5) throw wireError("not a connection-oriented PDU of version 5");
  const fragmentLength = view.getUint16(8, littleEndian);
  const authLength = view.getUint16(10, littleEndian);
  if (fragmentLength < HEADER_BYTES) throw wireError("fragment shorter than its header");
  return {
    minorVersion: view.getUint8(1),
    type: view.getUint8(2),
    flags: view.getUint8(3),
    littleEndian,
    fragmentLength,
    authLength,
    callId: view.getUint32(12, littleEndian),
  };
}

/** Decodes BIND or ALTER_CONTEXT from one whole fragment. Throws WireError. */
export function decodeBind(pdu: Uint8Array, littleEndian: boolean): BindPdu {
  const body = new BodyReader(pdu, littleEndian);
  body.u16();
  const maxReceiveFragment = body.u16();
  const associationGroup = body.u32();
  const count = body.u8();
  body.skip(3);
  const contexts: PresentationContext[] = [];
  for (let i = 0; i < count; i++) {
    const id = body.u16();
    const syntaxes = body.u8();
    body.skip(1);
    const abstractSyntax = body.syntax();
    const transferSyntaxes: SyntaxName[] = [];
    for (let k = 0; k < syntaxes; k++) transferSyntaxes.push(body.syntax());
    contexts.push({ id, abstractSyntax, transferSyntaxes });
  }
  return { maxReceiveFragment, associationGroup, contexts };
}

/** Decodes REQUEST. The stub is not copied; alloc_hint is ignored. Throws WireError. */
export function decodeRequest(pdu: Uint8Array, header: PduHeader): RequestPdu {
  const body = new BodyReader(pdu, header.littleEndian);
  body.u32();
  const contextId = body.u16();
  const opnum = body.u16();
  if (header.flags & PduFlag.OBJECT_UUID) body.skip(16);
  return { contextId, opnum, stub: body.rest() };
}

class BodyReader {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly littleEndian: boolean;
  private position = HEADER_BYTES;

  constructor(bytes: Uint8Array, littleEndian: boolean) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.littleEndian = littleEndian;
  }

  skip(size: number): number {
    const at = this.position;
    if (at + size > this.bytes.length) throw wireError("PDU too short");
    this.position = at + size;
    return at;
  }
  u8(): number {
    return this.view.getUint8(this.skip(1));
  }
  u16(): number {
    return this.view.getUint16(this.skip(2), this.littleEndian);
  }
  u32(): number {
    return this.view.getUint32(this.skip(4), this.littleEndian);
  }
  rest(): Uint8Array {
    return this.bytes.subarray(this.skip(0));
  }

  syntax(): SyntaxName {
    const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");
    const head = `${hex(this.u32(), 8)}-${hex(this.u16(), 4)}-${hex(this.u16(), 4)}`;
    const at = this.skip(8);
    const tail = this.bytes.subarray(at, at + 8).toHex();
    const version = this.u32();
    return {
      uuid: `${head}-${tail.slice(0, 4)}-${tail.slice(4)}`,
      major: version & 0xffff,
      minor: version >>> 16,
    };
  }
}

/** The result for one presentation context. */
export interface ContextResult {
  readonly result: number;
  readonly reason: number;
}

/** BIND_ACK or ALTER_CONTEXT_RESP. */
export interface BindAck {
  readonly type: number;
  readonly callId: number;
  /** Beside those of an only fragment. */
  readonly flags: number;
  readonly associationGroup: number;
  readonly secondaryAddress: string;
  /** Accepted contexts get the transfer syntax NDR 2.0. */
  readonly results: readonly ContextResult[];
}

export function encodeBindAck(ack: BindAck): Uint8Array {
  const { type, callId, flags, associationGroup, secondaryAddress, results } = ack;
  const address = new TextEncoder().encode(secondaryAddress);
  const addressLength = address.length === 0 ? 0 : address.length + 1;
  const resultsAt = Math.ceil((HEADER_BYTES + 10 + addressLength) / 4) * 4;
  const bytes = new Uint8Array(resultsAt + 4 + results.length * 24);
  const view = startPdu(bytes, type, PduFlag.FIRST_FRAG | PduFlag.LAST_FRAG | flags, callId);
  view.setUint16(16, MAX_FRAGMENT_BYTES, true);
  view.setUint16(18, MAX_FRAGMENT_BYTES, true);
  view.setUint32(20, associationGroup, true);
  view.setUint16(24, addressLength, true);
  bytes.set(address, 26);
  view.setUint8(resultsAt, results.length);
  let at = resultsAt + 4;
  for (const { result, reason } of results) {
    view.setUint16(at, result, true);
    view.setUint16(at + 2, reason, true);
    if (result === BindResult.ACCEPTANCE) bytes.set(NDR20_BYTES, at + 4);
    at += 24;
  }
  return bytes;
}

const NDR20_BYTES = Uint8Array.fromHex("045d888aeb1cc9119fe808002b10486002000000");

/** BIND_NAK, with the only supported version. */
export function encodeBindNak(callId: number, reason: number): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + 8);
  const view = startPdu(bytes, PduType.BIND_NAK, PduFlag.FIRST_FRAG | PduFlag.LAST_FRAG, callId);
  view.setUint16(16, reason, true);
  bytes.set([1, 5, 0], 18);
  return bytes;
}

export function encodeFault(callId: number, contextId: number, status: number): Uint8Array {
  const bytes = new Uint8Array(32);
  const flags = PduFlag.FIRST_FRAG | PduFlag.LAST_FRAG | PduFlag.DID_NOT_EXECUTE;
  const view = startPdu(bytes, PduType.FAULT, flags, callId);
  view.setUint32(16, bytes.length, true);
  view.setUint16(20, contextId, true);
  view.setUint32(24, status, true);
  return bytes;
}

/** RESPONSE fragments for one stub, each of at most `maxFragment` bytes. */
export function encodeResponse(
  callId: number,
  contextId: number,
  stub: Uint8Array,
  maxFragment: number,
): Uint8Array[] {
  // Every fragment except the last carries a multiple of eight stub bytes; C706 12.6.3.
  const room = Math.floor((maxFragment - RESPONSE_HEADER_BYTES) / 8) * 8;
  const fragments: Uint8Array[] = [];
  let at = 0;
  do {
    const part = stub.subarray(at, at + room);
    const isLast = at + part.length === stub.length;
    const bytes = new Uint8Array(RESPONSE_HEADER_BYTES + part.length);
    const flags = (at === 0 ? PduFlag.FIRST_FRAG : 0) | (isLast ? PduFlag.LAST_FRAG : 0);
    const view = startPdu(bytes, PduType.RESPONSE, flags, callId);
    view.setUint32(16, stub.length - at, true);
    view.setUint16(20, contextId, true);
    bytes.set(part, RESPONSE_HEADER_BYTES);
    fragments.push(bytes);
    at += part.length;
  } while (at < stub.length);
  return fragments;
}

function startPdu(bytes: Uint8Array, type: number, flags: number, callId: number): DataView {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  bytes.set([5, 0, type, flags, 0x10, 0, 0, 0]);
  view.setUint16(8, bytes.length, true);
  view.setUint32(12, callId, true);
  return view;
}
