// The security context of an association: the log-on in its bind, and the protection of the calls that
// follow. [MS-RPCE] 3.3.1.5.2 (security context), 2.2.2.11 (trailer). One context an association; NTLM and
// Kerberos, in SPNEGO and without.
import type { Identity, MaybePromise } from "../../port/port.ts";
import type { MessageProtection, PipeLogon, PipeLogonStep } from "../../port/pipes.ts";
import {
  type AuthFields,
  AuthLevel,
  type AuthTrailer,
  AuthType,
  decodeTrailer,
  SEC_TRAILER_BYTES,
  withTrailer,
} from "./auth-trailer.ts";
import type { PduHeader } from "./pdu.ts";

/** Bodies are padded to this before the trailer, as Windows does. */
const BODY_BOUNDARY = 16;
const RESPONSE_HEADER_BYTES = 24;

const TYPES: ReadonlySet<number> = new Set(Object.values(AuthType));
const LEVELS: ReadonlySet<number> = new Set(Object.values(AuthLevel));

/** `token`: what the reply to the bind carries. */
export type BindStep =
  { readonly kind: "accepted"; readonly token: Uint8Array | undefined } | { readonly kind: "refused" };

export class BindSecurity {
  private readonly startLogon: () => PipeLogon;
  private fields: AuthFields | undefined;
  private logon: PipeLogon | undefined;
  private protection: MessageProtection | undefined;
  private hasFailed = false;
  private coversHeader = false;
  /** Who logged on and signs the calls; undefined: the user of the SMB session makes them. */
  identity: Identity | undefined;
  /** Wall-clock milliseconds at which that ends; undefined: never. */
  expiresMs: number | undefined;

  constructor(startLogon: () => PipeLogon) {
    this.startLogon = startLogon;
  }

  /** Whether the type and the level are known, which BIND refuses otherwise. */
  static isOffered({ type, level }: AuthFields): boolean {
    return TYPES.has(type) && LEVELS.has(level);
  }

  /**
   * `open`: calls may be made; `unfinished`: the client owes a token; `failed`: it showed a wrong password.
   */
  get state(): "open" | "unfinished" | "failed" {
    if (this.hasFailed) return "failed";
    return this.logon === undefined ? "open" : "unfinished";
  }

  get isUsed(): boolean {
    return this.fields !== undefined;
  }

  /** The fields of a trailer in a reply to a bind. */
  get trailerFields(): AuthFields | undefined {
    return this.fields;
  }

  /**
   * Takes the token of a BIND, an ALTER_CONTEXT or an AUTH3, of which the first says whether signatures cover
   * headers.
   */
  step(trailer: AuthTrailer, coversHeader: boolean): MaybePromise<BindStep> {
    const { type, level, contextId } = trailer;
    if (this.fields === undefined) {
      this.coversHeader = coversHeader;
      this.fields = { type, level, contextId };
      this.logon = this.startLogon();
    }
    if (this.logon === undefined || !this.isOurs(trailer)) return this.refuse();
    const step = this.logon.step(trailer.value);
    return step instanceof Promise ? step.then((taken) => this.take(taken)) : this.take(step);
  }

  /**
   * Checks and decrypts a REQUEST in place, and returns it without trailer and padding; undefined if it is
   * not what the context's level demands, after which the association cannot go on.
   */
  open(pdu: Uint8Array, header: PduHeader): Uint8Array | undefined {
    const trailer = decodeTrailer(pdu, header);
    const { fields, protection } = this;
    if (trailer === undefined) return protection === undefined ? pdu : undefined;
    if (fields === undefined || !this.isOurs(trailer)) return undefined;
    if (protection === undefined) return pdu.subarray(0, trailer.bodyEnd);
    const message = pdu.subarray(0, trailer.start + SEC_TRAILER_BYTES);
    const stubAt = RESPONSE_HEADER_BYTES + (header.flags & 0x80 ? 16 : 0);
    if (trailer.bodyEnd < stubAt) return undefined;
    const isRight =
      fields.level === AuthLevel.PRIVACY
        ? protection.unseal(message, stubAt, trailer.start, trailer.value)
        : protection.verify(message, stubAt, trailer.start, trailer.value);
    return isRight ? pdu.subarray(0, trailer.bodyEnd) : undefined;
  }

  /** How many bytes of a fragment `protect` takes, padding included. */
  get overhead(): number {
    const { protection } = this;
    return protection ? SEC_TRAILER_BYTES + this.tokenBytes(protection) + BODY_BOUNDARY : 0;
  }

  private tokenBytes({ signatureBytes, sealBytes }: MessageProtection): number {
    return this.fields?.level === AuthLevel.PRIVACY ? sealBytes : signatureBytes;
  }

  /** Signs or seals a RESPONSE fragment. */
  protect(fragment: Uint8Array): Uint8Array {
    const { fields, protection } = this;
    if (fields === undefined || protection === undefined) return fragment;
    const { bytes, bodyEnd, tokenAt } = withTrailer(
      fragment,
      fields,
      this.tokenBytes(protection),
      BODY_BOUNDARY,
    );
    const message = bytes.subarray(0, tokenAt);
    const signature =
      fields.level === AuthLevel.PRIVACY
        ? protection.seal(message, RESPONSE_HEADER_BYTES, bodyEnd)
        : protection.sign(message, RESPONSE_HEADER_BYTES, bodyEnd);
    bytes.set(signature, tokenAt);
    return bytes;
  }

  private isOurs({ type, level, contextId }: AuthFields): boolean {
    const { fields } = this;
    return fields?.type === type && fields.level === level && fields.contextId === contextId;
  }

  private take(step: PipeLogonStep): BindStep {
    if (step.kind === "refused") return this.refuse();
    if (step.kind === "continue") return { kind: "accepted", token: step.token };
    this.logon = undefined;
    // At this level nothing shows that the calls come from whoever logged on, whose tokens another client may
    // have passed on. The user of the SMB session goes on making the calls.
    if (this.fields?.level === AuthLevel.CONNECT) return { kind: "accepted", token: step.token };
    // Without a shared secret nobody can sign.
    if (step.protection === undefined) return this.refuse();
    this.identity = step.identity;
    this.expiresMs = step.expiresMs;
    this.protection = step.protection(this.coversHeader);
    return { kind: "accepted", token: step.token };
  }

  private refuse(): BindStep {
    this.logon = undefined;
    this.hasFailed = true;
    return { kind: "refused" };
  }
}
