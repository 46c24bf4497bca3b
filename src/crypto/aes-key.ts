// Shared by all AES modes: key and nonce length checks, constant-time tag comparison, doubling in GF(2^128).
// FIPS 197; [MS-SMB2] 2.2.41 (nonces of 11 and 12 bytes, tags of 16).

export const BLOCK_LENGTH = 16;
export const TAG_LENGTH = 16;
export const CCM_NONCE_LENGTH = 11;
export const GCM_NONCE_LENGTH = 12;

/** Throws RangeError unless the key has 16 bytes (AES-128) or 32 (AES-256). */
export function assertAesKey(key: Uint8Array): void {
  if (key.length !== 16 && key.length !== 32) throw new RangeError("AES key of 16 or 32 bytes expected");
}

/** Throws RangeError unless the nonce has `length` bytes. */
export function assertNonce(nonce: Uint8Array | undefined, length: number): asserts nonce is Uint8Array {
  if (nonce === undefined || nonce.length !== length)
    throw new RangeError(`a nonce of ${length} bytes expected`);
}

/** Compares two 16-byte tags in constant time; false for any other length. */
export function tagsEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== TAG_LENGTH || b.length !== TAG_LENGTH) return false;
  let difference = 0;
  for (let i = 0; i < TAG_LENGTH; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}

/**
 * Doubles a 16-byte block in GF(2^128) in place: CMAC's subkeys are L doubled once and twice (RFC 4493
 * section 2.3). The block is derived from the key, so no branch depends on its bits.
 */
export function doubleBlock(block: Uint8Array): void {
  let carry = 0;
  for (let i = BLOCK_LENGTH - 1; i >= 0; i--) {
    const byte = block[i] ?? 0;
    block[i] = (byte << 1) | carry;
    carry = byte >>> 7;
  }
  block[15] = (block[15] ?? 0) ^ (0x87 & -carry);
}
