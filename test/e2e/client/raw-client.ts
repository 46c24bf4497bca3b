// A raw SMB2 client for tests: a test can set any field of any message and send any bytes.
// [MS-SMB2] 3.2; the client checks replies as a real client does: signatures, sealing, message ids.
import { nativeProvider as provider } from "../../../src/crypto/native.ts";
import { extendPreauthHash, initialPreauthHash } from "../../../src/crypto/preauth.ts";
import { Message, Writer } from "../../../src/wire/cursor.ts";
import {
  HEADER_SIZE,
  type Header,
  HeaderFlag,
  HeaderOffset,
  PROTOCOL_SMB2,
  PROTOCOL_TRANSFORM,
  readHeader,
  writeHeader,
} from "../../../src/wire/header.ts";
import {
  Capability,
  decodeNegotiateResponse,
  Dialect,
  type NegotiateResponse,
} from "../../../src/wire/command/negotiate.ts";
import { Cipher, SigningAlgorithm } from "../../../src/wire/context/negotiate-context.ts";
import { decodeSessionSetupResponse } from "../../../src/wire/command/session-setup.ts";
import { Status, statusName } from "../../../src/wire/status.ts";
import { transformSessionId } from "../../../src/wire/transform.ts";
import { decodeTreeConnectResponse } from "../../../src/wire/command/tree-connect.ts";
import {
  type Call,
  type LogOnOptions,
  negotiateCall,
  type NegotiateOptions,
  type Pending,
  type Reply,
  sessionSetupCall,
  treeConnectCall,
} from "./raw-calls.ts";
import { NtlmExchange } from "./raw-ntlm.ts";
import { type Algorithms, RawSession } from "./raw-session.ts";
import { ReplyAudit } from "./reply-audit.ts";
import { ConnectionClosed, type FrameSocket, type Place, RawSocket } from "./raw-socket.ts";

/** Thrown for a response with a status other than STATUS_SUCCESS; `what` names the request. */
export class StatusError extends Error {
  override readonly name = "StatusError";
  readonly status: number;
  constructor(what: string, status: number) {
    super(`${what}: ${statusName(status)} (0x${status.toString(16)})`);
    this.status = status;
  }
}

const DEFAULT_ROOM = 64 * 1024;
const REPLY_TIMEOUT_MS = 20_000;

interface Waiter {
  readonly resolve: (reply: Reply) => void;
  readonly resolveInterim: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

export class RawClient<S extends FrameSocket = RawSocket> {
  readonly socket: S;
  /** Replies with a message id that no caller waits for: breaks, and replies to requests sent by hand. */
  readonly unclaimed: Reply[] = [];
  /** Received bytes that are not SMB2 messages. */
  readonly strange: Uint8Array[] = [];
  readonly sessions = new Map<number, RawSession>();
  negotiated: NegotiateResponse | undefined;
  algorithms: Algorithms = { dialect: 0, cipher: 0, signing: SigningAlgorithm.HMAC_SHA256 };
  preauthHash = initialPreauthHash();
  nextMessageId = 0;
  /** Unused message ids that the server has granted. */
  credits = 1;
  /** Called with each sealed frame before it is decrypted. */
  onSealed: (frame: Uint8Array) => void = () => undefined;
  /** Until the test sends messages of its own, whose replies may be anything. */
  audit: ReplyAudit | undefined = new ReplyAudit();
  private readonly waiters = new Map<number, Waiter>();
  private unclaimedWaiters: (() => void)[] = [];
  private creditWaiters: (() => void)[] = [];

  constructor(socket: S) {
    this.socket = socket;
    socket.onFrame = (frame) => this.takeFrame(frame);
    void socket.closed.then(() => {
      for (const waiter of this.waiters.values()) waiter.reject(new ConnectionClosed("connection closed"));
      this.waiters.clear();
      this.wake();
    });
  }

  static async connect(place: Place, localAddress?: string): Promise<RawClient> {
    return new RawClient(await RawSocket.connect(place, localAddress));
  }

  close(): void {
    this.socket.destroy();
  }

