// The user of a session or of an RPC bind, as the manager gets it: what the log-on proved, what the client
// merely says of itself, and between which addresses it was.
import type { Identity } from "../../port/port.ts";
import type { LogonIdentity } from "../logon/mechanism.ts";
import type { ConnectionState } from "./connection-state.ts";

export function identityOf(
  logon: LogonIdentity,
  connection: Pick<ConnectionState, "remoteAddress" | "localAddress">,
): Identity {
  const { user, domain, isGuest, isAnonymous, accountVersion, membership, claimedUser, workstation } = logon;
  return {
    ...{ user, domain, isGuest, isAnonymous, accountVersion, membership },
    remoteAddress: connection.remoteAddress,
    localAddress: connection.localAddress(),
    claimed: { user: claimedUser, workstation },
  };
}
