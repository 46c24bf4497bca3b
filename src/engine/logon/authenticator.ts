// Authentication of one session set-up, [MS-SMB2] 3.3.5.5.3: takes the client's security buffers, returns the
// server's and at the end an identity with a session key. Accepts NTLM and, where it is on, Kerberos, in
// SPNEGO and without.
import type { MaybePromise } from "../../port/port.ts";
import type { MessageProtection } from "../../port/pipes.ts";
import { WireError } from "../../wire/cursor.ts";
import { isBareApReq, isKerberosToken } from "../../wire/auth/kerberos.ts";
import { isNtlmssp } from "../../wire/auth/ntlmssp.ts";
import { encodeInit2, Oid } from "../../wire/auth/spnego.ts";
import { Status } from "../../wire/status.ts";
import { type Continuation, type LogonIdentity, type Mechanism, type MechanismStep } from "./mechanism.ts";
import { refuse, type Refusal, type AuthContext } from "./mechanism.ts";
import { createNtlmAcceptor } from "./ntlm.ts";
import { SpnegoAcceptor, type SpnegoStep } from "./spnego.ts";

export type AuthStep =
  /** The response is STATUS_MORE_PROCESSING_REQUIRED with this token. */
  | Continuation
  | {
      readonly kind: "done";
      readonly token: Uint8Array | undefined;
      /** ExportedSessionKey, 16 bytes. Zeros for a guest, whose session must not sign or encrypt. */
      readonly sessionKey: Uint8Array;
      readonly identity: LogonIdentity;
      /** Wall-clock milliseconds at which the session ends; undefined: never. */
      readonly expiresMs?: number | undefined;
      /** For messages inside the log-on's context, as those of RPC; undefined without a shared secret. */
      readonly protection: ((coversHeader: boolean) => MessageProtection) | undefined;
    }
  | Refusal;

export interface Authenticator {
  /**
   * Processes the client's next token; the caller may reuse its buffer afterwards. A token that does not
   * decode is refused with STATUS_INVALID_PARAMETER, without an exception. After "done" or "refused" every
   * token is refused.
   */
  step(token: Uint8Array): MaybePromise<AuthStep>;
}

// The offered mechanisms, most preferred first.
const MECHANISMS: readonly {
  readonly oid: string;
  readonly isKerberos: boolean;
  create(context: AuthContext): Mechanism;
}[] = [
  // Windows takes the first of them, whose name is one digit off; [MS-SPNG] 3.1.5.
  { oid: Oid.MS_KERBEROS, isKerberos: true, create: createKerberosAcceptor },
  { oid: Oid.KERBEROS, isKerberos: true, create: createKerberosAcceptor },
  { oid: Oid.NTLMSSP, isKerberos: false, create: createNtlmAcceptor },
];

/** Kerberos is loaded with the first token for it. */
function createKerberosAcceptor(context: AuthContext): Mechanism {
  let mechanism: Mechanism | undefined;
  return {
    step(token) {
      if (mechanism !== undefined) return mechanism.step(token);
      // The client's buffer is reused before the module is there.
      const copy = token.slice();
      return import("./kerberos.ts").then((module) => {
        mechanism = module.createKerberosAcceptor(context);
        return mechanism.step(copy);
      });
    },
  };
}

/** The NegTokenInit2 of the NEGOTIATE response. Callers share the bytes and must not change them. */
export function initialToken({ kerberos, ntlm }: Pick<AuthContext, "kerberos" | "ntlm">): Uint8Array {
  if (!ntlm) return TOKEN_WITHOUT_NTLM;
  return kerberos ? TOKEN_WITH_KERBEROS : TOKEN_WITH_NTLM;
}

const TOKEN_WITH_KERBEROS = encodeInit2(MECHANISMS.map(({ oid }) => oid));
const TOKEN_WITHOUT_NTLM = encodeInit2(
  MECHANISMS.filter(({ isKerberos }) => isKerberos).map(({ oid }) => oid),
);
const TOKEN_WITH_NTLM = encodeInit2([Oid.NTLMSSP]);

const ONLY_KERBEROS = "'ntlm auth' is disabled, only Kerberos is accepted";
const NO_NTLM = { step: () => refuse(Status.LOGON_FAILURE, ONLY_KERBEROS) };

/** Returns the authenticator of one new session, re-authentication or channel binding. */
export function createAuthenticator(context: AuthContext): Authenticator {
  return new LogonExchange(context);
}

class LogonExchange implements Authenticator {
  private readonly context: AuthContext;
  private acceptor: Mechanism | SpnegoAcceptor | undefined;
  private state: "open" | "busy" | "ended" = "open";

  constructor(context: AuthContext) {
    this.context = context;
  }

  step(token: Uint8Array): MaybePromise<AuthStep> {
    if (this.state !== "open") return refuse(Status.INVALID_PARAMETER, "token outside an exchange");
    try {
      this.acceptor ??= this.createAcceptor(token);
      const step: MaybePromise<MechanismStep | SpnegoStep> = this.acceptor.step(token);
      if (!(step instanceof Promise)) return this.settle(step);
      this.state = "busy";
      return step.then(
        (result) => this.settle(result),
        (error: unknown) => this.fail(error),
      );
    } catch (error) {
      return this.fail(error);
    }
  }

  private createAcceptor(token: Uint8Array): Mechanism | SpnegoAcceptor {
    const { context } = this;
    if (isNtlmssp(token)) return context.ntlm ? createNtlmAcceptor(context) : NO_NTLM;
    const isKerberos = isKerberosToken(token) || (context.forRpc === true && isBareApReq(token));
    if (context.kerberos && isKerberos) return createKerberosAcceptor(context);
    return new SpnegoAcceptor(
      (oid) => {
        const row = MECHANISMS.find((mechanism) => mechanism.oid === oid);
        const isOffered = row?.isKerberos === true ? context.kerberos : context.ntlm;
        return row !== undefined && isOffered ? row.create(context) : undefined;
      },
      context.ntlm ? "" : `: ${ONLY_KERBEROS}`,
    );
  }

  private settle(step: MechanismStep | SpnegoStep): AuthStep {
    this.state = step.kind === "continue" ? "open" : "ended";
    if (step.kind !== "done") return step;
    const { kind, token, sessionKey, identity, expiresMs } = step;
    const protect = "integrity" in step ? step.integrity?.protection : undefined;
    const protection =
      "protection" in step
        ? step.protection
        : protect && ((coversHeader: boolean) => protect(0, coversHeader));
    return { kind, token, sessionKey, identity, expiresMs, protection };
  }

  private fail(error: unknown): AuthStep {
    this.state = "ended";
    if (error instanceof WireError) return refuse(Status.INVALID_PARAMETER, error.message);
    throw error;
  }
}
