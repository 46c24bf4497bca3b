// The checks that every request passes before its handler runs, in the order of [MS-SMB2] 3.3.5.2.
import type { MaybePromise } from "../../port/port.ts";
import { Command, HEADER_SIZE, HeaderFlag, HeaderOffset, PROTOCOL_SMB2 } from "../../wire/header.ts";
import { type NtStatus, Status } from "../../wire/status.ts";
import { type Session, SessionState, type Tree } from "../state/session.ts";
import type { Open } from "../state/open.ts";
import { enterSequence, leaveSequence } from "./channel-sequence.ts";
import { type Exchange, NO_REPLY, type OpenHandler, type Outcome, type Row } from "./exchange.ts";
import { verifySignature } from "./signing.ts";

/** The most requests in one compound; far more than clients send, and each costs a credit anyway. */
const MAX_MEMBERS = 512;
/** What a request's message may take while it waits for memory. */
const MOST_HELD_BYTES = 20_480;
const ALL_ONES = 0xffff_ffff;

/**
 * Checks the headers of all requests of a message and the NextCommand chain. False when the connection must
 * be closed; 3.3.5.2.6, 3.3.5.2.7.
 */
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

/**
 * Checks the exchange's current request and runs its handler. Returns the status of the response, or NO_REPLY
 * where the request is CANCEL or the connection was closed.
 */
export function handleMember(exchange: Exchange, rows: readonly (Row | undefined)[]): MaybePromise<Outcome> {
  const { connection } = exchange;
  if (exchange.command === Command.CANCEL) return cancelRequest(exchange);
  const negotiated = connection.negotiated;
  const charge = negotiated?.dialect.hasMultiCredit === true ? Math.max(1, exchange.creditCharge) : 1;
  if (!connection.window.consume(exchange.messageId, charge)) {
    connection.close(`message id ${exchange.messageId} outside the window`);
    return NO_REPLY;
  }
  if ((negotiated === undefined) !== (exchange.command === Command.NEGOTIATE)) {
    connection.close("NEGOTIATE expected, or sent again");
    return NO_REPLY;
  }
  const row = rows[exchange.command];
  exchange.row = row;
  if (exchange.isRelated) {
    if (exchange.predecessor.sessionId === -1) return Status.INVALID_PARAMETER;
    exchange.sessionId = exchange.predecessor.sessionId;
    exchange.treeId = exchange.predecessor.treeId;
  }
  const refusal = authenticate(exchange);
  if (refusal !== Status.SUCCESS) return refusal;
  if (row === undefined) return Status.INVALID_PARAMETER;
  try {
    return dispatch(exchange, row);
  } catch (error) {
    return exchange.statusOfError(error);
  }
}

/** Resolves the session, tree and open that the row needs (3.3.5.2.9 to 3.3.5.2.11) and runs its handler. */
function dispatch(exchange: Exchange, row: Row): MaybePromise<Outcome> {
  const { connection } = exchange;
  const session = row.needs === "nothing" ? undefined : usableSession(exchange);
  if (typeof session === "number") return session;
  if (!hasBody(exchange, row.bodySize)) return Status.INVALID_PARAMETER;
  // The signature, which covers the padding, is verified.
  exchange.shedPadding();
  if (!connection.replyRoom.take(exchange, exchange.context.settings)) return dispatchLater(exchange, row);
  if (row.needs === "nothing") return row.handle(exchange);
  if (session === undefined) return Status.USER_SESSION_DELETED;
  if (row.needs === "session") return row.handle(exchange, session);
  const tree = resolveTree(exchange, session);
  if (typeof tree === "number") return tree;
  if (row.needs === "tree") return row.handle(exchange, tree);
  return withOpen(exchange, tree, row.fileIdOffset, row.handle);
}

/** Begins when there is room for the reply. */
function dispatchLater(exchange: Exchange, row: Row): MaybePromise<Outcome> {
  const { connection, context } = exchange;
  // Two that wait for each other's memory would wait for ever.
  if (exchange.heldBytes > MOST_HELD_BYTES) return Status.INSUFFICIENT_RESOURCES;
  exchange.sendFinished();
  return connection.replyRoom
    .wait(exchange, context.settings)
    .then(() => (connection.isClosed ? NO_REPLY : dispatch(exchange, row)));
}

function hasBody({ message }: Exchange, bodySize: number): boolean {
  if (bodySize === 0) return true;
  return message.length >= HEADER_SIZE + (bodySize & ~1) && message.u16(HEADER_SIZE) === bodySize;
}

/** Resolves the FileId at `offset` of the request and runs `handle` with the open, or returns FILE_CLOSED. */
export function withOpen(
  exchange: Exchange,
  tree: Tree,
  offset: number,
  handle: OpenHandler,
): MaybePromise<Outcome> {
  const open = resolveOpen(exchange, tree, offset);
  if (typeof open === "number") return open;
  exchange.open = open;
  return useOpen(exchange, open, handle);
}

/**
 * Runs `handle` while `open` is in use: a CLOSE in the meantime does not close its descriptors under the
 * handler.
 */
