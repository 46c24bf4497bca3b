// One client connection: reads messages from the socket, runs their requests through the pipeline, sends the
// replies.
import { Command } from "../../wire/header.ts";
import { survivesDisconnect } from "../state/durable-opens.ts";
import type { Session, SigningKey, Tree } from "../state/session.ts";
import type { PooledBuffer } from "../transport/buffer-pool.ts";
import { FrameAssembler, type FrameSink } from "../transport/framing.ts";
import { SendQueue } from "../transport/send-queue.ts";
import type { SocketUser, StreamSocket } from "../transport/stream-socket.ts";
import type { EngineContext } from "./context.ts";
import type { Channel } from "./channels.ts";
import { ConnectionState } from "./connection-state.ts";
import { Exchange, type ExchangeHost, NO_REPLY, type Outcome, type Row } from "./exchange.ts";
import { INTERIM_END, makeInterim } from "./interim.ts";
import { handleMember, hasSoundMembers } from "./pipeline.ts";
import { holdersToldOver, repeatBreaks } from "./notification.ts";
import { PeerProgress } from "./peer-progress.ts";
import { sendReply, sendSessionResponse } from "./send-reply.ts";
import { OwnTurns } from "./own-turns.ts";
import { ReceivedMessages, type Receiver } from "./received-messages.ts";
import { ReplyRoom } from "./reply-room.ts";

/** The largest message in bytes before the first log-on: enough for NEGOTIATE and security tokens. */
const MAX_FRAME_BEFORE_LOGON = 65_536 + 4096;
/** Bytes of unsent replies above which the connection reads no more requests. */
const MAX_UNSENT_BYTES = 16 * 1024 * 1024;
/** The most Exchange objects that the engine keeps for reuse. */
const MAX_IDLE_EXCHANGES = 64;

/** What the engine provides to its connections only. */
export interface ConnectionHost {
  readonly context: EngineContext;
  /** The dispatch table, indexed by command. */
  readonly rows: readonly (Row | undefined)[];
  /** Removes a closed connection from the engine's table. */
  readonly ended: (connection: Connection, reason: string) => void;
  /** Exchange objects for reuse. */
  readonly idleExchanges: Exchange[];
  /** Answers an SMB1 negotiate with an SMB2 response. False: close the connection. [MS-SMB2] 3.3.5.3.1. */
  readonly negotiateSmb1: (connection: Connection, message: Uint8Array) => boolean;
  /** Closes a session with its trees and opens; durable opens stay. */
  readonly endSession: (session: Session) => void;
}

