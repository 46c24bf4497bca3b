// NTLMSSP messages and the structures in them.
// [MS-NLMP] 2.2.1 (messages), 2.2.2.1 (AV_PAIR), 2.2.2.5 (flags), 2.2.2.7, 2.2.2.8 (NTLMv2 response),
// 2.2.2.10 (VERSION).
import { decodeUtf16, EMPTY, Reader, wireError, Writer } from "../cursor.ts";
import { readFiletime, type Time, writeFiletime } from "../filetime.ts";

export const NtlmMessageType = { NEGOTIATE: 1, CHALLENGE: 2, AUTHENTICATE: 3 } as const;
export type NtlmMessageType = (typeof NtlmMessageType)[keyof typeof NtlmMessageType];

/** NegotiateFlags, [MS-NLMP] 2.2.2.5. */
export const NtlmFlag = {
  UNICODE: 0x0000_0001,
  OEM: 0x0000_0002,
  REQUEST_TARGET: 0x0000_0004,
  SIGN: 0x0000_0010,
  SEAL: 0x0000_0020,
  NTLM: 0x0000_0200,
  ANONYMOUS: 0x0000_0800,
  ALWAYS_SIGN: 0x0000_8000,
  TARGET_TYPE_DOMAIN: 0x0001_0000,
  TARGET_TYPE_SERVER: 0x0002_0000,
  EXTENDED_SESSIONSECURITY: 0x0008_0000,
  TARGET_INFO: 0x0080_0000,
  VERSION: 0x0200_0000,
  KEY_128: 0x2000_0000,
  KEY_EXCH: 0x4000_0000,
  KEY_56: 0x8000_0000,
} as const;

/** [MS-NLMP] 2.2.2.1. */
export const AvId = {
  EOL: 0,
  NB_COMPUTER_NAME: 1,
  NB_DOMAIN_NAME: 2,
  DNS_COMPUTER_NAME: 3,
  DNS_DOMAIN_NAME: 4,
  DNS_TREE_NAME: 5,
  FLAGS: 6,
  TIMESTAMP: 7,
  SINGLE_HOST: 8,
  TARGET_NAME: 9,
  CHANNEL_BINDINGS: 10,
} as const;
export type AvId = (typeof AvId)[keyof typeof AvId];

/** Bit of MsvAvFlags: the AUTHENTICATE message has a MIC. */
export const AV_FLAG_MIC = 0x0000_0002;
/** Bit of MsvAvFlags: the client has MsvAvTargetName from a source that it does not trust. */
export const AV_FLAG_UNTRUSTED_TARGET = 0x0000_0004;

export interface AvPair {
  readonly id: number;
  readonly value: Uint8Array;
}

export interface NtlmChallenge {
  readonly flags: number;
  readonly targetName: string;
  /** 8 bytes. */
  readonly serverChallenge: Uint8Array;
  readonly targetInfo: Uint8Array;
}

export interface NtlmAuthenticate {
  readonly flags: number;
  readonly lmResponse: Uint8Array;
  readonly ntResponse: Uint8Array;
  readonly domain: string;
  readonly user: string;
  readonly workstation: string;
  readonly encryptedSessionKey: Uint8Array;
  /** 16 bytes; undefined when the payload starts before the end of the MIC field. */
  readonly mic: Uint8Array | undefined;
}

export interface Ntlmv2Response {
  /** NTProofStr, 16 bytes. */
  readonly proof: Uint8Array;
  /** The rest, NTLMv2_CLIENT_CHALLENGE, which the proof is computed over. */
  readonly clientChallenge: Uint8Array;
  readonly avPairs: readonly AvPair[];
}

/** Offset of the MIC in an AUTHENTICATE message that has one. */
export const MIC_OFFSET = 72;
const MIC_LENGTH = 16;

const SIGNATURE = Uint8Array.of(0x4e, 0x54, 0x4c, 0x4d, 0x53, 0x53, 0x50, 0);
const CHALLENGE_FIXED = 56;
const AUTHENTICATE_FIXED = 64;
// Clients of LAN Manager's time end the fixed part before EncryptedRandomSessionKey and NegotiateFlags.
const AUTHENTICATE_FIXED_OLD = 52;
const FIRST_FIELD_OFFSET = 12;
const PROOF_LENGTH = 16;
const CLIENT_CHALLENGE_FIXED = 28;
const MAX_AV_PAIRS = 64;

// VERSION: Windows 6.1, NTLMSSP_REVISION_W2K3. No client is known to use it.
const VERSION = Uint8Array.of(6, 1, 0, 0, 0, 0, 0, 15);

/** Whether the bytes start with NTLMSSP's signature. */
export function isNtlmssp(token: Uint8Array): boolean {
  return token.length >= 12 && SIGNATURE.every((byte, i) => token[i] === byte);
}