  /** Encodes one request and signs it when `call` or the session requires it. */
  build(call: Call): { bytes: Uint8Array; messageId: number } {
    const hasCharge = this.algorithms.dialect > Dialect.SMB_2_0_2;
    const creditCharge = call.creditCharge ?? (hasCharge ? 1 : 0);
    const messageId = call.messageId ?? this.nextMessageId;
    if (call.messageId === undefined) {
      this.nextMessageId += Math.max(1, creditCharge);
      this.credits -= Math.max(1, creditCharge);
    }
    const { session } = call;
    const writer = new Writer(new Uint8Array(HEADER_SIZE + (call.room ?? DEFAULT_ROOM)));
    writeHeader(writer, {
      creditCharge,
      status: call.status ?? 0,
      command: call.command,
      credits: call.credits ?? creditCharge + 31,
      flags: call.flags ?? 0,
      nextCommand: 0,
      messageId,
      asyncId: call.asyncId ?? 0,
      treeId: call.treeId ?? 0,
      sessionId: call.sessionId ?? session?.id ?? 0,
    });
    call.body(writer);
    const bytes = writer.bytes.subarray(0, writer.position);
    call.edit?.(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    if (session && (call.sign ?? (session.signs && !session.seals))) session.sign(bytes);
    const sent = call.editSigned?.(bytes) ?? bytes;
    this.audit?.addRequest(messageId, sent);
    return { bytes: sent, messageId };
  }

  /** Sends messages in one frame, sealed when the session seals. */
  transmit(messages: Uint8Array, session: RawSession | undefined): void {
    this.audit = undefined;
    this.send(messages, session);
  }

  private send(messages: Uint8Array, session: RawSession | undefined): void {
    this.socket.sendFrame(session?.seals ? session.seal(messages) : messages);
  }

  /** Sends one request and returns without waiting for the reply. */
  start(call: Call): Pending {
    const { bytes, messageId } = this.build(call);
    const pending = this.expect(messageId);
    this.send(bytes, call.session);
    return pending;
  }

  /** Sends one request and waits for its final reply. Throws ConnectionClosed. */
  request(call: Call): Promise<Reply> {
    return this.start(call).reply;
  }

  /** As `request`; throws StatusError named `what` when the status is not STATUS_SUCCESS. */
  async demand(what: string, call: Call): Promise<Reply> {
    const reply = await this.request(call);
    if (reply.status !== Status.SUCCESS) throw new StatusError(what, reply.status);
    return reply;
  }

  /** Sends one request; returns its final status, or `closed` when the connection ends first. */
  async outcome(call: Call): Promise<number | "closed"> {
    try {
      return (await this.request(call)).status;
    } catch (error) {
      if (error instanceof ConnectionClosed) return "closed";
      throw error;
    }
  }

  /** Sends requests as one compound: each is signed separately, all but the last are padded to 8 bytes. */
  compound(calls: readonly Call[]): Promise<Reply>[] {
    const parts: Uint8Array[] = [];
    const replies: Promise<Reply>[] = [];
    for (const [index, call] of calls.entries()) {
      const isLast = index === calls.length - 1;
      const room = (call.room ?? DEFAULT_ROOM) + 8;
      const body = (writer: Writer): void => {
        call.body(writer);
        if (isLast) return;
        writer.align(8);
        writer.patch32(HeaderOffset.NEXT_COMMAND, writer.position);
      };
      const { bytes, messageId } = this.build({ ...call, room, body });
      replies.push(this.expect(messageId).reply);
      parts.push(bytes);
    }
    this.send(new Uint8Array(Buffer.concat(parts)), calls[0]?.session);
    return replies;
  }

  /** Registers a message id whose reply the caller waits for; for requests that are sent by hand. */
  expect(messageId: number): Pending {
    let resolveInterim: (reply: Reply) => void = () => undefined;
    const interim = new Promise<Reply>((resolve) => {
      resolveInterim = resolve;
    });
    const reply = new Promise<Reply>((resolve, rejectPlain) => {
      const timer = setTimeout(
        () => this.waiters.get(messageId)?.reject(new Error(`no reply to message ${messageId} within 20 s`)),
        REPLY_TIMEOUT_MS,
      );
      const settle = (): void => {
        clearTimeout(timer);
        this.waiters.delete(messageId);
      };
      const reject = (error: Error): void => {
        settle();
        rejectPlain(error);
      };
      if (this.socket.isClosed) {
        reject(new ConnectionClosed("connection closed"));
        return;
      }
      this.waiters.set(messageId, {
        resolveInterim,
        reject,
        resolve: (value) => {
          settle();
          resolve(value);
        },
      });
    });
    // A test may ignore this reply: a rejection must not become an unhandled one.
    reply.catch(() => undefined);
    return { messageId, interim, reply };
  }

  /** Takes the next unclaimed reply; undefined when the connection ends or the time-out expires first. */
  async nextUnclaimed(timeoutMs = 2000): Promise<Reply | undefined> {
    const end = performance.now() + timeoutMs;
    while (this.unclaimed.length === 0) {
      const left = end - performance.now();
      if (left <= 0 || this.socket.isClosed) return undefined;
      let timer: ReturnType<typeof setTimeout> | undefined;
      await new Promise<void>((resolve) => {
        this.unclaimedWaiters.push(resolve);
        timer = setTimeout(resolve, left);
      });
      clearTimeout(timer);
    }
    return this.unclaimed.shift();
  }

  /** True when the connection closes within the time-out. */
  async isClosedSoon(timeoutMs = 3000): Promise<boolean> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await Promise.race([
      this.socket.closed,
      new Promise<void>((resolve) => {
        timer = setTimeout(resolve, timeoutMs);
      }),
    ]);
    clearTimeout(timer);
    return this.socket.isClosed;
  }

