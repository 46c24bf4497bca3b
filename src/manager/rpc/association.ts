// The RPC association of one open pipe: assembles request fragments, runs calls, queues reply fragments.
// C706 12.6, [MS-RPCE] 3.3.1.5. Does no I/O and uses no clock.
import type { Identity, MaybePromise } from "../../port/port.ts";
import type { PipeServices } from "../../port/pipes.ts";
import { WireError } from "../../wire/cursor.ts";
import { type NtStatus, Status } from "../../wire/status.ts";
import { decodeTrailer, withTrailer } from "./auth-trailer.ts";
import { BindSecurity, type BindStep } from "./bind-security.ts";
import { Handles } from "./handles.ts";
import { isProven, type RpcContext, RpcFault } from "./interface.ts";
import { NdrReader, NdrWriter } from "./ndr.ts";
import {
  type BindPdu,
  decodeBind,
  decodeHeader,
  decodeRequest,
  encodeBindAck,
  encodeBindNak,
  encodeFault,
  encodeResponse,
  FaultStatus,
  HEADER_BYTES,
  MAX_FRAGMENT_BYTES,
  MIN_FRAGMENT_BYTES,
  NakReason,
  PduFlag,
  type PduHeader,
  PduType,
} from "./pdu.ts";
import { Presentation } from "./presentation.ts";
import { PendingCall } from "./pending-call.ts";

/** Replies not yet read; above this limit no further call is accepted. */
export const MAX_UNREAD_BYTES = 256 * 1024;
/** Replies not yet read: each takes memory beside its bytes, however few it has. */
const MAX_UNREAD = 1024;
/** Writes that wait for the end of a call. */
export const MAX_QUEUED_BYTES = 64 * 1024;
/** Memory of a stored reply beside its bytes. */
const PIECE_BYTES = 256;

export interface PipeRead {
  readonly status: NtStatus;
  readonly data: Uint8Array;
  /** The fragment has more bytes: STATUS_BUFFER_OVERFLOW. */
  readonly more: boolean;
}

/** What an association knows from its pipe. */
export interface AssociationParts {
  readonly context: RpcContext;
  readonly identity: Identity;
  readonly services: PipeServices;
  /** Secondary address in BIND_ACK, such as `\pipe\srvsvc`. */
  readonly address: string;
  readonly group: number;
}

const NOTHING = new Uint8Array(0);

export class Association {
  private readonly parts: AssociationParts;
  private readonly presentation = new Presentation();
  private readonly handles = new Handles();
  private readonly security: BindSecurity;
  private isBound = false;
  /** The client violated the protocol: it may only read the last fault. */
  private isBroken = false;
  private maxFragment = MIN_FRAGMENT_BYTES;
  private input: Uint8Array = NOTHING;
  private pending: PendingCall | undefined;
  private output: Uint8Array[] = [];
  private outputBytes = 0;
  /** Settles when the PDU under way is answered; writes and reads wait for it. */
  private busy: Promise<unknown> | undefined;
  private queuedBytes = 0;

  constructor(parts: AssociationParts) {
    this.parts = parts;
    this.security = new BindSecurity(() => parts.services.startLogon());
  }

  /** Memory of the calls that are not complete, the replies that are not read, and the open handles. */
  get heldBytes(): number {
    const { pending, input, output, handles } = this;
    const waiting = input.length + this.queuedBytes + (pending?.heldBytes ?? 0);
    return waiting + this.outputBytes + output.length * PIECE_BYTES + handles.heldBytes;
  }

  private get hasManyUnread(): boolean {
    return this.outputBytes > MAX_UNREAD_BYTES || this.output.length > MAX_UNREAD;
  }

  /**
   * Accepts bytes of any number of fragments, partial ones too; the buffer is the association's until the
   * answer. STATUS_PIPE_DISCONNECTED after a protocol error, STATUS_PIPE_BUSY while too many replies are
   * unread.
   */
  write(data: Uint8Array): MaybePromise<NtStatus> {
    if (this.busy) {
      if (this.queuedBytes + data.length > MAX_QUEUED_BYTES) return Status.PIPE_BUSY;
      this.queuedBytes += data.length;
      return this.busy.then(() => {
        this.queuedBytes -= data.length;
        return this.write(data);
      });
    }
    if (this.isBroken) return Status.PIPE_DISCONNECTED;
    if (this.hasManyUnread) return Status.PIPE_BUSY;
    return this.process(this.input.length === 0 ? data : Buffer.concat([this.input, data]));
  }

  /** Reads up to `length` bytes of the oldest unread fragment; STATUS_PIPE_EMPTY if there is none. */
  read(length: number): MaybePromise<PipeRead> {
    const first = this.output[0];
    if (!first) {
      if (this.busy) return this.busy.then(() => this.read(length));
      const status = this.isBroken ? Status.PIPE_DISCONNECTED : Status.PIPE_EMPTY;
      return { status, data: NOTHING, more: false };
    }
    const data = first.subarray(0, length);
    this.outputBytes -= data.length;
    const more = data.length < first.length;
    if (more) this.output[0] = first.subarray(data.length);
    else this.output.shift();
    return { status: Status.SUCCESS, data, more };
  }

