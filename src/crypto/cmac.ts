// AES-CMAC in TypeScript with noble's AES block function: the signing algorithm of SMB 3.x.
// RFC 4493; [MS-SMB2] 3.1.4.1.

import { unsafe } from "@noble/ciphers/aes.js";
import { BLOCK_LENGTH, assertAesKey, doubleBlock } from "./aes-key.ts";
import type { Mac } from "./provider.ts";

const last = new Uint8Array(BLOCK_LENGTH);
const lastView = new DataView(last.buffer);

class PureCmac implements Mac {
  readonly #roundKeys: Uint32Array;
  readonly #k1: Uint8Array;
  readonly #k2: Uint8Array;

  constructor(key: Uint8Array) {
    this.#roundKeys = unsafe.expandKeyLE(key);
    const k1 = new Uint8Array(BLOCK_LENGTH);
    unsafe.encryptBlock(this.#roundKeys, k1);
    doubleBlock(k1);
    this.#k1 = k1;
    this.#k2 = k1.slice();
    doubleBlock(this.#k2);
  }

  compute(
    bytes: Uint8Array,
    from: number,
    to: number,
    _nonce: Uint8Array | undefined,
    out: Uint8Array,
    at: number,
  ): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const keys = this.#roundKeys;
    const length = to - from;
    const whole = length === 0 ? 0 : (length - 1) >>> 4;
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    let position = from;
    for (let block = 0; block < whole; block++, position += BLOCK_LENGTH) {
      const x = unsafe.encrypt(
        keys,
        s0 ^ view.getInt32(position, true),
        s1 ^ view.getInt32(position + 4, true),
        s2 ^ view.getInt32(position + 8, true),
        s3 ^ view.getInt32(position + 12, true),
      );
      s0 = x.s0;
      s1 = x.s1;
      s2 = x.s2;
      s3 = x.s3;
    }
    const rest = to - position;
    const subkey = rest === BLOCK_LENGTH ? this.#k1 : this.#k2;
    for (let i = 0; i < BLOCK_LENGTH; i++) {
      const byte = i < rest ? (bytes[position + i] ?? 0) : i === rest ? 0x80 : 0;
      last[i] = byte ^ (subkey[i] ?? 0);
    }
    const tag = unsafe.encrypt(
      keys,
      s0 ^ lastView.getInt32(0, true),
      s1 ^ lastView.getInt32(4, true),
      s2 ^ lastView.getInt32(8, true),
      s3 ^ lastView.getInt32(12, true),
    );
    lastView.setInt32(0, tag.s0, true);
    lastView.setInt32(4, tag.s1, true);
    lastView.setInt32(8, tag.s2, true);
    lastView.setInt32(12, tag.s3, true);
    out.set(last, at);
  }
}

/** AES-CMAC with a key of 16 or 32 bytes. Throws RangeError for any other length. */
export function createCmac(key: Uint8Array): Mac {
  assertAesKey(key);
  return new PureCmac(key);
}
