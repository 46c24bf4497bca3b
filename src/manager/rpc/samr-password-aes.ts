// SamrUnicodeChangePasswordUser4: a password change that is encrypted with AES, by a key that takes long to
// derive from the old password's hash. [MS-SAMR] 3.1.5.10.4, 3.2.2.4 and 3.2.2.5 (AES), 2.2.6.32 (buffer).
import { createDecipheriv, createHmac, pbkdf2, timingSafeEqual } from "node:crypto";
import { Status } from "../../wire/status.ts";
import type { RpcOperation } from "./interface.ts";
import type { NdrReader } from "./ndr.ts";
import { changeProven } from "./samr-password.ts";

/** Bounds of PBKDF2Iterations; [MS-SAMR] 3.1.5.10.4. The upper one takes about a second of one core. */
const MIN_ITERATIONS = 5_000;
const MAX_ITERATIONS = 1_000_000;
const KEY_BYTES = 16;

const AUTH_BYTES = 64;
const SALT_BYTES = 16;
/** SAMPR_USER_PASSWORD_AES: the length of the text, and room for 256 units. With its padding. */
const PLAIN_BYTES = 2 + 512;
const CIPHER_BYTES = 528;

/** [MS-SAMR] 2.2.1.18, with their terminators. */
const ENCRYPTION_LABEL = "Microsoft SAM encryption key AEAD-AES-256-CBC-HMAC-SHA512 16\0";
const MAC_LABEL = "Microsoft SAM MAC key AEAD-AES-256-CBC-HMAC-SHA512 16\0";
/** Version of the encryption, and its length. */
const VERSION = Uint8Array.of(1);
const VERSION_LENGTH = Uint8Array.of(1);

/** SAMPR_ENCRYPTED_PASSWORD_AES. */
interface EncryptedPassword {
  readonly mac: Uint8Array;
  readonly salt: Uint8Array;
  readonly cipher: Uint8Array | undefined;
  readonly iterations: bigint;
}

export const changePassword4: RpcOperation = (call) => {
  const { input, output } = call;
  if (input.pointer()) input.unicodeString(input.unicodeStringHeader());
  const user = input.unicodeString(input.unicodeStringHeader());
  const encrypted = readEncrypted(input);
  const { iterations, cipher } = encrypted;
  const isPossible = iterations >= MIN_ITERATIONS && iterations <= MAX_ITERATIONS;
  if (!isPossible || cipher?.length !== CIPHER_BYTES) {
    output.u32(Status.INVALID_PARAMETER);
    return;
  }
  return changeProven(call, user, (oldHash) => decrypt(oldHash, encrypted, cipher)).then((status) =>
    output.u32(status),
  );
};

function readEncrypted(input: NdrReader): EncryptedPassword {
  input.align(8);
  // Copies: the request's buffer is reused while the change is under way.
  const mac = input.bytesOf(AUTH_BYTES).slice();
  const salt = input.bytesOf(SALT_BYTES).slice();
  const length = input.u32();
  const isPresent = input.pointer();
  const iterations = input.u64();
  if (!isPresent) return { mac, salt, cipher: undefined, iterations };
  const cipher = input.bytesOf(input.count(CIPHER_BYTES)).slice();
  return { mac, salt, cipher: cipher.length === length ? cipher : undefined, iterations };
}

let last: Promise<unknown> = Promise.resolve();

/** In the runtime's thread pool, one key after the other: the pool is there for the disks as well. */
function deriveKey(hash: Uint8Array, salt: Uint8Array, iterations: number): Promise<Uint8Array> {
  const mine = last.then(
    () =>
      new Promise<Uint8Array>((resolve, reject) => {
        pbkdf2(hash, salt, iterations, KEY_BYTES, "sha512", (error, key) =>
          error ? reject(error) : resolve(key),
        );
      }),
  );
  last = mine.catch(() => undefined);
  return mine;
}

/** The new password; undefined where it was encrypted with another hash. */
async function decrypt(
  oldHash: Uint8Array,
  { mac, salt, iterations }: EncryptedPassword,
  cipher: Uint8Array,
): Promise<string | undefined> {
  const key = await deriveKey(oldHash, salt, Number(iterations));
  const macKey = createHmac("sha512", key).update(MAC_LABEL, "latin1").digest();
  const expected = createHmac("sha512", macKey).update(VERSION).update(salt).update(cipher);
  if (!timingSafeEqual(expected.update(VERSION_LENGTH).digest(), mac)) return undefined;
  const encryptionKey = createHmac("sha512", key).update(ENCRYPTION_LABEL, "latin1").digest();
  const decipher = createDecipheriv("aes-256-cbc", encryptionKey.subarray(0, 32), salt).setAutoPadding(false);
  const plain = Buffer.concat([decipher.update(cipher), decipher.final()]);
  const length = plain.readUInt16LE(0);
  if (length > PLAIN_BYTES - 2 || length % 2 !== 0) return undefined;
  return plain.subarray(2, 2 + length).toString("utf16le");
}
