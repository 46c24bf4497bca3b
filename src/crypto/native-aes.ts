// AES modes by the runtime's BoringSSL (node:crypto), in place.
// RFC 4493 (CMAC), NIST SP 800-38C (CCM), SP 800-38D (GCM, GMAC); [MS-SMB2] 3.1.4.1 and 3.1.4.3.

import { type Cipheriv, createCipheriv, createDecipheriv } from "node:crypto";
import {
  BLOCK_LENGTH,
  CCM_NONCE_LENGTH,
  GCM_NONCE_LENGTH,
  TAG_LENGTH,
  assertAesKey,
  assertNonce,
  doubleBlock,
  tagsEqual,
} from "./aes-key.ts";
import { CTR_FLAGS, writeCcmHead } from "./ccm-head.ts";
import type { Aead, Mac } from "./provider.ts";

// update() allocates its result, and nothing in the runtime encrypts into a given buffer: BoringSSL is
// linked into the executable without symbols. Large messages are processed in pieces, whose results are
// freed at once (`release`): 4 GiB of GCM then add 1.5 MiB of memory instead of 24, and the next piece is
// written to memory that is still in the processor's cache. GCM of 1 MiB, copied back, takes 0.35 ms of CPU
// with pieces of 64 KiB, 0.42 without `release`. A cipher created from a KeyObject is as expensive as from
// bytes.
const PIECE_LENGTH = 64 * 1024;
// Messages up to this length are copied into one scratch buffer and processed by one native call.
const SMALL_LENGTH = 4096;

const ZERO_BLOCK = new Uint8Array(BLOCK_LENGTH);
// CCM encrypts data up to this length by a cipher that lives as long as its key: creating one for each
// message costs more than XORing so few bytes in TypeScript.
const SHORT_LENGTH = 512;

const small = new Uint8Array(SMALL_LENGTH + 2 * BLOCK_LENGTH);
const tagMask = new Uint8Array(TAG_LENGTH);
const counterBlock = new Uint8Array(BLOCK_LENGTH);
counterBlock[0] = CTR_FLAGS;

function createBlockCipher(mode: "cbc" | "ecb", key: Uint8Array): Cipheriv {
  const cipher = createCipheriv(`aes-${key.length * 8}-${mode}`, key, mode === "cbc" ? ZERO_BLOCK : null);
  cipher.setAutoPadding(false);
  return cipher;
}

/**
 * CBC-MAC of many messages with one cipher object, because creating a cipher costs more than a small message.
 * The cipher chains from the final block of the previous message instead of zero; `restart` cancels that
 * block out by XORing it into the first block of the next message.
 */
class CbcMac {
  readonly #cipher: Cipheriv;
  readonly #chain = new Uint8Array(BLOCK_LENGTH);

  constructor(key: Uint8Array) {
    this.#cipher = createBlockCipher("cbc", key);
  }

  /** Prepares `block` (16 bytes, the first of a message) so that the chaining value is in effect zero. */
  restart(block: Uint8Array): void {
    const chain = this.#chain;
    for (let i = 0; i < BLOCK_LENGTH; i++) block[i] = (block[i] ?? 0) ^ (chain[i] ?? 0);
  }

  /** Absorbs whole blocks; at least one. */
  absorb(blocks: Uint8Array): void {
    const length = blocks.length;
    let sealed: Uint8Array = ZERO_BLOCK;
    if (length <= PIECE_LENGTH) {
      sealed = this.#cipher.update(blocks);
    } else {
      for (let at = 0; at < length; at += PIECE_LENGTH) {
        release(sealed);
        sealed = this.#cipher.update(blocks.subarray(at, Math.min(at + PIECE_LENGTH, length)));
      }
    }
    const start = sealed.length - BLOCK_LENGTH;
    for (let i = 0; i < BLOCK_LENGTH; i++) this.#chain[i] = sealed[start + i] ?? 0;
    release(sealed);
  }

  /** The MAC of the blocks so far; overwritten by the next absorb(). */
  get value(): Uint8Array {
    return this.#chain;
  }
}

class NativeCmac implements Mac {
  readonly #mac: CbcMac;
  readonly #k1: Uint8Array;
  readonly #k2: Uint8Array;

