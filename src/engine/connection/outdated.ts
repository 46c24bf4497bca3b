// Connections whose NEGOTIATE no longer satisfies the settings after a reload. Their clients negotiate anew over
// another connection; a new log-on over this one would not repair them.
import type { EngineSettings } from "../../port/port.ts";
import type { ConnectionState } from "./connection-state.ts";

/** Returns why the connection may not go on; undefined where it may. */
export function findOutdated(
  { negotiated, sessions }: Pick<ConnectionState, "negotiated" | "sessions">,
  { minDialect, maxDialect, signing, encryption }: EngineSettings,
): string | undefined {
  if (negotiated === undefined) return undefined;
  const { revision, name } = negotiated.dialect;
  if (revision < minDialect || revision > maxDialect) return `dialect ${name} is no longer allowed`;
  for (const session of sessions.values()) {
    if (session.identity === undefined) continue;
    if (encryption === "required" && !session.mustEncrypt) return "encryption is required now";
    // Guests and anonymous sessions have no keys, and go on without.
    if (signing === "required" && session.signing !== undefined && !session.mustSign)
      return "signing is required now";
  }
  return undefined;
}
