// The server's side of NTLM: answers NEGOTIATE with CHALLENGE, and verifies AUTHENTICATE. [MS-NLMP] 3.2.5.1
// (server), 3.3.2 (NTLMv2), 3.4 (session security). NTLMv1, NTLM2 session and LM responses are refused.
import { timingSafeEqual } from "node:crypto";
import { authenticateMic, decryptSessionKey, ntowfV2, ntProof, sessionBaseKey } from "../../crypto/ntowf.ts";
import type { Account, MaybePromise } from "../../port/port.ts";
import { EMPTY } from "../../wire/cursor.ts";
import {
  AV_FLAG_MIC,
  avFlags,
  AvId,
  decodeNtlmAuthenticate,
  decodeNtlmNegotiate,
  decodeNtlmType,
  decodeNtlmv2Response,
  encodeAvPairs,
  encodeAvTimestamp,
  encodeNtlmChallenge,
  encodeUtf16,
  MIC_OFFSET,
  NtlmFlag,
  NtlmMessageType,
  type NtlmAuthenticate,
  type Ntlmv2Response,
} from "../../wire/auth/ntlmssp.ts";
import { Status } from "../../wire/status.ts";
import { andThen } from "../and-then.ts";
import type { LogonAttempt } from "./logon-gate.ts";
import {
  type LogonIdentity,
  type Mechanism,
  type MechanismStep,
  refuse,
  type AuthContext,
} from "./mechanism.ts";
import { ntlmIntegrity } from "./ntlm-security.ts";
import { whyForeign } from "./target-name.ts";

// The flags that CHALLENGE takes over from the client's NEGOTIATE.
const NEGOTIABLE =
  NtlmFlag.SIGN |
  NtlmFlag.SEAL |
  NtlmFlag.ALWAYS_SIGN |
  NtlmFlag.EXTENDED_SESSIONSECURITY |
  NtlmFlag.VERSION |
  NtlmFlag.KEY_128 |
  NtlmFlag.KEY_56 |
  NtlmFlag.KEY_EXCH;

const KEY_LENGTH = 16;
/**
 * An unfinished log-on keeps its NEGOTIATE message, for the MIC. Clients send 32 to 100 bytes; it may hold
 * the names of a domain and a computer.
 */
const MAX_NEGOTIATE_BYTES = 2_048;
/** Names of 256 characters and the attributes of the challenge, many times. */
const MAX_AUTHENTICATE_BYTES = 16_384;
/** UNLEN of Windows: no account has a longer name. */
const MAX_NAME_LENGTH = 256;
/** Length of an NtChallengeResponse of NTLMv1 or NTLM2 session. */
const V1_RESPONSE_LENGTH = 24;

interface ProvenResponse {
  readonly responseKey: Uint8Array;
  readonly proof: Uint8Array;
  readonly isRight: boolean;
}

export function createNtlmAcceptor(context: AuthContext): Mechanism {
  return new NtlmAcceptor(context);
}

class NtlmAcceptor implements Mechanism {
  private readonly context: AuthContext;
  private state: "negotiate" | "authenticate" | "ended" = "negotiate";
  private flags = 0;
  private serverChallenge: Uint8Array = EMPTY;
  // For the MIC, which covers all three messages.
  private negotiateMessage: Uint8Array = EMPTY;
  private challengeMessage: Uint8Array = EMPTY;

  constructor(context: AuthContext) {
    this.context = context;
  }

  step(token: Uint8Array): MaybePromise<MechanismStep> {
    const type = decodeNtlmType(token);
    const limit = this.state === "negotiate" ? MAX_NEGOTIATE_BYTES : MAX_AUTHENTICATE_BYTES;
    if (token.length > limit) {
      this.state = "ended";
      return refuse(Status.INVALID_PARAMETER, `NTLMSSP message of ${token.length} bytes`);
    }
    if (this.state === "negotiate" && type === NtlmMessageType.NEGOTIATE) return this.challenge(token);
    if (this.state === "authenticate" && type === NtlmMessageType.AUTHENTICATE) {
      this.state = "ended";
      return this.authenticate(token);
    }
    this.state = "ended";
    return refuse(Status.INVALID_PARAMETER, "NTLMSSP message out of order");
  }