  /** Takes the whole PDUs of `bytes`, and keeps the rest. */
  private process(bytes: Uint8Array): MaybePromise<NtStatus> {
    let rest = bytes;
    try {
      while (rest.length >= HEADER_BYTES && !this.isBroken) {
        const header = decodeHeader(rest);
        if (header.fragmentLength > MAX_FRAGMENT_BYTES) return this.fail(header.callId);
        if (rest.length < header.fragmentLength) break;
        const answered = this.handle(header, rest.subarray(0, header.fragmentLength));
        rest = rest.subarray(header.fragmentLength);
        if (answered instanceof Promise) return this.processLater(answered, rest);
      }
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      return this.fail(0);
    }
    // Copied, because the request's buffer is reused. Shorter than a fragment, so bounded.
    this.input = this.isBroken ? NOTHING : rest.slice();
    return Status.SUCCESS;
  }

  private processLater(answered: Promise<void>, rest: Uint8Array): Promise<NtStatus> {
    this.input = rest;
    const done = answered.then(
      () => {
        this.busy = undefined;
        return this.process(rest);
      },
      (error: unknown) => {
        this.busy = undefined;
        if (!(error instanceof WireError)) throw error;
        return this.fail(0);
      },
    );
    // Those that wait for the end come after what `process` starts next.
    this.busy = done.catch(() => undefined);
    return done;
  }

  private handle(header: PduHeader, pdu: Uint8Array): MaybePromise<void> {
    switch (header.type) {
      case PduType.BIND:
      case PduType.ALTER_CONTEXT:
        return this.bind(header, pdu);
      case PduType.AUTH3:
        return this.finishLogon(header, pdu);
      case PduType.REQUEST:
        return this.request(header, pdu);
      case PduType.CO_CANCEL:
        // A call is answered as soon as it can be: there is none to cancel.
        return;
      case PduType.ORPHANED:
        this.pending = undefined;
        return;
      default:
        this.fail(header.callId);
    }
  }

  private bind(header: PduHeader, pdu: Uint8Array): MaybePromise<void> {
    const { callId, littleEndian } = header;
    const isAlter = header.type === PduType.ALTER_CONTEXT;
    // BIND is allowed once, ALTER_CONTEXT only after it, and neither between the fragments of a call.
    if (isAlter !== this.isBound || this.pending) {
      if (isAlter) this.fail(callId);
      else this.send(encodeBindNak(callId, NakReason.NOT_SPECIFIED));
      return;
    }
    const trailer = decodeTrailer(pdu, header);
    if (!isAlter && trailer !== undefined && !BindSecurity.isOffered(trailer)) {
      this.send(encodeBindNak(callId, NakReason.AUTHENTICATION_TYPE));
      return;
    }
    if (header.minorVersion > 1) {
      this.send(encodeBindNak(callId, NakReason.PROTOCOL_VERSION));
      return;
    }
    const bind = decodeBind(trailer === undefined ? pdu : pdu.subarray(0, trailer.bodyEnd), littleEndian);
    const coversHeader = (header.flags & PduFlag.SUPPORT_HEADER_SIGN) !== 0;
    return after(trailer && this.security.step(trailer, coversHeader), (step) =>
      this.acceptBind(header, bind, step),
    );
  }

  private acceptBind(header: PduHeader, bind: BindPdu, step: BindStep | undefined): MaybePromise<void> {
    const { callId } = header;
    const isAlter = header.type === PduType.ALTER_CONTEXT;
    if (step?.kind === "refused") {
      if (isAlter) this.refuse(callId, FaultStatus.ACCESS_DENIED);
      else this.send(encodeBindNak(callId, NakReason.NOT_SPECIFIED));
      return;
    }
    this.isBound = true;
    if (!isAlter) {
      this.maxFragment = Math.min(Math.max(bind.maxReceiveFragment, MIN_FRAGMENT_BYTES), MAX_FRAGMENT_BYTES);
    }
    return after(this.presentation.negotiate(bind.contexts), (results) => {
      const ack = encodeBindAck({
        type: isAlter ? PduType.ALTER_CONTEXT_RESP : PduType.BIND_ACK,
        callId,
        flags: header.flags & PduFlag.SUPPORT_HEADER_SIGN,
        associationGroup: this.parts.group,
        secondaryAddress: isAlter ? "" : this.parts.address,
        results,
      });
      this.send(this.withToken(ack, step?.token));
    });
  }

  private withToken(ack: Uint8Array, token: Uint8Array | undefined): Uint8Array {
    const fields = this.security.trailerFields;
    if (token === undefined || fields === undefined) return ack;
    const { bytes, tokenAt } = withTrailer(ack, fields, token.length, 4);
    bytes.set(token, tokenAt);
    return bytes;
  }

