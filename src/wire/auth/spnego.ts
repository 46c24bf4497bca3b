// SPNEGO tokens: NegTokenInit, NegTokenInit2 and NegTokenResp.
// RFC 4178 4.2 and 4.2.2; [MS-SPNG] 2.2.1 (NegTokenInit2 with negHints).
import { wireError } from "../cursor.ts";
import { contextTag, decodeOid, DerReader, encodeDer, encodeOid, Tag } from "./der.ts";

/** Object identifiers of SPNEGO and of the mechanisms that clients offer; [MS-SPNG] 1.9. */
export const Oid = {
  SPNEGO: "1.3.6.1.5.5.2",
  NTLMSSP: "1.3.6.1.4.1.311.2.2.10",
  KERBEROS: "1.2.840.113554.1.2.2",
  /** Kerberos with the mistyped OID of Windows 2000, which Windows still offers first. */
  MS_KERBEROS: "1.2.840.48018.1.2.2",
  NEGOEX: "1.3.6.1.4.1.311.2.2.30",
} as const;

/** negState; RFC 4178 4.2.2. */
export const NegState = {
  ACCEPT_COMPLETED: 0,
  ACCEPT_INCOMPLETE: 1,
  REJECT: 2,
  REQUEST_MIC: 3,
} as const;
export type NegState = (typeof NegState)[keyof typeof NegState];

export interface NegTokenInit {
  readonly kind: "init";
  /** Dotted OIDs in the client's order of preference. */
  readonly mechTypes: readonly string[];
  /** The MechTypeList element as sent; mechListMIC is computed over it. */
  readonly mechTypesDer: Uint8Array;
  readonly mechToken: Uint8Array | undefined;
  readonly mechListMic: Uint8Array | undefined;
}

export interface NegTokenResp {
  readonly kind: "resp";
  readonly state: NegState | undefined;
  readonly supportedMech: string | undefined;
  readonly responseToken: Uint8Array | undefined;
  readonly mechListMic: Uint8Array | undefined;
}

/** Windows offers five mechanisms; no real client offers as many as this. */
const MAX_MECH_TYPES = 32;

const HINT_NAME = "not_defined_in_RFC4178@please_ignore";

/**
 * Decodes a token of the client or the server; byte fields are views of it. Throws WireError when malformed.
 */
export function decodeSpnego(token: Uint8Array): NegTokenInit | NegTokenResp {
  const reader = new DerReader(token);
  if (reader.peek() === contextTag(1)) return decodeResp(reader.enter(contextTag(1)));
  if (reader.peek() === Tag.GSS_TOKEN) {
    const inner = reader.enter(Tag.GSS_TOKEN);
    if (decodeOid(inner.value(Tag.OBJECT_IDENTIFIER)) !== Oid.SPNEGO) throw wireError("not a SPNEGO token");
    return decodeInit(inner.enter(contextTag(0)));
  }
  // Some clients omit the GSS-API frame.
  return decodeInit(reader.enter(contextTag(0)));
}

function decodeInit(outer: DerReader): NegTokenInit {
  const fields = outer.enter(Tag.SEQUENCE);
  const list = fields.enter(contextTag(0));
  const mechTypesDer = list.element(Tag.SEQUENCE);
  const names = new DerReader(mechTypesDer).enter(Tag.SEQUENCE);
  const mechTypes: string[] = [];
  while (!names.isAtEnd) {
    if (mechTypes.length === MAX_MECH_TYPES) throw wireError("too many mechanisms");
    mechTypes.push(decodeOid(names.value(Tag.OBJECT_IDENTIFIER)));
  }
  if (mechTypes.length === 0) throw wireError("no mechanism offered");
  let mechToken: Uint8Array | undefined;
  let mechListMic: Uint8Array | undefined;
  while (!fields.isAtEnd) {
    const tag = fields.peek();
    const field = new DerReader(fields.next());
    if (tag === contextTag(2)) mechToken = field.value(Tag.OCTET_STRING);
    // NegTokenInit2 has negHints at [3] and the MIC at [4]. reqFlags [1] must be ignored.
    else if (tag === contextTag(3) || tag === contextTag(4)) {
      if (field.peek() === Tag.OCTET_STRING) mechListMic = field.value(Tag.OCTET_STRING);
    }
  }
  return { kind: "init", mechTypes, mechTypesDer, mechToken, mechListMic };
}