export class Connection
  extends ConnectionState
  implements FrameSink, SocketUser, ExchangeHost, Receiver, Channel
{
  readonly sendQueue: SendQueue;
  readonly replyRoom: ReplyRoom;
  /** Requests with an interim response and no final one, by AsyncId. */
  private readonly waiting = new Map<number, Exchange>();
  /** Requests whose handler waits, without an interim response. */
  private readonly inFlight = new Set<Exchange>();
  /** Memory that the connection's waiting requests hold. */
  private waitingBytes = 0;
  private isPaused = false;
  private readonly turns: OwnTurns;
  private hasSessionRequest = false;
  private lastAsyncId = 0;
  private endReason = "by the client";
  readonly progress: PeerProgress;
  private readonly host: ConnectionHost;
  private readonly socket: StreamSocket;
  private readonly frames: FrameAssembler;
  private readonly received = new ReceivedMessages(this);

  constructor(id: number, host: ConnectionHost, socket: StreamSocket, remoteAddress: string) {
    super(id, host.context, remoteAddress, socket);
    this.host = host;
    this.socket = socket;
    this.sendQueue = new SendQueue(socket, host.context.pool, host.context.clock.now);
    this.replyRoom = new ReplyRoom(host.context.pool, this.sendQueue);
    this.frames = new FrameAssembler(host.context.pool, this);
    this.progress = new PeerProgress(this.frames);
    this.turns = new OwnTurns(host.context.turns, host.context.clock.now, () => this.adjustFlow());
  }

  maxFrameBytes(): number {
    if (!this.isLoggedOn) return MAX_FRAME_BEFORE_LOGON;
    const { maxWriteBytes, maxTransactBytes } = this.context.settings;
    // A compound may hold other requests beside the largest one.
    return Math.max(maxWriteBytes, maxTransactBytes) + 65_536;
  }

  mayWait(exchange: Exchange): boolean {
    if (exchange.waitingBytes > 0) return true;
    const { settings, waiting } = this.context;
    if (this.waiting.size >= settings.maxWaitingRequests) return false;
    exchange.waitingBytes = waiting.take(this.waitingBytes, exchange.heldBytes);
    this.waitingBytes += exchange.waitingBytes;
    return exchange.waitingBytes > 0;
  }

  private endWait(exchange: Exchange): void {
    this.context.waiting.release(exchange.waitingBytes);
    this.waitingBytes -= exchange.waitingBytes;
    exchange.waitingBytes = 0;
  }

  /** Receives what the socket has, and answers the requests in it. */
  readable(): void {
    if (this.isClosed) return;
    const now = this.context.clock.now();
    this.lastActiveMs = now;
    this.turns.begin(now);
    this.progress.begin(now);
    this.sendQueue.gather();
    const isSound = this.frames.receive();
    this.sendQueue.endGathering();
    this.progress.note(now);
    if (!isSound) this.close("invalid framing or message");
    else this.adjustFlow();
  }

  /**
   * The peer sends no more: what is under way is answered, then the connection ends with what still waits.
   */
  ended(): void {
    this.progress.end(this.context.clock.now());
    this.adjustFlow();
  }

  /**
   * Milliseconds since the last piece of an incomplete message; 0 between messages, and while nothing is
   * read.
   */
  frameAgeMs(nowMs: number): number {
    return this.isPaused ? 0 : this.progress.frameAgeMs(nowMs);
  }

  /** True while the connection may not stay as it is: it has to log on, to finish a message, or to end. */
  hasTimeLimit(): boolean {
    return !this.isLoggedOn || !this.frames.isIdle() || this.progress.hasEnded || !this.sendQueue.isEmpty();
  }

  roomFreed(): void {
    this.adjustFlow();
  }

  drained(): void {
    this.sendQueue.drain();
    this.adjustFlow();
  }

  pull(bytes: Uint8Array, at: number, length: number): number {
    // A closed socket's descriptor number may belong to another file by now.
    if (this.isClosed || this.isStalled()) return 0;
    return this.socket.receive(bytes, at, length);
  }

  takeFrame(buffer: PooledBuffer, length: number): boolean {
    this.traffic.receivedBytes += length;
    return this.received.add(buffer, length);
  }

  taken(isSound: boolean): void {
    if (isSound) this.adjustFlow();
    else this.close("invalid framing or message");
  }

  take(buffer: PooledBuffer, start: number, length: number, sealedBy?: Session, key?: SigningKey) {
    if (!hasSoundMembers(buffer.view, start, length - start)) return this.refuse(buffer);
    const exchange = this.host.idleExchanges.pop() ?? new Exchange(this.context);
    exchange.begin(this, buffer, start, length - start, sealedBy);
    exchange.verifiedBy = key;
    this.run(exchange);
    return !this.isClosed;
  }

  /** RFC 1002 4.3.3: accepted as the first message of a connection, whatever name is called. */
  takeSessionRequest(): boolean {
    if (this.negotiated !== undefined || this.awaitsSecondNegotiate || this.hasSessionRequest) return false;
    this.hasSessionRequest = true;
    sendSessionResponse(this);
    return true;
  }

  takeSmb1(buffer: PooledBuffer, length: number): boolean {
    const isFirst = this.negotiated === undefined && !this.awaitsSecondNegotiate;
    const accepted = isFirst && this.host.negotiateSmb1(this, buffer.bytes.subarray(0, length));
    this.context.pool.release(buffer);
    return accepted;
  }

  refuse(buffer: PooledBuffer): false {
    this.context.pool.release(buffer);
    return false;
  }

  /** Handles the requests of a message until one has to wait or the last is done. */
  private run(exchange: Exchange): void {
    for (;;) {
      exchange.readMember();
      const outcome = handleMember(exchange, this.host.rows);
      if (typeof outcome !== "number") {
        this.park(exchange, outcome);
        return;
      }
      if (!this.finishMember(exchange, outcome)) return;
      if (this.isTurnOver()) {
        this.runLater(exchange);
        return;
      }
    }
  }

  private runLater(exchange: Exchange): void {
    this.inFlight.add(exchange);
    this.turns.later(() => {
      this.inFlight.delete(exchange);
      if (this.isClosed) this.dispose(exchange);
      else this.run(exchange);
    });
  }

  isTurnOver(): boolean {
    return this.turns.isOver();
  }

  nextTurn(): Promise<void> {
    return this.turns.next();
  }

  /** Completes the current request; after the last one sends the reply. True when another request follows. */
  private finishMember(exchange: Exchange, status: Outcome): boolean {
    if (exchange.waitingBytes > 0) this.endWait(exchange);
    if (status !== NO_REPLY) this.countAnswer(status, exchange.tree);
    if (status !== NO_REPLY && !this.isClosed) exchange.completeMember(status);
    const hasMore = exchange.advance();
    if (hasMore && exchange.afterSend !== undefined) this.sendAwaited(exchange, exchange.afterSend);
    if (hasMore && !this.isClosed) return true;
    if (!this.isClosed) exchange.sendFinished();
    this.dispose(exchange);
    return false;
  }

  /** The next member may wait for hours, and `after`, for which others wait, must not wait with it. */
  private sendAwaited(exchange: Exchange, after: () => void): void {
    exchange.afterSend = undefined;
    if (!this.isClosed) exchange.sendFinished();
    after();
  }

  private dispose(exchange: Exchange): void {
    exchange.dispose();
    if (this.host.idleExchanges.length < MAX_IDLE_EXCHANGES) this.host.idleExchanges.push(exchange);
  }

  /** Continues with the message when `outcome` settles. */
  private park(exchange: Exchange, outcome: Promise<Outcome>): void {
    exchange.startedMs = this.context.clock.now();
    if (exchange.asyncId === 0) this.inFlight.add(exchange);
    const settle = (status: Outcome): void => {
      this.inFlight.delete(exchange);
      if (exchange.asyncId !== 0) this.waiting.delete(exchange.asyncId);
      exchange.cancel = undefined;
      const hasMore = this.finishMember(exchange, status);
      if (hasMore && this.isTurnOver()) this.runLater(exchange);
      else if (hasMore) this.run(exchange);
      this.adjustFlow();
    };
    outcome.then(settle, (error: unknown) => settle(exchange.statusOfError(error)));
  }

  sendInterim(exchange: Exchange): boolean {
    if (exchange.asyncId !== 0) return true;
    if (!exchange.isLast || this.isClosed || !this.mayWait(exchange)) return false;
    exchange.sendFinished();
    this.lastAsyncId++;
    const asyncId = this.lastAsyncId;
    const reply = makeInterim(exchange, asyncId);
    // Not signed: the final response has the same message id, and with AES-GMAC that would be the same nonce.
    this.sendReply(reply, INTERIM_END, exchange.sealedBy);
    exchange.asyncId = asyncId;
    this.inFlight.delete(exchange);
    this.waiting.set(asyncId, exchange);
    return true;
  }

  cancel(asyncId: number, messageId: number): void {
    const requests = asyncId === 0 ? [...this.waiting.values(), ...this.inFlight] : [];
    const waiting = this.waiting.get(asyncId) ?? requests.find((request) => request.messageId === messageId);
    if (waiting?.cancel === undefined) return;
    waiting.cancel();
    // As on smbd, its answer goes out before those of requests behind CANCEL: smbtorture's session.expire2s.
    this.turns.end();
  }

  cancelWaits(session: Session, tree: Tree | undefined): void {
    for (const exchange of [...this.waiting.values(), ...this.inFlight]) {
      const { command, open } = exchange;
      if (exchange.session !== session || (tree !== undefined && exchange.tree !== tree)) continue;
      const isLeft = tree === undefined && open !== undefined && survivesDisconnect(open);
      if (isLeft || command === Command.CREATE) exchange.cancel?.();
    }
  }

  sendReply(reply: PooledBuffer, to: number, sealedBy: Session | undefined, signWith?: SigningKey): void {
    sendReply(this, reply, to, sealedBy, signWith);
  }

  mayTakeFrame(): boolean {
    return !this.isStalled() && this.turns.mayTakeFrame();
  }

  /**
   * True while no more requests are read: they wait for the connection's turn, too many replies are unsent,
   * too many requests wait, one of them for memory, or the buffer pool is low.
   */
  private isStalled(): boolean {
    if (this.received.isFull || this.turns.framesWait || this.replyRoom.isAwaited) return true;
    const { pool, settings } = this.context;
    if (this.sendQueue.heldBytes > Math.min(MAX_UNSENT_BYTES, pool.freeBytes)) return true;
    if (this.inFlight.size >= settings.maxOutstandingRequests) return true;
    // A connection with nothing under way may read even then: its next request may be the one that frees
    // buffers.
    return pool.isLow() && (this.inFlight.size > 0 || !this.sendQueue.isEmpty() || !this.received.isEmpty);
  }

  /** Handles deferred messages while it may, and pauses or resumes reading from the socket. */
  private adjustFlow(): void {
    if (this.isClosed) return;
    if (this.replyRoom.isAwaited) this.replyRoom.review();
    if (this.frames.hasDeferred && !this.isStalled() && !this.frames.resume()) {
      this.close("invalid framing or message");
      return;
    }
    if (this.isClosed) return;
    if (this.progress.hasEnded && this.isDone()) {
      this.socket.end();
      this.closed();
      return;
    }
    const pause = this.isStalled() || this.frames.hasDeferred;
    if (pause === this.isPaused) return;
    this.isPaused = pause;
    if (pause) return this.socket.pause();
    // The time of a message that waited here begins now.
    this.progress.restart(this.context.clock.now());
    this.socket.resume();
  }

  /** True when all received requests are answered but those that wait for other clients. */
  private isDone(): boolean {
    // In the middle of a compound a request waits for others without an interim response.
    for (const { waitingBytes } of this.inFlight) if (waitingBytes === 0) return false;
    return this.received.isEmpty && this.sendQueue.isEmpty() && !this.frames.hasDeferred;
  }

  /** Disconnects: resets the TCP connection, dropping the replies that the socket does not take. */
  close(reason: string, end: "reset" | "leave" = "reset"): Promise<void> | undefined {
    if (this.isClosed) return undefined;
    this.context.log.debug.conn?.(`connection ${this.id} ${this.remoteAddress}: closed: ${reason}`);
    // The socket may report its end at once.
    this.endReason = reason;
    this.sendQueue.flush();
    const left = end === "leave" ? this.socket.leave() : this.socket.terminate();
    this.closed();
    return left ?? undefined;
  }

  /** Releases everything that the connection holds; called once the socket is closed. 3.3.7.1. */
  closed(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.host.ended(this, this.endReason);
    this.context.connectionTable.remove(this);
    this.frames.close();
    this.received.close();
    this.sendQueue.close();
    this.replyRoom.close();
    this.dropKeys();
    const sessions = [...this.sessions.values()];
    this.sessions.clear();
    const told = holdersToldOver(this.context, sessions, this.id);
    for (const session of sessions) {
      session.connectionIds.delete(this.id);
      // 3.3.7.1: a session ends with its last channel.
      if (session.connectionIds.size === 0) this.host.endSession(session);
    }
    repeatBreaks(this.context, told);
    for (const exchange of [...this.waiting.values(), ...this.inFlight]) {
      // A CREATE goes on where its session has other channels: the client replays it there.
      const hasOtherChannels = (exchange.session?.connectionIds.size ?? 0) > 0;
      if (exchange.command !== Command.CREATE || !hasOtherChannels) exchange.cancel?.();
    }
  }
}
