// Starts the authentication of a session set-up or of an RPC bind, with the server's settings and limits.
import { type Authenticator, createAuthenticator } from "../logon/authenticator.ts";
import type { EngineContext } from "./context.ts";

/**
 * `addressBlock` stands for the client or its network in the limits on guessing passwords; `forRpc`: in a
 * bind.
 */
export function startAuthenticator(
  context: EngineContext,
  addressBlock: string,
  forRpc = false,
): Authenticator {
  const { settings, manager, provider } = context;
  return createAuthenticator({
    provider,
    serverName: settings.serverName,
    dnsName: settings.serverName.toLowerCase(),
    findAccount: (query) => manager.findAccount(query),
    kerberos: settings.kerberos,
    ntlm: settings.ntlm,
    acceptTicket: (token) => manager.acceptTicket({ token, forRpc }),
    forRpc,
    mapToGuest: settings.mapToGuest,
    gate: context.logonGates.forAddress(addressBlock),
    now() {
      const nowMs = context.clock.wallTime();
      return { seconds: Math.floor(nowMs / 1000), nanoseconds: Math.floor(nowMs % 1000) * 1_000_000 };
    },
    random: (length) => crypto.getRandomValues(new Uint8Array(length)),
  });
}
