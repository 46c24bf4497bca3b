// Interface of a security mechanism under SPNEGO; NTLM and Kerberos implement it. RFC 2743 1.2.7 and 2.2.2
// (GSS_Accept_sec_context).
import type { NtStatus } from "../../wire/status.ts";
import type { Account, MaybePromise } from "../../port/port.ts";
import type { DomainMembership, TicketAnswer } from "../../port/ticket.ts";
import type { MessageProtection } from "../../port/pipes.ts";
import type { Provider } from "../../crypto/provider.ts";
import type { Time } from "../../wire/filetime.ts";
import type { LogonGate } from "./logon-gate.ts";
import type { TargetNameRule } from "./target-name.ts";

/** The authenticated user. */
export interface LogonIdentity {
  /** The account name in the spelling of the account database; empty for anonymous. */
  readonly user: string;
  /** As the client sent it. */
  readonly domain: string;
  /** As the client sent it: a guest's own. Not authenticated. */
  readonly claimedUser: string;
  /** The client's computer name. Not authenticated. */
  readonly workstation: string;
  readonly isGuest: boolean;
  readonly isAnonymous: boolean;
  /** `Account.version`; 0 for a guest and an anonymous user. */
  readonly accountVersion: number;
  /** As `Identity.membership`. */
  readonly membership?: DomainMembership | undefined;
}

/** GSS_GetMIC and GSS_VerifyMIC with the context's keys, for the first message in each direction. */
export interface MessageIntegrity {
  sign(bytes: Uint8Array): Uint8Array;
  /** Compares in constant time. */
  verify(bytes: Uint8Array, mic: Uint8Array): boolean;
  /**
   * The protection of all messages that follow; `firstSequence` is 1 after a mechListMIC in both directions,
   * with which the key stream begins anew all the same ([MS-SPNG] 3.3.5.1). `coversHeader`: signatures cover
   * the headers of a message, as both sides have agreed; NTLM's always do. Absent: the mechanism protects no
   * RPC messages.
   */
  readonly protection?: (firstSequence: number, coversHeader: boolean) => MessageProtection;
}

export interface Refusal {
  readonly kind: "refused";
  readonly status: NtStatus;
  /** For the log only; contains no secret. */
  readonly reason: string;
  /** The user name as the client sent it; empty if it was not read yet. */
  readonly user: string;
}

/** Another message of the client is awaited. */
export interface Continuation {
  readonly kind: "continue";
  readonly token: Uint8Array;
  /** Why what the client has sent is refused, while it may try again in the same exchange. */
  readonly fault?: Refusal;
}

export type MechanismStep =
  | Continuation
  | {
      readonly kind: "done";
      readonly token: Uint8Array | undefined;
      /** 16 bytes; zeros without a shared secret (guest, anonymous without key exchange). */
      readonly sessionKey: Uint8Array;
      readonly identity: LogonIdentity;
      /** Undefined without a shared secret, or if the client did not negotiate extended session security. */
      readonly integrity: MessageIntegrity | undefined;
      /** Wall-clock milliseconds at which the session ends; undefined: never. */
      readonly expiresMs?: number | undefined;
    }
  | Refusal;

/** One authentication exchange. `step` throws WireError for a token that does not decode. */
export interface Mechanism {
  step(token: Uint8Array): MaybePromise<MechanismStep>;
}

export function refuse(status: NtStatus, reason: string, user = ""): Refusal {
  return { kind: "refused", status, reason, user };
}

/** Services and settings of an authentication exchange. */
export interface AuthContext {
  readonly provider: Provider;
  /** NetBIOS name of the server, at most 15 characters, upper case. */
  readonly serverName: string;
  /** Fully qualified name of the server; the host name without a DNS domain. */
  readonly dnsName: string;
  /** As the port's `Manager.findAccount`; `user: ""` asks for the guest account. */
  findAccount(query: { user: string; domain: string }): MaybePromise<Account | null>;
  /** Kerberos is offered. */
  readonly kerberos: boolean;
  /** The log-on is that of an RPC bind. */
  readonly forRpc?: boolean;
  /** NTLM is accepted. */
  readonly ntlm: boolean;
  /** Absent: the name by which an NTLM client calls the server does not matter. */
  readonly targetName?: TargetNameRule;
  /** As the port's `Manager.acceptTicket`. */
  acceptTicket(token: Uint8Array): MaybePromise<TicketAnswer>;
  readonly mapToGuest: "never" | "bad-user";
  /** Wall-clock time for MsvAvTimestamp of the challenge. */
  now(): Time;
  /** `length` cryptographically random bytes. */
  random(length: number): Uint8Array;
  /** Bounds password guessing; without it no attempt is bounded. */
  readonly gate?: LogonGate | undefined;
}
