// One received message and its reply. A compound has several members: requests that are handled in turn, each
// with session, tree and open of its predecessor where it is related. [MS-SMB2] 3.3.4.1, 3.3.5.2.7.
import type { MaybePromise } from "../../port/port.ts";
import { Message, WireError, Writer } from "../../wire/cursor.ts";
import { EMPTY_ERROR_SIZE, writeEmptyError } from "../../wire/command/error-response.ts";
import { requestExtent } from "../../wire/command/request-extent.ts";
import { HEADER_SIZE, HeaderFlag, HeaderOffset, PROTOCOL_SMB2, set64 } from "../../wire/header.ts";
import { lineOfError } from "../../wire/printable.ts";
import { type NtStatus, Status, statusName } from "../../wire/status.ts";
import type { Session, SigningKey, Tree } from "../state/session.ts";
import type { Open } from "../state/open.ts";
import { HEAD_ROOM, LARGEST_BUFFER, type PooledBuffer } from "../transport/buffer-pool.ts";
import { heapBuffer, type TransferBuffer } from "../vfs/transfer-buffer.ts";
import type { ConnectionState } from "./connection-state.ts";
import type { EngineContext } from "./context.ts";
import { Predecessor } from "./predecessor.ts";
import type { ReplyRoom, RoomTaker } from "./reply-room.ts";
import { signMessage } from "./signing.ts";

/** Bytes that `reserve` adds to every body: for an error body, padding and the small fixed responses. */
const BASE_ROOM = 128;

/** A request is moved out of a buffer that is larger than its size by this factor and this many bytes. */
const WASTE_FACTOR = 8;
const LEAST_WASTE = 2048;

const NO_BYTES = new Uint8Array(0);
const NO_VIEW = new DataView(NO_BYTES.buffer);

/**
 * The outcome of a request without a response: CANCEL, or the connection was closed. No NTSTATUS has this
 * value.
 */
export const NO_REPLY = 0x1_0000_0000;

export type Outcome = NtStatus | typeof NO_REPLY;

interface RowFields {
  readonly name: string;
  /** StructureSize of the request ([MS-SMB2] 2.2); 0 where the handler checks it. */
  readonly bodySize: number;
  /** Fails with FILE_NOT_AVAILABLE when its ChannelSequence is stale; 3.3.5.2.10. */
  readonly mayChangeData: boolean;
}

/**
 * A row of the dispatch table: what the pipeline resolves and checks before the handler runs. A handler
 * returns an NTSTATUS and writes a body through `exchange.reserve`. It may throw WireError, which becomes
 * INVALID_PARAMETER.
 */
export type Row = RowFields &
  (
    | { readonly needs: "nothing"; readonly handle: ServerHandler }
    | { readonly needs: "session"; readonly handle: SessionHandler }
    | { readonly needs: "tree"; readonly handle: TreeHandler }
    | { readonly needs: "open"; readonly fileIdOffset: number; readonly handle: OpenHandler }
  );

export type ServerHandler = (exchange: Exchange) => MaybePromise<Outcome>;
export type SessionHandler = (exchange: Exchange, session: Session) => MaybePromise<Outcome>;
export type TreeHandler = (exchange: Exchange, tree: Tree) => MaybePromise<Outcome>;
export type OpenHandler = (exchange: Exchange, open: Open) => MaybePromise<Outcome>;

/** The connection of an exchange, as exchanges and handlers use it. */
export interface ExchangeHost extends ConnectionState {
  readonly replyRoom: ReplyRoom;
  /**
   * Sends an interim response (STATUS_PENDING) for the current member; [MS-SMB2] 3.3.4.2. Only the last
   * member of a message can have one: false for the others, whose client waits without.
   */
  sendInterim(exchange: Exchange): boolean;
  /**
   * Reserves memory for the current member to wait for other clients, until it is completed. False when the
   * connection has too many waiting requests or they hold too much memory.
   */
  mayWait(exchange: Exchange): boolean;
  /** Carries out CANCEL: by AsyncId where it is not 0, else by MessageId; 3.3.5.16. */
  cancel(asyncId: number, messageId: number): void;
  /** True when the connection's turn of the event loop is used up: long work then awaits `nextTurn`. */
  isTurnOver(): boolean;
  /** Resolves at the connection's next turn; also after the connection was closed. */
  nextTurn(): Promise<void>;
  sendReply(reply: PooledBuffer, to: number, sealedBy: Session | undefined, signWith?: SigningKey): void;
  /** Disconnects; `reason` is for the log. */
  close(reason: string): void;
}

