// SESSION_SETUP with SMB2_SESSION_FLAG_BINDING adds a channel to an existing session; [MS-SMB2] 3.3.5.5.2,
// 3.3.5.5.3. Requests are signed with the session's key until the channel has its own.
import { Capability } from "../../../wire/command/negotiate.ts";
import { HeaderFlag } from "../../../wire/header.ts";
import { SigningAlgorithm } from "../../../wire/context/negotiate-context.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Negotiated } from "../../connection/connection-state.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { Authenticator, AuthStep } from "../../logon/authenticator.ts";
import { type Logon, LogonKind } from "../../logon/logon.ts";
import { type Session, SessionState } from "../../state/session.ts";
import { makeSessionKeys } from "../../logon/session-keys.ts";
import { admitConnection } from "./admit-session.ts";

/** Channels of one session: the limit of Windows and Samba. */
const MAX_CHANNELS = 32;

/** Returns the binding that the request begins or continues, or the status that refuses it; 3.3.5.5.2. */
export function beginBinding(
  exchange: Exchange,
  negotiated: Negotiated,
  newAuthenticator: () => Authenticator,
): Logon | NtStatus {
  const { connection, context } = exchange;
  if (exchange.sessionId === 0) return Status.INVALID_PARAMETER;
  const session = context.sessions.get(exchange.sessionId);
  const key = session?.signing;
  // The pipeline verified the signature with the session's key, which also signs a refusal.
  const isSigned = (exchange.flags & HeaderFlag.SIGNED) !== 0 && key !== undefined;
  if (isSigned && exchange.sealedBy === undefined && exchange.signWith !== key) return Status.ACCESS_DENIED;
  const algorithms = session === undefined ? Status.SUCCESS : checkSigning(negotiated, session);
  if (algorithms !== Status.SUCCESS) return algorithms;
  const offersChannels = (negotiated.serverCapabilities & Capability.MULTI_CHANNEL) !== 0;
  if (!negotiated.dialect.hasEncryption || !offersChannels) return Status.REQUEST_NOT_ACCEPTED;
  if (session === undefined || session.state === SessionState.IN_PROGRESS) return Status.USER_SESSION_DELETED;
  if (!isSigned) return Status.INVALID_PARAMETER;
  const status = checkTerms(negotiated, session);
  if (status !== Status.SUCCESS) return status;
  if (session.state === SessionState.EXPIRED) return Status.REQUEST_NOT_ACCEPTED;
  if (session.isGuest || session.isAnonymous) return Status.NOT_SUPPORTED;
  const known = connection.logonOf(session.id);
  const isBound = session.connectionIds.has(connection.id);
  if (isBound && known?.kind !== LogonKind.BINDING) return Status.REQUEST_NOT_ACCEPTED;
  if (known !== undefined) return known;
  if (session.connectionIds.size >= MAX_CHANNELS) return Status.INSUFFICIENT_RESOURCES;
  const logon: Logon = {
    kind: LogonKind.BINDING,
    session,
    authenticator: newAuthenticator(),
    preauthHash: connection.preauthHash,
  };
  connection.beginLogon(logon);
  return logon;
}

// 3.3.5.5.2: dialect and cipher of a channel must equal those of the session's first connection. The client
// GUID may differ, as on Windows and smbd (smbtorture's session.bind_negative_smb3signCtoHd).
function checkTerms(negotiated: Negotiated, session: Session): NtStatus {
  const { terms } = session;
  if (terms.revision !== negotiated.dialect.revision) return Status.INVALID_PARAMETER;
  return terms.cipher === negotiated.cipher ? Status.SUCCESS : Status.INVALID_PARAMETER;
}

// As Windows does: HMAC and CMAC may differ between channels, GMAC mixes with no other; checked before the
// dialects.
function checkSigning(negotiated: Negotiated, session: Session): NtStatus {
  const hasGmac = session.terms.signingAlgorithm === SigningAlgorithm.AES_GMAC;
  const getsGmac = negotiated.signingAlgorithm === SigningAlgorithm.AES_GMAC;
  if (hasGmac === getsGmac) return Status.SUCCESS;
  return hasGmac ? Status.REQUEST_OUT_OF_SEQUENCE : Status.NOT_SUPPORTED;
}

/** Makes the connection a channel of the session after authentication. Returns SUCCESS or the refusal. */
export function finishBinding(
  exchange: Exchange,
  negotiated: Negotiated,
  logon: Logon,
  step: Extract<AuthStep, { kind: "done" }>,
): NtStatus {
  const { connection, context } = exchange;
  const { session } = logon;
  const { user, isGuest, isAnonymous } = step.identity;
  if (session.state !== SessionState.VALID) return Status.USER_SESSION_DELETED;
  if (isGuest || isAnonymous || session.identity?.user !== user) return Status.ACCESS_DENIED;
  // Others may have been bound meanwhile.
  if (session.connectionIds.size >= MAX_CHANNELS) return Status.INSUFFICIENT_RESOURCES;
  const admission = admitConnection(connection, step.identity);
  if (admission !== Status.SUCCESS) return admission;
  const terms = { ...session.terms, signingAlgorithm: negotiated.signingAlgorithm };
  const keys = makeSessionKeys(context.provider, terms, step.sessionKey, logon.preauthHash);
  connection.sessions.set(session.id, session);
  connection.setChannelKey(session, keys.signing);
  session.connectionIds.add(connection.id);
  exchange.signWith = keys.signing;
  return Status.SUCCESS;
}