function decodeResp(outer: DerReader): NegTokenResp {
  const fields = outer.enter(Tag.SEQUENCE);
  let state: NegState | undefined;
  let supportedMech: string | undefined;
  let responseToken: Uint8Array | undefined;
  let mechListMic: Uint8Array | undefined;
  while (!fields.isAtEnd) {
    const tag = fields.peek();
    const field = new DerReader(fields.next());
    if (tag === contextTag(0)) state = decodeState(field.value(Tag.ENUMERATED));
    else if (tag === contextTag(1)) supportedMech = decodeOid(field.value(Tag.OBJECT_IDENTIFIER));
    else if (tag === contextTag(2)) responseToken = field.value(Tag.OCTET_STRING);
    else if (tag === contextTag(3)) mechListMic = field.value(Tag.OCTET_STRING);
  }
  return { kind: "resp", state, supportedMech, responseToken, mechListMic };
}

function decodeState(content: Uint8Array): NegState {
  const value = content[0];
  if (content.length !== 1 || value === undefined || value > NegState.REQUEST_MIC) {
    throw wireError("negState out of range");
  }
  return value as NegState;
}

/** Encodes a MechTypeList element. */
export function encodeMechTypes(mechTypes: readonly string[]): Uint8Array {
  return encodeDer(Tag.SEQUENCE, ...mechTypes.map(encodeOid));
}

/** Encodes a client's first token (NegTokenInit in the GSS-API frame). */
export function encodeInit(mechTypes: readonly string[], mechToken: Uint8Array | undefined): Uint8Array {
  const fields = [encodeDer(contextTag(0), encodeMechTypes(mechTypes))];
  if (mechToken) fields.push(encodeDer(contextTag(2), encodeDer(Tag.OCTET_STRING, mechToken)));
  return frameInit(fields);
}

/**
 * Encodes the NegTokenInit2 of the server's NEGOTIATE response, with the hints that Windows and Samba send.
 */
export function encodeInit2(mechTypes: readonly string[]): Uint8Array {
  const name = encodeDer(Tag.GENERAL_STRING, new TextEncoder().encode(HINT_NAME));
  return frameInit([
    encodeDer(contextTag(0), encodeMechTypes(mechTypes)),
    encodeDer(contextTag(3), encodeDer(Tag.SEQUENCE, encodeDer(contextTag(0), name))),
  ]);
}

function frameInit(fields: readonly Uint8Array[]): Uint8Array {
  const init = encodeDer(contextTag(0), encodeDer(Tag.SEQUENCE, ...fields));
  return encodeDer(Tag.GSS_TOKEN, encodeOid(Oid.SPNEGO), init);
}

/** Encodes a NegTokenResp without the undefined fields. */
export function encodeResp(fields: Omit<NegTokenResp, "kind">): Uint8Array {
  const { state, supportedMech, responseToken, mechListMic } = fields;
  const parts: Uint8Array[] = [];
  if (state !== undefined) {
    parts.push(encodeDer(contextTag(0), encodeDer(Tag.ENUMERATED, Uint8Array.of(state))));
  }
  if (supportedMech !== undefined) parts.push(encodeDer(contextTag(1), encodeOid(supportedMech)));
  if (responseToken) parts.push(encodeDer(contextTag(2), encodeDer(Tag.OCTET_STRING, responseToken)));
  if (mechListMic) parts.push(encodeDer(contextTag(3), encodeDer(Tag.OCTET_STRING, mechListMic)));
  return encodeDer(contextTag(1), encodeDer(Tag.SEQUENCE, ...parts));
}
