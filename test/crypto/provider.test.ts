// Every primitive of both providers with published vectors; altered messages are refused.
// RFC 1320, 1321, 2202, 4231, 4493, 6229; NIST SP 800-38B, 800-38C, 800-38D; [MS-SMB2] 3.1.4.

import { describe, expect, test } from "bun:test";
import { nativeProvider } from "../../src/crypto/native.ts";
import { pureProvider } from "../../src/crypto/pure.ts";
import type { Aead, Mac, Provider } from "../../src/crypto/provider.ts";
import { selectProvider } from "../../src/crypto/select.ts";
import ccm from "../vectors/crypto/ccm.json";
import cmac from "../vectors/crypto/cmac.json";
import digests from "../vectors/crypto/digests.json";
import forged from "../vectors/crypto/gcm-forged.json";
import gcm from "../vectors/crypto/gcm.json";
import hmac from "../vectors/crypto/hmac.json";
import rc4 from "../vectors/crypto/rc4.json";
import sealedMessages from "../vectors/crypto/sealed-messages.json";
import signedMessages from "../vectors/crypto/signed-messages.json";

const NOTHING = new Uint8Array(0);

function fromHex(hex: string): Uint8Array {
  return Uint8Array.fromHex(hex);
}

function toHex(bytes: Uint8Array): string {
  return new Uint8Array(bytes).toHex();
}

/** The MAC of `message` placed at an odd offset, written behind it in the same buffer. */
function codeOf(mac: Mac, message: Uint8Array, nonce?: Uint8Array): string {
  const bytes = new Uint8Array(message.length + 40).fill(0xee);
  bytes.set(message, 3);
  mac.compute(bytes, 3, 3 + message.length, nonce, bytes, message.length + 5);
  expect(toHex(bytes.subarray(0, message.length + 5))).toBe(`eeeeee${toHex(message)}eeee`);
  return toHex(bytes.subarray(message.length + 5, message.length + 21));
}

interface Sealed {
  readonly key: string;
  readonly nonce: string;
  readonly aad: string;
  readonly plain: string;
  readonly cipher: string;
  readonly tag: string;
}

function checkAead(aead: Aead, vector: Sealed): void {
  const plain = fromHex(vector.plain);
  const nonce = fromHex(vector.nonce);
  const aad = fromHex(vector.aad);
  const bytes = new Uint8Array(plain.length + 10).fill(0xee);
  bytes.set(plain, 5);
  const to = 5 + plain.length;
  const tag = new Uint8Array(16);
  aead.seal(nonce, aad, bytes, 5, to, tag);
  expect(toHex(bytes)).toBe(`eeeeeeeeee${vector.cipher}eeeeeeeeee`);
  expect(toHex(tag)).toBe(vector.tag);
  expect(aead.open(nonce, aad, bytes, 5, to, tag)).toBe(true);
  expect(toHex(bytes)).toBe(`eeeeeeeeee${vector.plain}eeeeeeeeee`);
}

const providers: readonly [string, Provider][] = [
  ["pure", pureProvider],
  ["native", nativeProvider],
  ["auto", selectProvider("auto")],
];

