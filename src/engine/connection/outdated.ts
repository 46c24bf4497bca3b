// Connections whose NEGOTIATE no longer satisfies the settings after a reload. Their clients negotiate anew
// over another connection; a new log-on over this one would not repair them.
import type { EngineSettings } from "../../port/port.ts";
import { SigningAlgorithm } from "../../wire/context/negotiate-context.ts";
import type { Dialect } from "./dialect.ts";
import type { ConnectionState } from "./connection-state.ts";

function usualSigning({ defaultSigning }: Dialect): number {
  return defaultSigning === "aes-cmac" ? SigningAlgorithm.AES_CMAC : SigningAlgorithm.HMAC_SHA256;
}

/** Returns why the connection may not go on; undefined where it may. */
export function findOutdated(
  { negotiated, sessions }: Pick<ConnectionState, "negotiated" | "sessions">,
  settings: EngineSettings,
): string | undefined {
  if (negotiated === undefined) return undefined;
  const { minDialect, maxDialect, signing, encryption } = settings;
  const { cipher, signingAlgorithm } = negotiated;
  const { revision, name } = negotiated.dialect;
  if (revision < minDialect || revision > maxDialect) return `dialect ${name} is no longer allowed`;
  if (cipher !== 0 && !settings.ciphers.includes(cipher)) return "its cipher is no longer allowed";
  // Every client may use the algorithm of its dialect, which the list does not name for older ones either.
  const isUsual = signingAlgorithm === usualSigning(negotiated.dialect);
  if (!isUsual && !settings.signingAlgorithms.includes(signingAlgorithm))
    return "its signing algorithm is no longer allowed";
  for (const session of sessions.values()) {
    if (session.identity === undefined) continue;
    if (encryption === "required" && !session.mustEncrypt) return "encryption is required now";
    // Guests and anonymous sessions have no keys, and go on without.
    if (signing === "required" && session.signing !== undefined && !session.mustSign)
      return "signing is required now";
  }
  return undefined;
}
