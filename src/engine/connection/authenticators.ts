// Starts the authentication of a session set-up or of an RPC bind, with the server's settings and limits.
import { isIP } from "node:net";
import { readInterfaces } from "../../linux/interfaces.ts";
import type { EngineSettings } from "../../port/port.ts";
import { type Authenticator, createAuthenticator } from "../logon/authenticator.ts";
import type { EngineContext } from "./context.ts";

/** Names of the configuration, and addresses that the machine has at this moment. */
function isOwnName(host: string, { serverName, spnNames }: EngineSettings): boolean {
  const names = ["localhost", serverName.toLowerCase(), ...spnNames];
  if (names.includes(host) || names.some((name) => host === `${name}.local`)) return true;
  const [plain = ""] = host.split("%");
  if (isIP(plain) === 0) return false;
  const interfaces = Object.values(readInterfaces() ?? {});
  return interfaces.some((list) => list?.some(({ address }) => address === plain));
}

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
    targetName: { level: settings.spnValidation, isOwn: (host) => isOwnName(host, settings) },
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