/** Returns the message's type. Throws WireError for anything but the three messages. */
export function decodeNtlmType(message: Uint8Array): NtlmMessageType {
  if (!isNtlmssp(message)) throw wireError("not an NTLMSSP message");
  const type = new DataView(message.buffer, message.byteOffset).getUint32(8, true);
  if (type < 1 || type > 3) throw wireError("NTLMSSP message type out of range");
  return type as NtlmMessageType;
}

/**
 * Returns NegotiateFlags of a NEGOTIATE message. Its domain and workstation names are mere hints and ignored.
 */
export function decodeNtlmNegotiate(message: Uint8Array): number {
  const reader = new Reader(message);
  reader.skip(12);
  return reader.u32();
}

export function encodeNtlmNegotiate(flags: number): Uint8Array {
  const writer = new Writer(new Uint8Array(40));
  writer.raw(SIGNATURE);
  writer.u32(NtlmMessageType.NEGOTIATE);
  writer.u32(flags);
  writer.zero(16);
  if (flags & NtlmFlag.VERSION) writer.raw(VERSION);
  return writer.bytes.slice(0, writer.position);
}

export function encodeNtlmChallenge(challenge: NtlmChallenge): Uint8Array {
  const { flags, targetName, serverChallenge, targetInfo } = challenge;
  const name = encodeText(targetName, flags);
  const writer = new Writer(new Uint8Array(CHALLENGE_FIXED + name.length + targetInfo.length));
  writer.raw(SIGNATURE);
  writer.u32(NtlmMessageType.CHALLENGE);
  writeField(writer, name.length, CHALLENGE_FIXED);
  writer.u32(flags);
  writer.raw(serverChallenge);
  writer.zero(8);
  writeField(writer, targetInfo.length, CHALLENGE_FIXED + name.length);
  if (flags & NtlmFlag.VERSION) writer.raw(VERSION);
  else writer.zero(VERSION.length);
  writer.raw(name);
  writer.raw(targetInfo);
  return writer.bytes;
}

export function decodeNtlmChallenge(message: Uint8Array): NtlmChallenge {
  const reader = new Reader(message);
  reader.skip(12);
  const targetName = readField(reader);
  const flags = reader.u32();
  const serverChallenge = reader.range(8);
  reader.skip(8);
  const targetInfo = readField(reader);
  return { flags, targetName: decodeText(targetName, flags), serverChallenge, targetInfo };
}

/**
 * Decodes an AUTHENTICATE message; byte fields are views of it. `negotiated` are the flags of CHALLENGE: they
 * hold where the message has none of its own, as the old form of 52 bytes, and tell the character set where
 * its flags name neither. Throws WireError for a malformed message.
 */
export function decodeNtlmAuthenticate(message: Uint8Array, negotiated: number): NtlmAuthenticate {
  if (message.length < AUTHENTICATE_FIXED_OLD) throw wireError("AUTHENTICATE message too short");
  const payload = firstPayloadOffset(message, AUTHENTICATE_FIXED_OLD);
  const isOld = message.length < AUTHENTICATE_FIXED || payload < AUTHENTICATE_FIXED;
  const reader = new Reader(message);
  reader.skip(12);
  const lmResponse = readField(reader);
  const ntResponse = readField(reader);
  const domain = readField(reader);
  const user = readField(reader);
  const workstation = readField(reader);
  const encryptedSessionKey = isOld ? EMPTY : readField(reader);
  const flags = isOld ? negotiated & ~NtlmFlag.KEY_EXCH : reader.u32();
  const isNamed = (flags & (NtlmFlag.UNICODE | NtlmFlag.OEM)) !== 0;
  const charset = isNamed ? flags : negotiated;
  const micEnd = MIC_OFFSET + MIC_LENGTH;
  const hasMic = message.length >= micEnd && firstPayloadOffset(message, AUTHENTICATE_FIXED - 4) >= micEnd;
  return {
    flags,
    lmResponse,
    ntResponse,
    domain: decodeText(domain, charset),
    user: decodeText(user, charset),
    workstation: decodeText(workstation, charset),
    encryptedSessionKey,
    mic: hasMic ? message.subarray(MIC_OFFSET, MIC_OFFSET + MIC_LENGTH) : undefined,
  };
}

/**
 * Encodes an AUTHENTICATE message with a MIC field, which is zero when `mic` is undefined; names as its flags
 * say.
 */
export function encodeNtlmAuthenticate(message: NtlmAuthenticate): Uint8Array {
  const fixed = MIC_OFFSET + MIC_LENGTH;
  const texts = [message.domain, message.user, message.workstation].map((text) =>
    encodeText(text, message.flags),
  );
  const fields = [message.lmResponse, message.ntResponse, ...texts, message.encryptedSessionKey];
  const total = fields.reduce((sum, field) => sum + field.length, fixed);
  const writer = new Writer(new Uint8Array(total));
  writer.raw(SIGNATURE);
  writer.u32(NtlmMessageType.AUTHENTICATE);
  let offset = fixed;
  for (const field of fields) {
    writeField(writer, field.length, offset);
    offset += field.length;
  }
  writer.u32(message.flags);
  writer.raw(VERSION);
  writer.raw(message.mic ?? new Uint8Array(MIC_LENGTH));
  for (const field of fields) writer.raw(field);
  return writer.bytes;
}

