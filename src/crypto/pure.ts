// The pure provider, in TypeScript only: noble's hashes, and AES and its modes in this directory.
// [MS-SMB2] 3.1.4, [MS-NLMP] 3.4.

import { hmac } from "@noble/hashes/hmac.js";
import { md5 } from "@noble/hashes/legacy.js";
import { sha256, sha512 } from "@noble/hashes/sha2.js";
import { createCcm } from "./ccm.ts";
import { createCmac } from "./cmac.ts";
import { createGcm, createGmac } from "./gcm.ts";
import { md4 } from "./md4.ts";
import type { Mac, Provider } from "./provider.ts";
import { createRc4 } from "./rc4.ts";

class PureHmacSha256 implements Mac {
  // Keyed once and cloned per message, which saves hashing the two key blocks again.
  readonly #keyed: ReturnType<typeof hmac.create>;

  constructor(key: Uint8Array) {
    this.#keyed = hmac.create(sha256, key);
  }

  compute(
    bytes: Uint8Array,
    from: number,
    to: number,
    _nonce: Uint8Array | undefined,
    out: Uint8Array,
    at: number,
  ): void {
    const digest = this.#keyed.clone().update(bytes.subarray(from, to)).digest();
    out.set(digest.subarray(0, 16), at);
  }
}

export const pureProvider: Provider = {
  name: "pure",
  md4,
  md5: (data) => md5(data),
  hmacMd5: (key, data) => hmac(md5, key, data),
  rc4: createRc4,
  sha256: (data) => sha256(data),
  sha512: (first, second) => sha512.create().update(first).update(second).digest(),
  hmacSha256: (key, data) => hmac(sha256, key, data),
  hmacSha256Mac: (key) => new PureHmacSha256(key),
  aesCmac: createCmac,
  aesGmac: createGmac,
  aesCcm: createCcm,
  aesGcm: createGcm,
};
