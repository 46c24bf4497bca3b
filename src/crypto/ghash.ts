// GHASH with multiplication tables for 4-bit windows: 8 KiB per key, no allocation per message.
// Windows of 8 bits take 0.6 of the time where 64 KiB per key stay in a cache, but a session has three keys.
// NIST SP 800-38D 6.4; the windowed product follows section 4.1 of McGrew and Viega's GCM specification.

const WINDOWS = 32;
const ENTRIES = 16;

function swapBytes(word: number): number {
  return ((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}

/**
 * GHASH state of one key. The state and the tables are byte-swapped, so that message words are loaded as
 * little-endian without swapping each block.
 */
export class Ghash {
  readonly #table = new Uint32Array(WINDOWS * ENTRIES * 4);
  s0 = 0;
  s1 = 0;
  s2 = 0;
  s3 = 0;

  /** `key` is the hash subkey H = E(K, 0^128), 16 bytes. */
  constructor(key: Uint8Array) {
    const view = new DataView(key.buffer, key.byteOffset, 16);
    let k0 = view.getUint32(0);
    let k1 = view.getUint32(4);
    let k2 = view.getUint32(8);
    let k3 = view.getUint32(12);
    const table = this.#table;
    for (let bit = 0; bit < 128; bit++) {
      // Bit 0 is the highest bit of byte 0. Windows are numbered by the nibbles of the little-endian words.
      const byte = bit >>> 3;
      const high = (bit & 4) === 0 ? 1 : 0;
      const base = (byte * 2 + high) * ENTRIES;
      const mask = 8 >>> (bit & 3);
      for (let entry = 0; entry < ENTRIES; entry++) {
        if ((entry & mask) === 0) continue;
        const slot = (base + entry) * 4;
        table[slot] = (table[slot] ?? 0) ^ swapBytes(k0);
        table[slot + 1] = (table[slot + 1] ?? 0) ^ swapBytes(k1);
        table[slot + 2] = (table[slot + 2] ?? 0) ^ swapBytes(k2);
        table[slot + 3] = (table[slot + 3] ?? 0) ^ swapBytes(k3);
      }
      // Multiply by x: a right shift in GCM's reflected bit order, reduced by R = 11100001 || 0^120.
      const carry = -(k3 & 1) & 0xe1000000;
      k3 = (k3 >>> 1) | (k2 << 31);
      k2 = (k2 >>> 1) | (k1 << 31);
      k1 = (k1 >>> 1) | (k0 << 31);
      k0 = (k0 >>> 1) ^ carry;
    }
  }

  reset(): void {
    this.s0 = 0;
    this.s1 = 0;
    this.s2 = 0;
    this.s3 = 0;
  }

  /** Absorbs one block, given as four little-endian words. */
  absorb(w0: number, w1: number, w2: number, w3: number): void {
    const table = this.#table;
    const x0 = this.s0 ^ w0;
    const x1 = this.s1 ^ w1;
    const x2 = this.s2 ^ w2;
    const x3 = this.s3 ^ w3;
    let p0 = 0;
    let p1 = 0;
    let p2 = 0;
    let p3 = 0;
    let base = 0;
    for (let word = 0; word < 4; word++) {
      const x = word === 0 ? x0 : word === 1 ? x1 : word === 2 ? x2 : x3;
      for (let shift = 0; shift < 32; shift += 4) {
        const slot = base + ((x >>> shift) & 15) * 4;
        p0 ^= table[slot] ?? 0;
        p1 ^= table[slot + 1] ?? 0;
        p2 ^= table[slot + 2] ?? 0;
        p3 ^= table[slot + 3] ?? 0;
        base += ENTRIES * 4;
      }
    }
    this.s0 = p0;
    this.s1 = p1;
    this.s2 = p2;
    this.s3 = p3;
  }

  /** Absorbs `view[from, to)`; the last block is zero-padded. */
  update(view: DataView, from: number, to: number): void {
    let at = from;
    for (; at + 16 <= to; at += 16) {
      this.absorb(
        view.getInt32(at, true),
        view.getInt32(at + 4, true),
        view.getInt32(at + 8, true),
        view.getInt32(at + 12, true),
      );
    }
    if (at < to) {
      tail.fill(0);
      for (let i = 0; at + i < to; i++) tail[i] = view.getUint8(at + i);
      this.update(tailView, 0, 16);
    }
  }

  /** Absorbs the final block: both lengths, given in bytes, as bit counts (SP 800-38D 7.1 step 5). */
  finish(aadLength: number, dataLength: number): void {
    this.absorb(
      swapBytes(Math.floor(aadLength / 0x20000000)),
      swapBytes(aadLength << 3),
      swapBytes(Math.floor(dataLength / 0x20000000)),
      swapBytes(dataLength << 3),
    );
  }
}

const tail = new Uint8Array(16);
const tailView = new DataView(tail.buffer);
