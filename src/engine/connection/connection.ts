// One client connection: framing below, the pipeline above, and the state of [MS-SMB2] 3.3.1.7 between them.
import type { Mac } from "../../crypto/provider.ts";
import {
  Command,
  HEADER_SIZE,
  HeaderFlag,
  HeaderOffset,
  PROTOCOL_SMB1,
  PROTOCOL_SMB2,
  PROTOCOL_TRANSFORM,
  set64,
} from "../../wire/header.ts";
import { Status } from "../../wire/status.ts";
import { Writer } from "../../wire/cursor.ts";
import { EMPTY_ERROR_SIZE, writeEmptyError } from "../../wire/error-response.ts";
import type { Logon } from "../session/logon.ts";
import type { Session } from "../session/session.ts";
import { HEAD_ROOM, type PooledBuffer } from "../transport/buffer-pool.ts";
import { FrameAssembler, type FrameSink } from "../transport/framing.ts";
import { SendQueue, type StreamSocket } from "../transport/send-queue.ts";
import type { EngineContext } from "./context.ts";
import { SequenceWindow } from "./credits.ts";
import type { Dialect } from "./dialect.ts";
import { Exchange } from "./exchange.ts";
import { handleMember, hasSoundMembers, NO_REPLY } from "./pipeline.ts";
import { openSealed, sealReply } from "./sealing.ts";
import { signMessage } from "./signing.ts";

/** Bytes that a client may send in one message before it has logged on: negotiate and tokens need no more. */
const MAX_FRAME_BEFORE_LOGON = 65_536 + 4096;
// A client that does not read its replies is not read from either.
const MAX_UNSENT_BYTES = 16 * 1024 * 1024;
/** Ended sessions whose refusals are still signed. */
const MAX_ENDED_KEYS = 4;
/** Exchanges kept for reuse by the whole engine. */
const MAX_IDLE_EXCHANGES = 64;

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

export class Connection implements FrameSink {
  readonly id: number;
  readonly context: EngineContext;
  readonly remoteAddress: string;
  readonly sendQueue: SendQueue;
  readonly openedMs: number;
  lastActiveMs: number;
  negotiated: Negotiated | undefined;
  /** Set while an SMB1 negotiate was answered with 2.??? and the real one is awaited. */
  awaitsSecondNegotiate = false;
  preauthHash: Uint8Array | undefined;
  window: SequenceWindow;
  readonly sessions = new Map<number, Session>();
  /** Signing keys of sessions that were set up elsewhere and bound to this connection; by session id. */
  readonly channelKeys = new Map<number, Mac>();
  /** Keys of sessions that ended here of late: what is asked of them is refused with a signature. */
  readonly endedKeys = new Map<number, Mac>();
  /** Log-ons under way, by session id. */
  readonly logons = new Map<number, Logon>();
  /** Members told to wait, by their AsyncId. */
  readonly waiting = new Map<number, Exchange>();
  /** Members under way without an interim response. */
  readonly inFlight = new Set<Exchange>();
  isClosed = false;
  private hasLoggedOn = false;
  private isPaused = false;
  private lastAsyncId = 0;
  private frameStartedMs = 0;
  private readonly socket: StreamSocket;
  private readonly frames: FrameAssembler;
  private chunk: Uint8Array | undefined;
  private chunkView: DataView | undefined;

  constructor(id: number, context: EngineContext, socket: StreamSocket, remoteAddress: string) {
    this.id = id;
    this.context = context;
    this.socket = socket;
    this.remoteAddress = remoteAddress;
    this.sendQueue = new SendQueue(socket, context.pool);
    this.frames = new FrameAssembler(context.pool, this);
    this.window = new SequenceWindow(context.settings.maxCredits);
    this.openedMs = context.clock.now();
    this.lastActiveMs = this.openedMs;
  }

  maxFrameBytes(): number {
    if (!this.hasLoggedOn) return MAX_FRAME_BEFORE_LOGON;
    const { maxWriteBytes, maxTransactBytes } = this.context.settings;
    // A compound may carry other members beside the largest one.
    return Math.max(maxWriteBytes, maxTransactBytes) + 65_536;
  }

  /** A session of this connection has been authenticated: larger messages are taken from now on. */
  raiseFrameLimit(): void {
    this.hasLoggedOn = true;
  }

  /** An SMB 3.x dialect is spoken: channel fields and transform headers have a meaning. */
  get isAtLeast3(): boolean {
    return this.negotiated?.dialect.hasEncryption === true;
  }

  hasOpens(): boolean {
    for (const session of this.sessions.values()) if (session.opens.size > 0) return true;
    return false;
  }

  get isLoggedOn(): boolean {
    return this.hasLoggedOn;
  }

  /** Bytes from the socket, ours from now on. */
  receive(chunk: Uint8Array): void {
    if (this.isClosed) return;
    this.lastActiveMs = this.context.clock.now();
    if (this.frames.isIdle()) this.frameStartedMs = this.lastActiveMs;
    this.chunk = chunk;
    this.chunkView = undefined;
    const isSound = this.frames.feed(chunk);
    this.chunk = undefined;
    this.chunkView = undefined;
    if (!isSound) this.close("broken framing");
    else this.adjustFlow();
  }

