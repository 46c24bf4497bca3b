// Transform headers: decrypts requests and encrypts replies in place; [MS-SMB2] 2.2.41, 3.1.4.3, 3.3.5.2.1.
import { PROTOCOL_SMB2, PROTOCOL_TRANSFORM, get64, set64 } from "../../wire/header.ts";
import { type Session, SessionState } from "../state/session.ts";
import type { PooledBuffer } from "../transport/buffer-pool.ts";
import type { ConnectionState } from "./connection-state.ts";

const TRANSFORM_SIZE = 52;
/** Offsets in the transform header; 2.2.41. */
const Transform = {
  SIGNATURE: 4,
  NONCE: 20,
  ORIGINAL_SIZE: 36,
  FLAGS: 42,
  SESSION_ID: 44,
} as const;
/** Flags (3.1.1) or EncryptionAlgorithm (3.0, AES-128-CCM): the same field with the same value. */
const ENCRYPTED = 1;

/**
 * Decrypts the message `bytes[start, start + length)` in place; the SMB2 message then begins at `start + 52`.
 * Returns the session of the transform header, or undefined when the connection must be closed; 3.3.5.2.1.1.
 */
export function openSealed(
  connection: ConnectionState,
  bytes: Uint8Array,
  view: DataView,
  start: number,
  length: number,
): Session | undefined {
  if (length < TRANSFORM_SIZE + 64 || connection.negotiated === undefined) return undefined;
  if (view.getUint32(start + Transform.ORIGINAL_SIZE, true) !== length - TRANSFORM_SIZE) return undefined;
  if (view.getUint16(start + Transform.FLAGS, true) !== ENCRYPTED) return undefined;
  const session = connection.sessions.get(get64(view, start + Transform.SESSION_ID));
  const keys = session?.sealing;
  if (session === undefined || keys === undefined || session.state === SessionState.IN_PROGRESS)
    return undefined;
  const nonce = bytes.subarray(start + Transform.NONCE, start + Transform.NONCE + keys.open.nonceLength);
  const aad = bytes.subarray(start + Transform.NONCE, start + TRANSFORM_SIZE);
  const tag = bytes.subarray(start + Transform.SIGNATURE, start + Transform.NONCE);
  if (!keys.open.open(nonce, aad, bytes, start + TRANSFORM_SIZE, start + length, tag)) return undefined;
  // Only an SMB2 message may be inside; this refuses nested transform headers, too.
  if (view.getUint32(start + TRANSFORM_SIZE, true) !== PROTOCOL_SMB2) return undefined;
  return session;
}

/**
 * Encrypts `reply.bytes[from, to)` in place and writes the transform header into the 52 bytes before it.
 * False when the session has no keys or its nonces are used up.
 */
export function sealReply(session: Session, reply: PooledBuffer, from: number, to: number): boolean {
  const keys = session.sealing;
  if (keys === undefined) return false;
  const { bytes, view } = reply;
  const start = from - TRANSFORM_SIZE;
  view.setUint32(start, PROTOCOL_TRANSFORM, true);
  bytes.fill(0, start + Transform.SIGNATURE, from);
  const nonce = bytes.subarray(start + Transform.NONCE, start + Transform.NONCE + keys.seal.nonceLength);
  if (!keys.nonces.next(nonce)) return false;
  view.setUint32(start + Transform.ORIGINAL_SIZE, to - from, true);
  view.setUint16(start + Transform.FLAGS, ENCRYPTED, true);
  set64(view, start + Transform.SESSION_ID, session.id);
  const aad = bytes.subarray(start + Transform.NONCE, from);
  keys.seal.seal(
    nonce,
    aad,
    bytes,
    from,
    to,
    bytes.subarray(start + Transform.SIGNATURE, start + Transform.NONCE),
  );
  return true;
}
