// NTLM's one-way functions, keys, MIC and message signatures.
// [MS-NLMP] 3.3.1, 3.3.2 (NTOWF), 3.1.5.1.2 (MIC), 3.4.4.2 (signatures), 3.4.5 (KXKEY, SIGNKEY, SEALKEY).

import type { Provider, Stream } from "./provider.ts";

/** Which end a key belongs to. */
export type NtlmSide = "client" | "server";

/** How much of the session key a sealing key is made from: 16, 7 or 5 bytes. */
export type SealStrength = 128 | 56 | 40;

/** UTF-16LE without a terminator; unpaired surrogates stay as they are. */
function encodeUtf16(text: string): Uint8Array {
  return Buffer.from(text, "utf16le");
}

/**
 * Upper case as Windows does it for names: one UTF-16 unit for one, so that "ß" stays, and nothing outside
 * ASCII becomes ASCII or moves between the Latin and the Greek letters.
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

/** NTOWFv1: the NT hash of a password, 16 bytes, which the user database keeps. */
export function ntowfV1(provider: Provider, password: string): Uint8Array {
  return provider.md4(encodeUtf16(password));
}

/** NTOWFv2: the response key from an NT hash, the user's name in any case and the domain as the client sent it. */
export function ntowfV2(provider: Provider, ntHash: Uint8Array, user: string, domain: string): Uint8Array {
  return provider.hmacMd5(ntHash, encodeUtf16(upcaseName(user) + domain));
}

/** NTProofStr: what the first 16 bytes of an NTLMv2 response must be; `temp` is the rest of that response. */
export function ntProof(
  provider: Provider,
  responseKey: Uint8Array,
  serverChallenge: Uint8Array,
  temp: Uint8Array,
): Uint8Array {
  return provider.hmacMd5(responseKey, join(serverChallenge, temp));
}

/** The session base key, which for NTLMv2 is the key exchange key as well (KXKEY, 3.4.5.1). */
export function sessionBaseKey(provider: Provider, responseKey: Uint8Array, proof: Uint8Array): Uint8Array {
  return provider.hmacMd5(responseKey, proof);
}

/** The exported session key where KEY_EXCH was negotiated; without it the key exchange key itself is exported. */
export function decryptSessionKey(
  provider: Provider,
  keyExchangeKey: Uint8Array,
  encryptedRandomSessionKey: Uint8Array,
): Uint8Array {
  return provider.rc4(keyExchangeKey).update(encryptedRandomSessionKey);
}

/** The MIC over the three messages; the 16 bytes of the MIC in `authenticate` must be zero. */
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

/** SIGNKEY with extended session security. */
export function signKey(provider: Provider, exportedSessionKey: Uint8Array, side: NtlmSide): Uint8Array {
  return provider.md5(join(exportedSessionKey, magicConstant(side, "signing")));
}

/** SEALKEY with extended session security. */
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
 * NTLMSSP_MESSAGE_SIGNATURE with extended session security, 16 bytes. `seal` is the side's RC4 stream, used where
 * KEY_EXCH was negotiated and carried on from message to message; undefined leaves the checksum as it is.
 * A mechListMIC is the signature of the DER mechTypes list with sequence number 0.
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
