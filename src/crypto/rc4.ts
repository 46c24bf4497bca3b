// The RC4 stream cipher, needed for NTLM's key exchange and message signatures.
// RFC 6229 (vectors); used by [MS-NLMP] 3.4.3 and 3.4.4.

import type { Stream } from "./provider.ts";

class Rc4 implements Stream {
  readonly #state = new Uint8Array(256);
  #i = 0;
  #j = 0;

  constructor(key: Uint8Array) {
    const state = this.#state;
    for (let i = 0; i < 256; i++) state[i] = i;
    let j = 0;
    for (let i = 0; i < 256; i++) {
      const held = state[i] ?? 0;
      j = (j + held + (key[i % key.length] ?? 0)) & 0xff;
      state[i] = state[j] ?? 0;
      state[j] = held;
    }
  }

  update(data: Uint8Array): Uint8Array {
    const state = this.#state;
    const out = new Uint8Array(data.length);
    let i = this.#i;
    let j = this.#j;
    for (let at = 0; at < data.length; at++) {
      i = (i + 1) & 0xff;
      const si = state[i] ?? 0;
      j = (j + si) & 0xff;
      const sj = state[j] ?? 0;
      state[i] = sj;
      state[j] = si;
      out[at] = (data[at] ?? 0) ^ (state[(si + sj) & 0xff] ?? 0);
    }
    this.#i = i;
    this.#j = j;
    return out;
  }
}

/** A new key stream. Throws RangeError unless the key has 1 to 256 bytes. */
export function createRc4(key: Uint8Array): Stream {
  if (key.length < 1 || key.length > 256) throw new RangeError("RC4 key of 1 to 256 bytes expected");
  return new Rc4(key);
}
