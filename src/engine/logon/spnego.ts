// The acceptor's side of SPNEGO: chooses a mechanism, passes its tokens on, and protects the choice by
// mechListMIC. RFC 4178 4.2, 5 and 5(c); [MS-SPNG] 3.1.5.
import type { MaybePromise } from "../../port/port.ts";
import type { MessageProtection } from "../../port/pipes.ts";
import { wireError } from "../../wire/cursor.ts";
import {
  decodeSpnego,
  encodeResp,
  NegState,
  type NegTokenInit,
  type NegTokenResp,
} from "../../wire/auth/spnego.ts";
import { Status } from "../../wire/status.ts";
import {
  type Continuation,
  type LogonIdentity,
  type Mechanism,
  type MechanismStep,
  refuse,
  type Refusal,
} from "./mechanism.ts";

export type SpnegoStep =
  | Continuation
  | {
      readonly kind: "done";
      readonly token: Uint8Array;
      readonly sessionKey: Uint8Array;
      readonly identity: LogonIdentity;
      readonly expiresMs?: number | undefined;
      /** For the messages that follow; undefined without a shared secret. */
      readonly protection: ((coversHeader: boolean) => MessageProtection) | undefined;
    }
  | Refusal;

type Done = Extract<MechanismStep, { kind: "done" }>;

/** Returns a new exchange of the mechanism `oid`; undefined if the server does not offer it. */
export type MechanismFactory = (oid: string) => Mechanism | undefined;

/**
 * One SPNEGO exchange. `step` throws WireError for a token that does not decode or lacks a required field.
 */
export class SpnegoAcceptor {
  private readonly createMechanism: MechanismFactory;
  private readonly hint: string;
  private state: "start" | "mechanism" | "mic" | "ended" = "start";
  private mechanism: Mechanism | undefined;
  private mechTypesDer: Uint8Array | undefined;
  private chosen: string | undefined;
  private isChosenAnnounced = false;
  // RFC 4178 5: set if the chosen mechanism is not the client's first; only the MIC then proves that nobody
  // changed the list on the way.
  private isMicRequired = false;
  private done: Done | undefined;
  /** 1 once both sides have sent a mechListMIC. */
  private micsExchanged = 0;

  /** `hint` follows the reason where the client offers no mechanism that the server does. */
  constructor(createMechanism: MechanismFactory, hint = "") {
    this.createMechanism = createMechanism;
    this.hint = hint;
  }

  step(bytes: Uint8Array): MaybePromise<SpnegoStep> {
    const token = decodeSpnego(bytes);
    if (this.state === "start" && token.kind === "init") return this.start(token);
    if (this.state === "mechanism" && token.kind === "resp") return this.proceed(token);
    if (this.state === "mic" && token.kind === "resp") return this.finishWithMic(token);
    return this.end(refuse(Status.INVALID_PARAMETER, "SPNEGO token out of order"));
  }

  private start(token: NegTokenInit): MaybePromise<SpnegoStep> {
    for (const oid of token.mechTypes) {
      this.mechanism = this.createMechanism(oid);
      if (!this.mechanism) continue;
      this.chosen = oid;
      break;
    }
    if (!this.mechanism) {
      return this.end(refuse(Status.INVALID_PARAMETER, `no mechanism in common${this.hint}`));
    }
    this.state = "mechanism";
    // A copy, because the request's buffer is reused.
    this.mechTypesDer = token.mechTypesDer.slice();
    this.isMicRequired = this.chosen !== token.mechTypes[0];
    // The optimistic token belongs to the first mechanism of the list.
    if (!this.isMicRequired && token.mechToken) return this.feed(token.mechToken, undefined);
    const state = this.isMicRequired ? NegState.REQUEST_MIC : NegState.ACCEPT_INCOMPLETE;
    return { kind: "continue", token: this.respond(state, undefined, undefined) };
  }

  private proceed(token: NegTokenResp): MaybePromise<SpnegoStep> {
    if (token.state === NegState.REJECT) {
      return this.end(refuse(Status.LOGON_FAILURE, "the client rejected the mechanism"));
    }
    if (!token.responseToken) throw wireError("SPNEGO response without a token");
    return this.feed(token.responseToken, token.mechListMic);
  }

  private feed(token: Uint8Array, clientMic: Uint8Array | undefined): MaybePromise<SpnegoStep> {
    const mechanism = this.mechanism;
    if (!mechanism) throw wireError("no mechanism chosen");
    const step = mechanism.step(token);
    if (step instanceof Promise) return step.then((result) => this.answer(result, clientMic));
    return this.answer(step, clientMic);
  }

  private answer(step: MechanismStep, clientMic: Uint8Array | undefined): SpnegoStep {
    if (step.kind === "refused") return this.end(step);
    if (step.kind === "continue") {
      // After a second attempt Samba's client wants the list of mechanisms proved, though it got its first.
      this.isMicRequired ||= step.fault !== undefined;
      return { ...step, token: this.respond(NegState.ACCEPT_INCOMPLETE, step.token, undefined) };
    }
    const { integrity, identity } = step;
    const list = this.mechTypesDer;
    if (!list) throw wireError("no mechanism list");
    if (!integrity) {
      // Guest and anonymous log-ons have no shared secret, and gain no rights from a downgrade.
      const needsNoMic = identity.isGuest || identity.isAnonymous;
      if (!needsNoMic && (clientMic || this.isMicRequired)) {
        return this.end(refuse(Status.INVALID_PARAMETER, "mechListMIC without session security"));
      }
      return this.complete(step, undefined);
    }
    if (clientMic) {
      if (!integrity.verify(list, clientMic))
        return this.end(refuse(Status.ACCESS_DENIED, "wrong mechListMIC"));
      this.micsExchanged = 1;
      return this.complete(step, integrity.sign(list));
    }
    if (!this.isMicRequired) return this.complete(step, undefined);
    this.state = "mic";
    this.done = step;
    return {
      kind: "continue",
      token: this.respond(NegState.ACCEPT_INCOMPLETE, step.token, integrity.sign(list)),
    };
  }

  private finishWithMic(token: NegTokenResp): SpnegoStep {
    const { done, mechTypesDer } = this;
    if (!done?.integrity || !mechTypesDer) throw wireError("no logon to finish");
    if (!token.mechListMic || !done.integrity.verify(mechTypesDer, token.mechListMic)) {
      return this.end(refuse(Status.ACCESS_DENIED, "wrong or missing mechListMIC"));
    }
    this.micsExchanged = 1;
    return this.complete({ ...done, token: undefined }, undefined);
  }

  private complete(step: Done, mic: Uint8Array | undefined): SpnegoStep {
    this.state = "ended";
    this.done = undefined;
    const token = this.respond(NegState.ACCEPT_COMPLETED, step.token, mic);
    const { sessionKey, identity, expiresMs, integrity } = step;
    const { micsExchanged } = this;
    const protect = integrity?.protection;
    const protection = protect && ((coversHeader: boolean) => protect(micsExchanged, coversHeader));
    return { kind: "done", token, sessionKey, identity, expiresMs, protection };
  }

  private end(refusal: Refusal): Refusal {
    this.state = "ended";
    this.done = undefined;
    return refusal;
  }

  // RFC 4178 4.2.2: only the first response has supportedMech.
  private respond(
    state: NegState,
    responseToken: Uint8Array | undefined,
    mechListMic: Uint8Array | undefined,
  ): Uint8Array {
    const supportedMech = this.isChosenAnnounced ? undefined : this.chosen;
    this.isChosenAnnounced = true;
    return encodeResp({ state, supportedMech, responseToken, mechListMic });
  }
}
