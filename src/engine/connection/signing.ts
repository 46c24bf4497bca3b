// Signatures of single messages; [MS-SMB2] 3.1.4.1 (making), 3.1.5.1 and 3.3.5.2.4 (checking).
import { GmacRole, writeGmacNonce } from "../../crypto/nonce.ts";
import type { Mac } from "../../crypto/provider.ts";
import type { Message } from "../../wire/cursor.ts";
import { Command, HeaderFlag, HeaderOffset } from "../../wire/header.ts";

const SIGNATURE_BYTES = 16;
// All are used within one call only.
const nonce = new Uint8Array(12);
const computed = new Uint8Array(SIGNATURE_BYTES);
const given = new Uint8Array(SIGNATURE_BYTES);

function gmacNonce(bytes: Uint8Array, view: DataView, from: number, role: GmacRole): Uint8Array {
  const isCancel = view.getUint16(from + HeaderOffset.COMMAND, true) === Command.CANCEL;
  writeGmacNonce(nonce, bytes, from + HeaderOffset.MESSAGE_ID, role, isCancel);
  return nonce;
}

/** Signs the reply `bytes[from, to)`, whose signature field is zero, in place. */
export function signMessage(key: Mac, bytes: Uint8Array, view: DataView, from: number, to: number): void {
  const flags = view.getUint32(from + HeaderOffset.FLAGS, true);
  view.setUint32(from + HeaderOffset.FLAGS, flags | HeaderFlag.SIGNED, true);
  // Only GMAC looks at it; which algorithm a key is for, the key knows alone.
  const iv = gmacNonce(bytes, view, from, GmacRole.SERVER);
  key.compute(bytes, from, to, iv, bytes, from + HeaderOffset.SIGNATURE);
}

/** True when the request carries the right signature. The message is the same afterwards: hashes cover it whole. */
export function verifySignature(key: Mac, message: Message): boolean {
  const { bytes, view, start, length } = message;
  const at = start + HeaderOffset.SIGNATURE;
  const iv = gmacNonce(bytes, view, start, GmacRole.CLIENT);
  given.set(bytes.subarray(at, at + SIGNATURE_BYTES));
  bytes.fill(0, at, at + SIGNATURE_BYTES);
  key.compute(bytes, start, start + length, iv, computed, 0);
  bytes.set(given, at);
  // No early exit: the time taken must not tell how much of a forged signature was right.
  let difference = 0;
  for (let i = 0; i < SIGNATURE_BYTES; i++) difference |= (computed[i] ?? 0) ^ (given[i] ?? 0);
  return difference === 0;
}
