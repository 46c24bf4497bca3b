// The preauthentication integrity hash of SMB 3.1.1: a hash chain over all messages up to the session key.
// [MS-SMB2] 3.3.5.4 (connection), 3.3.5.5 (session); SHA-512 is the only algorithm, 2.2.3.1.1.

import type { Provider } from "./provider.ts";

export const PREAUTH_HASH_LENGTH = 64;

/** The initial value: a new array of 64 zero bytes. */
export function initialPreauthHash(): Uint8Array {
  return new Uint8Array(PREAUTH_HASH_LENGTH);
}

/**
 * Returns SHA-512 of `hash` and a whole message, from its SMB2 header to its end (without the four bytes of
 * the transport). `hash` is not modified, because a session's chain branches off the connection's.
 */
export function extendPreauthHash(provider: Provider, hash: Uint8Array, message: Uint8Array): Uint8Array {
  return provider.sha512(hash, message);
}
