// The RPC association of one open pipe: assembles request fragments, runs calls, queues reply fragments.
// C706 12.6, [MS-RPCE] 3.3.1.5. Does no I/O and uses no clock.
import type { Identity } from "../../port/port.ts";
import { WireError } from "../../wire/cursor.ts";
import { type NtStatus, Status } from "../../wire/status.ts";
import type { RpcContext, RpcInterface } from "./interface.ts";
import { NdrReader, NdrWriter } from "./ndr.ts";
import {
  BindReason,
  BindResult,
  type ContextResult,
  decodeBind,
  decodeHeader,
  decodeRequest,
  encodeBindAck,
  encodeBindNak,
  encodeFault,
  encodeResponse,
  FaultStatus,
  FEATURE_NEGOTIATION_PREFIX,
  HEADER_BYTES,
  MAX_FRAGMENT_BYTES,
  MIN_FRAGMENT_BYTES,
  NakReason,
  NDR20,
  PduFlag,
  type PduHeader,
  PduType,
  type PresentationContext,
} from "./pdu.ts";

/** Limit for the stub of one call over all its fragments; the operations take only names and numbers. */
export const MAX_REQUEST_BYTES = 64 * 1024;
/** Replies not yet read; above this limit no further call is accepted. */
export const MAX_UNREAD_BYTES = 256 * 1024;
/** Fragments of one call, and replies not yet read: each takes memory beside its bytes, however few it has. */
export const MAX_PIECES = 1024;
/** Memory of a stored fragment or reply beside its bytes. */
const PIECE_BYTES = 256;
/** Presentation contexts that one association may bind. */
export const MAX_CONTEXTS = 16;

/** A call whose last fragment has not arrived. */
interface Pending {
  readonly callId: number;
  readonly contextId: number;
  readonly opnum: number;
  readonly littleEndian: boolean;
  parts: Uint8Array[];
  bytes: number;
}

export interface PipeRead {
  readonly status: NtStatus;
  readonly data: Uint8Array;
  /** The fragment has more bytes: STATUS_BUFFER_OVERFLOW. */
  readonly more: boolean;
}

const NOTHING = new Uint8Array(0);

export class Association {
  private readonly interfaces: readonly RpcInterface[];
  private readonly context: RpcContext;
  private readonly identity: Identity;
  /** Secondary address in BIND_ACK, such as `\pipe\srvsvc`. */
  private readonly address: string;
  private readonly group: number;
  private readonly contexts = new Map<number, RpcInterface>();
  private isBound = false;
  /** The client violated the protocol: it may only read the last fault. */
  private isBroken = false;
  private maxFragment = MIN_FRAGMENT_BYTES;
  private input: Uint8Array = NOTHING;
  private pending: Pending | undefined;
  private output: Uint8Array[] = [];
  private outputBytes = 0;

  constructor(
    interfaces: readonly RpcInterface[],
    context: RpcContext,
    identity: Identity,
    address: string,
    group: number,
  ) {
    this.interfaces = interfaces;
    this.context = context;
    this.identity = identity;
    this.address = address;
    this.group = group;
  }

  /** Memory of the calls that are not complete and of the replies that are not read. */
  get heldBytes(): number {
    const { pending, input, output } = this;
    const pieces = output.length + (pending?.parts.length ?? 0);
    return input.length + this.outputBytes + (pending?.bytes ?? 0) + pieces * PIECE_BYTES;
  }

  private get hasManyUnread(): boolean {
    return this.outputBytes > MAX_UNREAD_BYTES || this.output.length > MAX_PIECES;
  }

  /**
   * Accepts bytes of any number of fragments, partial ones too. STATUS_PIPE_DISCONNECTED after a protocol
   * error, STATUS_PIPE_BUSY while too many replies are unread.
   */
  write(data: Uint8Array): NtStatus {
    if (this.isBroken) return Status.PIPE_DISCONNECTED;
    if (this.hasManyUnread) return Status.PIPE_BUSY;
    try {
      let rest = this.input.length === 0 ? data : join([this.input, data]);
      while (rest.length >= HEADER_BYTES) {
        const header = decodeHeader(rest);
        if (header.fragmentLength > MAX_FRAGMENT_BYTES) return this.fail(header.callId);
        if (rest.length < header.fragmentLength) break;
        this.handle(header, rest.subarray(0, header.fragmentLength));
        rest = rest.subarray(header.fragmentLength);
        if (this.isBroken) return Status.SUCCESS;
      }
      // Copied, because the request's buffer is reused. Shorter than a fragment, so bounded.
      this.input = rest.slice();
      return Status.SUCCESS;
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      return this.fail(0);
    }
  }

