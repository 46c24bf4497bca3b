// Compares the pure and the native provider on lengths around every block boundary and beyond native's piece
// length. The two share almost no code, so an error in one shows as a difference.

import { expect, test } from "bun:test";
import { nativeProvider } from "../../src/crypto/native.ts";
import { pureProvider } from "../../src/crypto/pure.ts";
import type { Aead, Mac } from "../../src/crypto/provider.ts";

// xorshift32 with a fixed seed, so that failures are reproducible.
let seed = 0x2545f491;
function random(length: number): Uint8Array {
  const out = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    seed ^= seed << 13;
    seed ^= seed >>> 17;
    seed ^= seed << 5;
    out[i] = seed;
  }
  return out;
}

const LENGTHS = [
  ...Array.from({ length: 301 }, (_, i) => i),
  ...[495, 496, 497, 511, 512, 513, 527, 528, 529],
  ...[4031, 4032, 4033, 4047, 4048, 4049, 4079, 4080, 4081, 4095, 4096, 4097, 4111, 4112, 4113],
  ...[65_535, 65_536, 65_537, 65_551, 65_552, 65_553, 70_000, 131_072, 131_088, 200_001],
];

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function expectSame(what: string, length: number, a: Uint8Array, b: Uint8Array): void {
  if (!same(a, b)) expect(`${what} differs at length ${length}`).toBe("");
}

test("both providers compute the same digests and HMACs", () => {
  for (const length of LENGTHS) {
    const data = random(length);
    const key = random(length % 90);
    for (const name of ["md4", "md5", "sha256"] as const)
      expectSame(name, length, pureProvider[name](data), nativeProvider[name](data));
    for (const name of ["hmacMd5", "hmacSha256"] as const)
      expectSame(name, length, pureProvider[name](key, data), nativeProvider[name](key, data));
    expectSame("sha512", length, pureProvider.sha512(key, data), nativeProvider.sha512(key, data));
  }
  expect(pureProvider.md4(random(7))).toHaveLength(16);
});

test("both providers generate the same RC4 stream", () => {
  const key = random(16);
  const pure = pureProvider.rc4(key);
  const native = nativeProvider.rc4(key);
  for (const length of LENGTHS) {
    const data = random(length);
    expectSame("rc4", length, pure.update(data), native.update(data));
  }
  expect(same(pure.update(key), key)).toBe(false);
});

test("both providers compute the same MACs at odd offsets, with one object for all lengths", () => {
  for (const name of ["hmacSha256Mac", "aesCmac", "aesGmac"] as const) {
    for (const keyLength of [16, 32]) {
      const key = random(keyLength);
      const macs: readonly Mac[] = [pureProvider[name](key), nativeProvider[name](key)];
      for (const length of LENGTHS) {
        const bytes = random(length + 24);
        const nonce = random(12);
        const from = length % 5;
        const [a, b] = macs.map((mac) => {
          const copy = bytes.slice();
          mac.compute(copy, from, from + length, nonce, copy, from + length);
          return copy;
        });
        expectSame(name, length, a ?? bytes, b ?? bytes);
        expect(a && same(a, bytes)).toBe(false);
      }
    }
  }
});

test("each provider opens what the other sealed", () => {
  for (const name of ["aesCcm", "aesGcm"] as const) {
    for (const keyLength of [16, 32]) {
      const key = random(keyLength);
      const pure: Aead = pureProvider[name](key);
      const native: Aead = nativeProvider[name](key);
      for (const length of LENGTHS) {
        const from = length % 7;
        const to = from + length;
        const plain = random(length + 12);
        const nonce = random(pure.nonceLength);
        const aad = random(length % 3 === 0 ? 32 : length % 61);
        const a = plain.slice();
        const b = plain.slice();
        const tagA = new Uint8Array(16);
        const tagB = new Uint8Array(16);
        pure.seal(nonce, aad, a, from, to, tagA);
        native.seal(nonce, aad, b, from, to, tagB);
        expectSame(name, length, a, b);
        expectSame(`${name} tag`, length, tagA, tagB);
        expect(pure.open(nonce, aad, b, from, to, tagB)).toBe(true);
        expect(native.open(nonce, aad, a, from, to, tagA)).toBe(true);
        expectSame(`${name} opened by native`, length, a, plain);
        expectSame(`${name} opened by pure`, length, b, plain);
      }
    }
  }
});

test("both providers seal the same with CCM for every encoding of the additional data's length", () => {
  const key = random(16);
  const nonce = random(11);
  for (const length of [0, 14, 15, 110, 111, 126, 127, 0xfeff, 0xff00, 70_000]) {
    const aad = random(length);
    const [a, b] = [pureProvider, nativeProvider].map((provider) => {
      const bytes = new Uint8Array(48).fill(5);
      provider.aesCcm(key).seal(nonce, aad, bytes, 0, 32, bytes.subarray(32));
      return bytes;
    });
    expectSame("ccm aad", length, a ?? key, b ?? nonce);
    expect(a).not.toEqual(new Uint8Array(48).fill(5));
  }
});
