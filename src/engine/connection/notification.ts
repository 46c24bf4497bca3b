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
import { Cache, type CachingHolder, type CachingOpen } from "../state/caching-holder.ts";
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
  const { connections } = context;
  const found = openWithItsConnection(connections, holder) ?? openWithAnyChannel(connections, holder);
  context.log.debug.oplock?.(describeBreak(holder, from, to, found !== undefined));
  if (found === undefined) return false;
  const { open, connection } = found;
  const notification =
    holder.lease === undefined
      ? oplockNotification(open, to)
      : leaseNotification(holder, from, to, needsAnswer);
  holder.lastBreak = { over: connection.id, from, to, needsAnswer };
  sendNotification(context, connection, sealingSessionOf(open), notification);
  return true;
}

/** The rights are those of a LeaseState: R reading, H the handle, W writing. */
function describeBreak({ lease, opens }: CachingHolder, from: number, to: number, isSent: boolean): string {
  const text = (state: number): string =>
    `${state & Cache.READ ? "R" : ""}${state & Cache.HANDLE ? "H" : ""}${state & Cache.WRITE ? "W" : ""}` ||
    "none";
  const [open] = opens;
  const whose = open?.session.identity?.user ?? "";
  const kind = lease === undefined ? "oplock" : "lease";
  const fault = isSent ? "" : ": the client cannot be reached";
  return `${kind} of '${whose}' broken from ${text(from)} to ${text(to)}${fault}`;
}

interface Receiver {
  readonly open: CachingOpen;
  readonly connection: Channel;
}

// 3.3.4.6, 3.3.4.7: breaks go over the connection of an open that holds the oplock or lease, and over another
// channel of its session where that one is gone. 3.3.4.1.6 leaves the choice of the channel to a 3.x server,
// but not a connection of another session, over which Windows and smbd may send a lease break: that one may
// be dead while the session that opened the file is alive.
function openWithItsConnection(
  connections: ReadonlyMap<number, Channel>,
  holder: CachingHolder,
): Receiver | undefined {
  for (const open of holder.opens) {
    const connection = connections.get(open.connectionId);
    const isChannel = connection?.isClosed === false && open.session.connectionIds.has(connection.id);
    if (isChannel) return { open, connection };
  }
  return undefined;
}

function openWithAnyChannel(
  connections: ReadonlyMap<number, Channel>,
  holder: CachingHolder,
): Receiver | undefined {
  for (const open of holder.opens) {
    const connection = channelsOf(connections, open.session)[0];
    if (connection !== undefined) return { open, connection };
  }
  return undefined;
}

/** The holders in `sessions` whose last break was sent over the connection `connectionId`. */
export function holdersToldOver(
  context: EngineContext,
  sessions: readonly Session[],
  connectionId: number,
): ReadonlySet<CachingHolder> {
  const holders = new Set<CachingHolder>();
  for (const session of sessions) {
    for (const { caching } of context.opens.ofSession(session)) {
      if (caching?.lastBreak?.over === connectionId) holders.add(caching);
    }
  }
  return holders;
}

/**
 * Repeats, over another connection, the breaks that the client may not have received because their connection
 * was lost. The time to acknowledge does not begin again.
 */
export function repeatBreaks(context: EngineContext, holders: ReadonlySet<CachingHolder>): void {
  for (const holder of holders) {
    const { lastBreak } = holder;
    if (lastBreak === undefined) continue;
    const { from, to, needsAnswer } = lastBreak;
    // Otherwise it was acknowledged, timed out, or the lease was extended since.
    const isValid = needsAnswer ? holder.isBreaking : holder.state === to;
    if (isValid) sendBreak(context, holder, from, to, needsAnswer);
  }
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
