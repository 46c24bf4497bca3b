// Kerberos' AES encryption types: with HMAC-SHA1 (RFC 3962 in the profile of RFC 3961 5.3) and with HMAC-SHA2
// (RFC 8009). Both encrypt in CBC mode with ciphertext stealing; they differ in how keys are derived and what
// is hashed.
import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from "node:crypto";
import type { CoveredBytes, EncryptionType } from "./kerberos-type.ts";

const BLOCK = 16;
const ZERO_IV = new Uint8Array(BLOCK);

/** Last octet of the constant that a key is derived with, after the usage: RFC 3961 5.3. */
const Purpose = { CHECKSUM: 0x99, ENCRYPTION: 0xaa, INTEGRITY: 0x55 } as const;
type Purpose = (typeof Purpose)[keyof typeof Purpose];

interface Profile {
  readonly keyBytes: number;
  /** Length of the hash at the end of a ciphertext and of a checksum. */
  readonly hashBytes: number;
  readonly checksumId: number;
  derive(key: Uint8Array, usage: number, purpose: Purpose): Uint8Array;
  hmac(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array;
  /** RFC 8009 hashes what is sent, RFC 3962 what was encrypted. */
  readonly hashesCiphertext: boolean;
}

/** The type of RFC 3962 for keys of 16 or 32 bytes. */
export function createAesSha1(
  id: number,
  checksumId: number,
  name: string,
  keyBytes: 16 | 32,
): EncryptionType {
  const hmac = hmacOf("sha1", 12);
  const derive = (key: Uint8Array, usage: number, purpose: Purpose) =>
    deriveByCipher(key, constantOf(usage, purpose));
  return createAes(id, name, { keyBytes, hashBytes: 12, checksumId, derive, hmac, hashesCiphertext: false });
}

/** The type of RFC 8009 for keys of 16 or 32 bytes. */
export function createAesSha2(
  id: number,
  checksumId: number,
  name: string,
  keyBytes: 16 | 32,
): EncryptionType {
  const [hash, hashBytes] = keyBytes === 16 ? (["sha256", 16] as const) : (["sha384", 24] as const);
  const derive = (key: Uint8Array, usage: number, purpose: Purpose) => {
    const length = purpose === Purpose.ENCRYPTION ? keyBytes : hashBytes;
    return deriveByHash(hash, key, constantOf(usage, purpose), length);
  };
  return createAes(id, name, {
    keyBytes,
    hashBytes,
    checksumId,
    derive,
    hmac: hmacOf(hash, hashBytes),
    hashesCiphertext: true,
  });
}

function createAes(id: number, name: string, profile: Profile): EncryptionType {
  const { hashBytes, hashesCiphertext, derive, hmac } = profile;
  const hashOf = (
    key: Uint8Array,
    usage: number,
    plain: Uint8Array,
    cipher: Uint8Array,
    covered: readonly CoveredBytes[],
  ) => {
    const integrity = derive(key, usage, Purpose.INTEGRITY);
    return hashesCiphertext
      ? hmac(integrity, ZERO_IV, ...interleave(cipher, covered))
      : hmac(integrity, ...interleave(plain, covered));
  };
  return {
    id,
    name,
    keyBytes: profile.keyBytes,
    confounderBytes: BLOCK,
    hashBytes,
    checksumId: profile.checksumId,
    encrypt(key, usage, data, confounder, covered = []) {
      const plain = join(confounder, data);
      const cipher = encryptCts(derive(key, usage, Purpose.ENCRYPTION), plain);
      return join(cipher, hashOf(key, usage, plain, cipher, covered));
    },
    decrypt(key, usage, bytes, covered = []) {
      const end = bytes.length - hashBytes;
      if (end < BLOCK) return undefined;
      const cipher = bytes.subarray(0, end);
      const plain = decryptCts(derive(key, usage, Purpose.ENCRYPTION), cipher);
      if (!timingSafeEqual(hashOf(key, usage, plain, cipher, covered), bytes.subarray(end))) return undefined;
      return plain.subarray(BLOCK);
    },
    checksum(key, usage, data) {
      return hmac(derive(key, usage, Purpose.CHECKSUM), data);
    },
  };
}

/** The confounder and the data, with the covered bytes in their places. */
function interleave(bytes: Uint8Array, covered: readonly CoveredBytes[]): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let from = 0;
  for (const { at, bytes: between } of covered) {
    parts.push(bytes.subarray(from, BLOCK + at), between);
    from = BLOCK + at;
  }
  return [...parts, bytes.subarray(from)];
}

function hmacOf(hash: "sha1" | "sha256" | "sha384", length: number): Profile["hmac"] {
  return (key, ...parts) => {
    const mac = createHmac(hash, key);
    for (const part of parts) mac.update(part);
    return Uint8Array.from(mac.digest().subarray(0, length));
  };
}

