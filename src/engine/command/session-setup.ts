// SESSION_SETUP: log-on and re-authentication; [MS-SMB2] 3.3.5.5.
import { extendPreauthHash, initialPreauthHash } from "../../crypto/preauth.ts";
import type { Identity, MaybePromise } from "../../port/port.ts";
import { SecurityMode } from "../../wire/negotiate.ts";
import {
  decodeSessionSetupRequest,
  encodeSessionSetupResponse,
  SessionFlag,
  SessionSetupFlag,
  type SessionSetupRequest,
} from "../../wire/session-setup.ts";
import { Status } from "../../wire/status.ts";
import type { Negotiated } from "../connection/connection.ts";
import type { Exchange } from "../connection/exchange.ts";
import { type AuthStep, createAuthenticator } from "../session/authenticator.ts";
import { Session, SessionState } from "../session/session.ts";
import { makeSessionKeys } from "../session/session-keys.ts";
import { andThen } from "../vfs/maybe-promise.ts";
import { closeSession } from "./closing.ts";

/** Log-ons that one connection may have under way. */
const MAX_UNFINISHED_PER_CONNECTION = 32;

export function handleSessionSetup(exchange: Exchange): MaybePromise<number> {
  const { connection, context } = exchange;
  const negotiated = connection.negotiated as Negotiated;
  const request = decodeSessionSetupRequest(exchange.message);
  if (context.settings.encryption === "required" && negotiated.cipher === 0) return Status.ACCESS_DENIED;
  // 3.3.5.5.2: a session lives on one connection; several channels are not offered.
  if ((request.flags & SessionSetupFlag.BINDING) !== 0) return Status.REQUEST_NOT_ACCEPTED;
  const session = exchange.sessionId === 0 ? beginSession(exchange) : continueSession(exchange);
  if (typeof session === "number") return session;
  exchange.session = session;
  exchange.sessionId = session.id;
  chainRequest(exchange, negotiated, session);
  const authenticator = session.authenticator;
  if (authenticator === undefined) return Status.INVALID_PARAMETER;
  const step = authenticator.step(request.securityBuffer);
  return andThen(step, (result) => takeStep(exchange, negotiated, session, request, result));
}

function beginSession(exchange: Exchange): Session | number {
  const { connection, context } = exchange;
  if (context.sessions.size >= context.settings.maxSessions) return Status.INSUFFICIENT_RESOURCES;
  let unfinished = 0;
  for (const session of connection.sessions.values()) {
    if (session.state === SessionState.IN_PROGRESS) unfinished++;
  }
  if (unfinished >= MAX_UNFINISHED_PER_CONNECTION) return Status.INSUFFICIENT_RESOURCES;
  const session = new Session(newSessionId(exchange), connection.id);
  session.authenticator = newAuthenticator(exchange);
  session.preauthHash = connection.preauthHash;
  connection.sessions.set(session.id, session);
  context.sessions.set(session.id, session);
  return session;
}

function continueSession(exchange: Exchange): Session | number {
  const { session } = exchange;
  if (session === undefined) return Status.USER_SESSION_DELETED;
  if (session.authenticator === undefined) session.authenticator = newAuthenticator(exchange);
  return session;
}

/**
 * Unpredictable, never in use, never 0. 32 bits, as Samba's: some clients keep no more of it, and the id is no
 * secret: what counts are the keys.
 */
function newSessionId(exchange: Exchange): number {
  const word = new Uint32Array(1);
  for (;;) {
    const id = crypto.getRandomValues(word)[0] ?? 0;
    if (id !== 0 && id !== 0xffff_ffff && !exchange.context.sessions.has(id)) return id;
  }
}

function newAuthenticator(exchange: Exchange): ReturnType<typeof createAuthenticator> {
  const { context, connection } = exchange;
  const { settings, manager, provider } = context;
  return createAuthenticator({
    provider,
    serverName: settings.serverName,
    dnsName: settings.serverName.toLowerCase(),
    findAccount: (query) => manager.findAccount(query),
    mapToGuest: settings.mapToGuest,
    gate: context.logonGates.forAddress(connection.remoteAddress),
    now() {
      const nowMs = context.clock.wallTime();
      return { seconds: Math.floor(nowMs / 1000), nanoseconds: Math.floor(nowMs % 1000) * 1_000_000 };
    },
    random: (length) => crypto.getRandomValues(new Uint8Array(length)),
  });
}

// 3.3.5.5: each session of a 3.1.1 connection has a hash of its own set-up, beginning with the negotiation's.
function chainRequest(exchange: Exchange, negotiated: Negotiated, session: Session): void {
  if (!negotiated.dialect.hasNegotiateContexts || session.state !== SessionState.IN_PROGRESS) return;
  const { bytes, start, length } = exchange.message;
  const message = bytes.subarray(start, start + length);
  session.preauthHash = extendPreauthHash(
    exchange.context.provider,
    session.preauthHash ?? initialPreauthHash(),
    message,
  );
}

