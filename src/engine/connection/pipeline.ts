// What happens to every request before its handler runs, in one fixed order; [MS-SMB2] 3.3.5.2.
import type { MaybePromise } from "../../port/port.ts";
import { Command, HEADER_SIZE, HeaderFlag, HeaderOffset, PROTOCOL_SMB2 } from "../../wire/header.ts";
import { Status } from "../../wire/status.ts";
import { SessionState } from "../session/session.ts";
import type { Open } from "../state/open.ts";
import { enterSequence, leaveSequence } from "./channel-sequence.ts";
import type { Exchange } from "./exchange.ts";
import type { Row } from "./row.ts";
import { verifySignature } from "./signing.ts";

/** The outcome of a member that is never answered, or whose connection was closed. */
export const NO_REPLY = -1;
/** Members that one message may hold; far above what clients send, and each costs credits anyway. */
const MAX_MEMBERS = 512;
const ALL_ONES = 0xffff_ffff;
/** Bytes that one credit pays for; 3.1.5.2. */
const CREDIT_BYTES = 65_536;

/** Checks the chain of headers of a whole message; false: disconnect, 3.3.5.2.6 and 3.3.5.2.7. */
export function hasSoundMembers(view: DataView, start: number, length: number): boolean {
  let at = start;
  let left = length;
  for (let count = 0; count < MAX_MEMBERS; count++) {
    if (left < HEADER_SIZE + 2) return false;
    if (view.getUint32(at, true) !== PROTOCOL_SMB2) return false;
    if (view.getUint16(at + HeaderOffset.STRUCTURE_SIZE, true) !== HEADER_SIZE) return false;
    if ((view.getUint32(at + HeaderOffset.FLAGS, true) & HeaderFlag.SERVER_TO_REDIR) !== 0) return false;
    const next = view.getUint32(at + HeaderOffset.NEXT_COMMAND, true);
    if (next === 0) return true;
    if (next % 8 !== 0 || next < HEADER_SIZE + 2 || next >= left) return false;
    at += next;
    left -= next;
  }
  return false;
}

/** Runs one member: an NTSTATUS, at once or later, or NO_REPLY. */
export function handleMember(exchange: Exchange): MaybePromise<number> {
  const { connection } = exchange;
  if (exchange.command === Command.CANCEL) return cancelRequest(exchange);
  const negotiated = connection.negotiated;
  const charge = negotiated?.dialect.hasMultiCredit === true ? Math.max(1, exchange.creditCharge) : 1;
  if (!connection.window.consume(exchange.messageId, charge)) {
    connection.close(`message id ${exchange.messageId} outside the window`);
    return NO_REPLY;
  }
  if ((negotiated === undefined) !== (exchange.command === Command.NEGOTIATE)) {
    connection.close("negotiate out of order");
    return NO_REPLY;
  }
  const row = exchange.context.rows[exchange.command];
  exchange.row = row;
  const refusal = resolve(exchange, row);
  if (refusal !== 0) return refusal;
  return runHandler(exchange, row as Row);
}

function runHandler(exchange: Exchange, row: Row): MaybePromise<number> {
  try {
    return exchange.open === undefined ? row.handle(exchange) : useOpen(exchange, exchange.open, row.handle);
  } catch (error) {
    return exchange.failed(error);
  }
}

/** Runs `handle` while `open` is counted in use, so that its descriptors outlive a CLOSE that overtakes it. */
function useOpen(exchange: Exchange, open: Open, handle: Row["handle"]): MaybePromise<number> {
  const refusal = enterSequence(exchange, open);
  if (refusal !== Status.SUCCESS) return refusal;
  if (open.isReplayable) exchange.context.durables.endReplay(open);
  open.beginUse();
  let outcome: MaybePromise<number>;
  try {
    outcome = handle(exchange);
  } catch (error) {
    endUse(exchange, open);
    throw error;
  }
  if (typeof outcome === "number") {
    endUse(exchange, open);
    return outcome;
  }
  return outcome.finally(() => endUse(exchange, open));
}

function endUse(exchange: Exchange, open: Open): void {
  leaveSequence(exchange, open);
  open.endUse();
}

/** For requests whose FileId need not name an open: finds it at `offset` all the same and runs `handle` with it. */
export function withOpen(exchange: Exchange, offset: number, handle: Row["handle"]): MaybePromise<number> {
  const status = resolveOpen(exchange, offset);
  if (status !== 0 || exchange.open === undefined) return status;
  return useOpen(exchange, exchange.open, handle);
}

/** Finds session, tree and open and holds the request against them. 0: the handler may run. */
function resolve(exchange: Exchange, row: Row | undefined): number {
  if (exchange.isRelated) {
    if (exchange.predecessor.sessionId === -1) return Status.INVALID_PARAMETER;
    exchange.sessionId = exchange.predecessor.sessionId;
    exchange.treeId = exchange.predecessor.treeId;
  }
  const status = resolveSession(exchange, row);
  if (status !== 0) return status;
  if (row === undefined) return Status.INVALID_PARAMETER;
  if (row.bodySize !== 0) {
    const { message } = exchange;
    if (message.length < HEADER_SIZE + (row.bodySize & ~1)) return Status.INVALID_PARAMETER;
    if (message.u16(HEADER_SIZE) !== row.bodySize) return Status.INVALID_PARAMETER;
  }
  if (row.needsTree) {
    const treeStatus = resolveTree(exchange);
    if (treeStatus !== 0) return treeStatus;
  }
  return row.fileIdOffset === 0 ? 0 : resolveOpen(exchange, row.fileIdOffset);
}

