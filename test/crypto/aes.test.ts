// The block function of the pure provider with the examples of FIPS 197 and against the runtime's AES.

import { expect, test } from "bun:test";
import { createCipheriv } from "node:crypto";
import { encryptBlock, encryptZeroBlock, expandKey } from "../../src/crypto/aes.ts";

function encrypt(key: Uint8Array, block: Uint8Array): string {
  const view = new DataView(block.buffer, block.byteOffset, 16);
  const word = (at: number) => view.getInt32(at, true);
  const out = new Int32Array(4);
  encryptBlock(expandKey(key), word(0), word(4), word(8), word(12), out);
  return new Uint8Array(out.buffer).toHex();
}

test("encrypts the example block of FIPS 197 with keys of 128 and 256 bits", () => {
  const key = Uint8Array.from({ length: 32 }, (_, i) => i);
  const block = Uint8Array.fromHex("00112233445566778899aabbccddeeff");
  expect(encrypt(key.subarray(0, 16), block)).toBe("69c4e0d86a7b0430d8cdb78070b4c55a");
  expect(encrypt(key, block)).toBe("8ea2b7ca516745bfeafc49904b496089");
});

test("expands the example keys of FIPS 197 appendix A", () => {
  const last = (hex: string) => new Uint8Array(expandKey(Uint8Array.fromHex(hex)).slice(-4).buffer).toHex();
  expect(last("2b7e151628aed2a6abf7158809cf4f3c")).toBe("d014f9a8c9ee2589e13f0cc8b6630ca6");
  expect(last("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")).toBe(
    "fe4890d1e6188d0b046df344706c631e",
  );
});

test("every byte at every place of a block goes through the tables as in the runtime's AES", () => {
  for (const length of [16, 32]) {
    const key = Uint8Array.from({ length }, (_, i) => 11 * i + 3);
    const native = createCipheriv(`aes-${length * 8}-ecb`, key, null);
    expect(encryptZeroBlock(expandKey(key)).toHex()).toBe(
      new Uint8Array(native.update(new Uint8Array(16))).toHex(),
    );
    for (let at = 0; at < 16; at++) {
      for (let byte = 0; byte < 256; byte++) {
        const block = new Uint8Array(16).fill(at);
        block[at] = byte;
        const expected = new Uint8Array(native.update(block)).toHex();
        if (encrypt(key, block) !== expected) expect(`byte ${byte} at ${at}`).toBe("");
      }
    }
  }
});
