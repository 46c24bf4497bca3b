// The seam between SMB's crypto composition and its primitives: two providers, `pure` (TypeScript) and `native`
// (the runtime's BoringSSL through node:crypto), answer the same questions with the same bytes.

/** A message authentication code with its key bound; [MS-SMB2] 3.1.4.1. */
export interface Mac {
  /**
   * Writes the 16-byte code of `bytes[from, to)` to `out[at, at + 16)`. The caller has zeroed the signature
   * field. `nonce` (12 bytes) is used by AES-GMAC alone. `out` may be the same buffer as `bytes`.
   */
  compute(
    bytes: Uint8Array,
    from: number,
    to: number,
    nonce: Uint8Array | undefined,
    out: Uint8Array,
    at: number,
  ): void;
}

/**
 * An AEAD with its key bound. Data is transformed in place; the tag has 16 bytes. Nonce, additional data and tag
 * may lie in the buffer of the data, outside the range. A nonce of another length throws RangeError.
 */
export interface Aead {
  /** Nonce length in bytes: 11 for CCM, 12 for GCM; [MS-SMB2] 2.2.41. */
  readonly nonceLength: number;
  /** Encrypts `bytes[from, to)` in place and writes the tag to `tag` (16 bytes). */
  seal(
    nonce: Uint8Array,
    aad: Uint8Array,
    bytes: Uint8Array,
    from: number,
    to: number,
    tag: Uint8Array,
  ): void;
  /** Decrypts in place; false, with the bytes undefined, when the tag is wrong (compared in constant time). */
  open(
    nonce: Uint8Array,
    aad: Uint8Array,
    bytes: Uint8Array,
    from: number,
    to: number,
    tag: Uint8Array,
  ): boolean;
}

/** A keystream cipher with state: each call continues where the last one ended. */
export interface Stream {
  /** XORs the key stream into a copy of `data`. */
  update(data: Uint8Array): Uint8Array;
}

/**
 * What a provider answers. Every function is pure and its answer the caller's own; keys are never logged or kept
 * beyond the bound object. An AES key of another length than 16 or 32 bytes throws RangeError.
 */
export interface Provider {
  readonly name: "pure" | "native";
  md4(data: Uint8Array): Uint8Array;
  md5(data: Uint8Array): Uint8Array;
  hmacMd5(key: Uint8Array, data: Uint8Array): Uint8Array;
  rc4(key: Uint8Array): Stream;
  sha256(data: Uint8Array): Uint8Array;
  /** SHA-512 of `first` followed by `second`, without joining them. */
  sha512(first: Uint8Array, second: Uint8Array): Uint8Array;
  hmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array;
  /** HMAC-SHA256 cut to 16 bytes, as SMB 2.0.2 and 2.1 sign. */
  hmacSha256Mac(key: Uint8Array): Mac;
  aesCmac(key: Uint8Array): Mac;
  aesGmac(key: Uint8Array): Mac;
  /** Key of 16 or 32 bytes. */
  aesCcm(key: Uint8Array): Aead;
  /** Key of 16 or 32 bytes. */
  aesGcm(key: Uint8Array): Aead;
}
