// The encryption types of Kerberos that the server knows; RFC 3961 3 and the registry of RFC 3961 8.
import type { EncryptionType } from "./kerberos-type.ts";
import { createAesSha1, createAesSha2 } from "./kerberos-aes.ts";
import { rc4Hmac } from "./kerberos-rc4.ts";

/** Numbers that keep the uses of one key apart; RFC 4120 7.5.1 and RFC 4121 2. */
export const KeyUsage = {
  TICKET: 2,
  AP_REQ_AUTHENTICATOR: 11,
  AP_REP: 12,
  /** KERB_NON_KERB_CKSUM_SALT; [MS-PAC] 2.8. */
  PAC_SIGNATURE: 17,
  ACCEPTOR_SEAL: 22,
  ACCEPTOR_SIGN: 23,
  INITIATOR_SEAL: 24,
  INITIATOR_SIGN: 25,
} as const;

export const RC4_HMAC = rc4Hmac.id;

const TYPES: readonly EncryptionType[] = [
  createAesSha1(17, 15, "aes128-cts-hmac-sha1-96", 16),
  createAesSha1(18, 16, "aes256-cts-hmac-sha1-96", 32),
  createAesSha2(19, 19, "aes128-cts-hmac-sha256-128", 16),
  createAesSha2(20, 20, "aes256-cts-hmac-sha384-192", 32),
  rc4Hmac,
];

/** Undefined for a type that the server does not know, DES among them. */
export function findEncryptionType(id: number): EncryptionType | undefined {
  return TYPES.find((type) => type.id === id);
}
