// The preauthentication integrity hash of SMB 3.1.1: a chain over every message before the session's key.
// [MS-SMB2] 3.3.5.4 (connection), 3.3.5.5 (session); SHA-512 is the only algorithm, 2.2.3.1.1.

import type { Provider } from "./provider.ts";

export const PREAUTH_HASH_LENGTH = 64;

/** Where a chain starts: 64 zero bytes. A fresh array each time. */
export function initialPreauthHash(): Uint8Array {
  return new Uint8Array(PREAUTH_HASH_LENGTH);
}

/**
 * SHA-512 of the hash so far and a whole message, from its SMB2 header to its end without the transport's
 * four bytes. The old hash is not changed: a session's chain branches off the connection's.
 */
export function extendPreauthHash(provider: Provider, hash: Uint8Array, message: Uint8Array): Uint8Array {
  return provider.sha512(hash, message);
}
