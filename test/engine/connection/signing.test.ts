// Signatures of requests and replies, by messages of smbclient, smbd and Windows; [MS-SMB2] 3.1.4.1, 3.1.5.1.
import { describe, expect, test } from "bun:test";
import { pureProvider as provider } from "../../../src/crypto/pure.ts";
import type { Mac } from "../../../src/crypto/provider.ts";
import { signMessage, verifySignature } from "../../../src/engine/connection/signing.ts";
import { Message } from "../../../src/wire/cursor.ts";
import { HeaderFlag, HeaderOffset } from "../../../src/wire/header.ts";
import signedMessages from "../../vectors/crypto/signed-messages.json";
import { fromHex, SAMBA_SESSIONS, toHex } from "./recorded-sessions.ts";

const SIGNATURE_BYTES = 16;

/** `bytes` behind three others, as in a frame. */
function placed(bytes: Uint8Array): Uint8Array {
  const frame = new Uint8Array(bytes.length + 5).fill(0xee);
  frame.set(bytes, 3);
  return frame;
}

function withoutSignature(bytes: Uint8Array): Uint8Array {
  const frame = placed(bytes);
  const view = new DataView(frame.buffer);
  const flags = view.getUint32(3 + HeaderOffset.FLAGS, true);
  view.setUint32(3 + HeaderOffset.FLAGS, flags & ~HeaderFlag.SIGNED, true);
  frame.fill(0, 3 + HeaderOffset.SIGNATURE, 3 + HeaderOffset.SIGNATURE + SIGNATURE_BYTES);
  return frame;
}

for (const { name, keys, messages } of SAMBA_SESSIONS) {
  const signed = messages.filter(({ bytes }) => bytes[0] === 0xfe);
  describe(`smbclient and smbd, ${name}`, () => {
    test("3.1.4.1: a reply is signed as by smbd", () => {
      const replies = signed.filter(({ isReply }) => isReply);
      expect(replies.length).toBeGreaterThan(0);
      for (const { bytes } of replies) {
        const frame = withoutSignature(bytes);
        signMessage(keys.signing, frame, new DataView(frame.buffer), 3, 3 + bytes.length);
        expect(toHex(frame)).toBe(toHex(placed(bytes)));
      }
    });

    test("3.1.5.1: a request of smbclient passes, and not with any byte changed", () => {
      for (const { bytes, isReply } of signed) {
        if (isReply) continue;
        const frame = placed(bytes);
        const message = new Message(frame, 3, bytes.length);
        expect(verifySignature(keys.signing, message)).toBe(true);
        expect(toHex(frame)).toBe(toHex(placed(bytes)));
        for (let at = 3; at < 3 + bytes.length; at++) {
          frame[at] = (frame[at] ?? 0) ^ 0x10;
          expect(verifySignature(keys.signing, message)).toBe(false);
          frame[at] = (frame[at] ?? 0) ^ 0x10;
        }
        expect(verifySignature(keys.signing, new Message(frame, 3, bytes.length + 1))).toBe(false);
      }
    });
  });
}

test.each(signedMessages.cases)("3.1.4.1: Windows, AES-CMAC, $name", ({ key, message }) => {
  const bytes = fromHex(message);
  const mac = provider.aesCmac(fromHex(key));
  const frame = withoutSignature(bytes);
  signMessage(mac, frame, new DataView(frame.buffer), 3, 3 + bytes.length);
  expect(toHex(frame)).toBe(toHex(placed(bytes)));
});

test("3.1.4.1: the nonce of AES-GMAC differs between request, reply and CANCEL", () => {
  const nonces = new Set<string>();
  const mac: Mac = {
    compute: (_bytes, _from, _to, nonce) => {
      nonces.add(toHex(nonce ?? new Uint8Array(0)));
    },
  };
  const bytes = new Uint8Array(68);
  const view = new DataView(bytes.buffer);
  view.setUint32(HeaderOffset.MESSAGE_ID, 0x1234_5678, true);
  signMessage(mac, bytes, view, 0, bytes.length);
  verifySignature(mac, new Message(bytes));
  view.setUint16(HeaderOffset.COMMAND, 0x0c, true);
  verifySignature(mac, new Message(bytes));
  expect([...nonces]).toEqual([
    "785634120000000001000000",
    "785634120000000000000000",
    "785634120000000002000000",
  ]);
});
