// The keys of a session, derived from what the security provider left behind.
// [MS-SMB2] 3.1.4.2 (SP 800-108 counter mode, HMAC-SHA256, r = 32), 3.3.5.5.3 (labels and contexts).

import type { Provider } from "./provider.ts";

/** Every key a session or a channel uses, named as the server sees it. */
export interface SessionKeys {
  /** Signs both directions; 16 bytes. */
  readonly signingKey: Uint8Array;
  /** Seals what the server sends; 16 or 32 bytes. */
  readonly encryptionKey: Uint8Array;
  /** Opens what the client sent; 16 or 32 bytes. */
  readonly decryptionKey: Uint8Array;
  /** What applications over pipes get as the session's key; 16 bytes. */
  readonly applicationKey: Uint8Array;
}

const SESSION_KEY_LENGTH = 16;

const encoder = new TextEncoder();

/** Labels and contexts carry their terminating NUL into the derivation. */
function terminated(text: string): Uint8Array {
  return encoder.encode(`${text}\0`);
}

interface Derivation {
  readonly label: Uint8Array;
  /** Undefined where the context is the preauthentication hash. */
  readonly context?: Uint8Array;
}

interface Derivations {
  readonly signing: Derivation;
  readonly serverToClient: Derivation;
  readonly clientToServer: Derivation;
  readonly application: Derivation;
}

// "ServerIn " really ends with a space before its NUL.
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

/** SP 800-108 5.1 for a key that one block of HMAC-SHA256 covers: 128 or 256 bits. */
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

/** Session.SessionKey, 3.3.1.8: the first 16 bytes of the mechanism's key, filled with zero where it is shorter. */
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

/** Keys of an SMB 3.0 or 3.0.2 session or channel; `mechanismKey` is the whole key GSS gave. */
export function deriveKeys30(provider: Provider, mechanismKey: Uint8Array): SessionKeys {
  return deriveAll(provider, SMB_3_0, mechanismKey, NO_HASH, 128);
}

/**
 * Keys of an SMB 3.1.1 session or channel. `preauthHash` is the session's 64-byte hash before the final
 * response. With a 256-bit cipher the cipher keys come from the whole mechanism key (Session.FullSessionKey);
 * the signing and application keys stay with 16 bytes and L = 128, as Samba has it, though 3.1.4.2 reads as if
 * L = 256 held for all.
 */
export function deriveKeys311(
  provider: Provider,
  mechanismKey: Uint8Array,
  preauthHash: Uint8Array,
  cipherKeyBits: 128 | 256,
): SessionKeys {
  return deriveAll(provider, SMB_3_1_1, mechanismKey, preauthHash, cipherKeyBits);
}

/** SMB 2.0.2 and 2.1 sign with the session key itself (3.3.5.5.3); there is nothing to seal with. */
export function deriveSigningKey2(mechanismKey: Uint8Array): Uint8Array {
  return truncateSessionKey(mechanismKey);
}
