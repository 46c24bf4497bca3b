// AES-CCM in TypeScript by the block function of aes.ts: in one pass, in place, without allocation per block.
// RFC 3610, NIST SP 800-38C; [MS-SMB2] 2.2.41 and 3.1.4.3 (11-byte nonce, 16-byte tag).

import { encryptBlock, expandKey } from "./aes.ts";
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
// Results of the block function: a block of key stream, and the MAC so far.
const stream = new Int32Array(4);
const chain = new Int32Array(4);

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function counterWord(counter: number): number {
  return ((counter & 0xff) << 24) | ((counter & 0xff00) << 8) | ((counter >>> 8) & 0xff00) | (counter >>> 24);
}

class PureCcm implements Aead {
  readonly nonceLength = CCM_NONCE_LENGTH;
  readonly #roundKeys: Int32Array;

  constructor(key: Uint8Array) {
    this.#roundKeys = expandKey(key);
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
    chain.fill(0);
    const head = writeCcmHead(nonce, aad, to - from);
    this.#absorb(viewOf(head), head.length);
    counterBlock[0] = CTR_FLAGS;
    counterBlock.set(nonce, 1);
    const view = viewOf(bytes);
    const whole = from + ((to - from) & -BLOCK_LENGTH);
    this.#cryptBlocks(view, from, whole, sealing);
    if (whole < to) this.#cryptTail(view, whole, to, 1 + (whole - from) / BLOCK_LENGTH, sealing);
    this.#keyStream(0);
    for (let i = 0; i < 4; i++) computedTagView.setInt32(i * 4, (stream[i] ?? 0) ^ (chain[i] ?? 0), true);
  }

  /** Encrypts one counter block into `stream`. */
  #keyStream(counter: number): void {
    encryptBlock(
      this.#roundKeys,
      counterView.getInt32(0, true),
      counterView.getInt32(4, true),
      counterView.getInt32(8, true),
      counterWord(counter),
      stream,
    );
  }

  /** CBC-MAC over whole blocks, continued in `chain`. */
  #absorb(view: DataView, length: number): void {
    for (let at = 0; at < length; at += BLOCK_LENGTH) {
      encryptBlock(
        this.#roundKeys,
        (chain[0] ?? 0) ^ view.getInt32(at, true),
        (chain[1] ?? 0) ^ view.getInt32(at + 4, true),
        (chain[2] ?? 0) ^ view.getInt32(at + 8, true),
        (chain[3] ?? 0) ^ view.getInt32(at + 12, true),
        chain,
      );
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
    for (let at = from; at < to; at += BLOCK_LENGTH) {
      encryptBlock(keys, n0, n1, n2, counterWord(counter++), stream);
      const i0 = view.getInt32(at, true);
      const i1 = view.getInt32(at + 4, true);
      const i2 = view.getInt32(at + 8, true);
      const i3 = view.getInt32(at + 12, true);
      const o0 = i0 ^ (stream[0] ?? 0);
      const o1 = i1 ^ (stream[1] ?? 0);
      const o2 = i2 ^ (stream[2] ?? 0);
      const o3 = i3 ^ (stream[3] ?? 0);
      view.setInt32(at, o0, true);
      view.setInt32(at + 4, o1, true);
      view.setInt32(at + 8, o2, true);
      view.setInt32(at + 12, o3, true);
      encryptBlock(
        keys,
        (chain[0] ?? 0) ^ (i0 & maskIn) ^ (o0 & maskOut),
        (chain[1] ?? 0) ^ (i1 & maskIn) ^ (o1 & maskOut),
        (chain[2] ?? 0) ^ (i2 & maskIn) ^ (o2 & maskOut),
        (chain[3] ?? 0) ^ (i3 & maskIn) ^ (o3 & maskOut),
        chain,
      );
    }
  }

  #cryptTail(view: DataView, from: number, to: number, counter: number, sealing: boolean): void {
    this.#keyStream(counter);
    for (let i = 0; i < 4; i++) scratchView.setInt32(i * 4, stream[i] ?? 0, true);
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
