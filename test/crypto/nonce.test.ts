// Nonce sequences never repeat: they end first. Layout of the GMAC nonce.
// [MS-SMB2] 2.2.41, 3.1.4.1, 3.1.4.3.

import { expect, test } from "bun:test";
import { GmacRole, NonceSequence, writeGmacNonce } from "../../src/crypto/nonce.ts";

const toHex = (bytes: Uint8Array) => new Uint8Array(bytes).toHex();

test("counts from zero in nonces of 11 and 12 bytes", () => {
  const sequence = new NonceSequence();
  const short = new Uint8Array(11).fill(0xee);
  const long = new Uint8Array(12).fill(0xee);
  expect(sequence.next(short)).toBe(true);
  expect(sequence.next(long)).toBe(true);
  expect(toHex(short)).toBe("00".repeat(11));
  expect(toHex(long)).toBe(`01${"00".repeat(11)}`);
});

test("carries into the high half and wraps around after a random start", () => {
  const nonce = new Uint8Array(12);
  const carrying = new NonceSequence(0xffff_ffff, 0x0102_0304);
  carrying.next(nonce);
  expect(toHex(nonce)).toBe("ffffffff0403020100000000");
  carrying.next(nonce);
  expect(toHex(nonce)).toBe("000000000503020100000000");
  const rounding = new NonceSequence(0xffff_ffff, 0xffff_ffff);
  rounding.next(nonce);
  rounding.next(nonce);
  expect(toHex(nonce)).toBe("00".repeat(12));
});

test("returns false and writes nothing after `limit` nonces", () => {
  const sequence = new NonceSequence(5, 0, 2);
  const nonce = new Uint8Array(12);
  expect([sequence.next(nonce), sequence.next(nonce)]).toEqual([true, true]);
  const last = nonce.slice();
  expect(sequence.next(nonce)).toBe(false);
  expect(sequence.next(nonce)).toBe(false);
  expect(nonce).toEqual(last);
});

test("throws RangeError for a nonce of less than 8 or more than 12 bytes", () => {
  expect(() => new NonceSequence().next(new Uint8Array(7))).toThrow(RangeError);
  expect(() => new NonceSequence().next(new Uint8Array(16))).toThrow(RangeError);
});

test("100,000 nonces across a carry are distinct", () => {
  const sequence = new NonceSequence(0xffff_ffff - 50_000, 9);
  const nonce = new Uint8Array(11);
  const seen = new Set<string>();
  for (let i = 0; i < 100_000; i++) {
    sequence.next(nonce);
    seen.add(toHex(nonce));
  }
  expect(seen.size).toBe(100_000);
});

test("the GMAC nonce has the MessageId, the role bit and the CANCEL bit", () => {
  const nonce = new Uint8Array(12).fill(0xee);
  const header = Uint8Array.fromHex("aaaa0102030405060708bbbb");
  writeGmacNonce(nonce, header, 2, GmacRole.CLIENT, false);
  expect(toHex(nonce)).toBe("010203040506070800000000");
  writeGmacNonce(nonce, header, 2, GmacRole.SERVER, false);
  expect(toHex(nonce)).toBe("010203040506070801000000");
  writeGmacNonce(nonce, header, 2, GmacRole.CLIENT, true);
  expect(toHex(nonce)).toBe("010203040506070802000000");
  writeGmacNonce(nonce, header, 2, GmacRole.SERVER, true);
  expect(toHex(nonce)).toBe("010203040506070803000000");
});
