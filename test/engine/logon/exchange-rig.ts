// Rig for authenticators: a known account, a fixed challenge and time, and an NTLMv2 client written from
// [MS-NLMP] 3.1.5.1. Clients of other implementations are in the tests.
import { randomBytes } from "node:crypto";
import { ntowfV2 } from "../../../src/crypto/ntowf.ts";
import { pureProvider as provider } from "../../../src/crypto/pure.ts";
import type { Account } from "../../../src/port/port.ts";
import {
  decodeNtlmChallenge,
  encodeNtlmAuthenticate,
  encodeNtlmNegotiate,
  MIC_OFFSET,
  NtlmFlag,
} from "../../../src/wire/auth/ntlmssp.ts";
import type { AuthStep, Authenticator } from "../../../src/engine/logon/authenticator.ts";
import type { AuthContext } from "../../../src/engine/logon/mechanism.ts";

export function fromHex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "hex"));
}
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** Account `User` with password `Password` of domain `Domain`, as in [MS-NLMP] 4.2.1. */
export const USER: Account = {
  name: "User",
  ntHash: "a4f49c406510bdcab6824ee7c30fd852",
  isGuest: false,
  version: 1,
};
export const GUEST: Account = { name: "nobody", ntHash: "", isGuest: true, version: 0 };

/** The challenge of [MS-NLMP] 4.2.1. */
export const SERVER_CHALLENGE = fromHex("0123456789abcdef");

/** Returns the step of a token that needs no asynchronous call; throws for a promise. */
export function stepNow(authenticator: Authenticator, token: Uint8Array): AuthStep {
  const step = authenticator.step(token);
  if (step instanceof Promise) throw new Error("the step is asynchronous");
  return step;
}

export function createContext(changes: Partial<AuthContext> = {}): AuthContext {
  return {
    provider,
    serverName: "SERVER",
    dnsName: "server.example.org",
    findAccount: ({ user }) => {
      if (user === "") return GUEST;
      return user.toLowerCase() === "user" ? USER : null;
    },
    kerberos: false,
    ntlm: true,
    acceptTicket: () => ({ kind: "refused", reason: "no key table", user: "" }),
    mapToGuest: "never",
    now: () => ({ seconds: 1_700_000_000, nanoseconds: 0 }),
    random: (length) => (length === 8 ? SERVER_CHALLENGE.slice() : new Uint8Array(randomBytes(length))),
    ...changes,
  };
}

const FLAGS =
  (NtlmFlag.UNICODE |
    NtlmFlag.REQUEST_TARGET |
    NtlmFlag.SIGN |
    NtlmFlag.NTLM |
    NtlmFlag.ALWAYS_SIGN |
    NtlmFlag.EXTENDED_SESSIONSECURITY |
    NtlmFlag.TARGET_INFO |
    NtlmFlag.VERSION |
    NtlmFlag.KEY_128 |
    NtlmFlag.KEY_EXCH) >>>
  0;

export interface ClientOptions {
  user?: string;
  domain?: string;
  ntHash?: string;
  flags?: number;
  /**
   * `none`: MsvAvFlags announces no MIC; `wrong`: one bit of the MIC is changed; `missing`: the MIC is zero.
   */
  mic?: "right" | "wrong" | "missing" | "none";
  encryptedKey?: Uint8Array;
  /** Sent instead of the NTLMv2 response. */
  ntResponse?: Uint8Array;
  lmResponse?: Uint8Array;
}

/** The client's side of one exchange: `negotiate`, then `authenticate(challenge)`. */
export class NtlmClient {
  readonly options: ClientOptions;
  readonly negotiate: Uint8Array;
  readonly sessionKey = new Uint8Array(randomBytes(16));

  constructor(options: ClientOptions = {}) {
    this.options = options;
    this.negotiate = encodeNtlmNegotiate(options.flags ?? FLAGS);
  }

  authenticate(challengeMessage: Uint8Array): Uint8Array {
    const { options } = this;
    const { user = "User", domain = "Domain", ntHash = USER.ntHash, mic = "right" } = options;
    const challenge = decodeNtlmChallenge(challengeMessage);
    const responseKey = ntowfV2(provider, fromHex(ntHash), user, domain);
    const flagPair = mic === "none" ? "" : "0600040002000000";
    const head = Buffer.from(`0101000000000000${"00".repeat(8)}${"aa".repeat(8)}00000000${flagPair}`, "hex");
    const temp = Buffer.concat([head, challenge.targetInfo, new Uint8Array(4)]);
    const proof = provider.hmacMd5(responseKey, Buffer.concat([challenge.serverChallenge, temp]));
    const baseKey = provider.hmacMd5(responseKey, proof);
    const message = encodeNtlmAuthenticate({
      flags: challenge.flags,
      lmResponse: options.lmResponse ?? new Uint8Array(24),
      ntResponse: options.ntResponse ?? Buffer.concat([proof, temp]),
      domain,
      user,
      workstation: "COMPUTER",
      encryptedSessionKey: options.encryptedKey ?? provider.rc4(baseKey).update(this.sessionKey),
      mic: undefined,
    });
    if (mic === "right" || mic === "wrong") {
      const code = provider.hmacMd5(
        this.sessionKey,
        Buffer.concat([this.negotiate, challengeMessage, message]),
      );
      if (mic === "wrong") code[0] = (code[0] ?? 0) ^ 1;
      message.set(code, MIC_OFFSET);
    }
    return message;
  }
}