  /** Waits until `count` credits are available. Throws ConnectionClosed. */
  async awaitCredits(count: number): Promise<void> {
    while (this.credits < count) {
      if (this.socket.isClosed) throw new ConnectionClosed("connection closed");
      await new Promise<void>((resolve) => this.creditWaiters.push(resolve));
    }
  }

  /** Sends NEGOTIATE. Throws StatusError. */
  async negotiate(options: NegotiateOptions = {}): Promise<NegotiateResponse> {
    const { bytes, messageId } = this.build(negotiateCall(options));
    const { reply } = this.expect(messageId);
    this.send(bytes, undefined);
    const answer = await reply;
    if (answer.status !== Status.SUCCESS) throw new StatusError("NEGOTIATE", answer.status);
    const response = decodeNegotiateResponse(answer.message);
    this.negotiated = response;
    this.algorithms = algorithmsOf(response);
    if (response.dialect === Dialect.SMB_3_1_1) {
      this.preauthHash = extendPreauthHash(provider, this.preauthHash, bytes);
      this.preauthHash = extendPreauthHash(provider, this.preauthHash, answer.message.bytes);
    }
    return response;
  }

  /** Logs on with NTLM. Throws StatusError. */
  async logOn(options: LogOnOptions): Promise<RawSession> {
    const exchange = new NtlmExchange(provider, options);
    let hash = this.preauthHash;
    let sessionId = options.session?.id ?? 0;
    let buffer = exchange.first();
    for (let leg = 1; ; leg++) {
      const request = this.build(sessionSetupCall(options, buffer, sessionId));
      const { reply } = this.expect(request.messageId);
      hash = extendPreauthHash(provider, hash, request.bytes);
      this.send(request.bytes, options.session);
      const answer = await reply;
      if (answer.status !== Status.SUCCESS && answer.status !== Status.MORE_PROCESSING_REQUIRED) {
        throw new StatusError("SESSION_SETUP", answer.status);
      }
      const response = decodeSessionSetupResponse(answer.message);
      if (answer.status === Status.SUCCESS) {
        if (options.session) return options.session;
        const session = new RawSession(
          provider,
          answer.header.sessionId,
          this.algorithms,
          exchange.sessionKey,
          hash,
          response.sessionFlags,
        );
        if (options.isAnonymous) session.signs = false;
        this.sessions.set(session.id, session);
        checkFinalLeg(session, answer);
        if (!options.isRaw && !options.isAnonymous && !options.withoutMechListMic && session.signs) {
          if (!exchange.isFinalMicValid(response.securityBuffer)) {
            throw new Error("the server's mechListMIC is missing or wrong");
          }
        }
        return session;
      }
      if (leg > 3) throw new Error("the server did not end the log-on after 4 SESSION_SETUP requests");
      hash = extendPreauthHash(provider, hash, answer.message.bytes);
      sessionId = answer.header.sessionId;
      buffer = exchange.second(response.securityBuffer);
    }
  }

  /** Connects to a share and returns the tree id. Throws StatusError. */
  async connectTree(session: RawSession, share: string): Promise<number> {
    const reply = await this.demand(`TREE_CONNECT ${share}`, treeConnectCall(session, share));
    decodeTreeConnectResponse(reply.message);
    return reply.header.treeId;
  }

