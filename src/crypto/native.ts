// The native provider, the runtime's BoringSSL: Bun.CryptoHasher for digests, node:crypto for ciphers.
// [MS-SMB2] 3.1.4, [MS-NLMP] 3.4.

import { createCipheriv } from "node:crypto";
import { createNativeCcm, createNativeCmac, createNativeGcm, createNativeGmac } from "./native-aes.ts";
import type { Mac, Provider, Stream } from "./provider.ts";

// digest() requires a buffer of at least 64 bytes, whatever the digest's length.
const digestScratch = new Uint8Array(64);

function hash(algorithm: "md4" | "md5" | "sha256", data: Uint8Array): Uint8Array {
  return new Bun.CryptoHasher(algorithm).update(data).digest();
}

function hmac(algorithm: "md5" | "sha256", key: Uint8Array, data: Uint8Array): Uint8Array {
  return new Bun.CryptoHasher(algorithm, key).update(data).digest();
}

class NativeHmacSha256 implements Mac {
  // Keyed once and copied per message: cheaper than keying again; digest() ends an HMAC.
  readonly #keyed: Bun.CryptoHasher;

  constructor(key: Uint8Array) {
    this.#keyed = new Bun.CryptoHasher("sha256", key);
  }

  compute(
    bytes: Uint8Array,
    from: number,
    to: number,
    _nonce: Uint8Array | undefined,
    out: Uint8Array,
    at: number,
  ): void {
    this.#keyed.copy().update(bytes.subarray(from, to)).digest(digestScratch);
    for (let i = 0; i < 16; i++) out[at + i] = digestScratch[i] ?? 0;
  }
}

function createNativeRc4(key: Uint8Array): Stream {
  const cipher = createCipheriv("rc4", key, null);
  return { update: (data) => cipher.update(data) };
}

export const nativeProvider: Provider = {
  name: "native",
  md4: (data) => hash("md4", data),
  md5: (data) => hash("md5", data),
  hmacMd5: (key, data) => hmac("md5", key, data),
  rc4: createNativeRc4,
  sha256: (data) => hash("sha256", data),
  sha512: (first, second) => new Bun.CryptoHasher("sha512").update(first).update(second).digest(),
  hmacSha256: (key, data) => hmac("sha256", key, data),
  hmacSha256Mac: (key) => new NativeHmacSha256(key),
  aesCmac: createNativeCmac,
  aesGmac: createNativeGmac,
  aesCcm: createNativeCcm,
  aesGcm: createNativeGcm,
};
