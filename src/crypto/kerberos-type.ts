// The interface of Kerberos' encryption types, RFC 3961 3: how each encrypts, decrypts and signs.

/**
 * Bytes that the hash covers and nothing encrypts, before the data's byte `at`: the headers around a sealed
 * message.
 */
export interface CoveredBytes {
  readonly at: number;
  readonly bytes: Uint8Array;
}

export interface EncryptionType {
  /** The number in messages and key tables. */
  readonly id: number;
  readonly name: string;
  readonly keyBytes: number;
  readonly confounderBytes: number;
  /** Length of the hash behind a ciphertext, and of a checksum. */
  readonly hashBytes: number;
  /** The number of its checksum, where a message says which one it has; RFC 3961 8, RFC 4757 4. */
  readonly checksumId: number;
  /** `confounder`: `confounderBytes` random bytes. */
  encrypt(
    key: Uint8Array,
    usage: number,
    data: Uint8Array,
    confounder: Uint8Array,
    covered?: readonly CoveredBytes[],
  ): Uint8Array;
  /**
   * Undefined where the hash is wrong: another key, or changed on the way. May return padding after the data.
   */
  decrypt(
    key: Uint8Array,
    usage: number,
    bytes: Uint8Array,
    covered?: readonly CoveredBytes[],
  ): Uint8Array | undefined;
  checksum(key: Uint8Array, usage: number, data: Uint8Array): Uint8Array;
}