  // AUTH3 has no answer: a refused log-on shows at the next call.
  private finishLogon(header: PduHeader, pdu: Uint8Array): MaybePromise<void> {
    const trailer = decodeTrailer(pdu, header);
    if (!this.isBound || trailer === undefined || this.security.state !== "unfinished") {
      this.fail(header.callId);
      return;
    }
    return after(this.security.step(trailer, false), () => undefined);
  }

  private request(header: PduHeader, pdu: Uint8Array): MaybePromise<void> {
    const { callId } = header;
    const { state } = this.security;
    if (!this.isBound || state === "unfinished" || (header.authLength !== 0 && !this.security.isUsed)) {
      this.fail(callId);
      return;
    }
    const body = state === "failed" ? undefined : this.security.open(pdu, header);
    if (body === undefined) {
      this.refuse(callId, state === "failed" ? FaultStatus.ACCESS_DENIED : FaultStatus.SECURITY_PACKAGE);
      return;
    }
    const isFirst = (header.flags & PduFlag.FIRST_FRAG) !== 0;
    const isLast = (header.flags & PduFlag.LAST_FRAG) !== 0;
    const request = decodeRequest(body, header);
    if (isFirst === (this.pending !== undefined)) {
      this.fail(callId);
      return;
    }
    const call = (this.pending ??= new PendingCall(header, request));
    if (!call.add(header, request, isLast)) {
      this.fail(callId);
      return;
    }
    if (!isLast) return;
    this.pending = undefined;
    return this.call(call);
  }

  private call(call: PendingCall): MaybePromise<void> {
    const { callId, contextId, opnum } = call;
    // One write may contain thousands of small calls with large replies.
    if (this.hasManyUnread) {
      this.fail(callId);
      return;
    }
    const bound = this.presentation.find(contextId);
    const operation = bound?.operations[opnum];
    if (!bound || !operation) {
      const status = bound ? FaultStatus.OPERATION_RANGE : FaultStatus.UNKNOWN_INTERFACE;
      this.send(encodeFault(callId, contextId, status));
      return;
    }
    const { context, services } = this.parts;
    const identity = this.security.identity ?? this.parts.identity;
    const isOpen = bound.open === "all" || bound.open.includes(opnum);
    // The account of a log-on in the bind may have changed since; those of sessions end with them.
    const isKnown = this.security.identity === undefined || this.isCurrent(identity);
    if ((!isOpen && !isProven(identity)) || !isKnown) {
      this.send(encodeFault(callId, contextId, FaultStatus.ACCESS_DENIED));
      return;
    }
    const output = new NdrWriter();
    const input = new NdrReader(call.stub(), call.littleEndian);
    const { handles } = this;
    const answer = (): void => this.answer(call, output);
    const refuse = (error: unknown): void => this.sendFault(call, error);
    try {
      const done = operation({ context, identity, handles, services, input, output });
      if (done instanceof Promise) return done.then(answer).catch(refuse);
      answer();
    } catch (error) {
      refuse(error);
    }
  }

  /** The log-on of the bind holds: those of sessions end with them. */
  private isCurrent(identity: Identity): boolean {
    const { context } = this.parts;
    const { expiresMs = Number.POSITIVE_INFINITY } = this.security;
    return context.isCurrent(identity) && context.now().wallTimeMs < expiresMs;
  }

  private answer({ callId, contextId }: PendingCall, output: NdrWriter): void {
    const { security } = this;
    const room = this.maxFragment - security.overhead;
    for (const fragment of encodeResponse(callId, contextId, output.finish(), room)) {
      this.send(security.protect(fragment));
    }
  }

  private sendFault({ callId, contextId }: PendingCall, error: unknown): void {
    if (error instanceof RpcFault) this.send(encodeFault(callId, contextId, error.status));
    else if (error instanceof WireError) this.send(encodeFault(callId, contextId, FaultStatus.BAD_STUB_DATA));
    else throw error;
  }

  private send(fragment: Uint8Array): void {
    this.output.push(fragment);
    this.outputBytes += fragment.length;
  }

  // After a protocol error the start of the next fragment is unknown.
  private fail(callId: number): NtStatus {
    return this.refuse(callId, FaultStatus.PROTOCOL_ERROR);
  }

  /** Ends the association with a fault. */
  private refuse(callId: number, status: number): NtStatus {
    this.isBroken = true;
    this.pending = undefined;
    this.input = NOTHING;
    this.presentation.clear();
    this.send(encodeFault(callId, 0, status));
    return Status.SUCCESS;
  }
}

/** Continues with a value or a promise of it. */
function after<T, R>(value: MaybePromise<T>, then: (value: T) => MaybePromise<R>): MaybePromise<R> {
  return value instanceof Promise ? value.then(then) : then(value);
}
