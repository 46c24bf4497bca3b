// AES-GCM and AES-GMAC in TypeScript by the block function of aes.ts, in place.
// NIST SP 800-38D 7.1, 7.2 with 96-bit nonces; [MS-SMB2] 3.1.4.1 (GMAC), 3.1.4.3 (GCM).

import { encryptBlock, encryptZeroBlock, expandKey } from "./aes.ts";
import { BLOCK_LENGTH, GCM_NONCE_LENGTH, assertAesKey, assertNonce, tagsEqual } from "./aes-key.ts";
import { Ghash } from "./ghash.ts";
import type { Aead, Mac } from "./provider.ts";

const scratch = new Uint8Array(BLOCK_LENGTH);
const scratchView = new DataView(scratch.buffer);
const computedTag = new Uint8Array(BLOCK_LENGTH);
const computedTagView = new DataView(computedTag.buffer);
/** A block of key stream. */
const stream = new Int32Array(4);

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * Byte-swaps a counter: the last word of the counter block is big-endian, aes.ts has little-endian words.
 */
function counterWord(counter: number): number {
  return ((counter & 0xff) << 24) | ((counter & 0xff00) << 8) | ((counter >>> 8) & 0xff00) | (counter >>> 24);
}

class GcmCore {
  readonly #roundKeys: Int32Array;
  readonly #ghash: Ghash;
  #n0 = 0;
  #n1 = 0;
  #n2 = 0;

  constructor(key: Uint8Array) {
    this.#roundKeys = expandKey(key);
    this.#ghash = new Ghash(encryptZeroBlock(this.#roundKeys));
  }

  begin(nonce: Uint8Array): void {
    const view = viewOf(nonce);
    this.#n0 = view.getInt32(0, true);
    this.#n1 = view.getInt32(4, true);
    this.#n2 = view.getInt32(8, true);
  }

  /** Encrypts or decrypts `view[from, to)` in place: GCTR starting at inc32(J0). */
  crypt(view: DataView, from: number, to: number): void {
    const keys = this.#roundKeys;
    const n0 = this.#n0;
    const n1 = this.#n1;
    const n2 = this.#n2;
    let counter = 2;
    let at = from;
    for (; at + BLOCK_LENGTH <= to; at += BLOCK_LENGTH) {
      encryptBlock(keys, n0, n1, n2, counterWord(counter++), stream);
      view.setInt32(at, view.getInt32(at, true) ^ (stream[0] ?? 0), true);
      view.setInt32(at + 4, view.getInt32(at + 4, true) ^ (stream[1] ?? 0), true);
      view.setInt32(at + 8, view.getInt32(at + 8, true) ^ (stream[2] ?? 0), true);
      view.setInt32(at + 12, view.getInt32(at + 12, true) ^ (stream[3] ?? 0), true);
    }
    if (at < to) {
      encryptBlock(keys, n0, n1, n2, counterWord(counter), stream);
      for (let i = 0; i < 4; i++) scratchView.setInt32(i * 4, stream[i] ?? 0, true);
      for (let i = 0; at + i < to; i++) view.setUint8(at + i, view.getUint8(at + i) ^ (scratch[i] ?? 0));
    }
  }

  /** Computes the tag over additional data and ciphertext into `computedTag`. */
  tag(aad: DataView, aadFrom: number, aadTo: number, data: DataView, from: number, to: number): void {
    const ghash = this.#ghash;
    ghash.reset();
    ghash.update(aad, aadFrom, aadTo);
    ghash.update(data, from, to);
    ghash.finish(aadTo - aadFrom, to - from);
    encryptBlock(this.#roundKeys, this.#n0, this.#n1, this.#n2, counterWord(1), stream);
    computedTagView.setInt32(0, (stream[0] ?? 0) ^ ghash.s0, true);
    computedTagView.setInt32(4, (stream[1] ?? 0) ^ ghash.s1, true);
    computedTagView.setInt32(8, (stream[2] ?? 0) ^ ghash.s2, true);
    computedTagView.setInt32(12, (stream[3] ?? 0) ^ ghash.s3, true);
  }
}

class PureGcm implements Aead {
  readonly nonceLength = GCM_NONCE_LENGTH;
  readonly #core: GcmCore;

  constructor(key: Uint8Array) {
    this.#core = new GcmCore(key);
  }

  seal(
    nonce: Uint8Array,
    aad: Uint8Array,
    bytes: Uint8Array,
    from: number,
    to: number,
    tag: Uint8Array,
  ): void {
    assertNonce(nonce, GCM_NONCE_LENGTH);
    const view = viewOf(bytes);
    this.#core.begin(nonce);
    this.#core.crypt(view, from, to);
    this.#core.tag(viewOf(aad), 0, aad.length, view, from, to);
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
    assertNonce(nonce, GCM_NONCE_LENGTH);
    const view = viewOf(bytes);
    this.#core.begin(nonce);
    this.#core.tag(viewOf(aad), 0, aad.length, view, from, to);
    if (!tagsEqual(computedTag, tag)) return false;
    this.#core.crypt(view, from, to);
    return true;
  }
}

class PureGmac implements Mac {
  readonly #core: GcmCore;

  constructor(key: Uint8Array) {
    this.#core = new GcmCore(key);
  }

  compute(
    bytes: Uint8Array,
    from: number,
    to: number,
    nonce: Uint8Array | undefined,
    out: Uint8Array,
    at: number,
  ): void {
    assertNonce(nonce, GCM_NONCE_LENGTH);
    const view = viewOf(bytes);
    this.#core.begin(nonce);
    this.#core.tag(view, from, to, view, to, to);
    out.set(computedTag, at);
  }
}

/** AES-GCM with a key of 16 or 32 bytes. Throws RangeError for any other length. */
export function createGcm(key: Uint8Array): Aead {
  assertAesKey(key);
  return new PureGcm(key);
}

/** AES-GMAC: GCM with additional data only. Keys as for GCM. */
export function createGmac(key: Uint8Array): Mac {
  assertAesKey(key);
  return new PureGmac(key);
}
