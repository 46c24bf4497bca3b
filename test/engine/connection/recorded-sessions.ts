// The recorded sessions of test/vectors/crypto with the keys that the server derives for them.
import { pureProvider as provider } from "../../../src/crypto/pure.ts";
import { makeSessionKeys, type SessionKeys } from "../../../src/engine/logon/session-keys.ts";
import { Dialect } from "../../../src/wire/command/negotiate.ts";
import { Cipher, SigningAlgorithm } from "../../../src/wire/context/negotiate-context.ts";
import sambaSessions from "../../vectors/crypto/samba-sessions.json";

const SIGNING: ReadonlyMap<string, number> = new Map([
  ["aes-gmac", SigningAlgorithm.AES_GMAC],
  ["aes-cmac", SigningAlgorithm.AES_CMAC],
  ["hmac-sha256", SigningAlgorithm.HMAC_SHA256],
]);
const CIPHERS: ReadonlyMap<string, number> = new Map([
  ["aes-128-ccm", Cipher.AES_128_CCM],
  ["aes-128-gcm", Cipher.AES_128_GCM],
  ["aes-256-ccm", Cipher.AES_256_CCM],
  ["aes-256-gcm", Cipher.AES_256_GCM],
]);

export interface RecordedSession {
  readonly name: string;
  readonly keys: SessionKeys;
  readonly messages: readonly { readonly isReply: boolean; readonly bytes: Uint8Array }[];
}

/** Sessions between smbclient and smbd of Samba 4.17.12, SMB 3.1.1. */
export const SAMBA_SESSIONS: readonly RecordedSession[] = sambaSessions.cases.map((recorded) => {
  const terms = {
    revision: Dialect.SMB_3_1_1,
    cipher: CIPHERS.get(recorded.cipher) ?? 0,
    signingAlgorithm: SIGNING.get(recorded.signing) ?? -1,
  };
  const [sessionKey, preauthHash] = [recorded.sessionKey, recorded.preauthHash].map(fromHex);
  if (sessionKey === undefined) throw new Error("no session key");
  return {
    name: `${recorded.signing}, ${recorded.cipher}`,
    keys: makeSessionKeys(provider, terms, sessionKey, preauthHash),
    messages: recorded.messages.map(({ fromServer, bytes }) => ({
      isReply: fromServer,
      bytes: fromHex(bytes),
    })),
  };
});

export function fromHex(hex: string): Uint8Array {
  return Uint8Array.fromHex(hex);
}
export function toHex(bytes: Uint8Array): string {
  return new Uint8Array(bytes).toHex();
}
