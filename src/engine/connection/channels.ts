// A session's connections, as the rest of the engine sees them; [MS-SMB2] 3.3.1.14 (Channel).
import type { Session, Tree } from "../state/session.ts";
import type { PooledBuffer } from "../transport/buffer-pool.ts";

/** One connection of a session. */
export interface Channel {
  readonly id: number;
  readonly isClosed: boolean;
  /** Removes a session that has ended. */
  dropSession(session: Session): void;
  /**
   * Cancels what waits in `session`, which ends, and does not end with its open: CREATEs and the requests on
   * durable opens; with `tree`, which alone ends, its CREATEs.
   */
  cancelWaits(session: Session, tree: Tree | undefined): void;
  /** Sends `reply.bytes[HEAD_ROOM, end)`, encrypted where `sealedBy` is given, and releases the buffer. */
  sendReply(reply: PooledBuffer, end: number, sealedBy: Session | undefined): void;
}

/** Returns the open connections of `session`, the most recently bound first. */
export function channelsOf(connections: ReadonlyMap<number, Channel>, session: Session): Channel[] {
  const found: Channel[] = [];
  for (const id of session.connectionIds) {
    const connection = connections.get(id);
    if (connection !== undefined && !connection.isClosed) found.unshift(connection);
  }
  return found;
}
