// NTLM's one-way functions, keys, MIC and message signatures.
// [MS-NLMP] 3.3.1, 3.3.2 (NTOWF), 3.1.5.1.2 (MIC), 3.4.4.2 (signatures), 3.4.5 (KXKEY, SIGNKEY, SEALKEY).

import type { Provider, Stream } from "./provider.ts";

/** The sender whose messages a key signs or seals. */
export type NtlmSide = "client" | "server";

/** Negotiated key strength in bits: the sealing key is derived from 16, 7 or 5 bytes of the session key. */
export type SealStrength = 128 | 56 | 40;

/** UTF-16LE without a terminator; lone surrogates are kept. */
function encodeUtf16(text: string): Uint8Array {
  return Buffer.from(text, "utf16le");
}

/**
 * Uppercases a user name as Windows does: one UTF-16 unit maps to one, so "ß" stays; no letter outside ASCII
 * becomes an ASCII letter, and U+00B5 (micro sign, Latin-1) does not become a Greek letter.
 */
export function upcaseName(text: string): string {
  let upper = "";
  for (let i = 0; i < text.length; i++) {
    const unit = text.charAt(i);
    const mapped = unit.toUpperCase();
    const keeps = mapped.length !== 1 || unit === "\u00b5" || (unit > "\u007f" && mapped <= "\u007f");
    upper += keeps ? unit : mapped;
  }
  return upper;
}

/** NTOWFv1: the NT hash of a password (16 bytes), as stored in the user database. */
export function ntowfV1(provider: Provider, password: string): Uint8Array {
  return provider.md4(encodeUtf16(password));
}

/** NTOWFv2: the response key. `user` may be in any case; `domain` must be exactly as the client sent it. */
export function ntowfV2(provider: Provider, ntHash: Uint8Array, user: string, domain: string): Uint8Array {
  return provider.hmacMd5(ntHash, encodeUtf16(upcaseName(user) + domain));
}

/** NTProofStr: the expected first 16 bytes of an NTLMv2 response; `temp` is the rest of that response. */
export function ntProof(
  provider: Provider,
  responseKey: Uint8Array,
  serverChallenge: Uint8Array,
  temp: Uint8Array,
): Uint8Array {
  return provider.hmacMd5(responseKey, join(serverChallenge, temp));
}

/** The session base key; for NTLMv2 it is also the key exchange key (KXKEY, [MS-NLMP] 3.4.5.1). */
export function sessionBaseKey(provider: Provider, responseKey: Uint8Array, proof: Uint8Array): Uint8Array {
  return provider.hmacMd5(responseKey, proof);
}

/** The exported session key if KEY_EXCH was negotiated; otherwise the key exchange key itself is exported. */
export function decryptSessionKey(
  provider: Provider,
  keyExchangeKey: Uint8Array,
  encryptedRandomSessionKey: Uint8Array,
): Uint8Array {
  return provider.rc4(keyExchangeKey).update(encryptedRandomSessionKey);
}

/** The MIC over the three messages; the caller has zeroed the 16 MIC bytes in `authenticate`. */
export function authenticateMic(
  provider: Provider,
  exportedSessionKey: Uint8Array,
  negotiate: Uint8Array,
  challenge: Uint8Array,
  authenticate: Uint8Array,
): Uint8Array {
  return provider.hmacMd5(exportedSessionKey, join(negotiate, challenge, authenticate));
}

function magicConstant(side: NtlmSide, purpose: "signing" | "sealing"): Uint8Array {
  const direction = side === "client" ? "client-to-server" : "server-to-client";
  return new TextEncoder().encode(`session key to ${direction} ${purpose} key magic constant\0`);
}

/** SIGNKEY with extended session security, [MS-NLMP] 3.4.5.2. */
export function signKey(provider: Provider, exportedSessionKey: Uint8Array, side: NtlmSide): Uint8Array {
  return provider.md5(join(exportedSessionKey, magicConstant(side, "signing")));
}

/** SEALKEY with extended session security, [MS-NLMP] 3.4.5.3. */
export function sealKey(
  provider: Provider,
  exportedSessionKey: Uint8Array,
  side: NtlmSide,
  strength: SealStrength,
): Uint8Array {
  const length = strength === 128 ? 16 : strength === 56 ? 7 : 5;
  return provider.md5(join(exportedSessionKey.subarray(0, length), magicConstant(side, "sealing")));
}

/**
 * NTLMSSP_MESSAGE_SIGNATURE with extended session security, 16 bytes. `seal` is the sender's RC4 stream,
 * which encrypts the checksum if KEY_EXCH was negotiated and continues from message to message; otherwise
 * undefined. A mechListMIC is the signature of the DER-encoded mechTypes list with sequence number 0.
 */
export function messageSignature(
  provider: Provider,
  signingKey: Uint8Array,
  seal: Stream | undefined,
  sequenceNumber: number,
  message: Uint8Array,
): Uint8Array {
  const signature = new Uint8Array(16);
  const view = new DataView(signature.buffer);
  view.setUint32(0, 1, true);
  view.setUint32(12, sequenceNumber, true);
  const checksum = provider.hmacMd5(signingKey, join(signature.subarray(12), message)).subarray(0, 8);
  signature.set(seal === undefined ? checksum : seal.update(checksum), 4);
  return signature;
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
