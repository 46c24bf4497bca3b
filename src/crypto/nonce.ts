// Nonces: counters that never repeat under one key, and the nonce of an AES-GMAC signature.
// [MS-SMB2] 2.2.41 (11 and 12 bytes), 3.1.4.3 (unique under a key), 3.1.4.1 (GMAC).

import { GCM_NONCE_LENGTH } from "./aes-key.ts";

/** A 64-bit counter as two 32-bit halves, to avoid bigints on the hot path. */
export class NonceSequence {
  #low: number;
  #high: number;
  #left: number;

  /**
   * Starts at zero, which is safe because every session derives its own key, or at `low`/`high` (unsigned
   * 32-bit halves). Yields at most `limit` nonces, by default 2^53 - 1.
   */
  constructor(low = 0, high = 0, limit: number = Number.MAX_SAFE_INTEGER) {
    this.#low = low >>> 0;
    this.#high = high >>> 0;
    this.#left = limit;
  }

  /**
   * Writes the next nonce into `nonce` (8 to 12 bytes, else RangeError): eight bytes of counter, then zeros.
   * Returns false and writes nothing when the sequence is exhausted: the session must end.
   */
  next(nonce: Uint8Array): boolean {
    if (nonce.length < 8 || nonce.length > GCM_NONCE_LENGTH)
      throw new RangeError("a nonce of 8 to 12 bytes expected");
    if (this.#left <= 0) return false;
    this.#left--;
    writeWord(nonce, 0, this.#low);
    writeWord(nonce, 4, this.#high);
    nonce.fill(0, 8);
    this.#low = (this.#low + 1) >>> 0;
    // A counter with a random start may wrap around; `limit` still prevents a repetition.
    if (this.#low === 0) this.#high = (this.#high + 1) >>> 0;
    return true;
  }
}

function writeWord(out: Uint8Array, at: number, word: number): void {
  out[at] = word;
  out[at + 1] = word >>> 8;
  out[at + 2] = word >>> 16;
  out[at + 3] = word >>> 24;
}

export const GmacRole = { CLIENT: 0, SERVER: 1 } as const;
export type GmacRole = (typeof GmacRole)[keyof typeof GmacRole];

const IS_CANCEL = 2;

/**
 * Writes the nonce of an AES-GMAC signature into `nonce` (12 bytes): the header's MessageId at `bytes[at, at
 * + 8)`, then bit 0 set for the server, bit 1 for a CANCEL request, the rest zero. [MS-SMB2] 3.1.4.1
 */
export function writeGmacNonce(
  nonce: Uint8Array,
  bytes: Uint8Array,
  at: number,
  role: GmacRole,
  isCancel: boolean,
): void {
  for (let i = 0; i < 8; i++) nonce[i] = bytes[at + i] ?? 0;
  nonce[8] = role | (isCancel ? IS_CANCEL : 0);
  nonce[9] = 0;
  nonce[10] = 0;
  nonce[11] = 0;
}
