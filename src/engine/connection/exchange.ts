// One received message on its way through the server: its members (a compound has several), the reply that
// grows for them, and what one member hands to the next; [MS-SMB2] 3.3.4.1, 3.3.5.2.7.
import type { Mac } from "../../crypto/provider.ts";
import type { MaybePromise } from "../../port/port.ts";
import { Message, WireError, Writer } from "../../wire/cursor.ts";
import { EMPTY_ERROR_SIZE, writeEmptyError } from "../../wire/command/error-response.ts";
import { Command, HEADER_SIZE, HeaderFlag, HeaderOffset, PROTOCOL_SMB2, set64 } from "../../wire/header.ts";
import { type NtStatus, Status } from "../../wire/status.ts";
import type { Session, Tree } from "../state/session.ts";
import type { Open } from "../state/open.ts";
import { HEAD_ROOM, LARGEST_BUFFER, type PooledBuffer } from "../transport/buffer-pool.ts";
import type { ConnectionState } from "./connection-state.ts";
import type { EngineContext } from "./context.ts";

// Room that every reply has without asking: an error body, padding, and the small fixed responses.
const BASE_ROOM = 128;

const NO_BYTES = new Uint8Array(0);
const NO_VIEW = new DataView(NO_BYTES.buffer);

/** The outcome of a member that is never answered, or whose connection was closed: no NTSTATUS. */
export const NO_REPLY = 0x1_0000_0000;

export type Outcome = NtStatus | typeof NO_REPLY;

interface RowFields {
  readonly name: string;
  /** StructureSize of the request; [MS-SMB2] 2.2. 0: the handler checks it. */
  readonly bodySize: number;
  /** Refused when a channel sequence is stale; 3.3.5.2.10. */
  readonly mayChangeData: boolean;
}

/**
 * A row of the dispatch table: what the pipeline finds and checks before the handler runs. A handler answers with an
 * NTSTATUS and, through `exchange.reserve`, a body. It may throw WireError alone.
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

/** What an exchange asks of the connection that it came by. */
export interface ExchangeHost extends ConnectionState {
  /**
   * Tells the client that the current member will take its time; [MS-SMB2] 3.3.4.2. Only the last member of a
   * message can wait this way: false for another one, which then simply takes longer.
   */
  sendInterim(exchange: Exchange): boolean;
  /** Members that wait after an interim response. */
  readonly waitingCount: number;
  /** CANCEL: by AsyncId where the client was told one, else by MessageId; 3.3.5.16. */
  cancel(asyncId: number, messageId: number): void;
  sign(key: Mac, reply: PooledBuffer, from: number, to: number): void;
  sendReply(reply: PooledBuffer, to: number, sealedBy: Session | undefined): void;
  /** Ends the connection, where the specification says so. */
  close(reason: string): void;
}

/** What a member leaves for related ones behind it; 3.3.5.2.7.2. */
export interface Predecessor {
  sessionId: number;
  treeId: number;
  open: Open | undefined;
  /** The failure of the request that should have given the FileId. */
  failure: NtStatus | undefined;
}

export class Exchange {
  connection!: ExchangeHost;
  readonly context: EngineContext;
  /** The member being handled; offsets count from its header. */
  readonly message = new Message(NO_BYTES);
  readonly writer = new Writer(NO_BYTES);
  /** The session whose keys the request was encrypted with: the reply goes back the same way. */
  sealedBy: Session | undefined;

  command = 0;
  messageId = 0;
  creditCharge = 0;
  creditsRequested = 0;
  flags = 0;
  treeId = 0;
  sessionId = 0;
  channelSequence = 0;
  row: Row | undefined;
  session: Session | undefined;
  tree: Tree | undefined;
  open: Open | undefined;
  isRelated = false;
  /** 0 until the member was told to wait with STATUS_PENDING. */
  asyncId = 0;
  startedMs = 0;
  /** Ends a waiting member early, with STATUS_CANCELLED or another status of its own. */
  cancel: (() => void) | undefined;
  /** Signs the member's reply, when set. */
  signWith: Mac | undefined;
  /** The finished reply as bytes, for the preauthentication hash; called before it is sent. */
  onReply: ((bytes: Uint8Array) => void) | undefined;
  /** Runs after the reply was handed to the socket. */
  afterSend: (() => void) | undefined;
  readonly predecessor: Predecessor = { sessionId: -1, treeId: -1, open: undefined, failure: undefined };

  private loan: PooledBuffer | undefined;
  private frameEnd = 0;
  private memberStart = 0;
  private nextCommand = 0;
  private reply: PooledBuffer | undefined;
  private replyAt = HEAD_ROOM;
  // What to do with each completed member once it is known which ones share a frame.
  private readonly starts: number[] = [];
  private readonly keys: (Mac | undefined)[] = [];

  constructor(context: EngineContext) {
    this.context = context;
  }