function useOpen(exchange: Exchange, open: Open, handle: OpenHandler): MaybePromise<Outcome> {
  const refusal = enterSequence(exchange, open);
  if (refusal !== Status.SUCCESS) return refusal;
  if (open.isReplayable) exchange.context.durables.endReplay(open);
  open.beginUse();
  let outcome: MaybePromise<Outcome>;
  try {
    outcome = handle(exchange, open);
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

/**
 * Looks up the session and checks encryption and signature; 3.3.5.2.1, 3.3.5.2.4. SUCCESS also without a
 * session.
 */
function authenticate(exchange: Exchange): NtStatus {
  const { connection, sealedBy } = exchange;
  const session = connection.sessions.get(exchange.sessionId);
  if (sealedBy !== undefined && session !== sealedBy) {
    // 3.3.5.2.1.1: SessionId of the request must be that of the transform header.
    connection.close("encrypted for another session");
    return Status.ACCESS_DENIED;
  }
  const isSetup = exchange.command === Command.SESSION_SETUP || exchange.command === Command.NEGOTIATE;
  const isSigned = (exchange.flags & HeaderFlag.SIGNED) !== 0;
  if (session !== undefined && session.state !== SessionState.IN_PROGRESS && sealedBy === undefined) {
    const key = connection.signingKeyOf(session);
    // As on smbd, a refused SESSION_SETUP is signed: smbtorture's session.bind_negative_smb3signCtoHs.
    const forRefusal = exchange.command === Command.SESSION_SETUP ? key : undefined;
    if (isSigned && key !== undefined) {
      exchange.signWith = forRefusal;
      if (exchange.verifiedBy !== key && !verifySignature(key, exchange.message)) return Status.ACCESS_DENIED;
      exchange.signWith = key;
    } else if (session.mustSign && exchange.command !== Command.NEGOTIATE) {
      // Re-authentication included, as on smbd: nobody else may start it.
      exchange.signWith = forRefusal;
      return Status.ACCESS_DENIED;
    }
    if (session.mustEncrypt && !isSetup) return Status.ACCESS_DENIED;
  }
  exchange.session = session;
  if (session !== undefined || !isSigned) return Status.SUCCESS;
  signErrorWithoutSession(exchange);
  // 3.3.5.2.4. SESSION_SETUP has statuses of its own: a binding names a session of another connection.
  return isSetup ? Status.SUCCESS : Status.USER_SESSION_DELETED;
}

/**
 * The session of the request, or USER_SESSION_DELETED or NETWORK_SESSION_EXPIRED; 3.3.5.2.9. README.md beside
 * this file has the whole table.
 */
function usableSession({ session, command, context }: Exchange): Session | NtStatus {
  if (session === undefined) return Status.USER_SESSION_DELETED;
  if (isRelease(command)) return session;
  if (session.state === SessionState.IN_PROGRESS) return Status.USER_SESSION_DELETED;
  return session.hasExpired(context.clock) ? Status.NETWORK_SESSION_EXPIRED : session;
}

// For a session that has ended here or exists on other connections only: clients ignore an unsigned error
// response.
function signErrorWithoutSession(exchange: Exchange): void {
  const { context, connection, sessionId } = exchange;
  const key = connection.endedKeyOf(sessionId) ?? context.sessions.get(sessionId)?.signing;
  if (key !== undefined && verifySignature(key, exchange.message)) exchange.signWith = key;
}

// 3.3.5.2.9: these commands get through whatever the session's state is. During the first log-on there is no
// tree yet.
function isRelease(command: number): boolean {
  return command === Command.LOGOFF || command === Command.CLOSE || command === Command.LOCK;
}

function resolveTree(exchange: Exchange, session: Session): Tree | NtStatus {
  const tree = session.trees.get(exchange.treeId);
  if (tree === undefined) return Status.NETWORK_NAME_DELETED;
  if (tree.mustEncrypt && exchange.sealedBy === undefined) return Status.ACCESS_DENIED;
  exchange.tree = tree;
  return tree;
}

function resolveOpen(exchange: Exchange, tree: Tree, offset: number): Open | NtStatus {
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
  if (exchange.isRelated) {
    // 3.3.5.2.7.2: the FileId of the operation before, whatever the request has in its place.
    if (predecessor.failure !== undefined) return predecessor.failure;
    if (predecessor.open !== undefined)
      return predecessor.open.isClosed ? Status.FILE_CLOSED : predecessor.open;
    if (isAllOnes) return Status.FILE_CLOSED;
  }
  const open = exchange.context.opens.find(volatileLow);
  if (
    open === undefined ||
    volatileHigh !== 0 ||
    persistentLow !== open.id ||
    persistentHigh !== 0 ||
    open.tree !== tree
  ) {
    return Status.FILE_CLOSED;
  }
  return open;
}

// 3.3.5.16: CANCEL has no response. One with a wrong signature is ignored.
function cancelRequest(exchange: Exchange): Outcome {
  const { connection, message } = exchange;
  if (!connection.mayCancel()) {
    connection.close("too many CANCEL requests");
    return NO_REPLY;
  }
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