  private takeFrame(frame: Uint8Array): void {
    const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    if (frame.length < 4) {
      this.strange.push(frame);
      return;
    }
    if (view.getUint32(0, true) !== PROTOCOL_TRANSFORM) {
      this.takeMessages(frame, undefined);
      return;
    }
    this.onSealed(frame);
    const session = this.sessions.get(transformSessionId(view, 0));
    if (session === undefined) throw new Error("received a frame sealed for an unknown session");
    this.takeMessages(session.open(frame).slice(), session);
  }

  private takeMessages(bytes: Uint8Array, sealedBy: RawSession | undefined): void {
    let at = 0;
    while (at < bytes.length) {
      const view = new DataView(bytes.buffer, bytes.byteOffset + at, bytes.length - at);
      if (view.byteLength < HEADER_SIZE || view.getUint32(0, true) !== PROTOCOL_SMB2) {
        this.strange.push(bytes.subarray(at));
        return;
      }
      const header = readHeader(view, 0);
      const end = header.nextCommand === 0 ? bytes.length : at + header.nextCommand;
      const own = bytes.slice(at, end);
      const fault = this.audit?.findFault(header, own);
      if (fault !== undefined) throw new Error(`no client would take this reply: ${fault}`);
      this.takeReply({
        header,
        status: header.status,
        message: new Message(own),
        signature: this.checkSignature(header, own, sealedBy),
        isSealed: sealedBy !== undefined,
      });
      at = end;
    }
  }

  private checkSignature(
    header: Header,
    own: Uint8Array,
    sealedBy: RawSession | undefined,
  ): Reply["signature"] {
    if (sealedBy !== undefined || (header.flags & HeaderFlag.SIGNED) === 0) return "none";
    const session = this.sessions.get(header.sessionId);
    if (session === undefined) return "unknown";
    return session.verify(own) ? "right" : "wrong";
  }

  private takeReply(reply: Reply): void {
    const { header } = reply;
    this.credits += header.credits;
    const wakers = this.creditWaiters;
    this.creditWaiters = [];
    for (const wake of wakers) wake();
    const waiter = this.waiters.get(header.messageId);
    if (waiter === undefined) {
      this.unclaimed.push(reply);
      this.wake();
    } else if (reply.signature === "wrong") {
      waiter.reject(new Error(`reply to message ${header.messageId} is wrongly signed`));
    } else if (reply.status === Status.PENDING && (header.flags & HeaderFlag.ASYNC_COMMAND) !== 0) {
      waiter.resolveInterim(reply);
    } else {
      waiter.resolve(reply);
    }
  }

  private wake(): void {
    for (const list of [this.unclaimedWaiters, this.creditWaiters]) for (const wake of list) wake();
    this.unclaimedWaiters = [];
    this.creditWaiters = [];
  }
}

// 3.2.5.3: the server signs the final response of a log-on unless the session is a guest's or anonymous;
// dialect 3.1.1 requires the signature.
function checkFinalLeg(session: RawSession, answer: Reply): void {
  if (!session.signs) return;
  if ((answer.header.flags & HeaderFlag.SIGNED) === 0) {
    if (session.algorithms.dialect === Dialect.SMB_3_1_1)
      throw new Error("final SESSION_SETUP response is not signed");
    return;
  }
  if (!session.verify(answer.message.bytes))
    throw new Error("final SESSION_SETUP response is wrongly signed");
}

function algorithmsOf(response: NegotiateResponse): Algorithms {
  const { dialect } = response;
  if (dialect === Dialect.SMB_3_1_1) {
    let cipher = 0;
    let signing: number = SigningAlgorithm.AES_CMAC;
    for (const context of response.contexts) {
      if (context.kind === "encryption") cipher = context.ciphers[0] ?? 0;
      if (context.kind === "signing") signing = context.algorithms[0] ?? signing;
    }
    return { dialect, cipher, signing };
  }
  const isSmb3 = dialect >= Dialect.SMB_3_0 && dialect !== Dialect.WILDCARD;
  const canSeal = isSmb3 && (response.capabilities & Capability.ENCRYPTION) !== 0;
  return {
    dialect,
    cipher: canSeal ? Cipher.AES_128_CCM : 0,
    signing: isSmb3 ? SigningAlgorithm.AES_CMAC : SigningAlgorithm.HMAC_SHA256,
  };
}
