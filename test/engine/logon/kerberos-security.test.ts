// Kerberos' MIC and Wrap tokens of DCE's exchange: what a client seals and signs, and what an attacker changes of it.
// RFC 4121 4.2, [MS-KILE] 3.4.5.4.1.
import { describe, expect, test } from "bun:test";
import { findEncryptionType, KeyUsage } from "../../../src/crypto/kerberos.ts";
import type { EncryptionType } from "../../../src/crypto/kerberos-type.ts";
import { KerberosProtection } from "../../../src/engine/logon/kerberos-security.ts";

const FROM = 24;
const TO = 56;
const MESSAGE = Uint8Array.from({ length: 64 }, (_, i) => i * 3);

function typeOf(id: number): EncryptionType {
  const type = findEncryptionType(id);
  if (type === undefined) throw new Error("no such type");
  return type;
}

function protectionOf(type: EncryptionType, coversHeader: boolean): KerberosProtection {
  const key = new Uint8Array(type.keyBytes).fill(7);
  return new KerberosProtection(
    { type, key, isServerKey: true, sequence: 5, clientSequence: 9 },
    coversHeader,
  );
}

interface Sealed {
  readonly message: Uint8Array;
  readonly token: Uint8Array;
}

/** A client's Wrap token as [MS-KILE] describes it, made without the code under test. */
function sealAsClient(type: EncryptionType, coversHeader: boolean, ec: number, sequence = 9): Sealed {
  const key = new Uint8Array(type.keyBytes).fill(7);
  const header = Uint8Array.of(5, 4, 6, 255, 0, ec, 0, 0, 0, 0, 0, 0, 0, 0, 0, sequence);
  const plain = Buffer.concat([MESSAGE.subarray(FROM, TO), new Uint8Array(ec).fill(255), header]);
  const covered = [
    { at: 0, bytes: MESSAGE.subarray(0, FROM) },
    { at: TO - FROM, bytes: MESSAGE.subarray(TO) },
  ];
  const confounder = new Uint8Array(16).fill(9);
  const cipher = type.encrypt(key, KeyUsage.INITIATOR_SEAL, plain, confounder, coversHeader ? covered : []);
  header[7] = 16 + type.hashBytes;
  // Rotated to the right by EC + RRC.
  const rotated = ec + 16 + type.hashBytes;
  const right = Buffer.concat([cipher.subarray(cipher.length - rotated), cipher.subarray(0, -rotated)]);
  const message = MESSAGE.slice();
  message.set(right.subarray(rotated + 16), FROM);
  return { message, token: Buffer.concat([header, right.subarray(0, rotated + 16)]) };
}

describe.each([17, 18, 19, 20])("encryption type %d", (id) => {
  const type = typeOf(id);
  describe.each([true, false])("headers covered: %p", (coversHeader) => {
    test.each([0, 16, 7])("opens what a client sealed with %d filler bytes", (ec) => {
      const { message, token } = sealAsClient(type, coversHeader, ec);
      expect(protectionOf(type, coversHeader).unseal(message, FROM, TO, token)).toBe(true);
      expect(message).toEqual(MESSAGE);
    });

    test("refuses every changed bit, but of headers that are not covered", () => {
      for (let bit = 0; bit < MESSAGE.length * 8; bit += 5) {
        const { message, token } = sealAsClient(type, coversHeader, 16);
        message[bit >> 3] = (message[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const isCovered = coversHeader || (bit >= FROM * 8 && bit < TO * 8);
        expect(protectionOf(type, coversHeader).unseal(message, FROM, TO, token)).toBe(!isCovered);
      }
    });

    test("refuses every changed bit and every length of the token", () => {
      const { token } = sealAsClient(type, coversHeader, 16);
      const open = (changed: Uint8Array): boolean => {
        const { message } = sealAsClient(type, coversHeader, 16);
        return protectionOf(type, coversHeader).unseal(message, FROM, TO, changed);
      };
      for (let bit = 0; bit < token.length * 8; bit += 3) {
        const changed = token.slice();
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(open(changed)).toBe(false);
      }
      for (let length = 0; length < token.length; length++)
        expect(open(token.subarray(0, length))).toBe(false);
      expect(open(Buffer.concat([token, new Uint8Array(16)]))).toBe(false);
    });

    test("refuses a message out of order, or sent twice", () => {
      const early = sealAsClient(type, coversHeader, 16, 10);
      expect(protectionOf(type, coversHeader).unseal(early.message, FROM, TO, early.token)).toBe(false);
      const { message, token } = sealAsClient(type, coversHeader, 16);
      const protection = protectionOf(type, coversHeader);
      expect(protection.unseal(message.slice(), FROM, TO, token)).toBe(true);
      expect(protection.unseal(message.slice(), FROM, TO, token)).toBe(false);
    });

    test("its own replies are not taken for a client's", () => {
      const protection = protectionOf(type, coversHeader);
      const message = MESSAGE.slice();
      const token = protection.seal(message, FROM, TO);
      expect(token.length).toBe(protection.sealBytes);
      expect(message.subarray(FROM, TO)).not.toEqual(MESSAGE.subarray(FROM, TO));
      expect(protection.unseal(message, FROM, TO, token)).toBe(false);
      const signature = protection.sign(MESSAGE, FROM, TO);
      expect(signature.length).toBe(protection.signatureBytes);
      expect(protection.verify(MESSAGE, FROM, TO, signature)).toBe(false);
    });
  });
});
