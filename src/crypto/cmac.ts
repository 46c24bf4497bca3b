// AES-CMAC in TypeScript by the block function of aes.ts: the signing algorithm of SMB 3.x.
// RFC 4493; [MS-SMB2] 3.1.4.1.

import { encryptBlock, encryptZeroBlock, expandKey } from "./aes.ts";
import { BLOCK_LENGTH, assertAesKey, doubleBlock } from "./aes-key.ts";
import type { Mac } from "./provider.ts";

const last = new Uint8Array(BLOCK_LENGTH);
const lastView = new DataView(last.buffer);
// The MAC so far.
const chain = new Int32Array(4);

class PureCmac implements Mac {
  readonly #roundKeys: Int32Array;
  readonly #k1: Uint8Array;
  readonly #k2: Uint8Array;

  constructor(key: Uint8Array) {
    this.#roundKeys = expandKey(key);
    const k1 = encryptZeroBlock(this.#roundKeys);
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
    chain.fill(0);
    let position = from;
    for (let block = 0; block < whole; block++, position += BLOCK_LENGTH) {
      absorb(keys, view, position);
    }
    const rest = to - position;
    const subkey = rest === BLOCK_LENGTH ? this.#k1 : this.#k2;
    for (let i = 0; i < BLOCK_LENGTH; i++) {
      const byte = i < rest ? (bytes[position + i] ?? 0) : i === rest ? 0x80 : 0;
      last[i] = byte ^ (subkey[i] ?? 0);
    }
    absorb(keys, lastView, 0);
    for (let i = 0; i < 4; i++) lastView.setInt32(i * 4, chain[i] ?? 0, true);
    out.set(last, at);
  }
}

function absorb(keys: Int32Array, view: DataView, at: number): void {
  encryptBlock(
    keys,
    (chain[0] ?? 0) ^ view.getInt32(at, true),
    (chain[1] ?? 0) ^ view.getInt32(at + 4, true),
    (chain[2] ?? 0) ^ view.getInt32(at + 8, true),
    (chain[3] ?? 0) ^ view.getInt32(at + 12, true),
    chain,
  );
}

/** AES-CMAC with a key of 16 or 32 bytes. Throws RangeError for any other length. */
export function createCmac(key: Uint8Array): Mac {
  assertAesKey(key);
  return new PureCmac(key);
}
