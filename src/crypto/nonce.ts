// Nonces: counters that never repeat under one key, and the nonce a GMAC signature takes from its message.
// [MS-SMB2] 2.2.41 (11 and 12 bytes), 3.1.4.3 (unique under a key), 3.1.4.1 (GMAC).

import { GCM_NONCE_LENGTH } from "./aes-key.ts";

/** A 64-bit counter in two halves, so that no bigint lives on the hot path. */
export class NonceSequence {
  #low: number;
  #high: number;
  #left: number;

  /**
   * Starts at zero, since every session derives a key of its own, or at `low`/`high` (unsigned, 32 bits each).
   * `limit` nonces at most are given; more than 2^53 cannot be asked for.
   */
  constructor(low = 0, high = 0, limit: number = Number.MAX_SAFE_INTEGER) {
    this.#low = low >>> 0;
    this.#high = high >>> 0;
    this.#left = limit;
  }

  /**
   * Writes the next nonce over the whole of `nonce` (8 to 12 bytes): the counter in its first eight, zero in
   * the rest.
   * False, with nothing written, when the sequence is used up: the session must end.
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
    // Where the counter goes round after a random start, `limit` still keeps it from meeting itself.
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
 * The nonce of an AES-GMAC signature, into `nonce` (12 bytes): the eight bytes of the MessageId at
 * `bytes[at, at + 8)` as the header has them, then bit 0 for the server, bit 1 for CANCEL, the rest zero.
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
