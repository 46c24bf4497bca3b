// SAMR: the password policy, and a user's change of his own password. The old password is proven in the call:
// the new one is encrypted with its hash, and the old hash with the new one's. [MS-SAMR] 3.1.5.10, 3.2.2.3;
// 2.2.6.21 (the buffer).
import { createCipheriv, timingSafeEqual } from "node:crypto";
import { createRc4 } from "../../crypto/rc4.ts";
import { Status } from "../../wire/status.ts";
import { ntHash, passwordFault } from "../users/nt-hash.ts";
import type { RpcCall, RpcOperation } from "./interface.ts";
import type { MaybePromise } from "../../port/port.ts";
import type { NdrReader, NdrWriter } from "./ndr.ts";

/** Shortest password that a client may set. */
export const MIN_PASSWORD_UNITS = 1;

const BUFFER_BYTES = 512;
const CRYPT_BYTES = BUFFER_BYTES + 4;
const HASH_BYTES = 16;

interface ChangeRequest {
  readonly user: string;
  /** SAMPR_ENCRYPTED_USER_PASSWORD: the new password, encrypted with the old hash. */
  readonly password: Uint8Array | undefined;
  /** ENCRYPTED_NT_OWF_PASSWORD: the old hash, encrypted with the new one. */
  readonly verifier: Uint8Array | undefined;
}

function writePasswordPolicy(output: NdrWriter): void {
  output.u16(MIN_PASSWORD_UNITS);
  output.u32(0);
  output.u32(Status.SUCCESS);
}

/**
 * USER_DOMAIN_PASSWORD_INFORMATION of SamrGetDomainPasswordInformation and
 * SamrGetUserDomainPasswordInformation.
 */
export const writePolicy: RpcOperation = ({ output }) => writePasswordPolicy(output);

/** Changes with the hash of LAN Manager, which this server does not have. */
export const refuseOemChange: RpcOperation = ({ output }) => output.u32(Status.NOT_SUPPORTED);

/** SamrUnicodeChangePasswordUser2. */
export const changePassword2: RpcOperation = (call) =>
  change(call, readRequest(call.input)).then((status) => call.output.u32(status));

/** SamrUnicodeChangePasswordUser3, as Windows' clients send it: also tells why a new password does not do. */
export const changePassword3: RpcOperation = (call) =>
  change(call, readRequest(call.input)).then((status) => writeOutcome(call.output, status));

function writeOutcome(output: NdrWriter, status: number): void {
  const isRestricted = status === Status.PASSWORD_RESTRICTION;
  output.pointer(isRestricted);
  if (isRestricted) {
    output.u16(MIN_PASSWORD_UNITS);
    output.u16(0);
    for (const value of [0, 0, 0x8000_0000, 0, 0]) output.u32(value);
  }
  output.pointer(isRestricted);
  if (isRestricted) {
    // SAM_PWD_CHANGE_PASSWORD_TOO_SHORT.
    output.u32(1);
    output.unicodeString("");
    output.referents();
  }
  output.u32(status);
}

function readRequest(input: NdrReader): ChangeRequest {
  if (input.pointer()) input.unicodeString(input.unicodeStringHeader());
  const user = input.unicodeString(input.unicodeStringHeader());
  // Copies: the request's buffer is reused while the change is under way.
  const password = input.pointer() ? input.bytesOf(CRYPT_BYTES).slice() : undefined;
  const verifier = input.pointer() ? input.bytesOf(HASH_BYTES).slice() : undefined;
  // What follows is the change of LAN Manager's hash, which is not stored.
  return { user, password, verifier };
}

function change(call: RpcCall, { user, password, verifier }: ChangeRequest): Promise<number> {
  if (!call.context.passwords.isAllowed) return Promise.resolve(Status.PASSWORD_RESTRICTION);
  if (password === undefined || verifier === undefined) return Promise.resolve(Status.INVALID_PARAMETER);
  return changeProven(call, user, (oldHash) => {
    const text = decryptPassword(oldHash, password);
    const newHash = Uint8Array.fromHex(ntHash(text ?? ""));
    return timingSafeEqual(encryptHash(newHash, oldHash), verifier) ? text : undefined;
  });
}

/**
 * `open` returns the new password, and undefined where it was encrypted with another hash than the user's.
 */
export async function changeProven(
  { context, services, identity }: RpcCall,
  user: string,
  open: (oldHash: Uint8Array) => MaybePromise<string | undefined>,
): Promise<number> {
  const { passwords } = context;
  if (!passwords.isAllowed) return Status.PASSWORD_RESTRICTION;
  const proof = await services.beginProof(user);
  if (proof === undefined) return Status.INSUFFICIENT_RESOURCES;
  const stored = passwords.hashOf(user);
  // An unknown user costs the same as a wrong password.
  const oldHash = stored === undefined ? crypto.getRandomValues(new Uint8Array(HASH_BYTES)) : stored;
  const text = await open(oldHash);
  if (stored === undefined || text === undefined) {
    await proof.failed();
    return Status.WRONG_PASSWORD;
  }
  proof.succeeded();
  if (text.length < MIN_PASSWORD_UNITS || passwordFault(text) !== undefined)
    return Status.PASSWORD_RESTRICTION;
  const newHash = Uint8Array.fromHex(ntHash(text));
  const isChanged = await passwords.change(user, oldHash, newHash, identity.remoteAddress);
  return isChanged ? Status.SUCCESS : Status.ACCESS_DENIED;
}

/** The text is the end of the buffer, behind which is its length; undefined if that is no length. */
function decryptPassword(hash: Uint8Array, encrypted: Uint8Array): string | undefined {
  const clear = createRc4(hash).update(encrypted);
  const length = new DataView(clear.buffer).getUint32(BUFFER_BYTES, true);
  if (length > BUFFER_BYTES || length % 2 !== 0) return undefined;
  return Buffer.from(clear.subarray(BUFFER_BYTES - length, BUFFER_BYTES)).toString("utf16le");
}

/** [MS-SAMR] 3.2.2.3.2: each half of `hash` by DES, with seven bytes of `key`, the first and the second. */
export function encryptHash(key: Uint8Array, hash: Uint8Array): Uint8Array {
  const half = (from: number, bytes: Uint8Array): Uint8Array =>
    createCipheriv("des-ecb", desKey(key.subarray(from, from + 7)), null)
      .setAutoPadding(false)
      .update(bytes);
  return Buffer.concat([half(0, hash.subarray(0, 8)), half(7, hash.subarray(8))]);
}

/** Spreads 56 bits over eight bytes, whose lowest bits DES ignores. */
function desKey(bytes: Uint8Array): Uint8Array {
  const bits = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return Uint8Array.from({ length: 8 }, (_, i) => Number((bits >> BigInt(49 - 7 * i)) & 0x7fn) << 1);
}
