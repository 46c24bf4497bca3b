// Transform headers: decrypts requests and encrypts replies in place; [MS-SMB2] 2.2.41, 3.1.4.3, 3.3.5.2.1.
import { PROTOCOL_SMB2, PROTOCOL_TRANSFORM, get64, set64 } from "../../wire/header.ts";
import type { MaybePromise } from "../../port/port.ts";
import { type SealKeys, type Session, SessionState } from "../state/session.ts";
import type { PooledBuffer } from "../transport/buffer-pool.ts";
import type { ConnectionState } from "./connection-state.ts";
import { MIN_THREAD_BYTES } from "./crypto-threads.ts";

/** Bytes of a transform header. */
export const TRANSFORM_SIZE = 52;
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

/** The parts of a message with a transform header at `start`; the SMB2 message begins at `from`. */
export function transformParts(bytes: Uint8Array, start: number, nonceLength: number) {
  const nonceAt = start + Transform.NONCE;
  return {
    nonce: bytes.subarray(nonceAt, nonceAt + nonceLength),
    aad: bytes.subarray(nonceAt, start + TRANSFORM_SIZE),
    tag: bytes.subarray(start + Transform.SIGNATURE, nonceAt),
    from: start + TRANSFORM_SIZE,
  };
}

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
  const session = sessionOfSealed(connection, view, start, length);
  const keys = session?.sealing;
  if (keys === undefined) return undefined;
  const { nonce, aad, tag, from } = transformParts(bytes, start, keys.open.nonceLength);
  if (!keys.open.open(nonce, aad, bytes, from, start + length, tag)) return undefined;
  return isSmb2(view, from) ? session : undefined;
}

/**
 * As `openSealed` for the first `length` bytes of `buffer`, by a thread. Undefined where the event loop opens
 * it.
 */
export function openByThread(
  connection: ConnectionState,
  buffer: PooledBuffer,
  length: number,
): Promise<Session | undefined> | undefined {
  const { threads } = connection.context;
  if (threads === undefined || length < MIN_THREAD_BYTES) return undefined;
  const session = sessionOfSealed(connection, buffer.view, 0, length);
  const key = session?.sealing?.openKey;
  const opening =
    key && threads.carryOut({ kind: "open", key, start: 0, to: length }, buffer, () => !connection.isClosed);
  return opening?.then((isSound) => (isSound && isSmb2(buffer.view, TRANSFORM_SIZE) ? session : undefined));
}

function sessionOfSealed(
  connection: ConnectionState,
  view: DataView,
  start: number,
  length: number,
): Session | undefined {
  if (length < TRANSFORM_SIZE + 64 || connection.negotiated === undefined) return undefined;
  if (view.getUint32(start + Transform.ORIGINAL_SIZE, true) !== length - TRANSFORM_SIZE) return undefined;
  if (view.getUint16(start + Transform.FLAGS, true) !== ENCRYPTED) return undefined;
  const session = connection.sessions.get(get64(view, start + Transform.SESSION_ID));
  return session?.state === SessionState.IN_PROGRESS ? undefined : session;
}

/** Only an SMB2 message may be inside; this refuses nested transform headers, too. */
function isSmb2(view: DataView, from: number): boolean {
  return view.getUint32(from, true) === PROTOCOL_SMB2;
}

/**
 * Encrypts `reply.bytes[from, to)` in place and writes the transform header into the 52 bytes before it.
 * False when the session has no keys or its nonces are used up.
 */
export function sealReply(session: Session, reply: PooledBuffer, from: number, to: number): boolean {
  const keys = session.sealing;
  if (keys === undefined || !writeTransform(session, keys, reply, from, to)) return false;
  const { nonce, aad, tag } = transformParts(reply.bytes, from - TRANSFORM_SIZE, keys.seal.nonceLength);
  keys.seal.seal(nonce, aad, reply.bytes, from, to, tag);
  return true;
}

/** As `sealReply` by a thread, or by the event loop where no thread is wanted or to be had. */
export function sealByThread(
  connection: Pick<ConnectionState, "context" | "isClosed">,
  session: Session,
  reply: PooledBuffer,
  from: number,
  to: number,
): MaybePromise<boolean> {
  const keys = session.sealing;
  const { threads } = connection.context;
  if (threads === undefined || keys === undefined || to - from < MIN_THREAD_BYTES)
    return sealReply(session, reply, from, to);
  // The event loop chooses the nonce: each is used once.
  if (!writeTransform(session, keys, reply, from, to)) return false;
  const start = from - TRANSFORM_SIZE;
  const job = { kind: "seal", key: keys.sealKey, start, to } as const;
  return threads.carryOut(job, reply, () => !connection.isClosed) ?? sealReply(session, reply, from, to);
}

/** Writes the transform header with the next nonce and without the tag; false when no nonce is left. */
function writeTransform(
  session: Session,
  keys: SealKeys,
  { bytes, view }: PooledBuffer,
  from: number,
  to: number,
): boolean {
  const start = from - TRANSFORM_SIZE;
  view.setUint32(start, PROTOCOL_TRANSFORM, true);
  bytes.fill(0, start + Transform.SIGNATURE, from);
  if (!keys.nonces.next(transformParts(bytes, start, keys.seal.nonceLength).nonce)) return false;
  view.setUint32(start + Transform.ORIGINAL_SIZE, to - from, true);
  view.setUint16(start + Transform.FLAGS, ENCRYPTED, true);
  set64(view, start + Transform.SESSION_ID, session.id);
  return true;
}
