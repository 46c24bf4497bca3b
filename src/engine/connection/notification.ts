// Oplock and lease break notifications; [MS-SMB2] 2.2.23, 3.3.4.6 (oplocks), 3.3.4.7 (leases).
import { Writer } from "../../wire/cursor.ts";
import { Command, HEADER_SIZE, HeaderFlag, HeaderOffset, writeHeader } from "../../wire/header.ts";
import {
  encodeOplockBreakNotification,
  LeaseBreakFlag,
  type OplockBreakNotification,
} from "../../wire/command/oplock-break.ts";
import type { Session } from "../state/session.ts";
import { levelOf } from "../state/caching-grant.ts";
import type { CachingHolder, CachingOpen } from "../state/caching-holder.ts";
import { HEAD_ROOM } from "../transport/buffer-pool.ts";
import { type Channel, channelsOf } from "./channels.ts";
import type { EngineContext } from "./context.ts";

const NOTIFICATION_ROOM = 64;

/**
 * Sends the client of `holder` a break notification from caching state `from` to `to`. `needsAnswer` asks for
 * an acknowledgment. False when the client has no connection left.
 */
export function sendBreak(
  context: EngineContext,
  holder: CachingHolder,
  from: number,
  to: number,
  needsAnswer: boolean,
): boolean {
  for (const open of holder.opens) {
    const connection = channelsOf(context.connections, open.session)[0];
    if (connection === undefined) continue;
    const notification =
      holder.lease === undefined
        ? oplockNotification(open, to)
        : leaseNotification(holder, from, to, needsAnswer);
    sendNotification(context, connection, sealingSessionOf(open), notification);
    return true;
  }
  return false;
}

function oplockNotification(open: CachingOpen, to: number): OplockBreakNotification {
  const { id } = open;
  const fileId = { persistentLow: id, persistentHigh: 0, volatileLow: id, volatileHigh: 0 };
  return { kind: "oplock", oplockLevel: levelOf(to), fileId };
}

function leaseNotification(
  holder: CachingHolder,
  from: number,
  to: number,
  needsAnswer: boolean,
): OplockBreakNotification {
  const { lease, epoch } = holder;
  return {
    kind: "leaseNotification",
    newEpoch: lease?.version === 2 ? epoch : 0,
    flags: needsAnswer ? LeaseBreakFlag.ACK_REQUIRED : 0,
    leaseKey: lease?.key ?? new Uint8Array(16),
    currentLeaseState: from,
    newLeaseState: to,
  };
}

// 3.3.4.6, 3.3.4.7: notifications are not signed. They are encrypted where session or tree require
// encryption.
function sealingSessionOf(open: CachingOpen): Session | undefined {
  const { session, tree } = open;
  return (session.mustEncrypt || tree.mustEncrypt) && session.sealing !== undefined ? session : undefined;
}

function sendNotification(
  { pool }: EngineContext,
  connection: Channel,
  sealedBy: Session | undefined,
  notification: OplockBreakNotification,
): void {
  const reply = pool.acquire(HEAD_ROOM + HEADER_SIZE + NOTIFICATION_ROOM);
  const writer = new Writer(reply.bytes, HEAD_ROOM);
  writeHeader(writer, {
    creditCharge: 0,
    status: 0,
    command: Command.OPLOCK_BREAK,
    credits: 0,
    flags: HeaderFlag.SERVER_TO_REDIR,
    nextCommand: 0,
    messageId: 0,
    asyncId: 0,
    treeId: 0,
    sessionId: 0,
  });
  // 2.2.23: MessageId is 0xFFFFFFFFFFFFFFFF in a notification.
  const at = HEAD_ROOM + HeaderOffset.MESSAGE_ID;
  reply.bytes.fill(0xff, at, at + 8);
  encodeOplockBreakNotification(writer, notification);
  connection.sendReply(reply, writer.position, sealedBy);
}