  private challenge(message: Uint8Array): MechanismStep {
    const { context } = this;
    const asked = decodeNtlmNegotiate(message);
    // [MS-NLMP] 2.2.2.5 wants a client that names no character set refused; Samba takes it for one of OEM.
    const charset = asked & NtlmFlag.UNICODE ? NtlmFlag.UNICODE : NtlmFlag.OEM;
    this.flags = charset | NtlmFlag.NTLM | NtlmFlag.TARGET_INFO | (asked & NEGOTIABLE);
    if (asked & NtlmFlag.REQUEST_TARGET) this.flags |= NtlmFlag.REQUEST_TARGET | NtlmFlag.TARGET_TYPE_SERVER;
    this.serverChallenge = context.random(8);
    const name = encodeUtf16(context.serverName);
    const dot = context.dnsName.indexOf(".");
    // The server is not a member of a domain, so its own name is the domain of its accounts.
    const targetInfo = encodeAvPairs([
      { id: AvId.NB_DOMAIN_NAME, value: name },
      { id: AvId.NB_COMPUTER_NAME, value: name },
      { id: AvId.DNS_DOMAIN_NAME, value: encodeUtf16(dot < 0 ? "" : context.dnsName.slice(dot + 1)) },
      { id: AvId.DNS_COMPUTER_NAME, value: encodeUtf16(context.dnsName) },
      { id: AvId.TIMESTAMP, value: encodeAvTimestamp(context.now()) },
    ]);
    this.negotiateMessage = message.slice();
    this.challengeMessage = encodeNtlmChallenge({
      flags: this.flags >>> 0,
      targetName: asked & NtlmFlag.REQUEST_TARGET ? context.serverName : "",
      serverChallenge: this.serverChallenge,
      targetInfo,
    });
    this.state = "authenticate";
    return { kind: "continue", token: this.challengeMessage };
  }

  private authenticate(bytes: Uint8Array): MaybePromise<MechanismStep> {
    const negotiated = this.flags;
    const message = decodeNtlmAuthenticate(bytes, negotiated);
    this.flags &= message.flags;
    const { user, domain, encryptedSessionKey } = message;
    if (this.flags & NtlmFlag.KEY_EXCH) {
      // [MS-NLMP] 3.1.5.1.2: a client may omit the key exchange without SIGN and SEAL.
      const mayOmit = !(this.flags & (NtlmFlag.SIGN | NtlmFlag.SEAL));
      const isOmitted = encryptedSessionKey.length === 0;
      if (isOmitted && mayOmit) this.flags &= ~NtlmFlag.KEY_EXCH;
      else if (encryptedSessionKey.length !== KEY_LENGTH) {
        return refuse(Status.INVALID_PARAMETER, "encrypted session key of wrong size");
      }
    }
    if (isAnonymous(message)) return this.acceptAnonymous(message);
    if (user.length > MAX_NAME_LENGTH || domain.length > MAX_NAME_LENGTH) {
      return refuse(Status.LOGON_FAILURE, "user or domain name too long");
    }
    // A log or an account database may end a name at a NUL, and so read another user's name.
    if (user === "" || user.includes("\0") || domain.includes("\0")) {
      return refuse(Status.LOGON_FAILURE, "empty user name or a NUL in it", user);
    }
    // The following steps may be asynchronous, and the request's buffer is reused: decode a copy.
    const copy = bytes.slice();
    return this.admit(copy, decodeNtlmAuthenticate(copy, negotiated));
  }

