// The interface of Kerberos' encryption types, RFC 3961 3: how each encrypts, decrypts and signs.

export interface EncryptionType {
  /** The number in messages and key tables. */
  readonly id: number;
  readonly name: string;
  readonly keyBytes: number;
  readonly confounderBytes: number;
  /** `confounder`: `confounderBytes` random bytes. */
  encrypt(key: Uint8Array, usage: number, data: Uint8Array, confounder: Uint8Array): Uint8Array;
  /** Undefined where the hash is wrong: another key, or changed on the way. May return padding after the data. */
  decrypt(key: Uint8Array, usage: number, bytes: Uint8Array): Uint8Array | undefined;
  checksum(key: Uint8Array, usage: number, data: Uint8Array): Uint8Array;
}