/** CBC with the last two blocks exchanged, the last one as long as the rest of the data; RFC 3962 5. */
function encryptCts(key: Uint8Array, plain: Uint8Array): Uint8Array {
  const blocks = Math.ceil(plain.length / BLOCK);
  const padded = new Uint8Array(blocks * BLOCK);
  padded.set(plain);
  const out = cbc(key, padded, ZERO_IV, true);
  if (blocks === 1) return out;
  const at = (blocks - 2) * BLOCK;
  const swapped = join(out.subarray(0, at), out.subarray(at + BLOCK), out.subarray(at, at + BLOCK));
  return swapped.subarray(0, plain.length);
}

function decryptCts(key: Uint8Array, cipher: Uint8Array): Uint8Array {
  const blocks = Math.ceil(cipher.length / BLOCK);
  if (blocks === 1) return cbc(key, cipher, ZERO_IV, false);
  const at = (blocks - 2) * BLOCK;
  const head = cipher.subarray(0, at);
  const last = cipher.subarray(at, at + BLOCK);
  const rest = cipher.subarray(at + BLOCK);
  // The block before the last was stolen from: its end is in what the last block decrypts to.
  const end = cbc(key, last, ZERO_IV, false);
  const stolen = join(rest, end.subarray(rest.length));
  const plain = cbc(key, join(head, stolen), ZERO_IV, false);
  for (let i = 0; i < rest.length; i++) end[i] = (end[i] ?? 0) ^ (rest[i] ?? 0);
  return join(plain, end.subarray(0, rest.length));
}

function cbc(key: Uint8Array, data: Uint8Array, iv: Uint8Array, isEncryption: boolean): Uint8Array {
  const algorithm = key.length === 16 ? "aes-128-cbc" : "aes-256-cbc";
  const cipher = isEncryption ? createCipheriv(algorithm, key, iv) : createDecipheriv(algorithm, key, iv);
  cipher.setAutoPadding(false);
  return join(cipher.update(data), cipher.final());
}

function constantOf(usage: number, purpose: Purpose): Uint8Array {
  const constant = new Uint8Array(5);
  new DataView(constant.buffer).setUint32(0, usage);
  constant[4] = purpose;
  return constant;
}

/** DK of RFC 3961 5.1: the constant, folded to one block, encrypted until there are octets enough. */
function deriveByCipher(key: Uint8Array, constant: Uint8Array): Uint8Array {
  const out = new Uint8Array(key.length);
  let block = foldTo(constant, BLOCK);
  for (let at = 0; at < out.length; at += BLOCK) {
    block = cbc(key, block, ZERO_IV, true);
    out.set(block, at);
  }
  return out;
}

/** KDF-HMAC-SHA2 of RFC 8009 3; no key of ours is longer than one hash. */
function deriveByHash(hash: string, key: Uint8Array, constant: Uint8Array, length: number): Uint8Array {
  const counter = Uint8Array.of(0, 0, 0, 1);
  const bits = Uint8Array.of(0, 0, (length * 8) >> 8, (length * 8) & 0xff);
  const mac = createHmac(hash, key).update(counter).update(constant).update(Uint8Array.of(0)).update(bits);
  return Uint8Array.from(mac.digest().subarray(0, length));
}

/**
 * n-fold of RFC 3961 5.1: copies of the text, each turned 13 bits further to the right, are added up in
 * pieces of `length` bytes with the carry going round. Exported for its vectors.
 */
export function foldTo(text: Uint8Array, length: number): Uint8Array {
  const total = leastCommonMultiple(text.length, length);
  const bits = text.length * 8;
  const sum = new Array<number>(length).fill(0);
  for (let i = 0; i < total; i++) {
    const turned = Math.floor(i / text.length) * 13;
    let octet = 0;
    for (let bit = 0; bit < 8; bit++) {
      const from = ((((i % text.length) * 8 + bit - turned) % bits) + bits) % bits;
      octet = (octet << 1) | (((text[from >> 3] ?? 0) >> (7 - (from & 7))) & 1);
    }
    sum[i % length] = (sum[i % length] ?? 0) + octet;
  }
  // Two rounds: the first may carry out of the highest octet into the lowest.
  for (let round = 0, carry = 0; round < 2 || carry > 0; round++) {
    for (let i = length - 1; i >= 0; i--) {
      const value = (sum[i] ?? 0) + carry;
      sum[i] = value & 0xff;
      carry = value >> 8;
    }
  }
  return Uint8Array.from(sum);
}

function leastCommonMultiple(a: number, b: number): number {
  let multiple = a;
  while (multiple % b !== 0) multiple += a;
  return multiple;
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