export class Exchange implements RoomTaker {
  connection!: ExchangeHost;
  readonly context: EngineContext;
  /** The current member; offsets count from its header. */
  readonly message = new Message(NO_BYTES);
  readonly writer = new Writer(NO_BYTES);
  /** The session whose keys decrypted the message; the reply is encrypted with them. */
  sealedBy: Session | undefined;
  /** The key by which a thread has found the message's signature right. */
  verifiedBy: SigningKey | undefined;

  command = 0;
  messageId = 0;
  creditCharge = 0;
  creditsRequested = 0;
  flags = 0;
  treeId = 0;
  sessionId = 0;
  channelSequence = 0;
  isInSequence = false; // The current member is counted in its open's `sequence`.
  row: Row | undefined;
  session: Session | undefined;
  tree: Tree | undefined;
  open: Open | undefined;
  isRelated = false;
  asyncId = 0; // Of the interim response; 0 without one.
  startedMs = 0;
  /** Memory reserved by `ExchangeHost.mayWait`; 0 without. */
  waitingBytes = 0;
  /** Ends a waiting member early: its handler returns STATUS_CANCELLED or another status of its choice. */
  cancel: (() => void) | undefined;
  /** The key that signs the member's response; undefined: unsigned. */
  signWith: SigningKey | undefined;
  /** Called with each finished response before it is sent, for the preauthentication hash. */
  onReply: ((bytes: Uint8Array) => void) | undefined;
  /** Called after the reply was handed to the socket. */
  afterSend: (() => void) | undefined;
  readonly predecessor = new Predecessor();

  private loan: PooledBuffer | undefined;
  private frameEnd = 0;
  private memberStart = 0;
  private nextCommand = 0;
  private reply: PooledBuffer | undefined;
  private replyAt = HEAD_ROOM;
  // Start and signing key of each completed member that is not sent yet.
  private readonly memberStarts: number[] = [];
  private readonly memberKeys: (SigningKey | undefined)[] = [];

  constructor(context: EngineContext) {
    this.context = context;
  }

  /** Starts with a received message, and releases its buffer. The object is reused after `dispose`. */
  begin(
    connection: ExchangeHost,
    loan: PooledBuffer,
    start: number,
    length: number,
    sealedBy: Session | undefined,
  ): void {
    this.connection = connection;
    this.frameEnd = start + length;
    this.loan = loan;
    this.sealedBy = sealedBy;
    this.memberStart = start;
    this.replyAt = HEAD_ROOM;
    this.message.set(loan.bytes, loan.view, start, length);
    this.predecessor.clear();
  }

  /** True for the last member of a message. */
  get isLast(): boolean {
    return this.nextCommand === 0;
  }

  /** Reads the current member's header into the fields above. */
  readMember(): void {
    const view = this.message.view;
    const at = this.memberStart;
    this.nextCommand = view.getUint32(at + HeaderOffset.NEXT_COMMAND, true);
    const length = this.nextCommand === 0 ? this.frameEnd - at : this.nextCommand;
    this.message.set(this.message.bytes, view, at, length);
    this.command = view.getUint16(at + HeaderOffset.COMMAND, true);
    this.creditCharge = view.getUint16(at + HeaderOffset.CREDIT_CHARGE, true);
    this.channelSequence = view.getUint16(at + HeaderOffset.STATUS, true);
    this.creditsRequested = view.getUint16(at + HeaderOffset.CREDITS, true);
    this.flags = view.getUint32(at + HeaderOffset.FLAGS, true);
    this.messageId = this.message.u64(HeaderOffset.MESSAGE_ID);
    this.treeId = view.getUint32(at + HeaderOffset.TREE_ID, true);
    this.sessionId = this.message.u64(HeaderOffset.SESSION_ID);
    this.isRelated = (this.flags & HeaderFlag.RELATED_OPERATIONS) !== 0;
    this.session = undefined;
    this.tree = undefined;
    this.open = undefined;
    this.row = undefined;
    this.signWith = undefined;
    this.asyncId = 0;
    this.cancel = undefined;
  }

  /** Moves to the next member; false after the last one. */
  advance(): boolean {
    if (this.nextCommand === 0) return false;
    this.memberStart += this.nextCommand;
    return true;
  }

  /**
   * Makes room for a response body of up to `bodyBytes` and returns the writer at the body's start. Discards
   * what was written for this member before.
   */
  reserve(bodyBytes: number): Writer {
    this.beginBody(bodyBytes);
    return this.writer;
  }

