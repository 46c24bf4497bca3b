// Derives the signing, cipher and application keys of a session or channel from the key of the GSS mechanism.
// [MS-SMB2] 3.1.4.2 (SP 800-108 counter mode, HMAC-SHA256, r = 32), 3.3.5.5.3 (labels and contexts).

import type { Provider } from "./provider.ts";

/** The keys of a session or channel, named from the server's point of view. */
export interface SessionKeys {
  /** Signs messages of both directions; 16 bytes. */
  readonly signingKey: Uint8Array;
  /** Encrypts what the server sends; 16 or 32 bytes. */
  readonly encryptionKey: Uint8Array;
  /** Decrypts what the client sent; 16 or 32 bytes. */
  readonly decryptionKey: Uint8Array;
  /** The session key for applications over named pipes (Session.ApplicationKey); 16 bytes. */
  readonly applicationKey: Uint8Array;
}

const SESSION_KEY_LENGTH = 16;

const encoder = new TextEncoder();

/** Labels and contexts are derived with their terminating NUL. */
function terminated(text: string): Uint8Array {
  return encoder.encode(`${text}\0`);
}

interface Derivation {
  readonly label: Uint8Array;
  /** Undefined: the context is the preauthentication integrity hash. */
  readonly context?: Uint8Array;
}

interface Derivations {
  readonly signing: Derivation;
  readonly serverToClient: Derivation;
  readonly clientToServer: Derivation;
  readonly application: Derivation;
}

// The specification has a space at the end of "ServerIn ".
const SMB_3_0: Derivations = {
  signing: { label: terminated("SMB2AESCMAC"), context: terminated("SmbSign") },
  serverToClient: { label: terminated("SMB2AESCCM"), context: terminated("ServerOut") },
  clientToServer: { label: terminated("SMB2AESCCM"), context: terminated("ServerIn ") },
  application: { label: terminated("SMB2APP"), context: terminated("SmbRpc") },
};

const SMB_3_1_1: Derivations = {
  signing: { label: terminated("SMBSigningKey") },
  serverToClient: { label: terminated("SMBS2CCipherKey") },
  clientToServer: { label: terminated("SMBC2SCipherKey") },
  application: { label: terminated("SMBAppKey") },
};

/** SP 800-108 5.1 (counter mode) with one iteration, which is enough for 128 or 256 bits. */
export function deriveKey(
  provider: Provider,
  key: Uint8Array,
  label: Uint8Array,
  context: Uint8Array,
  lengthBits: 128 | 256,
): Uint8Array {
  const input = new Uint8Array(4 + label.length + 1 + context.length + 4);
  const view = new DataView(input.buffer);
  view.setUint32(0, 1);
  input.set(label, 4);
  input.set(context, 4 + label.length + 1);
  view.setUint32(input.length - 4, lengthBits);
  return provider.hmacSha256(key, input).slice(0, lengthBits / 8);
}

/**
 * Session.SessionKey, [MS-SMB2] 3.3.1.8: the first 16 bytes of the mechanism's key, zero-padded if shorter.
 */
export function truncateSessionKey(mechanismKey: Uint8Array): Uint8Array {
  const key = new Uint8Array(SESSION_KEY_LENGTH);
  key.set(mechanismKey.subarray(0, SESSION_KEY_LENGTH));
  return key;
}

function deriveAll(
  provider: Provider,
  derivations: Derivations,
  mechanismKey: Uint8Array,
  preauthHash: Uint8Array,
  cipherKeyBits: 128 | 256,
): SessionKeys {
  const sessionKey = truncateSessionKey(mechanismKey);
  const cipherSource = cipherKeyBits === 256 ? mechanismKey : sessionKey;
  const derive = (source: Uint8Array, { label, context }: Derivation, bits: 128 | 256) =>
    deriveKey(provider, source, label, context ?? preauthHash, bits);
  return {
    signingKey: derive(sessionKey, derivations.signing, 128),
    encryptionKey: derive(cipherSource, derivations.serverToClient, cipherKeyBits),
    decryptionKey: derive(cipherSource, derivations.clientToServer, cipherKeyBits),
    applicationKey: derive(sessionKey, derivations.application, 128),
  };
}

const NO_HASH = new Uint8Array(0);

/**
 * Keys of an SMB 3.0 or 3.0.2 session or channel; `mechanismKey` is the untruncated key of the GSS mechanism.
 */
export function deriveKeys30(provider: Provider, mechanismKey: Uint8Array): SessionKeys {
  return deriveAll(provider, SMB_3_0, mechanismKey, NO_HASH, 128);
}

/**
 * Keys of an SMB 3.1.1 session or channel. `preauthHash` is the session's 64-byte hash before the final
 * SESSION_SETUP response. With a 256-bit cipher the cipher keys are derived from the whole mechanism key
 * (Session.FullSessionKey). The signing and application keys are still derived from 16 bytes with L = 128, as
 * in Samba, although the text of [MS-SMB2] 3.1.4.2 reads as if L = 256 applied to all keys.
 */
export function deriveKeys311(
  provider: Provider,
  mechanismKey: Uint8Array,
  preauthHash: Uint8Array,
  cipherKeyBits: 128 | 256,
): SessionKeys {
  return deriveAll(provider, SMB_3_1_1, mechanismKey, preauthHash, cipherKeyBits);
}

/** The signing key of SMB 2.0.2 and 2.1, which have no encryption: the session key; [MS-SMB2] 3.3.5.5.3. */
export function deriveSigningKey2(mechanismKey: Uint8Array): Uint8Array {
  return truncateSessionKey(mechanismKey);
}
