// Sends a finished reply: encrypted where the request was, with its framing.
import type { Session, SigningKey } from "../state/session.ts";
import { HEAD_ROOM, type PooledBuffer } from "../transport/buffer-pool.ts";
import type { SendQueue } from "../transport/send-queue.ts";
import type { EngineContext } from "./context.ts";
import { sealByThread } from "./sealing.ts";
import { signByThread } from "./signing.ts";

/** The parts of a connection that sending needs. */
export interface ReplySender {
  readonly context: EngineContext;
  readonly sendQueue: SendQueue;
  readonly traffic: { sentBytes: number };
  readonly isClosed: boolean;
  close(reason: string): void;
  /** Looks again whether requests may be read. */
  roomFreed(): void;
}

/** RFC 1002 4.3.3: POSITIVE SESSION RESPONSE, which has no body. */
const NETBIOS_POSITIVE_RESPONSE = 0x8200_0000;

export function sendSessionResponse({ context, sendQueue }: ReplySender): void {
  const reply = context.pool.acquire(4);
  reply.view.setUint32(0, NETBIOS_POSITIVE_RESPONSE, false);
  sendQueue.send(reply, 0, 4);
}

/**
 * Sends `reply.bytes[HEAD_ROOM, to)` and takes ownership of the buffer. `signWith` is the key of a reply that
 * is not signed yet.
 */
export function sendReply(
  connection: ReplySender,
  reply: PooledBuffer,
  to: number,
  sealedBy: Session | undefined,
  signWith: SigningKey | undefined,
): void {
  const { context, sendQueue, traffic } = connection;
  if (connection.isClosed) return context.pool.release(reply);
  const isReady =
    sealedBy !== undefined
      ? sealByThread(connection, sealedBy, reply, HEAD_ROOM, to)
      : signWith === undefined || signByThread(connection, signWith, reply, HEAD_ROOM, to);
  if (isReady === false) {
    context.pool.release(reply);
    return connection.close("the session's nonces are used up");
  }
  const from = HEAD_ROOM - (sealedBy === undefined ? 4 : 56);
  const length = to - from - 4;
  traffic.sentBytes += length;
  reply.view.setUint32(from, length, false);
  if (isReady === true) return sendQueue.send(reply, from, to);
  // The queue releases the buffer, also where the connection is closed meanwhile.
  const finish = sendQueue.sendLater(reply, from, to);
  void isReady.then((isDone) => {
    if (!isDone) return connection.close("a reply could not be encrypted");
    finish();
    connection.roomFreed();
  });
}