  /** Takes up a received message; the object is used again after `dispose`. */
  begin(
    connection: ExchangeHost,
    bytes: Uint8Array,
    view: DataView,
    start: number,
    length: number,
    loan: PooledBuffer | undefined,
    sealedBy: Session | undefined,
  ): void {
    this.connection = connection;
    this.frameEnd = start + length;
    this.loan = loan;
    this.sealedBy = sealedBy;
    this.memberStart = start;
    this.replyAt = HEAD_ROOM;
    this.message.set(bytes, view, start, length);
    const before = this.predecessor;
    before.sessionId = -1;
    before.treeId = -1;
    before.open = undefined;
    before.failure = undefined;
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
   * Makes room for a response body of up to `bodyBytes` and gives the writer, standing at the body's start.
   * What was written for this member before is dropped.
   */
  reserve(bodyBytes: number): Writer {
    this.makeRoom(bodyBytes + BASE_ROOM);
    const reply = this.reply as PooledBuffer;
    this.writer.set(reply.bytes, reply.view, this.replyAt, this.replyAt + HEADER_SIZE);
    return this.writer;
  }

  private makeRoom(bodyBytes: number): void {
    let needed = this.replyAt + HEADER_SIZE + bodyBytes;
    if (this.reply !== undefined && this.reply.bytes.length >= needed) return;
    if (needed > LARGEST_BUFFER && this.replyAt > HEAD_ROOM) {
      // Replies of a compound need not travel together; 3.3.4.1.3.
      this.sendFinished();
      needed = this.replyAt + HEADER_SIZE + bodyBytes;
    }
    const larger = this.context.pool.acquire(needed);
    if (this.reply !== undefined) {
      larger.bytes.set(this.reply.bytes.subarray(0, this.replyAt));
      this.context.pool.release(this.reply);
    }
    this.reply = larger;
  }

  /** Ends the current member: its header, and an error body where the handler wrote none. */
  completeMember(status: NtStatus): void {
    if (this.connection.isClosed) return;
    const writer = this.writer;
    const hasBody =
      this.reply !== undefined && writer.origin === this.replyAt && writer.bytes === this.reply.bytes;
    if (!hasBody || writer.position === this.replyAt + HEADER_SIZE) {
      writeEmptyError(this.reserve(EMPTY_ERROR_SIZE));
    }
    this.writeHeader(this.reply as PooledBuffer, this.replyAt, status);
    this.starts.push(this.replyAt);
    this.keys.push(this.signWith);
    const end = (writer.position + 7) & ~7;
    // 3.3.4.1.3: the last of several is padded like the others, as Windows and Samba have it.
    const isPadded = this.nextCommand !== 0 || this.starts.length > 1;
    if (isPadded) (this.reply as PooledBuffer).bytes.fill(0, writer.position, end);
    this.replyAt = isPadded ? end : writer.position;
    this.leaveForNext(status);
  }

  private leaveForNext(status: NtStatus): void {
    const before = this.predecessor;
    // What follows nothing leaves nothing: all related members behind it are as invalid.
    if (this.isRelated && before.sessionId === -1) return;
    before.sessionId = this.session?.id ?? -1;
    before.treeId = this.tree?.id ?? this.treeId;
    if (this.command === Command.CREATE || !this.isRelated) {
      before.failure = status >>> 30 === 3 ? status : undefined;
      before.open = before.failure === undefined ? this.open : undefined;
    } else if (this.open !== undefined) {
      before.open = this.open;
    }
  }

  /** Writes the reply's header for the current member at `at`, credits granted, unsigned. */
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
    // The interim response granted for this request already; 3.3.4.2.
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
    view.setUint32(at + HeaderOffset.SIGNATURE, 0, true);
    view.setUint32(at + HeaderOffset.SIGNATURE + 4, 0, true);
    view.setUint32(at + HeaderOffset.SIGNATURE + 8, 0, true);
    view.setUint32(at + HeaderOffset.SIGNATURE + 12, 0, true);
  }

  /** Links, signs and sends every completed member; a later one starts a frame of its own. */
  sendFinished(): void {
    const reply = this.reply;
    const count = this.starts.length;
    if (reply === undefined || count === 0) return;
    for (let i = 0; i < count; i++) {
      const start = this.starts[i] ?? 0;
      const end = i + 1 < count ? (this.starts[i + 1] ?? 0) : this.replyAt;
      if (i + 1 < count) reply.view.setUint32(start + HeaderOffset.NEXT_COMMAND, end - start, true);
      const key = this.keys[i];
      if (key !== undefined && this.sealedBy === undefined) this.connection.sign(key, reply, start, end);
      this.onReply?.(reply.bytes.subarray(start, end));
    }
    this.onReply = undefined;
    this.connection.sendReply(reply, this.replyAt, this.sealedBy);
    this.reply = undefined;
    this.replyAt = HEAD_ROOM;
    this.starts.length = 0;
    this.keys.length = 0;
  }

  /** Lets go of the bytes of a last member that may wait for hours; the fields read from its header stay. */
  dropRequest(): void {
    if (this.loan !== undefined) this.context.pool.release(this.loan);
    this.loan = undefined;
    this.message.set(NO_BYTES, NO_VIEW, 0, 0);
  }

  /** Gives back the request's and the reply's buffers; called once, when nothing of them is needed. */
  dispose(): void {
    if (this.loan !== undefined) this.context.pool.release(this.loan);
    this.loan = undefined;
    if (this.reply !== undefined) this.context.pool.release(this.reply);
    this.reply = undefined;
    this.sealedBy = undefined;
    this.session = undefined;
    this.tree = undefined;
    this.open = undefined;
    this.predecessor.open = undefined;
    this.cancel = undefined;
    this.onReply = undefined;
    this.starts.length = 0;
    this.keys.length = 0;
    this.message.set(NO_BYTES, NO_VIEW, 0, 0);
    this.writer.set(NO_BYTES, NO_VIEW, 0, 0);
    const after = this.afterSend;
    this.afterSend = undefined;
    after?.();
  }

  /** A failure in the middle of writing a body must not leave half of it. */
  dropBody(): void {
    if (this.reply !== undefined) this.writer.position = this.replyAt + HEADER_SIZE;
  }

  /** The status for what a handler threw. Anything but a WireError is a bug of ours: told in the log, never to the client. */
  failed(error: unknown): NtStatus {
    this.dropBody();
    if (error instanceof WireError) return Status.INVALID_PARAMETER;
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.context.log.error(`internal error in ${this.row?.name ?? "dispatch"}: ${text}`);
    return Status.INTERNAL_ERROR;
  }
}
