// A further channel for a session that exists: SESSION_SETUP with SMB2_SESSION_FLAG_BINDING; [MS-SMB2] 3.3.5.5.2,
// 3.3.5.5.3. Signed with the session's key until the channel has one of its own.
import { Capability } from "../../wire/negotiate.ts";
import { HeaderFlag } from "../../wire/header.ts";
import { Status } from "../../wire/status.ts";
import type { Negotiated } from "../connection/connection.ts";
import type { Exchange } from "../connection/exchange.ts";
import { verifySignature } from "../connection/signing.ts";
import type { Authenticator, AuthStep } from "../session/authenticator.ts";
import { type Logon, LogonKind } from "../session/logon.ts";
import { type Session, SessionState } from "../session/session.ts";
import { makeSessionKeys } from "../session/session-keys.ts";

/** Channels of one session; as Windows and Samba limit them. */
const MAX_CHANNELS = 32;

/** The binding that the request begins or continues, or the status that refuses it. */
export function beginBinding(
  exchange: Exchange,
  negotiated: Negotiated,
  newAuthenticator: () => Authenticator,
): Logon | number {
  const { connection, context } = exchange;
  if (exchange.sessionId === 0) return Status.INVALID_PARAMETER;
  const session = context.sessions.get(exchange.sessionId);
  const offersChannels = (negotiated.serverCapabilities & Capability.MULTI_CHANNEL) !== 0;
  if (!negotiated.dialect.hasEncryption || !offersChannels) return Status.REQUEST_NOT_ACCEPTED;
  if (session === undefined || session.state === SessionState.IN_PROGRESS) return Status.USER_SESSION_DELETED;
  if ((exchange.flags & HeaderFlag.SIGNED) === 0) return Status.INVALID_PARAMETER;
  const status = checkTerms(negotiated, session);
  if (status !== Status.SUCCESS) return status;
  if (session.state === SessionState.EXPIRED) return Status.REQUEST_NOT_ACCEPTED;
  if (session.isGuest || session.isAnonymous || session.signing === undefined) return Status.NOT_SUPPORTED;
  const known = connection.logons.get(session.id);
  const isBound = session.connectionIds.has(connection.id);
  if (isBound && known?.kind !== LogonKind.BINDING) return Status.REQUEST_NOT_ACCEPTED;
  // Not yet a session of this connection, so that the pipeline could not hold the signature against its key.
  if (exchange.sealedBy === undefined && !verifySignature(session.signing, negotiated, exchange.message)) {
    return Status.ACCESS_DENIED;
  }
  exchange.signWith = session.signing;
  if (known !== undefined) return known;
  if (session.connectionIds.size >= MAX_CHANNELS) return Status.INSUFFICIENT_RESOURCES;
  const logon: Logon = {
    kind: LogonKind.BINDING,
    session,
    authenticator: newAuthenticator(),
    preauthHash: connection.preauthHash,
  };
  connection.logons.set(session.id, logon);
  return logon;
}

// 3.3.5.5.2: a channel speaks as the connection of the set-up did.
function checkTerms(negotiated: Negotiated, session: Session): number {
  const { terms } = session;
  if (terms.revision !== negotiated.dialect.revision) return Status.INVALID_PARAMETER;
  if (terms.clientGuid !== negotiated.clientGuid.toHex()) return Status.USER_SESSION_DELETED;
  if (terms.signingAlgorithm !== negotiated.signingAlgorithm) return Status.REQUEST_OUT_OF_SEQUENCE;
  if (terms.cipher !== negotiated.cipher) return Status.INVALID_PARAMETER;
  return Status.SUCCESS;
}

/** SUCCESS: the connection carries the session from now on. */
export function finishBinding(
  exchange: Exchange,
  negotiated: Negotiated,
  logon: Logon,
  step: Extract<AuthStep, { kind: "done" }>,
): number {
  const { connection, context } = exchange;
  const { session } = logon;
  const { user, isGuest, isAnonymous } = step.identity;
  if (session.state !== SessionState.VALID) return Status.USER_SESSION_DELETED;
  if (isGuest || isAnonymous || session.identity?.user !== user) return Status.ACCESS_DENIED;
  const terms = { ...session.terms, signingAlgorithm: negotiated.signingAlgorithm };
  const keys = makeSessionKeys(context.provider, terms, step.sessionKey, logon.preauthHash);
  connection.sessions.set(session.id, session);
  connection.channelKeys.set(session.id, keys.signing);
  session.connectionIds.add(connection.id);
  connection.raiseFrameLimit();
  exchange.signWith = keys.signing;
  return Status.SUCCESS;
}
