// The state of one client connection that commands read and change; [MS-SMB2] 3.3.1.7.
import { Command } from "../../wire/header.ts";
import { type NtStatus, Status } from "../../wire/status.ts";
import type { Logon } from "../logon/logon.ts";
import type { Session, SigningKey, Tree } from "../state/session.ts";
import { Step } from "../pressure/pressure.ts";
import type { StreamSocket } from "../transport/stream-socket.ts";
import { addressBlock } from "../../loop/client-address.ts";
import type { EngineContext } from "./context.ts";
import { CREDIT_BYTES, creditsFor, SequenceWindow } from "./credits.ts";
import type { Dialect } from "./dialect.ts";
import { RateLimit } from "../../loop/rate-limit.ts";
import { TrafficCount } from "./traffic.ts";

/** The number of ended sessions for which the connection still signs error responses. */
const MAX_ENDED_KEYS = 4;
/** Credits granted beyond the credit charge when a log-on succeeds, as Windows does. */
const LOGON_CREDITS = 32;
/**
 * Where clients have to share, a response brings this part of what the client may hold, if not more by what
 * its request cost: a window that grows with the requests that are answered is no larger than they are
 * served.
 */
const GROWTH = 1 / 4;
/** The most credits that a client may hold while the buffer pool is low or memory is short. */
const CREDITS_WHEN_LOW = 64;
/**
 * Clients together may have so many times the buffers' budget under way. More would wait in line for longer
 * than their time-outs: at 128 MiB, each of fifty smbclients sent its 20 MiB at once and gave up after 20 s.
 */
const BUDGETS_UNDER_WAY = 2;

/** NetBIOS keep-alives that a connection may send in a second; clients send one in minutes. */
const KEEP_ALIVES_PER_SECOND = 64;
/**
 * CANCEL requests before and after the first log-on. A client may cancel all of its waiting requests at once.
 */
const EARLY_CANCELS_PER_SECOND = 64;
const CANCELS_PER_SECOND = 4096;

/** The result of NEGOTIATE, fixed for the life of the connection; 3.3.5.4. */
export interface Negotiated {
  readonly dialect: Dialect;
  readonly clientGuid: Uint8Array;
  readonly clientCapabilities: number;
  readonly clientSecurityMode: number;
  readonly clientDialects: readonly number[];
  readonly serverCapabilities: number;
  readonly serverSecurityMode: number;
  /** Cipher ID of 2.2.3.1.2; 0 when the connection cannot encrypt. */
  readonly cipher: number;
  /** SigningAlgorithmId of 2.2.3.1.7. */
  readonly signingAlgorithm: number;
  /** Client and server both support the SMB3 POSIX extensions; see wire/posix.ts. */
  readonly hasPosixExtensions: boolean;
}

/** The server's end of a connection's socket. */
export type LocalEnd = Pick<StreamSocket, "localAddress" | "arrivalInterface">;
const UNKNOWN_END: LocalEnd = { localAddress: () => "", arrivalInterface: () => "" };

export class ConnectionState {
  readonly id: number;
  readonly context: EngineContext;
  readonly remoteAddress: string;
  readonly localEnd: LocalEnd;
  /** The key of `remoteAddress` in limits per address. */
  readonly addressBlock: string;
  readonly openedMs: number;
  negotiated: Negotiated | undefined;
  /**
   * Set after the answer to an SMB1 negotiate was dialect 2.??? (0x02FF), until the SMB2 NEGOTIATE arrives.
   */
  awaitsSecondNegotiate = false;
  preauthHash: Uint8Array | undefined;
  window: SequenceWindow;
  readonly sessions = new Map<number, Session>();
  /**
   * Channel.SigningKey of sessions bound to this connection, which were set up on another one; by session id.
   */
  private channelKeys: Map<number, SigningKey> | undefined;
  /** Signing keys of sessions that ended here recently, for the error responses to their late requests. */
  private endedKeys: Map<number, SigningKey> | undefined;
  /** Log-ons in progress, by session id. An idle connection has none of these three tables. */
  private logons: Map<number, Logon> | undefined;
  /** Set when the first session is authenticated; larger messages are accepted from then on. */
  isLoggedOn = false;
  isClosed = false;
  lastActiveMs: number;
  /** When it last asked for anything in a share. */
  lastUsedMs: number;
  readonly traffic = new TrafficCount();
  private readonly keepAlives = new RateLimit();
  private readonly cancels = new RateLimit();

  constructor(id: number, context: EngineContext, remoteAddress: string, localEnd = UNKNOWN_END) {
    this.id = id;
    this.context = context;
    this.remoteAddress = remoteAddress;
    this.localEnd = localEnd;
    this.addressBlock = addressBlock(remoteAddress);
    this.window = new SequenceWindow(context.settings.maxCredits);
    this.openedMs = context.clock.now();
    this.lastActiveMs = this.openedMs;
    this.lastUsedMs = this.openedMs;
  }

  /** The result of NEGOTIATE. Throws before NEGOTIATE, when the pipeline admits no other command. */
  get terms(): Negotiated {
    if (this.negotiated === undefined) throw new Error("the connection is not negotiated");
    return this.negotiated;
  }

  /** True for SMB 3.x dialects, which have ChannelSequence and transform headers. */
  get isAtLeast3(): boolean {
    return this.negotiated?.dialect.hasEncryption === true;
  }

  /** Skips a NetBIOS keep-alive. False where there are too many, and the connection must be closed. */
  takeKeepAlive(): boolean {
    return this.keepAlives.admit(this.lastActiveMs, KEEP_ALIVES_PER_SECOND);
  }