  /** Milliseconds that an unfinished message has been arriving; 0 between messages. */
  frameAgeMs(nowMs: number): number {
    return this.frames.isIdle() || this.frames.isHolding ? 0 : nowMs - this.frameStartedMs;
  }

  drained(): void {
    this.sendQueue.drain();
    this.adjustFlow();
  }

  pull(bytes: Uint8Array, at: number, length: number): number {
    // Never of a socket that is closed: its descriptor may be another's by now.
    if (this.isClosed || this.isStalled()) return 0;
    return this.socket.receive(bytes, at, length);
  }

  takeFrame(bytes: Uint8Array, start: number, length: number, loan: PooledBuffer | undefined): boolean {
    if (length < 4) return this.refuse(loan);
    const view = loan?.view ?? this.viewOf(bytes);
    const magic = view.getUint32(start, true);
    let sealedBy: Session | undefined;
    if (magic === PROTOCOL_TRANSFORM) {
      sealedBy = openSealed(this, bytes, view, start, length);
      if (sealedBy === undefined) return this.refuse(loan);
      start += 52;
      length -= 52;
    } else if (magic === PROTOCOL_SMB1) {
      return this.takeSmb1(bytes, start, length, loan);
    } else if (magic !== PROTOCOL_SMB2) {
      return this.refuse(loan);
    }
    if (!hasSoundMembers(view, start, length)) return this.refuse(loan);
    const exchange = this.context.idleExchanges.pop() ?? new Exchange(this.context);
    exchange.begin(this, bytes, view, start, length, loan, sealedBy);
    this.run(exchange);
    return !this.isClosed;
  }

  private viewOf(bytes: Uint8Array): DataView {
    if (bytes === this.chunk && this.chunkView !== undefined) return this.chunkView;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (bytes === this.chunk) this.chunkView = view;
    return view;
  }

  private takeSmb1(
    bytes: Uint8Array,
    start: number,
    length: number,
    loan: PooledBuffer | undefined,
  ): boolean {
    const isFirst = this.negotiated === undefined && !this.awaitsSecondNegotiate;
    const accepted = isFirst && this.context.negotiateSmb1(this, bytes.subarray(start, start + length));
    if (loan !== undefined) this.context.pool.release(loan);
    return accepted;
  }

  private refuse(loan: PooledBuffer | undefined): false {
    if (loan !== undefined) this.context.pool.release(loan);
    return false;
  }

  /** Handles members until one has to wait or the message is done. */
  private run(exchange: Exchange): void {
    for (;;) {
      exchange.readMember();
      const outcome = handleMember(exchange);
      if (typeof outcome !== "number") {
        this.park(exchange, outcome);
        return;
      }
      if (!this.finishMember(exchange, outcome)) return;
    }
  }

  /** True when another member follows. */
  private finishMember(exchange: Exchange, status: number): boolean {
    if (status !== NO_REPLY && !this.isClosed) exchange.completeMember(status);
    if (exchange.advance() && !this.isClosed) return true;
    if (!this.isClosed) exchange.sendFinished();
    exchange.dispose();
    if (this.context.idleExchanges.length < MAX_IDLE_EXCHANGES) this.context.idleExchanges.push(exchange);
    return false;
  }

  private park(exchange: Exchange, outcome: Promise<number>): void {
    exchange.startedMs = this.context.clock.now();
    if (exchange.asyncId === 0) this.inFlight.add(exchange);
    const settle = (status: number): void => {
      this.inFlight.delete(exchange);
      if (exchange.asyncId !== 0) this.waiting.delete(exchange.asyncId);
      exchange.cancel = undefined;
      if (this.finishMember(exchange, status)) this.run(exchange);
      this.adjustFlow();
    };
    outcome.then(settle, (error: unknown) => settle(exchange.failed(error)));
  }

  /**
   * Tells the client that the current member will take its time; [MS-SMB2] 3.3.4.2. Only the last member of a
   * message can wait this way: false for another one, which then simply takes longer.
   */
  sendInterim(exchange: Exchange): boolean {
    if (exchange.asyncId !== 0) return true;
    if (!exchange.isLast || this.isClosed) return false;
    exchange.sendFinished();
    this.lastAsyncId++;
    const asyncId = this.lastAsyncId;
    const end = HEAD_ROOM + HEADER_SIZE + EMPTY_ERROR_SIZE;
    const reply = this.context.pool.acquire(end);
    const { view } = reply;
    exchange.writeHeader(reply, HEAD_ROOM, Status.PENDING);
    const flags = view.getUint32(HEAD_ROOM + HeaderOffset.FLAGS, true) | HeaderFlag.ASYNC_COMMAND;
    view.setUint32(HEAD_ROOM + HeaderOffset.FLAGS, flags, true);
    set64(view, HEAD_ROOM + HeaderOffset.ASYNC_ID, asyncId);
    writeEmptyError(new Writer(reply.bytes, HEAD_ROOM, HEAD_ROOM + HEADER_SIZE));
    // An interim response is not signed: the final one uses the same message id, and so the same nonce.
    this.sendReply(reply, end, exchange.sealedBy);
    exchange.asyncId = asyncId;
    this.inFlight.delete(exchange);
    this.waiting.set(asyncId, exchange);
    return true;
  }

