// The blocks that CCM authenticates before the data: B0, then the additional data with its length,
// zero-padded. RFC 3610 section 2.2, NIST SP 800-38C A.2, with L = 4 (11-byte nonce) and M = 16.

import { BLOCK_LENGTH, CCM_NONCE_LENGTH } from "./aes-key.ts";

/** Flags of the counter blocks A_i: L' = 3. */
export const CTR_FLAGS = 0x03;
/** Flags of B0 without additional data: M' = 7, L' = 3. */
const MAC_FLAGS = 0x3b;
const HAS_AAD = 0x40;

// Large enough for SMB2: 32 bytes of additional data (transform header) need 64 bytes with B0 and prefix.
const usual = new Uint8Array(128);

/**
 * Returns B0 and the additional data as whole blocks, valid until the next call. `dataLength` is below 2^32.
 */
export function writeCcmHead(nonce: Uint8Array, aad: Uint8Array, dataLength: number): Uint8Array {
  const prefix = aad.length === 0 ? 0 : aad.length < 0xff00 ? 2 : 6;
  const length = BLOCK_LENGTH + ((prefix + aad.length + BLOCK_LENGTH - 1) & -BLOCK_LENGTH);
  const head = length <= usual.length ? usual.subarray(0, length) : new Uint8Array(length);
  head[0] = prefix === 0 ? MAC_FLAGS : MAC_FLAGS | HAS_AAD;
  head.set(nonce, 1);
  let at = 1 + CCM_NONCE_LENGTH;
  at = writeBigEndian(head, at, dataLength, 4);
  if (prefix === 2) at = writeBigEndian(head, at, aad.length, 2);
  if (prefix === 6) {
    head[at++] = 0xff;
    head[at++] = 0xfe;
    at = writeBigEndian(head, at, aad.length, 4);
  }
  head.set(aad, at);
  head.fill(0, at + aad.length);
  return head;
}

function writeBigEndian(out: Uint8Array, at: number, value: number, size: number): number {
  for (let i = size - 1; i >= 0; i--) out[at++] = value >>> (i * 8);
  return at;
}
