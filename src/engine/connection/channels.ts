// The connections of a session as the rest of the engine may act on them; [MS-SMB2] 3.3.1.14 (Channel).
import type { Session, Tree } from "../state/session.ts";
import type { PooledBuffer } from "../transport/buffer-pool.ts";

/** A live connection. */
export interface Channel {
  readonly isClosed: boolean;
  /** Forgets a session that ended. */
  dropSession(session: Session): void;
  /** Cancels the CREATEs of a session, or of one tree of it, that wait for an oplock or lease break. */
  cancelCreates(session: Session, tree: Tree | undefined): void;
  /** Frames and sends `reply.bytes[HEAD_ROOM, end)`, encrypted for `sealedBy` where given. Takes the buffer. */
  sendReply(reply: PooledBuffer, end: number, sealedBy: Session | undefined): void;
}

/** The live connections that carry `session`, the newest first. */
export function channelsOf(connections: ReadonlyMap<number, Channel>, session: Session): Channel[] {
  const found: Channel[] = [];
  for (const id of session.connectionIds) {
    const connection = connections.get(id);
    if (connection !== undefined && !connection.isClosed) found.unshift(connection);
  }
  return found;
}
