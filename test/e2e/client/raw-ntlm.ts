// The client side of NTLMv2 inside SPNEGO; a test can change every field.
// [MS-NLMP] 3.1.5.1, 3.3.2, 3.4.5; RFC 4178 5 (mechListMIC).
import { randomBytes } from "node:crypto";
import {
  authenticateMic,
  messageSignature,
  ntowfV1,
  ntowfV2,
  ntProof,
  sealKey,
  sessionBaseKey,
  signKey,
} from "../../../src/crypto/ntowf.ts";
import type { Provider } from "../../../src/crypto/provider.ts";
import {
  AV_FLAG_MIC,
  AvId,
  decodeAvPairs,
  decodeNtlmChallenge,
  encodeAvPairs,
  encodeNtlmAuthenticate,
  encodeNtlmNegotiate,
  findAv,
  MIC_OFFSET,
  type NtlmAuthenticate,
  NtlmFlag,
} from "../../../src/wire/auth/ntlmssp.ts";
import { decodeSpnego, encodeInit, encodeMechTypes, encodeResp, Oid } from "../../../src/wire/auth/spnego.ts";

export interface NtlmOptions {
  readonly user: string;
  readonly password: string;
  readonly domain?: string;
  /** The domain that the response is computed with; absent: `domain`. */
  readonly hashedDomain?: string;
  /** NegotiateFlags of NEGOTIATE; AUTHENTICATE has those of the server's CHALLENGE. */
  readonly flags?: number;
  readonly workstation?: string;
  readonly isAnonymous?: boolean;
  /** Changes the fields of AUTHENTICATE before they are encoded. */
  readonly changeFields?: (fields: NtlmAuthenticate) => NtlmAuthenticate;
  /** Changes the encoded AUTHENTICATE message after its MIC is set. */
  readonly changeMessage?: (message: Uint8Array) => Uint8Array;
  /** Sends NTLMSSP messages without SPNEGO. */
  readonly isRaw?: boolean;
  readonly withoutMechListMic?: boolean;
  /** Sends no MIC and does not announce one. */
  readonly withoutMic?: boolean;
}

export const NTLM_FLAGS: number =
  (NtlmFlag.UNICODE |
    NtlmFlag.REQUEST_TARGET |
    NtlmFlag.SIGN |
    NtlmFlag.SEAL |
    NtlmFlag.NTLM |
    NtlmFlag.ALWAYS_SIGN |
    NtlmFlag.EXTENDED_SESSIONSECURITY |
    NtlmFlag.TARGET_INFO |
    NtlmFlag.VERSION |
    NtlmFlag.KEY_128 |
    NtlmFlag.KEY_EXCH |
    NtlmFlag.KEY_56) >>>
  0;

const MECHANISMS = [Oid.NTLMSSP] as const;

/** One NTLM exchange: `first`, then `second` with the server's answer, then optionally `isFinalMicValid`. */
export class NtlmExchange {
  /** The session key that the SMB keys are derived from; set by `second`. */
  sessionKey: Uint8Array = new Uint8Array(16);
  readonly negotiateMessage: Uint8Array;
  private readonly provider: Provider;
  private readonly options: NtlmOptions;

  constructor(provider: Provider, options: NtlmOptions) {
    this.provider = provider;
    this.options = options;
    this.negotiateMessage = encodeNtlmNegotiate(options.flags ?? NTLM_FLAGS);
  }

  /** The security buffer of the first SESSION_SETUP. */
  first(): Uint8Array {
    return this.options.isRaw ? this.negotiateMessage : encodeInit(MECHANISMS, this.negotiateMessage);
  }

  /** The security buffer of the second SESSION_SETUP, made from the server's answer to the first. */
  second(answer: Uint8Array): Uint8Array {
    const message = this.authenticate(this.challengeIn(answer));
    if (this.options.isRaw) return message;
    const mechListMic =
      this.options.withoutMechListMic || this.options.isAnonymous ? undefined : this.sign("client");
    return encodeResp({ state: undefined, supportedMech: undefined, responseToken: message, mechListMic });
  }

