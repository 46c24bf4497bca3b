// Message signatures; [MS-SMB2] 3.1.4.1 (signing), 3.1.5.1 and 3.3.5.2.4 (verifying).
import { GmacRole, writeGmacNonce } from "../../crypto/nonce.ts";
import type { Mac } from "../../crypto/provider.ts";
import type { MaybePromise } from "../../port/port.ts";
import type { Message } from "../../wire/cursor.ts";
import { Command, HeaderFlag, HeaderOffset, get64 } from "../../wire/header.ts";
import { SessionState, type SigningKey } from "../state/session.ts";
import type { PooledBuffer } from "../transport/buffer-pool.ts";
import type { ConnectionState } from "./connection-state.ts";
import { MIN_THREAD_BYTES } from "./crypto-threads.ts";

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

/**
 * Has a thread verify the message `buffer.bytes[0, length)`, and resolves to the key where its signature is
 * right. Undefined where the pipeline verifies it: a small one, a compound, or one without signature or
 * session.
 */
export function verifyByThread(
  connection: ConnectionState,
  buffer: PooledBuffer,
  length: number,
): Promise<SigningKey | undefined> | undefined {
  const { threads } = connection.context;
  if (threads === undefined || length < MIN_THREAD_BYTES) return undefined;
  const { view } = buffer;
  if ((view.getUint32(HeaderOffset.FLAGS, true) & HeaderFlag.SIGNED) === 0) return undefined;
  if (view.getUint32(HeaderOffset.NEXT_COMMAND, true) !== 0) return undefined;
  const session = connection.sessions.get(get64(view, HeaderOffset.SESSION_ID));
  if (session === undefined || session.state === SessionState.IN_PROGRESS) return undefined;
  const key = connection.signingKeyOf(session);
  if (key === undefined) return undefined;
  const { algorithm, bytes } = key;
  const work = { kind: "verify", key: { algorithm, bytes }, start: 0, to: length } as const;
  return threads
    .carryOut(work, buffer, () => !connection.isClosed)
    ?.then((isSound) => (isSound ? key : undefined));
}

/** Signs the reply `reply.bytes[from, to)`: a large one by a thread, where one is wanted and to be had. */
export function signByThread(
  connection: Pick<ConnectionState, "context" | "isClosed">,
  key: SigningKey,
  reply: PooledBuffer,
  from: number,
  to: number,
): MaybePromise<true> {
  const sign = (): true => {
    signMessage(key, reply.bytes, reply.view, from, to);
    return true;
  };
  const { threads } = connection.context;
  if (threads === undefined || to - from < MIN_THREAD_BYTES) return sign();
  const { algorithm, bytes } = key;
  const work = { kind: "sign", key: { algorithm, bytes }, start: from, to } as const;
  const signing = threads.carryOut(work, reply, () => !connection.isClosed);
  if (signing === undefined) return sign();
  return signing.then((isSigned) => {
    if (isSigned || connection.isClosed) return true;
    // The thread has failed, perhaps in the middle.
    const at = from + HeaderOffset.SIGNATURE;
    reply.bytes.fill(0, at, at + SIGNATURE_BYTES);
    return sign();
  });
}