function resolveSession(exchange: Exchange, row: Row | undefined): number {
  const { connection, sealedBy } = exchange;
  const session = connection.sessions.get(exchange.sessionId);
  if (sealedBy !== undefined && session !== sealedBy) {
    // 3.3.5.2.1.1: what is inside must belong to the session whose keys opened it.
    connection.close("encrypted for another session");
    return Status.ACCESS_DENIED;
  }
  const isSetup = exchange.command === Command.SESSION_SETUP || exchange.command === Command.NEGOTIATE;
  const isSigned = (exchange.flags & HeaderFlag.SIGNED) !== 0;
  if (session !== undefined && session.state !== SessionState.IN_PROGRESS && sealedBy === undefined) {
    const key = connection.signingKeyOf(session);
    if (isSigned && key !== undefined) {
      if (!verifySignature(key, exchange.message)) return Status.ACCESS_DENIED;
      exchange.signWith = key;
    } else if (session.mustSign && !isSetup) {
      return Status.ACCESS_DENIED;
    }
    if (session.mustEncrypt && !isSetup) return Status.ACCESS_DENIED;
  }
  exchange.session = session;
  if (session === undefined && isSigned) signForStranger(exchange);
  if (row?.needsSession !== true) return 0;
  if (session === undefined || session.state === SessionState.IN_PROGRESS) return Status.USER_SESSION_DELETED;
  if (session.state === SessionState.EXPIRED && !mayUseExpired(exchange.command)) {
    return Status.NETWORK_SESSION_EXPIRED;
  }
  return 0;
}

// A session that ended, or that exists on other connections: its client believes the refusal only when it is signed.
function signForStranger(exchange: Exchange): void {
  const { context, connection, sessionId } = exchange;
  const key = connection.endedKeys.get(sessionId) ?? context.sessions.get(sessionId)?.signing;
  if (key !== undefined && verifySignature(key, exchange.message)) exchange.signWith = key;
}

// 3.3.5.2.9: what only gives things back still works.
function mayUseExpired(command: number): boolean {
  return (
    command === Command.LOGOFF ||
    command === Command.CLOSE ||
    command === Command.LOCK ||
    command === Command.OPLOCK_BREAK
  );
}

function resolveTree(exchange: Exchange): number {
  const tree = exchange.session?.trees.get(exchange.treeId);
  if (tree === undefined) return Status.NETWORK_NAME_DELETED;
  if (tree.mustEncrypt && exchange.sealedBy === undefined) return Status.ACCESS_DENIED;
  exchange.tree = tree;
  return 0;
}

function resolveOpen(exchange: Exchange, offset: number): number {
  const { message, predecessor } = exchange;
  const persistentLow = message.u32(offset);
  const persistentHigh = message.u32(offset + 4);
  const volatileLow = message.u32(offset + 8);
  const volatileHigh = message.u32(offset + 12);
  const isAllOnes =
    persistentLow === ALL_ONES &&
    persistentHigh === ALL_ONES &&
    volatileLow === ALL_ONES &&
    volatileHigh === ALL_ONES;
  if (exchange.isRelated && (isAllOnes || predecessor.failure !== 0)) {
    if (predecessor.failure !== 0) return predecessor.failure;
    if (predecessor.open === undefined || predecessor.open.isClosed) return Status.FILE_CLOSED;
    exchange.open = predecessor.open;
    return 0;
  }
  const open = exchange.context.opens.find(volatileLow);
  if (
    open === undefined ||
    volatileHigh !== 0 ||
    persistentLow !== open.id ||
    persistentHigh !== 0 ||
    open.tree !== exchange.tree
  ) {
    return Status.FILE_CLOSED;
  }
  exchange.open = open;
  return 0;
}

// 3.3.5.16: never answered. A signature that is wrong makes the request void.
function cancelRequest(exchange: Exchange): number {
  const { connection, message } = exchange;
  const session = connection.sessions.get(exchange.sessionId);
  const isSigned = (exchange.flags & HeaderFlag.SIGNED) !== 0;
  const key = session && connection.signingKeyOf(session);
  if (isSigned && key !== undefined && exchange.sealedBy === undefined) {
    if (!verifySignature(key, message)) return NO_REPLY;
  }
  const isAsync = (exchange.flags & HeaderFlag.ASYNC_COMMAND) !== 0;
  connection.cancel(isAsync ? message.u64(HeaderOffset.ASYNC_ID) : 0, exchange.messageId);
  return NO_REPLY;
}

/**
 * False when a request pays too few credits for `payloadBytes`, the larger of what it sends and asks for;
 * [MS-SMB2] 3.3.5.2.5.
 */
export function paysFor(exchange: Exchange, payloadBytes: number): boolean {
  const { negotiated } = exchange.connection;
  if (negotiated?.dialect.hasMultiCredit !== true) return payloadBytes <= CREDIT_BYTES;
  const needed = payloadBytes === 0 ? 1 : Math.floor((payloadBytes - 1) / CREDIT_BYTES) + 1;
  return needed <= Math.max(1, exchange.creditCharge);
}
