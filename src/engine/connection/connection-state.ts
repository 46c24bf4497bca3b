// The state of one client connection that commands read and change; [MS-SMB2] 3.3.1.7.
import type { Mac } from "../../crypto/provider.ts";
import { Command } from "../../wire/header.ts";
import { type NtStatus, Status } from "../../wire/status.ts";
import type { Logon } from "../logon/logon.ts";
import type { Session } from "../state/session.ts";
import type { EngineContext } from "./context.ts";
import { SequenceWindow } from "./credits.ts";
import type { Dialect } from "./dialect.ts";

/** Ended sessions whose refusals are still signed. */
const MAX_ENDED_KEYS = 4;
/** Credits that a client gets beyond what it pays when its log-on succeeds, as on Windows. */
const LOGON_CREDITS = 32;
/** The most credits that a client holds while buffers are short. */
const CREDITS_WHEN_LOW = 64;

/** What NEGOTIATE settles for the connection's life; 3.3.5.4. */
export interface Negotiated {
  readonly dialect: Dialect;
  readonly clientGuid: Uint8Array;
  readonly clientCapabilities: number;
  readonly clientSecurityMode: number;
  readonly clientDialects: readonly number[];
  readonly serverCapabilities: number;
  readonly serverSecurityMode: number;
  /** 2.2.3.1.2 id; 0: no encryption on this connection. */
  readonly cipher: number;
  /** 2.2.3.1.7 id. */
  readonly signingAlgorithm: number;
  /** Both know the POSIX extensions: see wire/posix.ts. */
  readonly hasPosixExtensions: boolean;
}

export class ConnectionState {
  readonly id: number;
  readonly context: EngineContext;
  readonly remoteAddress: string;
  readonly openedMs: number;
  negotiated: Negotiated | undefined;
  /** Set while an SMB1 negotiate was answered with 2.??? and the real one is awaited. */
  awaitsSecondNegotiate = false;
  preauthHash: Uint8Array | undefined;
  window: SequenceWindow;
  readonly sessions = new Map<number, Session>();
  /** Signing keys of sessions that were set up elsewhere and bound to this connection; by session id. */
  readonly channelKeys = new Map<number, Mac>();
  /** Keys of sessions that ended here lately: their requests are refused with a signature. */
  readonly endedKeys = new Map<number, Mac>();
  /** Log-ons under way, by session id. */
  readonly logons = new Map<number, Logon>();
  /** A session was authenticated: larger messages are accepted from now on. */
  isLoggedOn = false;
  isClosed = false;

  constructor(id: number, context: EngineContext, remoteAddress: string) {
    this.id = id;
    this.context = context;
    this.remoteAddress = remoteAddress;
    this.window = new SequenceWindow(context.settings.maxCredits);
    this.openedMs = context.clock.now();
  }

  /** What NEGOTIATE settled. Commands that the pipeline admits only after NEGOTIATE use it. */
  get terms(): Negotiated {
    if (this.negotiated === undefined) throw new Error("the connection is not negotiated");
    return this.negotiated;
  }

  /** An SMB 3.x dialect is spoken: channel fields and transform headers have a meaning. */
  get isAtLeast3(): boolean {
    return this.negotiated?.dialect.hasEncryption === true;
  }

  hasOpens(): boolean {
    const { opens } = this.context;
    for (const session of this.sessions.values()) if (opens.ofSession(session).size > 0) return true;
    return false;
  }

  /** Grants credits for a request that is answered with `status`, and returns how many. */
  grantCredits(request: CreditRequest, status: NtStatus): number {
    const charge = Math.max(1, request.creditCharge);
    const requested = Math.max(1, request.creditsRequested);
    let extra = requested - charge;
    // A client that has not authenticated holds few credits; more come with the log-on.
    if (request.command === Command.NEGOTIATE) extra = 0;
    else if (request.command === Command.SESSION_SETUP)
      extra = Math.min(extra, status === Status.SUCCESS ? LOGON_CREDITS : 0);
    const { pool, settings } = this.context;
    const limit = pool.isLow() ? CREDITS_WHEN_LOW : settings.maxCredits;
    const granted = this.window.grant(Math.max(1, charge + Math.min(extra, 0xffff)), limit);
    return granted > 0 || this.window.available() > 0 ? granted : this.window.grant(1, limit);
  }

  /** The key that signs messages of `session` on this connection. */
  signingKeyOf(session: Session): Mac | undefined {
    return this.channelKeys.size > 0
      ? (this.channelKeys.get(session.id) ?? session.signing)
      : session.signing;
  }

  /** Forgets `session`, which ended; its key still signs the refusals of requests that its client has sent since. */
  dropSession(session: Session): void {
    const key = this.signingKeyOf(session);
    if (key !== undefined) this.endedKeys.set(session.id, key);
    for (const id of this.endedKeys.keys()) {
      if (this.endedKeys.size <= MAX_ENDED_KEYS) break;
      this.endedKeys.delete(id);
    }
    this.sessions.delete(session.id);
    this.channelKeys.delete(session.id);
    this.logons.delete(session.id);
  }
}

/** Header fields that decide how many credits a response grants. */
interface CreditRequest {
  readonly command: number;
  readonly creditCharge: number;
  readonly creditsRequested: number;
}
