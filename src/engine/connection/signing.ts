// Message signatures; [MS-SMB2] 3.1.4.1 (signing), 3.1.5.1 and 3.3.5.2.4 (verifying).
import { GmacRole, writeGmacNonce } from "../../crypto/nonce.ts";
import type { Mac } from "../../crypto/provider.ts";
import type { Message } from "../../wire/cursor.ts";
import { Command, HeaderFlag, HeaderOffset } from "../../wire/header.ts";

const SIGNATURE_BYTES = 16;
// Scratch buffers, used within one call only.
const nonce = new Uint8Array(12);
const computed = new Uint8Array(SIGNATURE_BYTES);
const received = new Uint8Array(SIGNATURE_BYTES);

function gmacNonce(bytes: Uint8Array, view: DataView, from: number, role: GmacRole): Uint8Array {
  const isCancel = view.getUint16(from + HeaderOffset.COMMAND, true) === Command.CANCEL;
  writeGmacNonce(nonce, bytes, from + HeaderOffset.MESSAGE_ID, role, isCancel);
  return nonce;
}

/** Signs the reply `bytes[from, to)` in place. Its Signature field must be zero. */
export function signMessage(key: Mac, bytes: Uint8Array, view: DataView, from: number, to: number): void {
  const flags = view.getUint32(from + HeaderOffset.FLAGS, true);
  view.setUint32(from + HeaderOffset.FLAGS, flags | HeaderFlag.SIGNED, true);
  // Only AES-GMAC uses the nonce; other algorithms ignore it.
  const iv = gmacNonce(bytes, view, from, GmacRole.SERVER);
  key.compute(bytes, from, to, iv, bytes, from + HeaderOffset.SIGNATURE);
}

/**
 * True when the request's signature is valid. Restores the Signature field: the preauthentication hash covers
 * it.
 */
export function verifySignature(key: Mac, message: Message): boolean {
  const { bytes, view, start, length } = message;
  const at = start + HeaderOffset.SIGNATURE;
  const iv = gmacNonce(bytes, view, start, GmacRole.CLIENT);
  received.set(bytes.subarray(at, at + SIGNATURE_BYTES));
  bytes.fill(0, at, at + SIGNATURE_BYTES);
  key.compute(bytes, start, start + length, iv, computed, 0);
  bytes.set(received, at);
  // Constant time: no early exit that would reveal how many bytes of a forged signature match.
  let difference = 0;
  for (let i = 0; i < SIGNATURE_BYTES; i++) difference |= (computed[i] ?? 0) ^ (received[i] ?? 0);
  return difference === 0;
}
