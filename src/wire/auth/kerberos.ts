// Kerberos messages between a client and a service, in ASN.1 DER: AP-REQ with its ticket and authenticator,
// and AP-REP. RFC 4120 5.2 (types), 5.3 (ticket), 5.5 (AP exchange); RFC 4121 4.1 (frame of GSS-API and
// checksum 0x8003).
import { wireError } from "../cursor.ts";
import { contextTag, decodeOid, DerReader, encodeDer, encodeInteger, encodeOid, Tag } from "./der.ts";
import { Oid } from "./spnego.ts";

/** Identifier octets of the types that are [APPLICATION n]. */
const Application = {
  TICKET: 0x61,
  AUTHENTICATOR: 0x62,
  ENC_TICKET_PART: 0x63,
  AP_REQ: 0x6e,
  AP_REP: 0x6f,
  ENC_AP_REP_PART: 0x7b,
} as const;

const BIT_STRING = 0x03;
const GENERALIZED_TIME = 0x18;

const VERSION = 5;
const MSG_AP_REQ = 14;
const MSG_AP_REP = 15;

/** TOK_ID of a framed AP-REQ and AP-REP; RFC 4121 4.1. */
const TOK_AP_REQ = 0x0100;
const TOK_AP_REP = Uint8Array.of(0x02, 0x00);

/** Bit of `ApReq.options`: the client wants an AP-REP; RFC 4120 5.5.1. */
export const AP_MUTUAL_REQUIRED = 0x2000_0000;
/** Bit of `EncTicketPart.flags`; RFC 4120 5.3. */
export const TICKET_INVALID = 0x0100_0000;

/** Type of the authenticator's checksum, which is none: it carries the flags of GSS-API. RFC 4121 4.1.1. */
const GSS_CHECKSUM = 0x8003;
const GSS_BINDINGS_BYTES = 16;
const GSS_CHECKSUM_BYTES = 24;
/** Bits of `Authenticator.gssFlags`; RFC 4121 4.1.1.1, [MS-KILE] 3.2.1. */
export const GssFlag = { MUTUAL: 0x02, DCE_STYLE: 0x1000 } as const;

/** Kinds of authorization data; RFC 4120 5.2.6.1, 7.5.4. */
const AD_IF_RELEVANT = 1;
const AD_WIN2K_PAC = 128;
/** Domain controllers send one to three; each may have as many in it. */
const MAX_AUTHORIZATION_ELEMENTS = 32;

/** Names of hosts and users have one to three parts. */
const MAX_NAME_PARTS = 8;

export interface EncryptedData {
  readonly etype: number;
  readonly kvno: number | undefined;
  readonly cipher: Uint8Array;
}

export interface EncryptionKey {
  readonly etype: number;
  readonly value: Uint8Array;
}

export interface Ticket {
  readonly realm: string;
  /** The parts of the service's name: "cifs", "nas.example.org". */
  readonly service: readonly string[];
  readonly sealed: EncryptedData;
}

export interface ApReq {
  readonly options: number;
  readonly ticket: Ticket;
  readonly authenticator: EncryptedData;
}

export interface EncTicketPart {
  readonly flags: number;
  readonly key: EncryptionKey;
  readonly realm: string;
  readonly client: readonly string[];
  /** Milliseconds since 1970: when the user proved the password, and the ticket's life. */
  readonly authMs: number;
  readonly startMs: number;
  readonly endMs: number;
  /** AuthorizationData, not decoded: see `findPac`. */
  readonly authorization: Uint8Array | undefined;
}

export interface Authenticator {
  readonly realm: string;
  readonly client: readonly string[];
  /** Of the checksum 0x8003; 0 without one. */
  readonly gssFlags: number;
  /** As the client sent it, to be repeated in the AP-REP. */
  readonly timeDer: Uint8Array;
  /** With the microseconds, which `timeDer` is without. */
  readonly timeMs: number;
  readonly microseconds: number;
  readonly subkey: EncryptionKey | undefined;
  readonly sequence: number | undefined;
}