  constructor(key: Uint8Array) {
    this.#mac = new CbcMac(key);
    this.#mac.absorb(ZERO_BLOCK);
    this.#k1 = this.#mac.value.slice();
    doubleBlock(this.#k1);
    this.#k2 = this.#k1.slice();
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
    const mac = this.#mac;
    const length = to - from;
    // The first block (restart) and the last one (subkey) are modified, so they are copied to scratch.
    let position = from;
    if (length > SMALL_LENGTH) {
      small.set(bytes.subarray(from, from + BLOCK_LENGTH));
      const first = small.subarray(0, BLOCK_LENGTH);
      mac.restart(first);
      mac.absorb(first);
      const middleEnd = from + ((length - 1) & -BLOCK_LENGTH);
      mac.absorb(bytes.subarray(from + BLOCK_LENGTH, middleEnd));
      position = middleEnd;
    }
    const rest = to - position;
    small.set(bytes.subarray(position, to));
    let gathered = rest;
    const complete = rest !== 0 && (rest & 15) === 0;
    if (!complete) {
      small[gathered++] = 0x80;
      while ((gathered & 15) !== 0) small[gathered++] = 0;
    }
    const subkey = complete ? this.#k1 : this.#k2;
    const start = gathered - BLOCK_LENGTH;
    for (let i = 0; i < BLOCK_LENGTH; i++) small[start + i] = (small[start + i] ?? 0) ^ (subkey[i] ?? 0);
    if (position === from) mac.restart(small);
    mac.absorb(small.subarray(0, gathered));
    out.set(mac.value, at);
  }
}

class NativeGmac implements Mac {
  readonly #key: Uint8Array;
  readonly #algorithm: "aes-128-gcm" | "aes-256-gcm";

  constructor(key: Uint8Array) {
    this.#key = key.slice();
    this.#algorithm = key.length === 16 ? "aes-128-gcm" : "aes-256-gcm";
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
    const cipher = createCipheriv(this.#algorithm, this.#key, nonce);
    cipher.setAAD(bytes.subarray(from, to));
    cipher.final();
    out.set(cipher.getAuthTag(), at);
  }
}

class NativeGcm implements Aead {
  readonly nonceLength = GCM_NONCE_LENGTH;
  readonly #key: Uint8Array;
  readonly #algorithm: "aes-128-gcm" | "aes-256-gcm";

