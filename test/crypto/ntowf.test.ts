// NTLM's hashes and keys, compared with the specification's examples and a Windows session.
// [MS-NLMP] 4.2.2, 4.2.3, 4.2.4.

import { describe, expect, test } from "bun:test";
import { nativeProvider } from "../../src/crypto/native.ts";
import {
  authenticateMic,
  decryptSessionKey,
  messageSignature,
  ntowfV1,
  ntowfV2,
  ntProof,
  sealKey,
  sessionBaseKey,
  signKey,
  upcaseName,
} from "../../src/crypto/ntowf.ts";
import { pureProvider } from "../../src/crypto/pure.ts";
import specification from "../vectors/crypto/ntlm-specification.json";
import windows from "../vectors/crypto/ntlm-windows.json";

const fromHex = (hex: string) => Uint8Array.fromHex(hex);
const toHex = (bytes: Uint8Array) => new Uint8Array(bytes).toHex();

for (const provider of [pureProvider, nativeProvider]) {
  describe(provider.name, () => {
    test("specification: hashes, proof and keys", () => {
      const v = specification;
      const ntHash = ntowfV1(provider, v.password);
      expect(toHex(ntHash)).toBe(v.ntowfV1);
      const responseKey = ntowfV2(provider, ntHash, v.user, v.domain);
      expect(toHex(responseKey)).toBe(v.ntowfV2);
      const proof = ntProof(provider, responseKey, fromHex(v.serverChallenge), fromHex(v.temp));
      expect(toHex(proof)).toBe(v.proof);
      const base = sessionBaseKey(provider, responseKey, proof);
      expect(toHex(base)).toBe(v.sessionBaseKey);
      expect(toHex(decryptSessionKey(provider, base, fromHex(v.encryptedSessionKey)))).toBe(
        v.randomSessionKey,
      );
    });

    test("specification: sealing and signature with key exchange, 128 bits", () => {
      const v = specification.keyExchange;
      const exported = fromHex(specification.randomSessionKey);
      const signing = signKey(provider, exported, "client");
      const sealing = sealKey(provider, exported, "client", 128);
      expect(toHex(signing)).toBe(v.clientSignKey);
      expect(toHex(sealing)).toBe(v.clientSealKey);
      const message = fromHex(specification.message);
      const stream = provider.rc4(sealing);
      expect(toHex(stream.update(message))).toBe(v.sealed);
      expect(toHex(messageSignature(provider, signing, stream, 0, message))).toBe(v.signature);
    });

    test("specification: sealing and signature without key exchange, 56 bits", () => {
      const v = specification.noKeyExchange56;
      const exported = fromHex(v.exportedSessionKey);
      const signing = signKey(provider, exported, "client");
      const sealing = sealKey(provider, exported, "client", 56);
      expect(toHex(signing)).toBe(v.clientSignKey);
      expect(toHex(sealing)).toBe(v.clientSealKey);
      const message = fromHex(specification.message);
      expect(toHex(provider.rc4(sealing).update(message))).toBe(v.sealed);
      expect(toHex(messageSignature(provider, signing, undefined, 0, message))).toBe(v.signature);
    });

    test("Windows: from the password to the exported key", () => {
      const v = windows;
      const ntHash = ntowfV1(provider, v.password);
      expect(toHex(ntHash)).toBe(v.ntHash);
      const responseKey = ntowfV2(provider, ntHash, v.user, v.domain);
      expect(toHex(responseKey)).toBe(v.responseKey);
      const response = fromHex(v.response);
      const proof = ntProof(provider, responseKey, fromHex(v.serverChallenge), response.subarray(16));
      expect(toHex(proof)).toBe(v.proof);
      expect(toHex(response.subarray(0, 16))).toBe(v.proof);
      const base = sessionBaseKey(provider, responseKey, proof);
      expect(toHex(base)).toBe(v.keyExchangeKey);
      const exported = decryptSessionKey(provider, base, fromHex(v.encryptedRandomSessionKey));
      expect(toHex(exported)).toBe(v.exportedSessionKey);
    });

    test("Windows: MIC over the three messages", () => {
      const v = windows;
      const authenticate = fromHex(v.authenticate);
      expect(toHex(authenticate.subarray(v.micOffset, v.micOffset + 16))).toBe(v.mic);
      authenticate.fill(0, v.micOffset, v.micOffset + 16);
      const key = fromHex(v.exportedSessionKey);
      const mic = authenticateMic(provider, key, fromHex(v.negotiate), fromHex(v.challenge), authenticate);
      expect(toHex(mic)).toBe(v.mic);
    });

    test("Windows: keys of both sides and both mechListMICs", () => {
      const v = windows;
      const key = fromHex(v.exportedSessionKey);
      const mechTypes = fromHex(v.mechTypes);
      for (const [side, expected] of [
        ["client", { sign: v.clientSignKey, seal: v.clientSealKey, mic: v.clientMechListMic }],
        ["server", { sign: v.serverSignKey, seal: v.serverSealKey, mic: v.serverMechListMic }],
      ] as const) {
        const signing = signKey(provider, key, side);
        const sealing = sealKey(provider, key, side, 128);
        const mic = messageSignature(provider, signing, provider.rc4(sealing), 0, mechTypes);
        expect({ sign: toHex(signing), seal: toHex(sealing), mic: toHex(mic) }).toEqual(expected);
      }
    });
  });
}

test("upcaseName maps one UTF-16 unit to one, and none from outside ASCII into ASCII", () => {
  expect(upcaseName("jörg")).toBe("JÖRG");
  expect(upcaseName("straße")).toBe("STRAßE");
  expect(upcaseName("жанна")).toBe("ЖАННА");
  expect(upcaseName("\u0131\u017f\u00b5")).toBe("\u0131\u017f\u00b5");
  expect(upcaseName("\ud800x\ud83d\ude00")).toBe("\ud800X\ud83d\ude00");
});