  private admit(bytes: Uint8Array, message: NtlmAuthenticate): MaybePromise<MechanismStep> {
    const { gate } = this.context;
    // A client that has no password sends an empty response; it may still be mapped to the guest.
    const isV2 = message.ntResponse.length > V1_RESPONSE_LENGTH;
    const response = isV2 ? decodeNtlmv2Response(message.ntResponse) : undefined;
    if (gate === undefined) return this.lookUp(bytes, message, response);
    return andThen(gate.begin(message.user), (attempt) => {
      if (attempt !== undefined) return this.attempt(attempt, () => this.lookUp(bytes, message, response));
      // Not LOGON_FAILURE, after which a client asks its user for another password: this one may be right.
      const reason = "too many failed log-ons at once, refused without a password check";
      return refuse(Status.INSUFFICIENT_RESOURCES, reason, message.user);
    });
  }

  /** Runs the check of one attempt and reports its end; the answer to a failure is held back. */
  private attempt(
    attempt: LogonAttempt,
    check: () => MaybePromise<MechanismStep>,
  ): MaybePromise<MechanismStep> {
    const finish = (step: MechanismStep): MaybePromise<MechanismStep> => {
      if (step.kind !== "done") return attempt.failed().then(() => step);
      attempt.succeeded(!step.identity.isGuest);
      return step;
    };
    const giveUp = (error: unknown): never => {
      attempt.undecided();
      throw error;
    };
    let step: MaybePromise<MechanismStep>;
    try {
      step = check();
    } catch (error) {
      return giveUp(error);
    }
    return step instanceof Promise ? step.then(finish, giveUp) : finish(step);
  }

  private lookUp(
    bytes: Uint8Array,
    message: NtlmAuthenticate,
    response: Ntlmv2Response | undefined,
  ): MaybePromise<MechanismStep> {
    const { user, domain } = message;
    return andThen(
      this.context.findAccount({ user, domain }),
      (found) => this.verify(bytes, message, response, found) ?? this.acceptUnknown(message),
    );
  }

  /**
   * Verifies the response of an existing account; undefined for an unknown one. Both cases compute the same,
   * so that the response time does not reveal which users exist.
   */
  private verify(
    bytes: Uint8Array,
    message: NtlmAuthenticate,
    response: Ntlmv2Response | undefined,
    account: Account | null,
  ): MechanismStep | undefined {
    const { provider } = this.context;
    const hash = account ? Buffer.from(account.ntHash, "hex") : EMPTY;
    const isUsable = hash.length === KEY_LENGTH;
    const isUnknown = !account || (!isUsable && account.isGuest);
    if (!response)
      return isUnknown ? undefined : refuse(Status.LOGON_FAILURE, "no NTLMv2 response", message.user);
    const ntHash = isUsable ? hash : this.context.random(KEY_LENGTH);
    // The time stamp in the response is not checked: the challenge binds the response to this exchange, and
    // clocks of small devices are often wrong. Nor are its channel bindings (MsvAvChannelBindings): a server
    // without a TLS tunnel has none of its own to compare; [MS-NLMP] 3.2.5.1.2.
    const { responseKey, proof, isRight } = this.proveResponse(ntHash, message, response);
    const sessionKey = this.exportKey(sessionBaseKey(provider, responseKey, proof), message);
    const isWhole = this.checkMic(bytes, message, response, sessionKey);
    if (isUnknown) return undefined;
    if (!isRight || !isUsable) return refuse(Status.LOGON_FAILURE, "wrong password", message.user);
    if (!isWhole) return refuse(Status.INVALID_PARAMETER, "wrong or missing MIC", message.user);
    const foreign = this.whyForeign(response);
    if (foreign !== undefined) return refuse(Status.ACCESS_DENIED, foreign, message.user);
    return {
      kind: "done",
      token: undefined,
      sessionKey,
      identity: this.identify(message, account.name, account.isGuest, false, account.version),
      integrity: ntlmIntegrity(provider, this.flags, sessionKey),
    };
  }

  private whyForeign({ avPairs }: Ntlmv2Response): string | undefined {
    const { targetName, forRpc = false } = this.context;
    return targetName && whyForeign(avPairs, targetName, forRpc);
  }

