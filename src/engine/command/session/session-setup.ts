// SMB2 SESSION_SETUP: log-on, re-authentication and binding of further channels; [MS-SMB2] 3.3.5.5.
import { extendPreauthHash } from "../../../crypto/preauth.ts";
import type { Identity, MaybePromise } from "../../../port/port.ts";
import { SecurityMode } from "../../../wire/command/negotiate.ts";
import {
  decodeSessionSetupRequest,
  encodeSessionSetupResponse,
  SessionFlag,
  SessionSetupFlag,
  type SessionSetupRequest,
} from "../../../wire/command/session-setup.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Negotiated } from "../../connection/connection-state.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { AuthStep } from "../../logon/authenticator.ts";
import { startAuthenticator } from "../../connection/authenticators.ts";
import { type Logon, LogonKind } from "../../logon/logon.ts";
import { identityOf } from "../../connection/identity.ts";
import type { Refusal } from "../../logon/mechanism.ts";
import { Session, SessionState, type SessionTerms } from "../../state/session.ts";
import { makeSessionKeys } from "../../logon/session-keys.ts";
import { andThen } from "../../and-then.ts";
import { admitSession, beginSession, hasOtherDialect } from "./admit-session.ts";
import { beginBinding, finishBinding } from "./bind-session.ts";
import { loseSession } from "../close/teardown.ts";
import { handOverTrees, hasSameRights, isSameUser } from "./change-user.ts";

const NO_TOKEN = new Uint8Array(0);

/** What of a request is needed once its token has been taken. */
type RequestFields = Pick<SessionSetupRequest, "securityMode" | "previousSessionId">;
type Done = Extract<AuthStep, { kind: "done" }>;

export function handleSessionSetup(exchange: Exchange): MaybePromise<NtStatus> {
  const { connection, context } = exchange;
  const negotiated = connection.terms;
  const request = decodeSessionSetupRequest(exchange.message);
  if (context.settings.encryption === "required" && negotiated.cipher === 0) {
    const { remoteAddress } = connection;
    const reason = "'smb3 encryption = mandatory', and the client does not encrypt";
    context.manager.notify({ event: "logonFailed", user: "", remoteAddress, reason });
    return Status.ACCESS_DENIED;
  }
  const isBinding = (request.flags & SessionSetupFlag.BINDING) !== 0;
  const logon = isBinding
    ? beginBinding(exchange, negotiated, () =>
        startAuthenticator(exchange.context, exchange.connection.addressBlock),
      )
    : findOrBeginLogon(exchange, negotiated);
  if (typeof logon === "number") return logon;
  exchange.session = logon.session;
  exchange.sessionId = logon.session.id;
  if (logon.preauthHash !== undefined) {
    const { bytes, start, length } = exchange.message;
    const message = bytes.subarray(start, start + length);
    logon.preauthHash = extendPreauthHash(context.provider, logon.preauthHash, message);
  }
  const { securityMode, previousSessionId } = request;
  const step = logon.authenticator.step(request.securityBuffer);
  // The answer to a failure is held back: what waits must not keep the client's message.
  if (step instanceof Promise && exchange.isLast) exchange.dropRequest();
  return andThen(step, (result) =>
    takeStep(exchange, negotiated, logon, { securityMode, previousSessionId }, result),
  );
}

/** The unfinished log-on that the request continues, or a new log-on or re-authentication. */
function findOrBeginLogon(exchange: Exchange, negotiated: Negotiated): Logon | NtStatus {
  const { connection } = exchange;
  const known = connection.logonOf(exchange.sessionId);
  if (known !== undefined) {
    // A binding must continue with the BINDING flag; 3.3.5.5.
    return known.kind === LogonKind.BINDING ? Status.INVALID_PARAMETER : known;
  }
  const authenticator = startAuthenticator(exchange.context, exchange.connection.addressBlock);
  if (exchange.sessionId !== 0) {
    const { session } = exchange;
    if (session === undefined) return Status.USER_SESSION_DELETED;
    const reauthentication: Logon = {
      kind: LogonKind.REAUTHENTICATION,
      session,
      authenticator,
      preauthHash: undefined,
    };
    connection.beginLogon(reauthentication);
    return reauthentication;
  }
  const session = new Session(newSessionId(exchange), termsOf(negotiated));
  beginSession(exchange, session);
  // 3.3.5.5: each session set-up continues the preauthentication hash of NEGOTIATE with its own messages.
  const logon: Logon = { kind: LogonKind.NEW, session, authenticator, preauthHash: connection.preauthHash };
  connection.beginLogon(logon);
  return logon;
}