/** Whether the bytes are a Kerberos token in GSS-API's frame, without SPNEGO around it. */
export function isKerberosToken(token: Uint8Array): boolean {
  if (token[0] !== Tag.GSS_TOKEN) return false;
  return decodeOid(new DerReader(token).enter(Tag.GSS_TOKEN).value(Tag.OBJECT_IDENTIFIER)) === Oid.KERBEROS;
}

/** Whether the bytes are an AP-REQ without any frame, as in the exchange of DCE; [MS-KILE] 3.4.5.1. */
export function isBareApReq(token: Uint8Array): boolean {
  return token[0] === Application.AP_REQ;
}

/** Decodes an AP-REQ, framed or bare; byte fields are views of the token. Throws WireError when malformed. */
export function decodeApReqToken(token: Uint8Array): ApReq {
  if (isBareApReq(token)) return decodeApReq(token);
  const frame = new DerReader(token).value(Tag.GSS_TOKEN);
  const reader = new DerReader(frame);
  const mechanism = reader.element(Tag.OBJECT_IDENTIFIER);
  const oid = decodeOid(new DerReader(mechanism).value(Tag.OBJECT_IDENTIFIER));
  if (oid !== Oid.KERBEROS && oid !== Oid.MS_KERBEROS) throw wireError("not a Kerberos token");
  const inner = frame.subarray(mechanism.length);
  if (inner.length < 2 || (inner[0] ?? 0) * 256 + (inner[1] ?? 0) !== TOK_AP_REQ) {
    throw wireError("Kerberos token without an AP-REQ");
  }
  return decodeApReq(inner.subarray(2));
}

function decodeApReq(bytes: Uint8Array): ApReq {
  const fields = new DerReader(bytes).enter(Application.AP_REQ).enter(Tag.SEQUENCE);
  expectNumber(fields, 0, VERSION);
  expectNumber(fields, 1, MSG_AP_REQ);
  const options = readFlags(fields.enter(contextTag(2)));
  const ticket = readTicket(fields.enter(contextTag(3)));
  return { options, ticket, authenticator: readEncrypted(fields.enter(contextTag(4))) };
}

function readTicket(outer: DerReader): Ticket {
  const fields = outer.enter(Application.TICKET).enter(Tag.SEQUENCE);
  expectNumber(fields, 0, VERSION);
  const realm = readText(fields.enter(contextTag(1)));
  const service = readName(fields.enter(contextTag(2)));
  return { realm, service, sealed: readEncrypted(fields.enter(contextTag(3))) };
}

/** Decodes the decrypted part of a ticket; bytes behind it are padding. Throws WireError when malformed. */
export function decodeEncTicketPart(bytes: Uint8Array): EncTicketPart {
  const fields = new DerReader(bytes).enter(Application.ENC_TICKET_PART).enter(Tag.SEQUENCE);
  const flags = readFlags(fields.enter(contextTag(0)));
  const key = readKey(fields.enter(contextTag(1)));
  const realm = readText(fields.enter(contextTag(2)));
  const client = readName(fields.enter(contextTag(3)));
  fields.value(contextTag(4)); // transited
  const authMs = readTime(fields.enter(contextTag(5)));
  const startMs = fields.peek() === contextTag(6) ? readTime(fields.enter(contextTag(6))) : authMs;
  const endMs = readTime(fields.enter(contextTag(7)));
  let authorization: Uint8Array | undefined;
  while (!fields.isAtEnd && fields.peek() !== 0) {
    const tag = fields.peek();
    const field = fields.next();
    if (tag === contextTag(10)) authorization = field;
  }
  return { flags, key, realm, client, authMs, startMs, endMs, authorization };
}

/**
 * The PAC of a ticket's authorization data, in AD-IF-RELEVANT as domain controllers send it; [MS-KILE]
 * 3.4.5.3. Undefined without one. Throws WireError when malformed.
 */
export function findPac(authorization: Uint8Array): Uint8Array | undefined {
  for (const [type, data] of readAuthorization(authorization)) {
    if (type !== AD_IF_RELEVANT) continue;
    for (const [inner, pac] of readAuthorization(data)) if (inner === AD_WIN2K_PAC) return pac;
  }
  return undefined;
}

