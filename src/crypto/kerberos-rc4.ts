// Kerberos' encryption type RC4-HMAC, of Windows 2000 to 2003. RFC 4757 4 (encryption), 5 and 7.2
// (GSS_GetMIC).
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { EncryptionType } from "./kerberos-type.ts";
import { createRc4 } from "./rc4.ts";

const CONFOUNDER = 8;
const HASH = 16;
/** Message type of GSS_GetMIC, which stands for the key usage; RFC 4757 7.2. */
const MIC_TYPE = 15;
/** TOK_ID, SGN_ALG (HMAC) and filler. */
const MIC_HEADER = Uint8Array.of(0x01, 0x01, 0x11, 0x00, 0xff, 0xff, 0xff, 0xff);

export const rc4Hmac: EncryptionType = {
  id: 23,
  name: "rc4-hmac",
  keyBytes: 16,
  confounderBytes: CONFOUNDER,
  hashBytes: 16,
  checksumId: -138,
  encrypt(key, usage, data, confounder) {
    const plain = Buffer.concat([confounder, data]);
    const usageKey = hmacMd5(key, littleEndian(usage));
    const hash = hmacMd5(usageKey, plain);
    return Buffer.concat([hash, createRc4(hmacMd5(usageKey, hash)).update(plain)]);
  },
  decrypt(key, usage, bytes) {
    if (bytes.length < HASH + CONFOUNDER) return undefined;
    const usageKey = hmacMd5(key, littleEndian(usage));
    const hash = bytes.subarray(0, HASH);
    const plain = createRc4(hmacMd5(usageKey, hash)).update(bytes.subarray(HASH));
    return timingSafeEqual(hmacMd5(usageKey, plain), hash) ? plain.subarray(CONFOUNDER) : undefined;
  },
  checksum(key, usage, data) {
    const signing = hmacMd5(key, Buffer.from("signaturekey\0", "latin1"));
    return hmacMd5(signing, md5(littleEndian(usage), data));
  },
};

/** The token of GSS_GetMIC, to be framed by GSS-API; `sequence` counts the sender's messages. */
export function rc4MicToken(
  key: Uint8Array,
  data: Uint8Array,
  sequence: number,
  isByAcceptor: boolean,
): Uint8Array {
  const checksum = micChecksum(key, data);
  const number = new Uint8Array(8).fill(isByAcceptor ? 0xff : 0, 4);
  new DataView(number.buffer).setUint32(0, sequence);
  return Buffer.concat([MIC_HEADER, createRc4(sequenceKey(key, checksum)).update(number), checksum]);
}

/**
 * Whether `token`, without its frame, is the client's GSS_GetMIC of `data`. The sequence number is not looked
 * at.
 */
export function isRc4Mic(key: Uint8Array, data: Uint8Array, token: Uint8Array): boolean {
  if (token.length !== 24 || !timingSafeEqual(token.subarray(0, 8), MIC_HEADER)) return false;
  const checksum = token.subarray(16);
  if (!timingSafeEqual(micChecksum(key, data), checksum)) return false;
  const number = createRc4(sequenceKey(key, checksum)).update(token.subarray(8, 16));
  return number.subarray(4).every((octet) => octet === 0);
}

function micChecksum(key: Uint8Array, data: Uint8Array): Uint8Array {
  const signing = hmacMd5(key, Buffer.from("signaturekey\0", "latin1"));
  return hmacMd5(signing, md5(littleEndian(MIC_TYPE), MIC_HEADER, data)).subarray(0, 8);
}

function sequenceKey(key: Uint8Array, checksum: Uint8Array): Uint8Array {
  return hmacMd5(hmacMd5(key, littleEndian(0)), checksum);
}

function hmacMd5(key: Uint8Array, data: Uint8Array): Uint8Array {
  return createHmac("md5", key).update(data).digest();
}

function md5(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash("md5");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function littleEndian(value: number): Uint8Array {
  const out = new Uint8Array(4);
  new DataView(out.buffer).setUint32(0, value, true);
  return out;
}
