// The interface of the crypto primitives. Two providers implement it with identical results: `pure`
// (TypeScript) and `native` (the runtime's BoringSSL through node:crypto).

/** A keyed message authentication code; [MS-SMB2] 3.1.4.1. */
export interface Mac {
  /**
   * Writes the 16-byte MAC of `bytes[from, to)` to `out[at, at + 16)`; `out` may be `bytes`. The caller has
   * zeroed the signature field. Only AES-GMAC uses `nonce`: 12 bytes, else RangeError.
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
 * A keyed AEAD cipher. Data is transformed in place; the tag has 16 bytes. Nonce, additional data and tag may
 * lie in the same buffer as the data, outside its range. Throws RangeError when the nonce does not have
 * `nonceLength` bytes.
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
  /**
   * Decrypts `bytes[from, to)` in place. Returns false, with undefined contents in that range, when the tag
   * is wrong; tags are compared in constant time.
   */
  open(
    nonce: Uint8Array,
    aad: Uint8Array,
    bytes: Uint8Array,
    from: number,
    to: number,
    tag: Uint8Array,
  ): boolean;
}

/** A stream cipher: each call continues the key stream where the last one ended. */
export interface Stream {
  /** Returns a copy of `data` XORed with the key stream. */
  update(data: Uint8Array): Uint8Array;
}

/**
 * The primitives. Every function is pure and returns arrays that belong to the caller; keys are never logged,
 * and kept only in the returned objects. The AES functions throw RangeError unless the key has 16 or 32
 * bytes.
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
  /** HMAC-SHA256 truncated to 16 bytes, the signing algorithm of SMB 2.0.2 and 2.1. */
  hmacSha256Mac(key: Uint8Array): Mac;
  aesCmac(key: Uint8Array): Mac;
  aesGmac(key: Uint8Array): Mac;
  aesCcm(key: Uint8Array): Aead;
  aesGcm(key: Uint8Array): Aead;
}