for (const [name, provider] of providers) {
  describe(name, () => {
    test("MD4, MD5, SHA-256 and SHA-512", () => {
      for (const { message, digest } of digests.md4)
        expect(toHex(provider.md4(fromHex(message)))).toBe(digest);
      for (const { message, digest } of digests.md5)
        expect(toHex(provider.md5(fromHex(message)))).toBe(digest);
      for (const { message, digest } of digests.sha256)
        expect(toHex(provider.sha256(fromHex(message)))).toBe(digest);
      for (const { message, digest } of digests.sha512) {
        const bytes = fromHex(message);
        expect(toHex(provider.sha512(bytes, NOTHING))).toBe(digest);
        expect(toHex(provider.sha512(NOTHING, bytes))).toBe(digest);
        const cut = bytes.length >> 1;
        expect(toHex(provider.sha512(bytes.subarray(0, cut), bytes.subarray(cut)))).toBe(digest);
      }
    });

    test("HMAC-MD5 and HMAC-SHA-256", () => {
      for (const { key, message, code } of hmac.md5)
        expect(toHex(provider.hmacMd5(fromHex(key), fromHex(message)))).toBe(code);
      for (const { key, message, code } of hmac.sha256) {
        expect(toHex(provider.hmacSha256(fromHex(key), fromHex(message)))).toStartWith(code);
        const mac = provider.hmacSha256Mac(fromHex(key));
        expect(codeOf(mac, fromHex(message))).toBe(code.slice(0, 32));
        expect(codeOf(mac, fromHex(message))).toBe(code.slice(0, 32));
      }
    });

    test("RC4 key stream, whole and in pieces", () => {
      for (const { key, windows } of rc4.cases) {
        const whole = provider.rc4(fromHex(key)).update(new Uint8Array(4112));
        const pieces = provider.rc4(fromHex(key));
        const joined = new Uint8Array(4112);
        for (let at = 0; at < 4112; at += 257)
          joined.set(pieces.update(new Uint8Array(Math.min(257, 4112 - at))), at);
        for (const { offset, stream } of windows) {
          expect(toHex(whole.subarray(offset, offset + 16))).toBe(stream);
          expect(toHex(joined.subarray(offset, offset + 16))).toBe(stream);
        }
      }
    });

    test("AES-CMAC", () => {
      for (const { key, message, code } of cmac.cases) {
        const mac = provider.aesCmac(fromHex(key));
        expect(codeOf(mac, fromHex(message))).toBe(code);
        // A MAC must not depend on the previous message.
        codeOf(mac, fromHex("00ff"));
        expect(codeOf(mac, fromHex(message))).toBe(code);
      }
    });

    test("AES-CMAC of messages signed by Windows", () => {
      for (const { name: title, key, message } of signedMessages.cases) {
        const bytes = fromHex(message);
        const signature = toHex(bytes.subarray(48, 64));
        bytes.fill(0, 48, 64);
        provider.aesCmac(fromHex(key)).compute(bytes, 0, bytes.length, undefined, bytes, 48);
        expect({ title, signature: toHex(bytes.subarray(48, 64)) }).toEqual({ title, signature });
      }
    });

    test("AES-CCM", () => {
      for (const vector of ccm.cases) checkAead(provider.aesCcm(fromHex(vector.key)), vector);
    });

    test("AES-GCM", () => {
      for (const vector of gcm.cases) checkAead(provider.aesGcm(fromHex(vector.key)), vector);
    });

    test("AES-GMAC is GCM without data", () => {
      const cases = gcm.cases.filter((vector) => vector.plain === "" && vector.key.length === 32);
      expect(cases.length).toBeGreaterThan(3);
      for (const { key, nonce, aad, tag } of cases)
        expect(codeOf(provider.aesGmac(fromHex(key)), fromHex(aad), fromHex(nonce))).toBe(tag);
    });

    test("NIST's forged GCM messages are refused", () => {
      for (const { key, nonce, aad, cipher, tag } of forged.cases) {
        const bytes = fromHex(cipher);
        const aead = provider.aesGcm(fromHex(key));
        expect(aead.open(fromHex(nonce), fromHex(aad), bytes, 0, bytes.length, fromHex(tag))).toBe(false);
      }
    });

    test("opens messages sealed by Windows and seals them alike", () => {
      for (const { cipher, key, plain, sealed } of sealedMessages.cases) {
        const aead = cipher === "ccm" ? provider.aesCcm(fromHex(key)) : provider.aesGcm(fromHex(key));
        const bytes = fromHex(sealed);
        const nonce = bytes.subarray(20, 20 + aead.nonceLength);
        const aad = bytes.subarray(20, 52);
        const tag = bytes.subarray(4, 20);
        expect(aead.open(nonce, aad, bytes, 52, bytes.length, tag)).toBe(true);
        expect(toHex(bytes.subarray(52))).toBe(plain);
        tag.fill(0);
        aead.seal(nonce, aad, bytes, 52, bytes.length, tag);
        expect(toHex(bytes)).toBe(sealed);
      }
    });

    for (const kind of ["aesCcm", "aesGcm"] as const) {
      test(`${kind} refuses a message with any altered part, and still opens the original`, () => {
        for (const keyLength of [16, 32]) {
          for (const length of [0, 1, 16, 200, 5000, 70_000]) {
            const aead = provider[kind](new Uint8Array(keyLength).fill(9));
            const nonce = new Uint8Array(aead.nonceLength).fill(1);
            const aad = new Uint8Array(32).fill(2);
            const plain = new Uint8Array(length).fill(3);
            const sealed = plain.slice();
            const tag = new Uint8Array(16);
            aead.seal(nonce, aad, sealed, 0, length, tag);
            const flip = (part: Uint8Array, at: number) => {
              const altered = part.slice();
              altered[at] = (altered[at] ?? 0) ^ 0x80;
              return altered;
            };
            const opens = (n: Uint8Array, a: Uint8Array, data: Uint8Array, t: Uint8Array) =>
              aead.open(n, a, data.slice(), 0, length, t);
            for (let at = 0; at < 16; at++) expect(opens(nonce, aad, sealed, flip(tag, at))).toBe(false);
            expect(opens(nonce, flip(aad, 0), sealed, tag)).toBe(false);
            expect(opens(nonce, flip(aad, 31), sealed, tag)).toBe(false);
            expect(opens(nonce, aad.subarray(0, 31), sealed, tag)).toBe(false);
            expect(opens(flip(nonce, nonce.length - 1), aad, sealed, tag)).toBe(false);
            expect(opens(nonce, aad, sealed, tag.subarray(0, 12))).toBe(false);
            if (length > 0) {
              expect(opens(nonce, aad, flip(sealed, 0), tag)).toBe(false);
              expect(opens(nonce, aad, flip(sealed, length - 1), tag)).toBe(false);
              const bad = flip(sealed, length - 1);
              aead.open(nonce, aad, bad, 0, length, tag);
              if (length >= 16) expect(bad).not.toEqual(flip(plain, length - 1));
            }
            const opened = sealed.slice();
            expect(aead.open(nonce, aad, opened, 0, length, tag)).toBe(true);
            expect(toHex(opened)).toBe(toHex(plain));
          }
        }
      });
    }

    test("wrong key and nonce lengths throw RangeError", () => {
      const out = new Uint8Array(16);
      for (const length of [0, 15, 24, 33]) {
        const key = new Uint8Array(length);
        expect(() => provider.aesCmac(key)).toThrow(RangeError);
        expect(() => provider.aesGmac(key)).toThrow(RangeError);
        expect(() => provider.aesCcm(key)).toThrow(RangeError);
        expect(() => provider.aesGcm(key)).toThrow(RangeError);
      }
      const key = new Uint8Array(16);
      expect(() => provider.aesGmac(key).compute(out, 0, 16, undefined, out, 0)).toThrow(RangeError);
      for (const aead of [provider.aesCcm(key), provider.aesGcm(key)]) {
        const nonce = new Uint8Array(aead.nonceLength + 1);
        expect(() => aead.seal(nonce, NOTHING, out, 0, 16, out)).toThrow(RangeError);
        expect(() => aead.open(nonce, NOTHING, out, 0, 16, out)).toThrow(RangeError);
      }
    });
  });
}