  constructor(key: Uint8Array) {
    this.#key = key.slice();
    this.#algorithm = key.length === 16 ? "aes-128-gcm" : "aes-256-gcm";
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
    const cipher = createCipheriv(this.#algorithm, this.#key, nonce);
    cipher.setAAD(aad);
    cryptInPlace(cipher, bytes, from, to);
    cipher.final();
    tag.set(cipher.getAuthTag());
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
    if (tag.length !== TAG_LENGTH) return false;
    const cipher = createDecipheriv(this.#algorithm, this.#key, nonce);
    cipher.setAAD(aad);
    cipher.setAuthTag(tag);
    cryptInPlace(cipher, bytes, from, to);
    try {
      cipher.final();
      return true;
    } catch {
      // final() throws only for a wrong tag. Erases the decrypted bytes, so that they cannot be used as data.
      bytes.fill(0, from, to);
      return false;
    }
  }
}

function cryptInPlace(
  cipher: { update(data: Uint8Array): Uint8Array },
  bytes: Uint8Array,
  from: number,
  to: number,
): void {
  for (let at = from; at < to; at += PIECE_LENGTH) {
    const piece = cipher.update(bytes.subarray(at, Math.min(at + PIECE_LENGTH, to)));
    bytes.set(piece, at);
    release(piece);
  }
}

/**
 * Frees the memory of a cipher's result, which the collector would otherwise keep until much of it has come
 * together. Short results are objects of the heap and cheaper to leave.
 */
function release(result: Uint8Array): void {
  const { buffer, length } = result;
  if (length <= SMALL_LENGTH || !(buffer instanceof ArrayBuffer)) return;
  // The runtime allocates up to a block more than it returns; a larger buffer would be another's, too.
  if (buffer.byteLength <= length + BLOCK_LENGTH) buffer.transfer(0);
}

/** CCM from CTR for the data and CBC-MAC for the tag: the runtime does not expose BoringSSL's CCM. */
class NativeCcm implements Aead {
  readonly nonceLength = CCM_NONCE_LENGTH;
  readonly #key: Uint8Array;
  readonly #algorithm: "aes-128-ctr" | "aes-256-ctr";
  readonly #mac: CbcMac;
  readonly #blockCipher: Cipheriv;

  constructor(key: Uint8Array) {
    this.#key = key.slice();
    this.#algorithm = key.length === 16 ? "aes-128-ctr" : "aes-256-ctr";
    this.#mac = new CbcMac(key);
    this.#blockCipher = createBlockCipher("ecb", key);
  }

  seal(
    nonce: Uint8Array,
    aad: Uint8Array,
    bytes: Uint8Array,
    from: number,
    to: number,
    tag: Uint8Array,
  ): void {
    assertNonce(nonce, CCM_NONCE_LENGTH);
    this.#authenticate(nonce, aad, bytes, from, to);
    this.#crypt(nonce, bytes, from, to);
    tag.set(this.#finishTag());
  }

  open(
    nonce: Uint8Array,
    aad: Uint8Array,
    bytes: Uint8Array,
    from: number,
    to: number,
    tag: Uint8Array,
  ): boolean {
    assertNonce(nonce, CCM_NONCE_LENGTH);
    this.#crypt(nonce, bytes, from, to);
    this.#authenticate(nonce, aad, bytes, from, to);
    if (tagsEqual(this.#finishTag(), tag)) return true;
    // Erases the decryption of a forged message, so that it cannot be used as data.
    bytes.fill(0, from, to);
    return false;
  }

  /** Computes the CBC-MAC over head and plaintext into `#mac.value`. */
  #authenticate(nonce: Uint8Array, aad: Uint8Array, bytes: Uint8Array, from: number, to: number): void {
    const mac = this.#mac;
    const length = to - from;
    const head = writeCcmHead(nonce, aad, length);
    if (head.length + length <= SMALL_LENGTH) {
      small.set(head);
      small.set(bytes.subarray(from, to), head.length);
      mac.restart(small);
      mac.absorb(fillLastBlock(head.length + length));
      return;
    }
    mac.restart(head);
    mac.absorb(head);
    const whole = from + (length & -BLOCK_LENGTH);
    if (whole > from) mac.absorb(bytes.subarray(from, whole));
    if (whole === to) return;
    small.set(bytes.subarray(whole, to));
    mac.absorb(fillLastBlock(to - whole));
  }

  /**
   * Applies CTR to the data in place; the first block of key stream, which masks the tag, goes to `tagMask`.
   */
  #crypt(nonce: Uint8Array, bytes: Uint8Array, from: number, to: number): void {
    counterBlock.set(nonce, 1);
    const length = to - from;
    if (length <= SHORT_LENGTH) {
      this.#cryptShort(bytes, from, length);
      return;
    }
    const cipher = createCipheriv(this.#algorithm, this.#key, counterBlock);
    if (length > SMALL_LENGTH) {
      tagMask.set(cipher.update(ZERO_BLOCK));
      cryptInPlace(cipher, bytes, from, to);
      return;
    }
    small.fill(0, 0, BLOCK_LENGTH);
    small.set(bytes.subarray(from, to), BLOCK_LENGTH);
    const stream = cipher.update(small.subarray(0, BLOCK_LENGTH + length));
    for (let i = 0; i < BLOCK_LENGTH; i++) tagMask[i] = stream[i] ?? 0;
    bytes.set(stream.subarray(BLOCK_LENGTH), from);
  }

  /** The same by single blocks of key stream. The counter stays below 256, so it has one byte. */
  #cryptShort(bytes: Uint8Array, from: number, length: number): void {
    const blocks = 1 + ((length + BLOCK_LENGTH - 1) >>> 4);
    for (let block = 0; block < blocks; block++) {
      const at = block * BLOCK_LENGTH;
      for (let i = 0; i < BLOCK_LENGTH - 1; i++) small[at + i] = counterBlock[i] ?? 0;
      small[at + BLOCK_LENGTH - 1] = block;
    }
    const stream = this.#blockCipher.update(small.subarray(0, blocks * BLOCK_LENGTH));
    for (let i = 0; i < BLOCK_LENGTH; i++) tagMask[i] = stream[i] ?? 0;
    for (let i = 0; i < length; i++)
      bytes[from + i] = (bytes[from + i] ?? 0) ^ (stream[BLOCK_LENGTH + i] ?? 0);
  }

  #finishTag(): Uint8Array {
    const code = this.#mac.value;
    for (let i = 0; i < TAG_LENGTH; i++) tagMask[i] = (tagMask[i] ?? 0) ^ (code[i] ?? 0);
    return tagMask;
  }
}

/** The first `length` bytes of `small`, zero-padded to whole blocks. */
function fillLastBlock(length: number): Uint8Array {
  const filled = (length + BLOCK_LENGTH - 1) & -BLOCK_LENGTH;
  small.fill(0, length, filled);
  return small.subarray(0, filled);
}

/** AES-CMAC with a key of 16 or 32 bytes. All four functions throw RangeError for any other length. */
export function createNativeCmac(key: Uint8Array): Mac {
  assertAesKey(key);
  return new NativeCmac(key);
}

/** AES-GMAC: GCM with additional data only. */
export function createNativeGmac(key: Uint8Array): Mac {
  assertAesKey(key);
  return new NativeGmac(key);
}

/** AES-GCM with a 12-byte nonce. */
export function createNativeGcm(key: Uint8Array): Aead {
  assertAesKey(key);
  return new NativeGcm(key);
}

/** AES-CCM with an 11-byte nonce. */
export function createNativeCcm(key: Uint8Array): Aead {
  assertAesKey(key);
  return new NativeCcm(key);
}