  private beginBody(bodyBytes: number): PooledBuffer {
    const reply = this.makeRoom(bodyBytes + BASE_ROOM);
    this.writer.set(reply.bytes, reply.view, this.replyAt, this.replyAt + HEADER_SIZE);
    return reply;
  }

  /** The buffer that `reserve` made room in. */
  get replyBuffer(): TransferBuffer {
    return this.reply ?? this.makeRoom(0);
  }

  /** The buffer that the message lies in. */
  get requestBuffer(): TransferBuffer {
    return this.loan ?? heapBuffer(this.message.bytes);
  }

  hasRoomFor(bodyBytes: number): boolean {
    return this.usableReply(this.replyAt + HEADER_SIZE + bodyBytes + BASE_ROOM) !== undefined;
  }

  holdRoom(bodyBytes: number): void {
    if (!this.connection.isClosed) this.makeRoom(bodyBytes + BASE_ROOM);
  }

  /** A worker that has not answered in time may still write into the buffer. */
  private usableReply(bytes: number): PooledBuffer | undefined {
    return this.reply?.isInUse === false && this.reply.bytes.length >= bytes ? this.reply : undefined;
  }

  private makeRoom(bodyBytes: number): PooledBuffer {
    let needed = this.replyAt + HEADER_SIZE + bodyBytes;
    const usable = this.usableReply(needed);
    if (usable !== undefined) return usable;
    if (needed > LARGEST_BUFFER && this.replyAt > HEAD_ROOM) {
      // 3.3.4.1.3: the responses of a compound may be sent separately.
      this.sendFinished();
      needed = this.replyAt + HEADER_SIZE + bodyBytes;
    }
    const larger = this.context.pool.acquire(needed);
    this.connection.replyRoom.underWayBytes += larger.cost;
    if (this.reply !== undefined) larger.bytes.set(this.reply.bytes.subarray(0, this.replyAt));
    this.dropReply();
    return (this.reply = larger);
  }

  private dropReply(): void {
    if (this.reply === undefined) return;
    this.connection.replyRoom.underWayBytes -= this.reply.cost;
    this.context.pool.release(this.reply);
    this.reply = undefined;
  }

  /**
   * Completes the current member's response: its header, and an error body where the handler wrote no body.
   */
  completeMember(status: NtStatus): void {
    if (this.connection.isClosed) return;
    this.context.log.debug.smb?.(
      `connection ${this.connection.id}: ${this.row?.name ?? "a request"} ${this.messageId}: ${statusName(status)}`,
    );
    const { writer } = this;
    const reply = this.replyWithBody();
    this.writeHeader(reply, this.replyAt, status);
    this.memberStarts.push(this.replyAt);
    this.memberKeys.push(this.signWith);
    const end = (writer.position + 7) & ~7;
    // 3.3.4.1.3: the last of several responses is padded to 8 bytes like the others, as on Windows and Samba.
    const isPadded = this.nextCommand !== 0 || this.memberStarts.length > 1;
    if (isPadded) reply.bytes.fill(0, writer.position, end);
    this.replyAt = isPadded ? end : writer.position;
    this.predecessor.become(this, status);
  }

  /** The reply with the body that the handler wrote, or with an error body. */
  private replyWithBody(): PooledBuffer {
    const { reply, writer } = this;
    const isOfMember = reply !== undefined && writer.origin === this.replyAt && writer.bytes === reply.bytes;
    if (isOfMember && writer.position !== this.replyAt + HEADER_SIZE) return reply;
    const errorReply = this.beginBody(EMPTY_ERROR_SIZE);
    writeEmptyError(writer);
    return errorReply;
  }

  /** Grants credits and writes the current member's response header at `at`, with a zero signature. */
  writeHeader(reply: PooledBuffer, at: number, status: NtStatus): void {
    const { view } = reply;
    const isAsync = this.asyncId !== 0;
    let flags = HeaderFlag.SERVER_TO_REDIR | (this.flags & HeaderFlag.PRIORITY_MASK);
    if (isAsync) flags |= HeaderFlag.ASYNC_COMMAND;
    if (this.isRelated) flags |= HeaderFlag.RELATED_OPERATIONS;
    view.setUint32(at, PROTOCOL_SMB2, true);
    view.setUint16(at + 4, HEADER_SIZE, true);
    view.setUint16(at + HeaderOffset.CREDIT_CHARGE, this.creditCharge, true);
    view.setUint32(at + HeaderOffset.STATUS, status, true);
    view.setUint16(at + HeaderOffset.COMMAND, this.command, true);
    // 3.3.4.2: the interim response has granted the credits of an async request.
    view.setUint16(at + HeaderOffset.CREDITS, isAsync ? 0 : this.connection.grantCredits(this, status), true);
    view.setUint32(at + HeaderOffset.FLAGS, flags, true);
    view.setUint32(at + HeaderOffset.NEXT_COMMAND, 0, true);
    set64(view, at + HeaderOffset.MESSAGE_ID, this.messageId);
    if (isAsync) {
      set64(view, at + HeaderOffset.ASYNC_ID, this.asyncId);
    } else {
      view.setUint32(at + HeaderOffset.ASYNC_ID, 0, true);
      view.setUint32(at + HeaderOffset.TREE_ID, this.treeId, true);
    }
    set64(view, at + HeaderOffset.SESSION_ID, this.sessionId);
    set64(view, at + HeaderOffset.SIGNATURE, 0);
    set64(view, at + HeaderOffset.SIGNATURE + 8, 0);
  }