function termsOf(negotiated: Negotiated): SessionTerms {
  return {
    revision: negotiated.dialect.revision,
    cipher: negotiated.cipher,
    signingAlgorithm: negotiated.signingAlgorithm,
    clientGuid: negotiated.clientGuid.toHex(),
  };
}

/**
 * A random session id that is not in use and not 0. 32 bits as Samba's: some clients store no more. The id
 * need not be secret, the keys protect the session.
 */
function newSessionId(exchange: Exchange): number {
  const word = new Uint32Array(1);
  for (;;) {
    const id = crypto.getRandomValues(word)[0] ?? 0;
    if (id !== 0 && id !== 0xffff_ffff && !exchange.context.sessions.has(id)) return id;
  }
}

function takeStep(
  exchange: Exchange,
  negotiated: Negotiated,
  logon: Logon,
  request: RequestFields,
  step: AuthStep,
): MaybePromise<NtStatus> {
  const { connection, context } = exchange;
  const { session } = logon;
  // The connection or the session may have ended during the authentication.
  if (connection.isClosed || connection.logonOf(session.id) !== logon) return Status.USER_SESSION_DELETED;
  context.log.debug.auth?.(`connection ${connection.id}: log-on ${session.id}: ${describeStep(step)}`);
  if (step.kind === "continue") {
    if (step.fault) reportRefusal(exchange, step.fault);
    if (logon.preauthHash !== undefined) {
      exchange.onReply = (reply) => {
        const hash = logon.preauthHash;
        if (hash !== undefined) logon.preauthHash = extendPreauthHash(context.provider, hash, reply);
      };
    }
    writeResponse(exchange, 0, step.token);
    return Status.MORE_PROCESSING_REQUIRED;
  }
  connection.endLogon(session.id);
  if (step.kind === "refused") {
    reportRefusal(exchange, step);
    if (logon.kind === LogonKind.NEW) discardSession(exchange, session);
    // A failed re-authentication ends the session; a failed binding does not affect it.
    const ended = logon.kind === LogonKind.REAUTHENTICATION ? loseSession(context, session) : undefined;
    return andThen(ended, () => step.status);
  }
  if (logon.kind === LogonKind.BINDING) {
    const status = finishBinding(exchange, negotiated, logon, step);
    if (status === Status.SUCCESS) writeResponse(exchange, flagsOf(session), step.token ?? NO_TOKEN);
    return status;
  }
  return finish(exchange, negotiated, logon, request, step);
}

function reportRefusal({ connection, context }: Exchange, { user, reason }: Refusal): void {
  const { remoteAddress } = connection;
  context.manager.notify({ event: "logonFailed", user, remoteAddress, reason });
}

function describeStep(step: AuthStep): string {
  if (step.kind === "continue") return "the client's next message is awaited";
  if (step.kind === "refused") return `'${step.user}' is refused: ${step.reason}`;
  const { user, isAnonymous, isGuest } = step.identity;
  return isAnonymous ? "an anonymous user" : `'${user}'${isGuest ? " as guest" : ""} is known`;
}

function discardSession(exchange: Exchange, session: Session): void {
  exchange.connection.sessions.delete(session.id);
  exchange.context.sessions.delete(session.id);
}

function finish(
  exchange: Exchange,
  negotiated: Negotiated,
  logon: Logon,
  request: RequestFields,
  step: Done,
): MaybePromise<NtStatus> {
  const { connection, context } = exchange;
  const { session } = logon;
  const identity = identityOf(step.identity, connection);
  const { user, isGuest, isAnonymous, remoteAddress } = identity;
  const isNew = logon.kind === LogonKind.NEW;
  if ((isGuest || isAnonymous) && context.settings.encryption === "required") {
    if (isNew) discardSession(exchange, session);
    const reason = "'smb3 encryption = mandatory', which guests and anonymous users have no key for";
    context.manager.notify({ event: "logonFailed", user, remoteAddress, reason });
    return Status.ACCESS_DENIED;
  }
  if (!context.manager.isCurrent({ identity })) {
    // The account was changed between the check of the password and now.
    if (isNew) discardSession(exchange, session);
    return andThen(isNew ? undefined : loseSession(context, session), () => Status.LOGON_FAILURE);
  }
  if (!isNew && !mayBecome(exchange, session, identity)) {
    const reason = "re-authentication as another user";
    context.manager.notify({ event: "logonFailed", user, remoteAddress: connection.remoteAddress, reason });
    return andThen(loseSession(context, session), () => Status.ACCESS_DENIED);
  }
  const admission = isNew
    ? admitNew(exchange, session, step.identity, request.previousSessionId)
    : Status.SUCCESS;
  if (admission !== Status.SUCCESS) {
    discardSession(exchange, session);
    return admission;
  }
  const former = session.identity;
  session.identity = identity;
  if (isNew) setKeys(exchange, negotiated, logon, request, step);
  session.expiresMs = step.expiresMs ?? Infinity;
  session.state = SessionState.VALID;
  exchange.signWith = exchange.sealedBy === undefined ? connection.signingKeyOf(session) : undefined;
  context.manager.notify({ event: "logon", identity, dialect: negotiated.dialect.revision });
  let done: MaybePromise<void> = undefined;
  if (isNew) done = endPreviousSession(exchange, session, request.previousSessionId);
  else if (former !== undefined && !hasSameRights(former, identity)) {
    // Until the trees are the new user's, requests do not get through.
    session.state = SessionState.EXPIRED;
    done = handOverTrees(context, session, identity);
  }
  return andThen(done, () => {
    if (context.sessions.get(session.id) !== session) return Status.USER_SESSION_DELETED;
    session.state = SessionState.VALID;
    writeResponse(exchange, flagsOf(session), step.token ?? NO_TOKEN);
    return Status.SUCCESS;
  });
}