  /** True when the final token carries the server's mechListMIC and it is correct. */
  isFinalMicValid(token: Uint8Array): boolean {
    const final = decodeSpnego(token);
    if (final.mechListMic === undefined) return false;
    return Buffer.compare(final.mechListMic, this.sign("server")) === 0;
  }

  private challengeIn(answer: Uint8Array): Uint8Array {
    if (this.options.isRaw) return answer;
    const token = decodeSpnego(answer);
    if (token.kind !== "resp" || !token.responseToken)
      throw new Error("the server's SPNEGO token has no NTLM challenge");
    return token.responseToken;
  }

  private authenticate(challengeMessage: Uint8Array): Uint8Array {
    const { provider, options } = this;
    const challenge = decodeNtlmChallenge(challengeMessage);
    const domain = options.domain ?? "WORKGROUP";
    this.sessionKey = new Uint8Array(randomBytes(16));
    let ntResponse = new Uint8Array(0);
    let lmResponse = new Uint8Array(1);
    let baseKey: Uint8Array = new Uint8Array(16);
    let flags = challenge.flags;
    if (options.isAnonymous) {
      flags = (flags | NtlmFlag.ANONYMOUS) >>> 0;
    } else {
      const key = ntowfV2(
        provider,
        ntowfV1(provider, options.password),
        options.user,
        options.hashedDomain ?? domain,
      );
      const temp = clientChallenge(challenge.targetInfo, !options.withoutMic);
      const proof = ntProof(provider, key, challenge.serverChallenge, temp);
      ntResponse = new Uint8Array(Buffer.concat([proof, temp]));
      lmResponse = new Uint8Array(24);
      baseKey = sessionBaseKey(provider, key, proof);
    }
    const fields: { -readonly [K in keyof NtlmAuthenticate]: NtlmAuthenticate[K] } = {
      flags,
      lmResponse,
      ntResponse,
      domain: options.isAnonymous ? "" : domain,
      user: options.isAnonymous ? "" : options.user,
      workstation: options.workstation ?? "RAWCLIENT",
      encryptedSessionKey: provider.rc4(baseKey).update(this.sessionKey),
      mic: undefined,
    };
    if (!(flags & NtlmFlag.KEY_EXCH)) {
      this.sessionKey = baseKey;
      fields.encryptedSessionKey = new Uint8Array();
    }
    const message = encodeNtlmAuthenticate(options.changeFields?.(fields) ?? fields);
    if (!options.isAnonymous && !options.withoutMic) {
      const mic = authenticateMic(
        provider,
        this.sessionKey,
        this.negotiateMessage,
        challengeMessage,
        message,
      );
      message.set(mic, MIC_OFFSET);
    }
    return options.changeMessage?.(message) ?? message;
  }

  private sign(side: "client" | "server"): Uint8Array {
    const { provider, sessionKey } = this;
    const seal = provider.rc4(sealKey(provider, sessionKey, side, 128));
    const key = signKey(provider, sessionKey, side);
    return messageSignature(provider, key, seal, 0, encodeMechTypes(MECHANISMS));
  }
}

// NTLMv2_CLIENT_CHALLENGE: the server's timestamp and AV pairs, and the flag that announces a MIC.
function clientChallenge(targetInfo: Uint8Array, hasMic: boolean): Uint8Array {
  const pairs = decodeAvPairs(targetInfo);
  const time = findAv(pairs, AvId.TIMESTAMP) ?? new Uint8Array(8);
  const flags = Uint8Array.of(hasMic ? AV_FLAG_MIC : 0, 0, 0, 0);
  const others = pairs.filter((pair) => pair.id !== AvId.FLAGS);
  const list = encodeAvPairs([...others, { id: AvId.FLAGS, value: flags }]);
  const head = new Uint8Array(28);
  head[0] = 1;
  head[1] = 1;
  head.set(time, 8);
  head.set(randomBytes(8), 16);
  return new Uint8Array(Buffer.concat([head, list, new Uint8Array(4)]));
}
