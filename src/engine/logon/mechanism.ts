// What a security mechanism under SPNEGO is to the session set-up: a token in, a step out. NTLM is the one there is.
// RFC 2743 1.2.7 and 2.2.2 (accepting a context).
import type { NtStatus } from "../../wire/status.ts";
import type { MaybePromise, Account } from "../../port/port.ts";
import type { Provider } from "../../crypto/provider.ts";
import type { Time } from "../../wire/filetime.ts";
import type { LogonGate } from "./logon-gate.ts";

/** Who logged on, as proved by the mechanism. */
export interface LogonIdentity {
  /** The account's name as the data base has it; empty for anonymous. */
  readonly user: string;
  /** As the client sent it. */
  readonly domain: string;
  /** The client's own name for itself: for logs only, nothing proves it. */
  readonly workstation: string;
  readonly isGuest: boolean;
  readonly isAnonymous: boolean;
}

/** GSS_GetMIC and GSS_VerifyMIC with the context's keys, for the first message of either side. */
export interface MessageIntegrity {
  sign(bytes: Uint8Array): Uint8Array;
  /** Compares in constant time. */
  verify(bytes: Uint8Array, mic: Uint8Array): boolean;
}

export interface Refusal {
  readonly kind: "refused";
  /** NTSTATUS for the client. */
  readonly status: NtStatus;
  /** For the log; never for the client, and never with a secret in it. */
  readonly reason: string;
  /** The name that was tried, as the client sent it; empty where it did not come so far. */
  readonly user: string;
}

export type MechanismStep =
  | { readonly kind: "continue"; readonly token: Uint8Array }
  | {
      readonly kind: "done";
      readonly token: Uint8Array | undefined;
      /** 16 bytes; zeros where nothing secret is shared (guest, anonymous without key exchange). */
      readonly sessionKey: Uint8Array;
      readonly identity: LogonIdentity;
      /** Absent where there is no shared secret, or the client asked for no session security. */
      readonly integrity: MessageIntegrity | undefined;
    }
  | Refusal;

/** One exchange of one mechanism. Throws WireError for a token that does not decode. */
export interface Mechanism {
  step(token: Uint8Array): MaybePromise<MechanismStep>;
}

export function refuse(status: NtStatus, reason: string, user = ""): Refusal {
  return { kind: "refused", status, reason, user };
}

/** What an exchange needs of its surroundings. */
export interface AuthContext {
  readonly provider: Provider;
  /** NetBIOS name of this server, at most 15 characters, upper case. */
  readonly serverName: string;
  /** Fully qualified name of this server; the host name where there is no domain. */
  readonly dnsName: string;
  /** As the port's `Manager.findAccount`; `user: ""` asks for the guest account. */
  findAccount(query: { user: string; domain: string }): MaybePromise<Account | null>;
  readonly mapToGuest: "never" | "bad-user";
  /** Wall-clock time, for the challenge's time stamp. */
  now(): Time;
  /** `length` unpredictable bytes. */
  random(length: number): Uint8Array;
  /** Slows guessing down; without it every try is looked at at once. */
  readonly gate?: LogonGate | undefined;
}