function readAuthorization(bytes: Uint8Array): [type: number, data: Uint8Array][] {
  const list = new DerReader(bytes).enter(Tag.SEQUENCE);
  const found: [number, Uint8Array][] = [];
  while (!list.isAtEnd) {
    if (found.length === MAX_AUTHORIZATION_ELEMENTS) throw wireError("too much authorization data");
    const element = list.enter(Tag.SEQUENCE);
    const type = readInteger(element.enter(contextTag(0)));
    found.push([type, element.enter(contextTag(1)).value(Tag.OCTET_STRING)]);
  }
  return found;
}

/** Decodes a decrypted authenticator; bytes behind it are padding. Throws WireError when malformed. */
export function decodeAuthenticator(bytes: Uint8Array): Authenticator {
  const fields = new DerReader(bytes).enter(Application.AUTHENTICATOR).enter(Tag.SEQUENCE);
  expectNumber(fields, 0, VERSION);
  const realm = readText(fields.enter(contextTag(1)));
  const client = readName(fields.enter(contextTag(2)));
  const gssFlags = fields.peek() === contextTag(3) ? readGssFlags(fields.enter(contextTag(3))) : 0;
  const microseconds = readInteger(fields.enter(contextTag(4)));
  if (microseconds < 0 || microseconds > 999_999) throw wireError("Kerberos microseconds out of range");
  const timeDer = fields.enter(contextTag(5)).element(GENERALIZED_TIME);
  let subkey: EncryptionKey | undefined;
  let sequence: number | undefined;
  while (!fields.isAtEnd) {
    const tag = fields.peek();
    const field = new DerReader(fields.next());
    if (tag === contextTag(6)) subkey = readKey(field);
    else if (tag === contextTag(7)) sequence = readInteger(field) >>> 0;
  }
  const timeMs = readTime(new DerReader(timeDer)) + Math.floor(microseconds / 1000);
  return { realm, client, gssFlags, timeDer, timeMs, microseconds, subkey, sequence };
}

/**
 * Encodes the part of an AP-REP that is encrypted; `sequence` is the number of the server's first message.
 */
export function encodeEncApRepPart(
  of: Pick<Authenticator, "timeDer" | "microseconds">,
  sequence: number,
  subkey?: EncryptionKey,
): Uint8Array {
  const key =
    subkey &&
    encodeDer(
      contextTag(2),
      encodeDer(
        Tag.SEQUENCE,
        encodeDer(contextTag(0), encodeInteger(subkey.etype)),
        encodeDer(contextTag(1), encodeDer(Tag.OCTET_STRING, subkey.value)),
      ),
    );
  const fields = encodeDer(
    Tag.SEQUENCE,
    encodeDer(contextTag(0), of.timeDer),
    encodeDer(contextTag(1), encodeInteger(of.microseconds)),
    key ?? new Uint8Array(0),
    encodeDer(contextTag(3), encodeInteger(sequence)),
  );
  return encodeDer(Application.ENC_AP_REP_PART, fields);
}

/** Encodes an AP-REP, which the exchange of DCE does not frame. */
export function encodeApRepToken(etype: number, cipher: Uint8Array, isBare: boolean): Uint8Array {
  const sealed = encodeDer(
    Tag.SEQUENCE,
    encodeDer(contextTag(0), encodeInteger(etype)),
    encodeDer(contextTag(2), encodeDer(Tag.OCTET_STRING, cipher)),
  );
  const fields = encodeDer(
    Tag.SEQUENCE,
    encodeDer(contextTag(0), encodeInteger(VERSION)),
    encodeDer(contextTag(1), encodeInteger(MSG_AP_REP)),
    encodeDer(contextTag(2), sealed),
  );
  const reply = encodeDer(Application.AP_REP, fields);
  return isBare ? reply : encodeDer(Tag.GSS_TOKEN, encodeOid(Oid.KERBEROS), TOK_AP_REP, reply);
}

/** Decodes a bare AP-REP; its cipher is a view. Throws WireError when malformed. */
export function decodeApRep(bytes: Uint8Array): EncryptedData {
  const fields = new DerReader(bytes).enter(Application.AP_REP).enter(Tag.SEQUENCE);
  expectNumber(fields, 0, VERSION);
  expectNumber(fields, 1, MSG_AP_REP);
  return readEncrypted(fields.enter(contextTag(2)));
}