function admitNew(
  exchange: Exchange,
  session: Session,
  identity: Done["identity"],
  previousId: number,
): NtStatus {
  const isDowngrade = hasOtherDialect(exchange.context, session, identity, previousId);
  return isDowngrade ? Status.USER_SESSION_DELETED : admitSession(exchange, session, identity, previousId);
}

/**
 * Whether a re-authentication may give the session this identity. Its keys stay those of the first log-on
 * (3.3.5.5.3): whoever has them could relay another user's messages and then act as that user. So the user
 * stays the same where signing or encryption is required, and a session without keys never becomes a user's.
 * Elsewhere Windows and Samba let it change (smbtorture's session.reauth tests).
 */
function mayBecome(exchange: Exchange, session: Session, next: Identity): boolean {
  const current = session.identity;
  if (current === undefined) return false;
  if (isSameUser(current, next)) return true;
  const { signing, encryption } = exchange.context.settings;
  if (session.mustSign || session.mustEncrypt || signing === "required" || encryption === "required")
    return false;
  return session.signing !== undefined || next.isGuest || next.isAnonymous;
}

function flagsOf(session: Session): number {
  let flags = 0;
  if (session.isGuest) flags |= SessionFlag.IS_GUEST;
  if (session.isAnonymous) flags |= SessionFlag.IS_NULL;
  if (session.mustEncrypt) flags |= SessionFlag.ENCRYPT_DATA;
  return flags;
}

function setKeys(
  exchange: Exchange,
  negotiated: Negotiated,
  logon: Logon,
  request: RequestFields,
  step: Done,
): void {
  const { session } = logon;
  // 3.3.5.5.3: guest and anonymous sessions share no secret with the server, so they neither sign nor
  // encrypt.
  if (step.identity.isGuest || step.identity.isAnonymous) return;
  const { settings, provider } = exchange.context;
  const keys = makeSessionKeys(provider, session.terms, step.sessionKey, logon.preauthHash);
  session.signing = keys.signing;
  session.sealing = keys.sealing;
  const clientWants =
    ((request.securityMode | negotiated.clientSecurityMode) & SecurityMode.SIGNING_REQUIRED) !== 0;
  session.mustSign = clientWants || settings.signing === "required";
  const wantsSeal = settings.encryption === "required" || settings.encryption === "desired";
  session.mustEncrypt = wantsSeal && keys.sealing !== undefined;
}

/**
 * 3.3.5.5.3: ends the session of the client's broken connection (PreviousSessionId) if its user is the same.
 */
function endPreviousSession(exchange: Exchange, session: Session, previousId: number): MaybePromise<void> {
  if (previousId === 0 || previousId === session.id) return undefined;
  const previous = exchange.context.sessions.get(previousId);
  if (previous === undefined || previous.state === SessionState.IN_PROGRESS) return undefined;
  return hasSameUser(session, previous) ? loseSession(exchange.context, previous) : undefined;
}

function hasSameUser(one: Session, other: Session): boolean {
  const a = one.identity;
  const b = other.identity;
  if (a === undefined || b === undefined || a.isGuest || a.isAnonymous || b.isGuest || b.isAnonymous)
    return false;
  return a.user === b.user;
}

function writeResponse(exchange: Exchange, flags: number, token: Uint8Array): void {
  encodeSessionSetupResponse(exchange.reserve(8 + token.length), {
    sessionFlags: flags,
    securityBuffer: token,
  });
}