  /** Links, signs and sends the completed members' responses in one frame; later members start another. */
  sendFinished(): void {
    const reply = this.reply;
    const count = this.memberStarts.length;
    if (reply === undefined || count === 0) return;
    const isSignedNow = this.sealedBy === undefined && (count > 1 || this.onReply !== undefined);
    for (let i = 0; i < count; i++) {
      const start = this.memberStarts[i] ?? 0;
      const end = i + 1 < count ? (this.memberStarts[i + 1] ?? 0) : this.replyAt;
      if (i + 1 < count) reply.view.setUint32(start + HeaderOffset.NEXT_COMMAND, end - start, true);
      const key = this.memberKeys[i];
      if (key !== undefined && isSignedNow) signMessage(key, reply.bytes, reply.view, start, end);
      this.onReply?.(reply.bytes.subarray(start, end));
    }
    this.onReply = undefined;
    this.connection.replyRoom.underWayBytes -= reply.cost;
    const signWith = isSignedNow ? undefined : this.memberKeys[0];
    this.connection.sendReply(reply, this.replyAt, this.sealedBy, signWith);
    this.reply = undefined;
    this.replyAt = HEAD_ROOM;
    this.memberStarts.length = 0;
    this.memberKeys.length = 0;
  }

  /** Bytes of the buffer that the message lies in. */
  get heldBytes(): number {
    return this.loan?.bytes.length ?? this.message.view.buffer.byteLength;
  }

  /**
   * Moves the last member of a message, which may wait for long, from a much larger buffer into one of its
   * size. Call it before the request is decoded: decoded values are views of the buffer.
   */
  shedPadding(): void {
    const { message, heldBytes } = this;
    if (heldBytes <= LEAST_WASTE || !this.isLast) return;
    const length = requestExtent(this.command, message);
    if (heldBytes <= length * WASTE_FACTOR + LEAST_WASTE) return;
    const smaller = this.context.pool.acquire(length);
    smaller.bytes.set(message.bytes.subarray(message.start, message.start + length));
    this.dropRequest();
    this.loan = smaller;
    message.set(smaller.bytes, smaller.view, 0, length);
  }

  /** Releases the buffer of a request whose last member waits, perhaps for hours; its header stays. */
  dropRequest(): void {
    if (this.loan !== undefined) this.context.pool.release(this.loan);
    this.loan = undefined;
    this.message.set(NO_BYTES, NO_VIEW, 0, 0);
  }

  /** Releases the buffers of request and reply, then calls `afterSend`. Called once a message. */
  dispose(): void {
    this.dropRequest();
    this.dropReply();
    this.sealedBy = undefined;
    this.verifiedBy = undefined;
    this.session = undefined;
    this.tree = undefined;
    this.open = undefined;
    this.predecessor.open = undefined;
    this.cancel = undefined;
    this.onReply = undefined;
    this.memberStarts.length = 0;
    this.memberKeys.length = 0;
    this.writer.set(NO_BYTES, NO_VIEW, 0, 0);
    const after = this.afterSend;
    this.afterSend = undefined;
    after?.();
  }

  /** Discards a partly written body. */
  dropBody(): void {
    if (this.reply !== undefined) this.writer.position = this.replyAt + HEADER_SIZE;
  }

  /** Returns INVALID_PARAMETER for a WireError. Logs any other error, a bug, and returns INTERNAL_ERROR. */
  statusOfError(error: unknown): NtStatus {
    this.dropBody();
    if (error instanceof WireError) return Status.INVALID_PARAMETER;
    this.context.log.error(`internal error in ${this.row?.name ?? "dispatch"}: ${lineOfError(error)}`);
    return Status.INTERNAL_ERROR;
  }
}