  /** Reads up to `length` bytes of the oldest unread fragment; STATUS_PIPE_EMPTY if there is none. */
  read(length: number): PipeRead {
    const first = this.output[0];
    if (!first) {
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

  private handle(header: PduHeader, pdu: Uint8Array): void {
    switch (header.type) {
      case PduType.BIND:
      case PduType.ALTER_CONTEXT:
        return this.bind(header, pdu);
      case PduType.REQUEST:
        return this.request(header, pdu);
      case PduType.CO_CANCEL:
        // Calls are answered at once: there is none to cancel.
        return;
      case PduType.ORPHANED:
        this.pending = undefined;
        return;
      default:
        this.fail(header.callId);
    }
  }

  private bind(header: PduHeader, pdu: Uint8Array): void {
    const isAlter = header.type === PduType.ALTER_CONTEXT;
    // BIND is allowed once, ALTER_CONTEXT only after it, and neither between the fragments of a call.
    if (isAlter !== this.isBound || this.pending) {
      if (isAlter) this.fail(header.callId);
      else this.send(encodeBindNak(header.callId, NakReason.NOT_SPECIFIED));
      return;
    }
    // RPC-level authentication is not offered: the SMB session is authenticated already.
    if (header.authLength !== 0) {
      this.send(encodeBindNak(header.callId, NakReason.AUTHENTICATION_TYPE));
      return;
    }
    if (header.minorVersion > 1) {
      this.send(encodeBindNak(header.callId, NakReason.PROTOCOL_VERSION));
      return;
    }
    const bind = decodeBind(pdu, header.littleEndian);
    const results = bind.contexts.map((context) => this.accept(context));
    this.isBound = true;
    if (!isAlter) {
      this.maxFragment = Math.min(Math.max(bind.maxReceiveFragment, MIN_FRAGMENT_BYTES), MAX_FRAGMENT_BYTES);
    }
    const type = isAlter ? PduType.ALTER_CONTEXT_RESP : PduType.BIND_ACK;
    this.send(encodeBindAck(type, header.callId, this.group, isAlter ? "" : this.address, results));
  }

  private accept(context: PresentationContext): ContextResult {
    const { uuid, major, minor } = context.abstractSyntax;
    const rejected = (reason: number): ContextResult => ({ result: BindResult.PROVIDER_REJECTION, reason });
    const rpc = this.interfaces.find(
      (each) => each.uuid === uuid && each.major === major && each.minor >= minor,
    );
    if (!rpc) return rejected(BindReason.ABSTRACT_SYNTAX);
    const isNdr = context.transferSyntaxes.some(
      (syntax) => syntax.uuid === NDR20.uuid && syntax.major === NDR20.major && syntax.minor === NDR20.minor,
    );
    if (!isNdr) {
      // The reason is the mask of features that both sides support; this server supports none.
      const isNegotiation = context.transferSyntaxes[0]?.uuid.startsWith(FEATURE_NEGOTIATION_PREFIX);
      if (isNegotiation) return { result: BindResult.NEGOTIATE_ACK, reason: 0 };
      return rejected(BindReason.TRANSFER_SYNTAXES);
    }
    if (this.contexts.size >= MAX_CONTEXTS && !this.contexts.has(context.id)) {
      return rejected(BindReason.LOCAL_LIMIT);
    }
    this.contexts.set(context.id, rpc);
    return { result: BindResult.ACCEPTANCE, reason: BindReason.NOT_SPECIFIED };
  }

  private request(header: PduHeader, pdu: Uint8Array): void {
    const { contextId, opnum, stub } = decodeRequest(pdu, header);
    const { callId, littleEndian } = header;
    const isFirst = (header.flags & PduFlag.FIRST_FRAG) !== 0;
    const isLast = (header.flags & PduFlag.LAST_FRAG) !== 0;
    if (!this.isBound || header.authLength !== 0 || isFirst === (this.pending !== undefined)) {
      this.fail(callId);
      return;
    }
    this.pending ??= { callId, contextId, opnum, littleEndian, parts: [], bytes: 0 };
    const call = this.pending;
    const isSame = call.callId === callId && call.contextId === contextId && call.opnum === opnum;
    const isTooLong = call.bytes + stub.length > MAX_REQUEST_BYTES || call.parts.length >= MAX_PIECES;
    if (!isSame || call.littleEndian !== littleEndian || isTooLong) {
      this.fail(callId);
      return;
    }
    call.bytes += stub.length;
    // The last part is used at once; earlier ones must outlive the request's buffer.
    if (stub.length > 0) call.parts.push(isLast ? stub : stub.slice());
    if (!isLast) return;
    this.pending = undefined;
    this.call(call);
  }

  private call(call: Pending): void {
    const { callId, contextId, opnum } = call;
    // One write may contain thousands of small calls with large replies.
    if (this.hasManyUnread) {
      this.fail(callId);
      return;
    }
    const bound = this.contexts.get(contextId);
    const operation = bound?.operations[opnum];
    if (!operation) {
      const status = bound ? FaultStatus.OPERATION_RANGE : FaultStatus.UNKNOWN_INTERFACE;
      this.send(encodeFault(callId, contextId, status));
      return;
    }
    const [only] = call.parts;
    const stub = call.parts.length === 1 && only ? only : join(call.parts);
    const output = new NdrWriter();
    try {
      const input = new NdrReader(stub, call.littleEndian);
      operation({ context: this.context, identity: this.identity, input, output });
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.send(encodeFault(callId, contextId, FaultStatus.BAD_STUB_DATA));
      return;
    }
    for (const fragment of encodeResponse(callId, contextId, output.finish(), this.maxFragment)) {
      this.send(fragment);
    }
  }

  private send(fragment: Uint8Array): void {
    this.output.push(fragment);
    this.outputBytes += fragment.length;
  }

  // After a protocol error the start of the next fragment is unknown.
  private fail(callId: number): NtStatus {
    this.isBroken = true;
    this.pending = undefined;
    this.input = NOTHING;
    this.contexts.clear();
    this.send(encodeFault(callId, 0, FaultStatus.PROTOCOL_ERROR));
    return Status.SUCCESS;
  }
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