function takeStep(
  exchange: Exchange,
  negotiated: Negotiated,
  session: Session,
  request: SessionSetupRequest,
  step: AuthStep,
): MaybePromise<number> {
  const { connection, context } = exchange;
  if (connection.isClosed) return Status.USER_SESSION_DELETED;
  if (step.kind === "refused") {
    session.authenticator = undefined;
    const user = step.user;
    context.manager.notify({
      event: "logonFailed",
      user,
      remoteAddress: connection.remoteAddress,
      reason: step.reason,
    });
    // A re-authentication that fails takes nothing from the session that exists.
    if (session.state === SessionState.IN_PROGRESS) forget(exchange, session);
    return step.status;
  }
  if (step.kind === "continue") {
    if (negotiated.dialect.hasNegotiateContexts && session.state === SessionState.IN_PROGRESS) {
      exchange.onReply = (reply) => {
        session.preauthHash = extendPreauthHash(
          context.provider,
          session.preauthHash ?? initialPreauthHash(),
          reply,
        );
      };
    }
    writeResponse(exchange, 0, step.token);
    return Status.MORE_PROCESSING_REQUIRED;
  }
  session.authenticator = undefined;
  return finish(exchange, negotiated, session, request, step);
}

function forget(exchange: Exchange, session: Session): void {
  exchange.connection.sessions.delete(session.id);
  exchange.context.sessions.delete(session.id);
}

function finish(
  exchange: Exchange,
  negotiated: Negotiated,
  session: Session,
  request: SessionSetupRequest,
  step: Extract<AuthStep, { kind: "done" }>,
): MaybePromise<number> {
  const { connection, context } = exchange;
  const { user, domain, isGuest, isAnonymous } = step.identity;
  const identity: Identity = { user, domain, isGuest, isAnonymous, remoteAddress: connection.remoteAddress };
  const isNobody = isGuest || isAnonymous;
  if (isNobody && context.settings.encryption === "required") {
    if (session.state === SessionState.IN_PROGRESS) forget(exchange, session);
    return Status.ACCESS_DENIED;
  }
  const isFirst = session.state === SessionState.IN_PROGRESS;
  session.identity = identity;
  if (isFirst) establish(exchange, negotiated, session, request, step.sessionKey, isNobody);
  session.state = SessionState.VALID;
  if (!isAnonymous) connection.raiseFrameLimit();
  if (session.signing !== undefined && exchange.sealedBy === undefined) exchange.signWith = session.signing;
  let flags = 0;
  if (isGuest) flags |= SessionFlag.IS_GUEST;
  if (isAnonymous) flags |= SessionFlag.IS_NULL;
  if (session.mustEncrypt) flags |= SessionFlag.ENCRYPT_DATA;
  context.manager.notify({ event: "logon", identity, dialect: negotiated.dialect.revision });
  const done = isFirst ? endPrevious(exchange, session, request.previousSessionId) : undefined;
  return andThen(done, () => {
    writeResponse(exchange, flags, step.token ?? new Uint8Array(0));
    return Status.SUCCESS;
  });
}

function establish(
  exchange: Exchange,
  negotiated: Negotiated,
  session: Session,
  request: SessionSetupRequest,
  sessionKey: Uint8Array,
  isNobody: boolean,
): void {
  // Neither guest nor anonymous shares a secret with us: such a session signs and seals nothing; 3.3.5.5.3.
  if (isNobody) return;
  const { settings, provider } = exchange.context;
  const keys = makeSessionKeys(
    provider,
    {
      revision: negotiated.dialect.revision,
      cipher: negotiated.cipher,
      signingAlgorithm: negotiated.signingAlgorithm,
    },
    sessionKey,
    session.preauthHash,
  );
  session.preauthHash = undefined;
  session.signing = keys.signing;
  session.sealing = keys.sealing;
  const clientWants =
    ((request.securityMode | negotiated.clientSecurityMode) & SecurityMode.SIGNING_REQUIRED) !== 0;
  session.mustSign = clientWants || settings.signing === "required";
  const wantsSeal = settings.encryption === "required" || settings.encryption === "desired";
  session.mustEncrypt = wantsSeal && keys.sealing !== undefined;
}

/** 3.3.5.5.3: the client comes back after a broken connection and gives up what it held there. */
function endPrevious(exchange: Exchange, session: Session, previousId: number): MaybePromise<void> {
  if (previousId === 0 || previousId === session.id) return undefined;
  const previous = exchange.context.sessions.get(previousId);
  if (previous === undefined || previous.state === SessionState.IN_PROGRESS) return undefined;
  const mine = session.identity;
  const its = previous.identity;
  const isSameUser =
    mine !== undefined && its !== undefined && !mine.isGuest && !mine.isAnonymous && its.user === mine.user;
  return isSameUser && !its.isGuest && !its.isAnonymous
    ? closeSession(exchange.context, previous)
    : undefined;
}

function writeResponse(exchange: Exchange, flags: number, token: Uint8Array): void {
  encodeSessionSetupResponse(exchange.reserve(8 + token.length), {
    sessionFlags: flags,
    securityBuffer: token,
  });
}
