// The limits of sessions and of the connections that log on: what yields to a new one, and what refuses it.
// [MS-SMB2] 3.3.5.5.1, 3.3.5.5.3.
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { EngineContext } from "../../connection/context.ts";
import type { Exchange, ExchangeHost } from "../../connection/exchange.ts";
import type { LogonIdentity } from "../../logon/mechanism.ts";
import { Step } from "../../pressure/pressure.ts";
import type { Session } from "../../state/session.ts";
import { loseSession } from "../close/teardown.ts";

/** Enters a session whose log-on begins; the oldest unfinished one ends where there are too many. */
export function beginSession(exchange: Exchange, session: Session): void {
  const { connection, context } = exchange;
  session.connectionIds.add(connection.id);
  connection.sessions.set(session.id, session);
  const holder = { connectionId: connection.id, address: connection.addressBlock };
  const yields = context.sessions.begin(session, holder, context.settings);
  if (yields !== undefined) endYielding(context, yields);
}

/**
 * Gives a new session its place among those that are logged on. Returns SUCCESS or the refusal. `previousId`
 * is the session that this one replaces.
 */
export function admitSession(
  exchange: Exchange,
  session: Session,
  identity: LogonIdentity,
  previousId: number,
): NtStatus {
  const { connection, context } = exchange;
  if (isMemoryShort(context, previousId)) return refuse(connection, identity.user, "memory is short");
  session.startedMs = context.clock.now();
  const user = identity.isGuest || identity.isAnonymous ? undefined : identity.user;
  const isIdle = (guest: Session): boolean => context.opens.ofSession(guest).size === 0;
  const admission = context.sessions.admit(session, user, context.settings, isIdle);
  if ("limit" in admission) return refuse(connection, identity.user, reached(admission.limit));
  if (admission.yields !== undefined) endYielding(context, admission.yields);
  return admitConnection(connection, identity);
}

/** Somebody is served: another client would not make memory less short. A client that returns may. */
function isMemoryShort({ pressure, sessions }: EngineContext, previousId: number): boolean {
  return pressure.step === Step.LOGONS && sessions.loggedOnCount > 0 && !sessions.has(previousId);
}

const NO_GUID = "0".repeat(32);

/**
 * 3.3.5.5.3, Client.Dialect: true where the client has a session of another 3.x dialect, so that nobody makes
 * one of its connections use an older one. Only sessions of the same user count: a client GUID is no secret,
 * and anybody could lock its owner out. `previousId` is the session that this one replaces.
 */
export function hasOtherDialect(
  context: EngineContext,
  session: Session,
  identity: LogonIdentity,
  previousId: number,
): boolean {
  const { clientGuid, revision } = session.terms;
  if (revision < 0x0300 || clientGuid === NO_GUID || identity.isGuest || identity.isAnonymous) return false;
  for (const other of context.sessions.values()) {
    const { terms } = other;
    if (terms.clientGuid !== clientGuid || terms.revision === revision || terms.revision < 0x0300) continue;
    if (other.id !== previousId && other.identity?.user === identity.user) return true;
  }
  return false;
}

/** Counts the connection among those of its first user. Returns SUCCESS or the refusal. */
export function admitConnection(connection: ExchangeHost, identity: LogonIdentity): NtStatus {
  if (identity.isAnonymous) return Status.SUCCESS;
  const user = identity.isGuest ? undefined : identity.user;
  const limit = connection.context.connectionTable.loggedOn(connection, user);
  if (limit !== undefined) return refuse(connection, identity.user, reached(limit));
  connection.isLoggedOn = true;
  return Status.SUCCESS;
}

function reached(limit: string): string {
  return `'${limit}' is reached`;
}

function refuse({ context, remoteAddress }: ExchangeHost, user: string, reason: string): NtStatus {
  context.manager.notify({ event: "logonFailed", user, remoteAddress, reason });
  return Status.INSUFFICIENT_RESOURCES;
}

function endYielding(context: EngineContext, session: Session): void {
  const done = loseSession(context, session);
  if (done instanceof Promise)
    done.catch((error: unknown) => context.log.error(`closing a session: ${String(error)}`));
}
