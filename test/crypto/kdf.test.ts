// Session keys and the preauthentication integrity hash, compared with sessions published by Microsoft and
// with OpenSSL. [MS-SMB2] 3.1.4.2, 3.3.5.4, 3.3.5.5.3.

import { expect, test } from "bun:test";
import { deriveKeys30, deriveKeys311, deriveSigningKey2, type SessionKeys } from "../../src/crypto/kdf.ts";
import { nativeProvider } from "../../src/crypto/native.ts";
import { extendPreauthHash, initialPreauthHash } from "../../src/crypto/preauth.ts";
import { pureProvider } from "../../src/crypto/pure.ts";
import preauth from "../vectors/crypto/preauth.json";
import sealedMessages from "../vectors/crypto/sealed-messages.json";
import vectors from "../vectors/crypto/session-keys.json";

const fromHex = (hex: string) => Uint8Array.fromHex(hex);
const toHex = (bytes: Uint8Array) => new Uint8Array(bytes).toHex();

function asHex(keys: SessionKeys): Record<keyof SessionKeys, string> {
  return {
    signingKey: toHex(keys.signingKey),
    encryptionKey: toHex(keys.encryptionKey),
    decryptionKey: toHex(keys.decryptionKey),
    applicationKey: toHex(keys.applicationKey),
  };
}

// Microsoft's blog names the keys from the client's view: its "EncryptionKey" is the server's decryption key.
function asServer(client: Record<keyof SessionKeys, string>): Record<keyof SessionKeys, string> {
  return {
    signingKey: client.signingKey,
    encryptionKey: client.decryptionKey,
    decryptionKey: client.encryptionKey,
    applicationKey: client.applicationKey,
  };
}

for (const provider of [pureProvider, nativeProvider]) {
  test(`${provider.name}: SMB 3.0`, () => {
    for (const vector of vectors.smb30.cases)
      expect(asHex(deriveKeys30(provider, fromHex(vector.sessionKey)))).toEqual(asServer(vector));
    const bound = vectors.smb30BoundChannel;
    expect(toHex(deriveKeys30(provider, fromHex(bound.sessionKey)).signingKey)).toBe(bound.signingKey);
  });

  test(`${provider.name}: SMB 3.1.1`, () => {
    for (const vector of vectors.smb311.cases) {
      const keys = deriveKeys311(provider, fromHex(vector.sessionKey), fromHex(vector.preauthHash), 128);
      expect(asHex(keys)).toEqual(asServer(vector));
    }
    const bound = vectors.smb311BoundChannel;
    const keys = deriveKeys311(provider, fromHex(bound.sessionKey), fromHex(bound.preauthHash), 128);
    expect(toHex(keys.signingKey)).toBe(bound.signingKey);
  });

  test(`${provider.name}: SMB 3.1.1 with a 256-bit cipher, 16- and 32-byte mechanism keys`, () => {
    for (const vector of vectors.smb311Cipher256.cases) {
      const keys = deriveKeys311(provider, fromHex(vector.sessionKey), fromHex(vector.preauthHash), 256);
      const { signingKey, encryptionKey, decryptionKey, applicationKey } = vector;
      expect(asHex(keys)).toEqual({ signingKey, encryptionKey, decryptionKey, applicationKey });
    }
  });

  test(`${provider.name}: a 128-bit cipher uses 16 bytes of a longer mechanism key`, () => {
    const hash = new Uint8Array(64).fill(1);
    const long = Uint8Array.from({ length: 32 }, (_, i) => i);
    expect(asHex(deriveKeys311(provider, long, hash, 128))).toEqual(
      asHex(deriveKeys311(provider, long.subarray(0, 16), hash, 128)),
    );
    expect(asHex(deriveKeys30(provider, long))).toEqual(asHex(deriveKeys30(provider, long.subarray(0, 16))));
  });

  test(`${provider.name}: keys of the sealed sample messages`, () => {
    for (const { dialect, fromServer, sessionKey, preauthHash, key } of sealedMessages.cases) {
      const source = fromHex(sessionKey);
      const keys =
        dialect === "3.0"
          ? deriveKeys30(provider, source)
          : deriveKeys311(provider, source, fromHex(preauthHash), 128);
      expect(toHex(fromServer ? keys.encryptionKey : keys.decryptionKey)).toBe(key);
    }
  });

  test(`${provider.name}: preauthentication hash chain`, () => {
    let hash = initialPreauthHash();
    const chain = preauth.messages.map((message) => {
      hash = extendPreauthHash(provider, hash, fromHex(message));
      return toHex(hash);
    });
    expect(chain).toEqual(preauth.hashes);
    expect(initialPreauthHash()).toEqual(new Uint8Array(64));
  });
}

test("the SMB 2 signing key has 16 bytes, truncated or zero-padded", () => {
  expect(toHex(deriveSigningKey2(fromHex("0102030405060708")))).toBe("01020304050607080000000000000000");
  expect(toHex(deriveSigningKey2(new Uint8Array(32).fill(7)))).toBe("07".repeat(16));
});
