// AES-CCM in TypeScript with noble's AES block function: in one pass, in place, without allocation per block.
// RFC 3610, NIST SP 800-38C; [MS-SMB2] 2.2.41 and 3.1.4.3 (11-byte nonce, 16-byte tag).

import { unsafe } from "@noble/ciphers/aes.js";
import { BLOCK_LENGTH, CCM_NONCE_LENGTH, assertAesKey, assertNonce, tagsEqual } from "./aes-key.ts";
import { CTR_FLAGS, writeCcmHead } from "./ccm-head.ts";
import type { Aead } from "./provider.ts";

const counterBlock = new Uint8Array(BLOCK_LENGTH);
const counterView = new DataView(counterBlock.buffer);
const scratch = new Uint8Array(BLOCK_LENGTH);
const scratchView = new DataView(scratch.buffer);
const plainTail = new Uint8Array(BLOCK_LENGTH);
const plainTailView = new DataView(plainTail.buffer);
const computedTag = new Uint8Array(BLOCK_LENGTH);
const computedTagView = new DataView(computedTag.buffer);

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function counterWord(counter: number): number {
  return ((counter & 0xff) << 24) | ((counter & 0xff00) << 8) | ((counter >>> 8) & 0xff00) | (counter >>> 24);
}

class PureCcm implements Aead {
  readonly nonceLength = CCM_NONCE_LENGTH;
  readonly #roundKeys: Uint32Array;
  #m0 = 0;
  #m1 = 0;
  #m2 = 0;
  #m3 = 0;

  constructor(key: Uint8Array) {
    this.#roundKeys = unsafe.expandKeyLE(key);
  }

  seal(
    nonce: Uint8Array,
    aad: Uint8Array,
    bytes: Uint8Array,
    from: number,
    to: number,
    tag: Uint8Array,
  ): void {
    this.#run(nonce, aad, bytes, from, to, true);
    tag.set(computedTag);
  }

  open(
    nonce: Uint8Array,
    aad: Uint8Array,
    bytes: Uint8Array,
    from: number,
    to: number,
    tag: Uint8Array,
  ): boolean {
    this.#run(nonce, aad, bytes, from, to, false);
    if (tagsEqual(computedTag, tag)) return true;
    // Erases the decryption of a forged message, so that it cannot be used as data.
    bytes.fill(0, from, to);
    return false;
  }

  #run(
    nonce: Uint8Array,
    aad: Uint8Array,
    bytes: Uint8Array,
    from: number,
    to: number,
    sealing: boolean,
  ): void {
    assertNonce(nonce, CCM_NONCE_LENGTH);
    this.#m0 = this.#m1 = this.#m2 = this.#m3 = 0;
    const head = writeCcmHead(nonce, aad, to - from);
    this.#absorb(viewOf(head), head.length);
    counterBlock[0] = CTR_FLAGS;
    counterBlock.set(nonce, 1);
    const view = viewOf(bytes);
    const whole = from + ((to - from) & -BLOCK_LENGTH);
    this.#cryptBlocks(view, from, whole, sealing);
    if (whole < to) this.#cryptTail(view, whole, to, 1 + (whole - from) / BLOCK_LENGTH, sealing);
    const mask = this.#keyStream(0);
    computedTagView.setInt32(0, mask.s0 ^ this.#m0, true);
    computedTagView.setInt32(4, mask.s1 ^ this.#m1, true);
    computedTagView.setInt32(8, mask.s2 ^ this.#m2, true);
    computedTagView.setInt32(12, mask.s3 ^ this.#m3, true);
  }

  #keyStream(counter: number): { s0: number; s1: number; s2: number; s3: number } {
    return unsafe.encrypt(
      this.#roundKeys,
      counterView.getInt32(0, true),
      counterView.getInt32(4, true),
      counterView.getInt32(8, true),
      counterWord(counter),
    );
  }

  /** CBC-MAC over whole blocks. */
  #absorb(view: DataView, length: number): void {
    for (let at = 0; at < length; at += BLOCK_LENGTH) {
      const x = unsafe.encrypt(
        this.#roundKeys,
        this.#m0 ^ view.getInt32(at, true),
        this.#m1 ^ view.getInt32(at + 4, true),
        this.#m2 ^ view.getInt32(at + 8, true),
        this.#m3 ^ view.getInt32(at + 12, true),
      );
      this.#m0 = x.s0;
      this.#m1 = x.s1;
      this.#m2 = x.s2;
      this.#m3 = x.s3;
    }
  }

  #cryptBlocks(view: DataView, from: number, to: number, sealing: boolean): void {
    const keys = this.#roundKeys;
    const n0 = counterView.getInt32(0, true);
    const n1 = counterView.getInt32(4, true);
    const n2 = counterView.getInt32(8, true);
    // The MAC covers the plaintext: the input when sealing, the output when opening. The masks select it.
    const maskIn = sealing ? -1 : 0;
    const maskOut = ~maskIn;
    let counter = 1;
    let m0 = this.#m0;
    let m1 = this.#m1;
    let m2 = this.#m2;
    let m3 = this.#m3;
    for (let at = from; at < to; at += BLOCK_LENGTH) {
      const k = unsafe.encrypt(keys, n0, n1, n2, counterWord(counter++));
      const i0 = view.getInt32(at, true);
      const i1 = view.getInt32(at + 4, true);
      const i2 = view.getInt32(at + 8, true);
      const i3 = view.getInt32(at + 12, true);
      const o0 = i0 ^ k.s0;
      const o1 = i1 ^ k.s1;
      const o2 = i2 ^ k.s2;
      const o3 = i3 ^ k.s3;
      view.setInt32(at, o0, true);
      view.setInt32(at + 4, o1, true);
      view.setInt32(at + 8, o2, true);
      view.setInt32(at + 12, o3, true);
      const x = unsafe.encrypt(
        keys,
        m0 ^ (i0 & maskIn) ^ (o0 & maskOut),
        m1 ^ (i1 & maskIn) ^ (o1 & maskOut),
        m2 ^ (i2 & maskIn) ^ (o2 & maskOut),
        m3 ^ (i3 & maskIn) ^ (o3 & maskOut),
      );
      m0 = x.s0;
      m1 = x.s1;
      m2 = x.s2;
      m3 = x.s3;
    }
    this.#m0 = m0;
    this.#m1 = m1;
    this.#m2 = m2;
    this.#m3 = m3;
  }

  #cryptTail(view: DataView, from: number, to: number, counter: number, sealing: boolean): void {
    const k = this.#keyStream(counter);
    scratchView.setInt32(0, k.s0, true);
    scratchView.setInt32(4, k.s1, true);
    scratchView.setInt32(8, k.s2, true);
    scratchView.setInt32(12, k.s3, true);
    plainTail.fill(0);
    for (let i = 0; from + i < to; i++) {
      const input = view.getUint8(from + i);
      const output = input ^ (scratch[i] ?? 0);
      view.setUint8(from + i, output);
      plainTail[i] = sealing ? input : output;
    }
    this.#absorb(plainTailView, BLOCK_LENGTH);
  }
}

/** AES-CCM with a key of 16 or 32 bytes. Throws RangeError for any other length. */
export function createCcm(key: Uint8Array): Aead {
  assertAesKey(key);
  return new PureCcm(key);
}
