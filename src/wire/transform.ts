// SMB2 TRANSFORM_HEADER, the header of an encrypted message.
// [MS-SMB2] 2.2.41.
import { wireError } from "./cursor.ts";
import { get64, PROTOCOL_TRANSFORM, set64 } from "./header.ts";

export const TRANSFORM_SIZE = 52;

/** Offsets from the start of the transform header. */
export const TransformOffset = {
  PROTOCOL_ID: 0,
  SIGNATURE: 4,
  /** 16 bytes, of which CCM uses 11 and GCM 12; the rest is zero. */
  NONCE: 20,
  ORIGINAL_MESSAGE_SIZE: 36,
  RESERVED: 40,
  /** Flags in 3.1.1, EncryptionAlgorithm in 3.0 and 3.0.2; 0x0001 in all of them. */
  FLAGS: 42,
  SESSION_ID: 44,
} as const;

/** The header from the nonce to its end is the additional authenticated data; [MS-SMB2] 3.1.4.3. */
export const TRANSFORM_AAD = TransformOffset.NONCE;
export const TRANSFORM_AAD_SIZE = TRANSFORM_SIZE - TRANSFORM_AAD;

export const TRANSFORM_FLAG_ENCRYPTED = 0x0001;

/** Writes a transform header with a zero signature at `at`; `nonce` has at most 16 bytes. */
export function writeTransform(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  nonce: Uint8Array,
  originalMessageSize: number,
  sessionId: number,
): void {
  bytes.fill(0, at, at + TRANSFORM_SIZE);
  view.setUint32(at + TransformOffset.PROTOCOL_ID, PROTOCOL_TRANSFORM, true);
  bytes.set(nonce, at + TransformOffset.NONCE);
  view.setUint32(at + TransformOffset.ORIGINAL_MESSAGE_SIZE, originalMessageSize, true);
  view.setUint16(at + TransformOffset.FLAGS, TRANSFORM_FLAG_ENCRYPTED, true);
  set64(view, at + TransformOffset.SESSION_ID, sessionId);
}

/**
 * Checks size, ProtocolId and flag of the transform header at `at`, and that OriginalMessageSize is the rest
 * of the `length` bytes from there. Throws WireError.
 */
export function checkTransform(view: DataView, at: number, length: number): void {
  if (length <= TRANSFORM_SIZE) throw wireError("transform header cut off");
  if (view.getUint32(at + TransformOffset.PROTOCOL_ID, true) !== PROTOCOL_TRANSFORM) {
    throw wireError("not a transform header");
  }
  if (view.getUint16(at + TransformOffset.FLAGS, true) !== TRANSFORM_FLAG_ENCRYPTED) {
    throw wireError("transform header without the encryption flag");
  }
  if (view.getUint32(at + TransformOffset.ORIGINAL_MESSAGE_SIZE, true) !== length - TRANSFORM_SIZE) {
    throw wireError("wrong OriginalMessageSize");
  }
}

/** SessionId of the transform header at `at`: exact below 2^53, rounded above. */
export function transformSessionId(view: DataView, at: number): number {
  return get64(view, at + TransformOffset.SESSION_ID);
}
