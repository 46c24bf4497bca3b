// The user of a session or of an RPC bind, as the manager gets it: what the log-on proved, what the client
// merely says of itself, between which addresses and over which interface it was.
import type { Identity } from "../../port/port.ts";
import type { LogonIdentity } from "../logon/mechanism.ts";
import type { ConnectionState } from "./connection-state.ts";

export function identityOf(
  logon: LogonIdentity,
  connection: Pick<ConnectionState, "remoteAddress" | "localEnd">,
): Identity {
  const { user, domain, isGuest, isAnonymous, accountVersion, membership, claimedUser, workstation } = logon;
  return {
    ...{ user, domain, isGuest, isAnonymous, accountVersion, membership },
    remoteAddress: connection.remoteAddress,
    localAddress: connection.localEnd.localAddress(),
    arrivalInterface: connection.localEnd.arrivalInterface(),
    claimed: { user: claimedUser, workstation },
  };
}