/** The sequence number of a decrypted part of an AP-REP. Throws WireError when malformed. */
export function decodeApRepSequence(bytes: Uint8Array): number | undefined {
  const fields = new DerReader(bytes).enter(Application.ENC_AP_REP_PART).enter(Tag.SEQUENCE);
  while (!fields.isAtEnd) {
    const tag = fields.peek();
    const field = new DerReader(fields.next());
    if (tag === contextTag(3)) return readInteger(field) >>> 0;
  }
  return undefined;
}

function expectNumber(fields: DerReader, field: number, expected: number): void {
  if (readInteger(fields.enter(contextTag(field))) !== expected) throw wireError("not of Kerberos 5");
}

function readEncrypted(outer: DerReader): EncryptedData {
  const fields = outer.enter(Tag.SEQUENCE);
  const etype = readInteger(fields.enter(contextTag(0)));
  const kvno = fields.peek() === contextTag(1) ? readInteger(fields.enter(contextTag(1))) : undefined;
  return { etype, kvno, cipher: fields.enter(contextTag(2)).value(Tag.OCTET_STRING) };
}

function readKey(outer: DerReader): EncryptionKey {
  const fields = outer.enter(Tag.SEQUENCE);
  const etype = readInteger(fields.enter(contextTag(0)));
  return { etype, value: fields.enter(contextTag(1)).value(Tag.OCTET_STRING) };
}

function readName(outer: DerReader): readonly string[] {
  const fields = outer.enter(Tag.SEQUENCE);
  fields.value(contextTag(0)); // name-type, a hint alone: RFC 4120 6.2
  const list = fields.enter(contextTag(1)).enter(Tag.SEQUENCE);
  const parts: string[] = [];
  while (!list.isAtEnd) {
    if (parts.length === MAX_NAME_PARTS) throw wireError("Kerberos name of too many parts");
    parts.push(readText(list));
  }
  return parts;
}

function readText(reader: DerReader): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(reader.value(Tag.GENERAL_STRING));
  } catch (error) {
    if (error instanceof TypeError) throw wireError("Kerberos name that is not UTF-8");
    throw error;
  }
}

/** Up to 32 bits; a negative number stands for an encryption type of its own. */
function readInteger(reader: DerReader): number {
  const content = reader.value(Tag.INTEGER);
  if (content.length === 0 || content.length > 5) throw wireError("Kerberos number out of range");
  let value = (content[0] ?? 0) >= 0x80 ? -1 : 0;
  for (const octet of content) value = value * 256 + octet;
  return value;
}

/** KerberosFlags: at least 32 bits, the first of which is the highest. */
function readFlags(reader: DerReader): number {
  const content = reader.value(BIT_STRING);
  if (content.length < 5) throw wireError("Kerberos flags too short");
  return new DataView(content.buffer, content.byteOffset + 1, 4).getUint32(0);
}

/** "20261128212500Z": RFC 4120 5.2.3 allows no other form. */
function readTime(reader: DerReader): number {
  const text = String.fromCharCode(...reader.value(GENERALIZED_TIME).subarray(0, 16));
  const found = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text)?.slice(1).map(Number);
  if (found === undefined) throw wireError("Kerberos time of another form");
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = found;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

function readGssFlags(outer: DerReader): number {
  const fields = outer.enter(Tag.SEQUENCE);
  const type = readInteger(fields.enter(contextTag(0)));
  const content = fields.enter(contextTag(1)).value(Tag.OCTET_STRING);
  if (type !== GSS_CHECKSUM) return 0;
  // Lgth (4), Bnd (16), Flags (4); with DELEG in Flags a KRB-CRED follows, then extensions. RFC 4121 4.1.1.1.
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  if (content.length < GSS_CHECKSUM_BYTES || view.getUint32(0, true) !== GSS_BINDINGS_BYTES)
    throw wireError("checksum of GSS-API of wrong length");
  // Bnd is not compared: a server without a TLS tunnel has no channel bindings of its own, and then those of
  // the client do not matter, as with MIT's and Heimdal's acceptors; RFC 2743 2.2.2, [MS-KILE] 3.4.5.
  // Delegated credentials are never decoded, so the server neither has nor keeps them.
  return view.getUint32(4 + GSS_BINDINGS_BYTES, true);
}