  /**
   * Compares the response with those that `ntHash` gives. The hash covers user and domain as the client sent
   * them; some clients name a domain and hash an empty one, which smbd accepts.
   */
  private proveResponse(
    ntHash: Uint8Array,
    { user, domain }: NtlmAuthenticate,
    { proof: sent, clientChallenge }: Ntlmv2Response,
  ): ProvenResponse {
    const { provider } = this.context;
    const prove = (hashed: string): ProvenResponse => {
      const responseKey = ntowfV2(provider, ntHash, user, hashed);
      const proof = ntProof(provider, responseKey, this.serverChallenge, clientChallenge);
      return { responseKey, proof, isRight: timingSafeEqual(proof, sent) };
    };
    const asNamed = prove(domain);
    const withoutDomain = prove("");
    return withoutDomain.isRight ? withoutDomain : asNamed;
  }

  // [MS-NLMP] 3.2.5.1.2: the MIC is required if MsvAvFlags, which NTProofStr covers, announces it.
  private checkMic(
    bytes: Uint8Array,
    message: NtlmAuthenticate,
    response: Ntlmv2Response,
    sessionKey: Uint8Array,
  ): boolean {
    const { provider } = this.context;
    const blank = bytes.slice();
    if (message.mic) blank.fill(0, MIC_OFFSET, MIC_OFFSET + KEY_LENGTH);
    const mic = authenticateMic(provider, sessionKey, this.negotiateMessage, this.challengeMessage, blank);
    const isRight = message.mic !== undefined && timingSafeEqual(mic, message.mic);
    return isRight || !(avFlags(response.avPairs) & AV_FLAG_MIC);
  }

  private acceptUnknown(message: NtlmAuthenticate): MaybePromise<MechanismStep> {
    const { context } = this;
    const proceed = (guest: Account | null): MechanismStep => {
      if (!guest) return refuse(Status.LOGON_FAILURE, "unknown user", message.user);
      return {
        kind: "done",
        token: undefined,
        sessionKey: new Uint8Array(KEY_LENGTH),
        identity: this.identify(message, guest.name, true, false, 0),
        integrity: undefined,
      };
    };
    if (context.mapToGuest !== "bad-user") return proceed(null);
    const guest = context.findAccount({ user: "", domain: message.domain });
    return guest instanceof Promise ? guest.then(proceed) : proceed(guest);
  }

  private acceptAnonymous(message: NtlmAuthenticate): MechanismStep {
    return {
      kind: "done",
      token: undefined,
      // [MS-NLMP] 3.3.2: the base key of an anonymous log-on is all zeros, so any eavesdropper can compute
      // this key.
      sessionKey: this.exportKey(new Uint8Array(KEY_LENGTH), message),
      identity: this.identify(message, "", false, true, 0),
      integrity: undefined,
    };
  }

  /** Returns ExportedSessionKey. [MS-NLMP] 3.2.5.1.2: with NTLMv2, KeyExchangeKey is SessionBaseKey. */
  private exportKey(baseKey: Uint8Array, message: NtlmAuthenticate): Uint8Array {
    if (!(this.flags & NtlmFlag.KEY_EXCH)) return baseKey;
    return decryptSessionKey(this.context.provider, baseKey, message.encryptedSessionKey);
  }

  private identify(
    message: NtlmAuthenticate,
    user: string,
    isGuest: boolean,
    isAnonymous: boolean,
    accountVersion: number,
  ): LogonIdentity {
    return {
      user,
      domain: message.domain,
      claimedUser: message.user,
      workstation: message.workstation,
      isGuest,
      isAnonymous,
      accountVersion,
    };
  }
}

// [MS-NLMP] 3.2.5.1.2: no name and no response. An empty name with a response, or NTLMSSP_NEGOTIATE_ANONYMOUS
// alone, is not an anonymous log-on.
function isAnonymous(message: NtlmAuthenticate): boolean {
  const { user, ntResponse, lmResponse } = message;
  if (user !== "" || ntResponse.length !== 0) return false;
  return lmResponse.length === 0 || (lmResponse.length === 1 && lmResponse[0] === 0);
}