/** Decodes an NtChallengeResponse of NTLMv2. Throws WireError when it or its AV pairs are malformed. */
export function decodeNtlmv2Response(response: Uint8Array): Ntlmv2Response {
  if (response.length < PROOF_LENGTH + CLIENT_CHALLENGE_FIXED) throw wireError("NTLMv2 response too short");
  const clientChallenge = response.subarray(PROOF_LENGTH);
  if (clientChallenge[0] !== 1 || clientChallenge[1] !== 1)
    throw wireError("NTLMv2 response of unknown version");
  return {
    proof: response.subarray(0, PROOF_LENGTH),
    clientChallenge,
    avPairs: decodeAvPairs(clientChallenge.subarray(CLIENT_CHALLENGE_FIXED)),
  };
}

/** Decodes the pairs before MsvAvEOL, which may be missing because some clients omit it. At most 64 pairs. */
export function decodeAvPairs(bytes: Uint8Array): readonly AvPair[] {
  const reader = new Reader(bytes);
  const pairs: AvPair[] = [];
  while (reader.remaining >= 4) {
    const id = reader.u16();
    const value = reader.range(reader.u16());
    if (id === AvId.EOL) break;
    if (pairs.length === MAX_AV_PAIRS) throw wireError("too many AV pairs");
    pairs.push({ id, value });
  }
  return pairs;
}

/** Encodes the pairs in the given order, followed by MsvAvEOL. */
export function encodeAvPairs(pairs: readonly AvPair[]): Uint8Array {
  const total = pairs.reduce((sum, pair) => sum + 4 + pair.value.length, 4);
  const writer = new Writer(new Uint8Array(total));
  for (const { id, value } of pairs) {
    writer.u16(id);
    writer.u16(value.length);
    writer.raw(value);
  }
  writer.u32(AvId.EOL);
  return writer.bytes;
}

/** Returns MsvAvFlags, or 0 when absent. */
export function avFlags(pairs: readonly AvPair[]): number {
  const value = findAv(pairs, AvId.FLAGS);
  return value ? new Reader(value).u32() : 0;
}

/** Returns the value of the first pair with that id. */
export function findAv(pairs: readonly AvPair[], id: AvId): Uint8Array | undefined {
  return pairs.find((pair) => pair.id === id)?.value;
}

/** Encodes the value of MsvAvTimestamp. */
export function encodeAvTimestamp(time: Time): Uint8Array {
  const writer = new Writer(new Uint8Array(8));
  writeFiletime(writer, time.seconds, time.nanoseconds);
  return writer.bytes;
}

/** Decodes the value of MsvAvTimestamp; undefined for 0, -1 and -2, which are no times. */
export function decodeAvTimestamp(value: Uint8Array): Time | undefined {
  const time = readFiletime(new Reader(value));
  return typeof time === "object" ? time : undefined;
}

/** UTF-16LE without a terminator. */
export function encodeUtf16(text: string): Uint8Array {
  const writer = new Writer(new Uint8Array(text.length * 2));
  writer.utf16(text);
  return writer.bytes;
}

// Writes Len, MaxLen and BufferOffset; the offset counts from the start of the message.
function writeField(writer: Writer, length: number, offset: number): void {
  writer.u16(length);
  writer.u16(length);
  writer.u32(offset);
}

function readField(reader: Reader): Uint8Array {
  const length = reader.u16();
  reader.skip(2);
  const offset = reader.u32();
  if (length === 0) return EMPTY;
  if (offset < reader.position || offset + length > reader.bytes.length) {
    throw wireError("NTLMSSP field outside the message");
  }
  return reader.bytes.subarray(offset, offset + length);
}

function encodeText(text: string, flags: number): Uint8Array {
  return flags & NtlmFlag.UNICODE ? encodeUtf16(text) : new Uint8Array(Buffer.from(text, "latin1"));
}

// OEM characters beyond ASCII depend on the client's code page, which no field names.
function decodeText(bytes: Uint8Array, flags: number): string {
  if ((flags & NtlmFlag.UNICODE) !== 0) return decodeUtf16(bytes);
  if (bytes.some((byte) => byte > 0x7f)) throw wireError("OEM characters outside ASCII");
  return Buffer.from(bytes).toString("latin1");
}

// No field announces the MIC or the old form: what is present ends before the first payload. `end` is where
// the payload fields end.
function firstPayloadOffset(message: Uint8Array, end: number): number {
  const reader = new Reader(message);
  let first = message.length;
  for (let at = FIRST_FIELD_OFFSET; at < end; at += 8) {
    reader.seek(at);
    const length = reader.u16();
    reader.skip(2);
    const offset = reader.u32();
    if (length > 0) first = Math.min(first, offset);
  }
  return first;
}