  /** CANCEL: by AsyncId where the client was told one, else by MessageId; 3.3.5.16. */
  cancel(asyncId: number, messageId: number): void {
    if (asyncId !== 0) {
      this.waiting.get(asyncId)?.cancel?.();
      return;
    }
    for (const exchange of this.waiting.values()) {
      if (exchange.messageId === messageId) {
        exchange.cancel?.();
        return;
      }
    }
    for (const exchange of this.inFlight) if (exchange.messageId === messageId) exchange.cancel?.();
  }

  grantCredits(exchange: Exchange, status: number): number {
    const charge = Math.max(1, exchange.creditCharge);
    const requested = Math.max(1, exchange.creditsRequested);
    let extra = requested - charge;
    // A client that has not proved who it is holds few credits; 32 more come with the log-on, as Windows has it.
    if (exchange.command === Command.NEGOTIATE) extra = 0;
    else if (exchange.command === Command.SESSION_SETUP)
      extra = Math.min(extra, status === Status.SUCCESS ? 32 : 0);
    const limit = this.context.pool.isLow() ? 64 : this.context.settings.maxCredits;
    const granted = this.window.grant(Math.max(1, charge + Math.min(extra, 0xffff)), limit);
    return granted > 0 || this.window.available() > 0 ? granted : this.window.grant(1, limit);
  }

  /** The key that signs messages of `session` on this connection. */
  signingKeyOf(session: Session): Mac | undefined {
    return this.channelKeys.size > 0
      ? (this.channelKeys.get(session.id) ?? session.signing)
      : session.signing;
  }

  /** Forgets `session`, which ended; its key still signs the refusal of what its client has sent since. */
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

  sign(key: Mac, reply: PooledBuffer, from: number, to: number): void {
    signMessage(key, reply.bytes, reply.view, from, to);
  }

  /** Frames and sends `reply.bytes[HEAD_ROOM, to)`, encrypted for `sealedBy` where given. Takes the buffer. */
  sendReply(reply: PooledBuffer, to: number, sealedBy: Session | undefined): void {
    if (this.isClosed) {
      this.context.pool.release(reply);
      return;
    }
    let from = HEAD_ROOM;
    if (sealedBy !== undefined) {
      if (!sealReply(sealedBy, reply, HEAD_ROOM, to)) {
        this.context.pool.release(reply);
        this.close("no nonce left");
        return;
      }
      from -= 52;
    }
    const length = to - from;
    from -= 4;
    reply.view.setUint32(from, length, false);
    this.sendQueue.send(reply, from, to);
  }

  mayTake(): boolean {
    return !this.isStalled();
  }

  /** True while replies pile up, too many requests are under way or buffers are short: no more are taken then. */
  private isStalled(): boolean {
    const { pool, settings } = this.context;
    if (this.sendQueue.pendingBytes > MAX_UNSENT_BYTES) return true;
    if (this.inFlight.size >= settings.maxOutstandingRequests) return true;
    // One that waits for nothing is let on even then: it may be the one to give buffers back.
    return pool.isLow() && (this.inFlight.size > 0 || !this.sendQueue.isEmpty());
  }

  /** Takes up what was held back, and reads from the socket only while more may be taken. */
  private adjustFlow(): void {
    if (this.isClosed) return;
    if (this.frames.isHolding && !this.isStalled() && !this.frames.resume()) {
      this.close("broken framing");
      return;
    }
    if (this.isClosed) return;
    const pause = this.isStalled() || this.frames.isHolding;
    if (pause === this.isPaused) return;
    this.isPaused = pause;
    if (pause) this.socket.pause();
    else this.socket.resume();
  }

  /** Sends what waits, then ends; used where the specification says to disconnect. */
  close(reason: string): void {
    if (this.isClosed) return;
    this.context.log.debug?.(`connection ${this.id} ${this.remoteAddress}: closed: ${reason}`);
    this.socket.terminate();
    this.closed();
  }

  /** The socket is gone: everything that this connection held is let go. */
  closed(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.context.connections.delete(this.id);
    this.frames.close();
    this.sendQueue.close();
    this.logons.clear();
    this.channelKeys.clear();
    const sessions = [...this.sessions.values()];
    this.sessions.clear();
    for (const session of sessions) {
      session.connectionIds.delete(this.id);
      // 3.3.7.1: a session lives as long as one of its channels.
      if (session.connectionIds.size === 0) this.context.endSession(session);
    }
    for (const exchange of [...this.waiting.values(), ...this.inFlight]) {
      // A CREATE goes on for a session that has other channels: its client will ask for the answer there.
      const hasOthers = (exchange.session?.connectionIds.size ?? 0) > 0;
      if (exchange.command !== Command.CREATE || !hasOthers) exchange.cancel?.();
    }
  }
}
