// Recorded messages between Samba's client and server, signed and sealed with every algorithm of SMB 3.1.1.
// [MS-SMB2] 3.1.4.1 (GMAC nonce), 3.1.4.2 (with a 256-bit cipher the signing key is still derived with L =
// 128).

import { expect, test } from "bun:test";
import { deriveKeys311, type SessionKeys } from "../../src/crypto/kdf.ts";
import { nativeProvider } from "../../src/crypto/native.ts";
import { GmacRole, writeGmacNonce } from "../../src/crypto/nonce.ts";
import type { Provider } from "../../src/crypto/provider.ts";
import { pureProvider } from "../../src/crypto/pure.ts";
import sessions from "../vectors/crypto/samba-sessions.json";

const MESSAGE_ID = 24;
const SIGNATURE = 48;
const TRANSFORM_LENGTH = 52;

function macOf(provider: Provider, algorithm: string, key: Uint8Array) {
  if (algorithm === "aes-gmac") return provider.aesGmac(key);
  return algorithm === "aes-cmac" ? provider.aesCmac(key) : provider.hmacSha256Mac(key);
}

function isSignedRightly(
  provider: Provider,
  algorithm: string,
  keys: SessionKeys,
  message: Uint8Array,
  role: GmacRole,
) {
  const nonce = new Uint8Array(12);
  writeGmacNonce(nonce, message, MESSAGE_ID, role, false);
  const signature = message.slice(SIGNATURE, SIGNATURE + 16);
  message.fill(0, SIGNATURE, SIGNATURE + 16);
  macOf(provider, algorithm, keys.signingKey).compute(message, 0, message.length, nonce, message, SIGNATURE);
  return Buffer.compare(signature, message.subarray(SIGNATURE, SIGNATURE + 16)) === 0;
}

function opensToSmb2(
  provider: Provider,
  cipher: string,
  keys: SessionKeys,
  message: Uint8Array,
  role: GmacRole,
) {
  const key = role === GmacRole.SERVER ? keys.encryptionKey : keys.decryptionKey;
  const aead = cipher.endsWith("ccm") ? provider.aesCcm(key) : provider.aesGcm(key);
  const nonce = message.subarray(20, 20 + aead.nonceLength);
  const aad = message.subarray(20, TRANSFORM_LENGTH);
  const opened = aead.open(nonce, aad, message, TRANSFORM_LENGTH, message.length, message.subarray(4, 20));
  return opened && message[TRANSFORM_LENGTH] === 0xfe;
}

for (const provider of [pureProvider, nativeProvider]) {
  for (const { signing, cipher, sessionKey, preauthHash, messages } of sessions.cases) {
    test(`${provider.name}: ${signing}, ${cipher}, ${messages.length} messages`, () => {
      const bits = cipher.includes("256") ? 256 : 128;
      const keys = deriveKeys311(
        provider,
        Uint8Array.fromHex(sessionKey),
        Uint8Array.fromHex(preauthHash),
        bits,
      );
      expect(messages.length).toBeGreaterThan(2);
      for (const { fromServer, bytes } of messages) {
        const message = Uint8Array.fromHex(bytes);
        const role = fromServer ? GmacRole.SERVER : GmacRole.CLIENT;
        const right =
          message[0] === 0xfd
            ? opensToSmb2(provider, cipher, keys, message, role)
            : isSignedRightly(provider, signing, keys, message, role);
        expect({ bytes, right }).toEqual({ bytes, right: true });
      }
    });
  }
}
