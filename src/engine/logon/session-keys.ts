// Signing and encryption keys of a session, derived from its session key; [MS-SMB2] 3.1.4.2, 3.3.5.5.3.
import { deriveKeys30, deriveKeys311, deriveSigningKey2 } from "../../crypto/kdf.ts";
import { NonceSequence } from "../../crypto/nonce.ts";
import type { Aead, Mac, Provider } from "../../crypto/provider.ts";
import { Dialect } from "../../wire/command/negotiate.ts";
import { Cipher, SigningAlgorithm } from "../../wire/context/negotiate-context.ts";
import type { SealKeys, SigningKey } from "../state/session.ts";

/** The negotiated parameters on which the keys depend. */
export interface KeyParameters {
  readonly revision: number;
  /** Id of [MS-SMB2] 2.2.3.1.2; 0 for no encryption. */
  readonly cipher: number;
  /** Id of [MS-SMB2] 2.2.3.1.7. */
  readonly signingAlgorithm: number;
}

export interface SessionKeys {
  readonly signing: SigningKey;
  readonly sealing: SealKeys | undefined;
}

/** `preauthHash` has 64 bytes for 3.1.1 and is undefined for older dialects. */
export function makeSessionKeys(
  provider: Provider,
  terms: KeyParameters,
  sessionKey: Uint8Array,
  preauthHash: Uint8Array | undefined,
): SessionKeys {
  if (terms.revision < Dialect.SMB_3_0) {
    const key = deriveSigningKey2(sessionKey);
    return { signing: makeSigningKey(provider, SigningAlgorithm.HMAC_SHA256, key), sealing: undefined };
  }
  const is256 = terms.cipher === Cipher.AES_256_CCM || terms.cipher === Cipher.AES_256_GCM;
  const keys =
    preauthHash === undefined
      ? deriveKeys30(provider, sessionKey)
      : deriveKeys311(provider, sessionKey, preauthHash, is256 ? 256 : 128);
  const signing = makeSigningKey(provider, terms.signingAlgorithm, keys.signingKey);
  if (terms.cipher === 0) return { signing, sealing: undefined };
  const seal = makeAead(provider, terms.cipher, keys.encryptionKey);
  const open = makeAead(provider, terms.cipher, keys.decryptionKey);
  const { cipher } = terms;
  const sealKey = { cipher, bytes: keys.encryptionKey };
  const openKey = { cipher, bytes: keys.decryptionKey };
  return { signing, sealing: { seal, open, sealKey, openKey, nonces: new NonceSequence() } };
}

export function makeSigningKey(provider: Provider, algorithm: number, bytes: Uint8Array): SigningKey {
  return Object.assign(makeMac(provider, algorithm, bytes), { algorithm, bytes });
}

export function makeMac(provider: Provider, algorithm: number, key: Uint8Array): Mac {
  if (algorithm === SigningAlgorithm.AES_GMAC) return provider.aesGmac(key);
  if (algorithm === SigningAlgorithm.AES_CMAC) return provider.aesCmac(key);
  return provider.hmacSha256Mac(key);
}

export function makeAead(
  provider: Pick<Provider, "aesGcm" | "aesCcm">,
  cipher: number,
  key: Uint8Array,
): Aead {
  const isGcm = cipher === Cipher.AES_128_GCM || cipher === Cipher.AES_256_GCM;
  return isGcm ? provider.aesGcm(key) : provider.aesCcm(key);
}