  /** Counts a CANCEL. False where there are too many, and the connection must be closed. */
  mayCancel(): boolean {
    const perSecond = this.isLoggedOn ? CANCELS_PER_SECOND : EARLY_CANCELS_PER_SECOND;
    return this.cancels.admit(this.lastActiveMs, perSecond);
  }

  idleMs(): number {
    return this.context.clock.now() - this.lastActiveMs;
  }

  /** Counts an answer, and reports a disk that is full or read-only. */
  countAnswer(status: NtStatus, tree: Tree | undefined): void {
    this.traffic.count(status);
    if (tree !== undefined) this.lastUsedMs = this.lastActiveMs;
    if (status === Status.MEDIA_WRITE_PROTECTED && tree?.grant.readOnly === false) {
      const { name: share, path } = tree.grant;
      this.context.manager.notify({ event: "readOnlyDisk", share, path });
    }
    if (status === Status.DISK_FULL && tree !== undefined) this.reportRefusal(tree, "the disk is full");
  }

  /** Reports work in a tree that is refused for a reason that an administrator can change. */
  reportRefusal({ grant, session }: Tree, reason: string): void {
    const { identity } = session;
    if (identity !== undefined)
      this.context.manager.notify({ event: "refused", share: grant.name, identity, reason });
  }

  hasOpens(): boolean {
    const { opens } = this.context;
    for (const session of this.sessions.values()) if (opens.ofSession(session).size > 0) return true;
    return false;
  }

  /**
   * Grants credits for the response with `status` to `request` and returns their number: as many as
   * requested, within the window and the limits. At least 1 where the client would otherwise hold none;
   * 3.3.1.2.
   */
  grantCredits(request: CreditRequest, status: NtStatus): number {
    // What the pipeline has taken: before NEGOTIATE's answer and on 2.0.2 the field means nothing.
    const isMulti =
      request.command !== Command.NEGOTIATE && this.negotiated?.dialect.hasMultiCredit !== false;
    const charge = isMulti ? Math.max(1, request.creditCharge) : 1;
    const requested = Math.max(1, request.creditsRequested);
    const limit = this.creditLimit();
    const growth = Math.max(charge, LOGON_CREDITS, Math.floor(limit * GROWTH));
    const mustShare = limit < this.context.settings.maxCredits;
    let extra = mustShare ? Math.min(requested - charge, growth) : requested - charge;
    // An unauthenticated client gets no credits beyond its charge; a successful log-on brings LOGON_CREDITS.
    if (request.command === Command.NEGOTIATE) extra = 0;
    else if (request.command === Command.SESSION_SETUP)
      extra = Math.min(extra, status === Status.SUCCESS ? LOGON_CREDITS : 0);
    const granted = this.window.grant(Math.max(1, charge + Math.min(extra, 0xffff)), limit);
    return granted > 0 || this.window.available() > 0 ? granted : this.window.grant(1, limit);
  }

  /** The most credits that the client may hold now: its share, but those of one largest request. */
  private creditLimit(): number {
    const { connectionTable, pool, pressure, settings } = this.context;
    const isLow = pool.isLow() || pressure.step !== Step.NONE;
    const share = (BUDGETS_UNDER_WAY * pool.fullBudgetBytes) / Math.max(1, connectionTable.loggedOnCount);
    const least = creditsFor(Math.max(settings.maxReadBytes, settings.maxWriteBytes));
    const fair = Math.max(least, Math.floor(share / CREDIT_BYTES));
    return Math.min(settings.maxCredits, fair, isLow ? CREDITS_WHEN_LOW : settings.maxCredits);
  }

  /**
   * The signing key of `session` on this connection: Channel.SigningKey where it was bound, else
   * Session.SigningKey.
   */
  signingKeyOf(session: Session): SigningKey | undefined {
    return this.channelKeys?.get(session.id) ?? session.signing;
  }

  /** Channel.SigningKey of a session that is bound to this connection. */
  setChannelKey(session: Session, key: SigningKey): void {
    this.channelKeys ??= new Map();
    this.channelKeys.set(session.id, key);
  }

  /** The signing key of a session that ended here recently. */
  endedKeyOf(sessionId: number): SigningKey | undefined {
    return this.endedKeys?.get(sessionId);
  }

  logonOf(sessionId: number): Logon | undefined {
    return this.logons?.get(sessionId);
  }

  beginLogon(logon: Logon): void {
    const logons = (this.logons ??= new Map());
    // A session that was about to be bound may have ended, which this connection is not told.
    for (const { session } of logons.values())
      if (this.context.sessions.get(session.id) !== session) logons.delete(session.id);
    logons.set(logon.session.id, logon);
  }

  endLogon(sessionId: number): void {
    this.logons?.delete(sessionId);
    if (this.logons?.size === 0) this.logons = undefined;
  }

  protected dropKeys(): void {
    this.logons = undefined;
    this.channelKeys = undefined;
  }

  /**
   * Removes an ended session. Its key stays in `endedKeys`: a client accepts STATUS_USER_SESSION_DELETED only
   * signed.
   */
  dropSession(session: Session): void {
    const key = this.signingKeyOf(session);
    if (key !== undefined) this.noteEndedKey(session.id, key);
    this.sessions.delete(session.id);
    this.channelKeys?.delete(session.id);
    this.endLogon(session.id);
  }

  private noteEndedKey(sessionId: number, key: SigningKey): void {
    const keys = (this.endedKeys ??= new Map());
    keys.set(sessionId, key);
    for (const id of keys.keys()) {
      if (keys.size <= MAX_ENDED_KEYS) break;
      keys.delete(id);
    }
  }
}

/** Header fields that decide how many credits a response grants. */
interface CreditRequest {
  readonly command: number;
  readonly creditCharge: number;
  readonly creditsRequested: number;
}
