// Direct TCP framing: a zero byte and a 24-bit big-endian length before each message; [MS-SMB2] 2.1, [MS-SMB]
// 2.1. Receives a byte stream and cuts it into messages, each in a pooled buffer of its own.
import { type BufferPool, type PooledBuffer, SMALL_BUFFER } from "./buffer-pool.ts";

/** RFC 1002 4.3: a NetBIOS session keep-alive, which some old clients send. Skipped. */
const NETBIOS_KEEP_ALIVE = 0x85;
/**
 * RFC 1002 4.3.2: a NetBIOS session request with the called and the calling name, which clients made for port
 * 139 send first.
 */
const NETBIOS_SESSION_REQUEST = 0x81;
/** Two encoded names without scopes have 68 bytes together, and at most 255 bytes each. */
const MAX_SESSION_REQUEST_BYTES = 510;

/**
 * Bytes received at once where messages are small: several of them, or the header and the first bytes of a
 * large one.
 */
const READ_AHEAD_BYTES = 16_384;
/** The same while the pool is low: what may not be handed over then waits in the smallest buffer. */
const READ_AHEAD_BYTES_WHEN_LOW = 508;
/** A message that lacks fewer bytes is received with what follows it. */
const MIN_DIRECT_BYTES = 4096;
/** The most bytes that one connection receives in one turn of the event loop. */
const MAX_TURN_BYTES = 8 * 1024 * 1024;
const HEADER_BYTES = 4;

/** What all connections receive small messages into: nothing stays here after `receive`. */
const readAhead = new Uint8Array(READ_AHEAD_BYTES);

export interface FrameSink {
  /** The largest message in bytes that the connection accepts in its present state. */
  maxFrameBytes(): number;
  /** False while no further message may be handed over: received bytes then wait for `resume`. */
  mayTakeFrame(): boolean;
  /** The pool has room for a message that was put back: `resume` may take it. */
  roomFreed(): void;
  /**
   * Receives bytes that have arrived on the socket into `bytes[at, at + length)`, without waiting. Returns
   * their number; 0 when there are none.
   */
  pull(bytes: Uint8Array, at: number, length: number): number;
  /**
   * Takes one complete message, the first `length` bytes of `buffer`, and the buffer with it. False stops the
   * assembler: the connection is closing.
   */
  takeFrame(buffer: PooledBuffer, length: number): boolean;
  /** Counts a NetBIOS keep-alive; false when there are too many. */
  takeKeepAlive(): boolean;
  /** Answers a NetBIOS session request; false when none is due. */
  takeSessionRequest(): boolean;
}

/** Received bytes that may not be handed over yet: `buffer.bytes[from, to)`. */
interface Deferred {
  readonly buffer: PooledBuffer;
  readonly from: number;
  readonly to: number;
}

/**
 * Assembles the messages of one connection. Between messages it holds no buffer, but one for up to
 * READ_AHEAD_BYTES that were received with a message and may not be handed over yet.
 */
export class FrameAssembler {
  /** Messages handed over so far. */
  frameCount = 0;
  /** Bytes received so far. */
  receivedBytes = 0;
  private readonly pool: BufferPool;
  private readonly sink: FrameSink;
  private partial: PooledBuffer | undefined;
  private frameBytes = 0;
  private filled = 0;
  private headerFilled = 0;
  private header = 0;
  private isSessionRequest = false;
  /** Bytes that were received while `mayTakeFrame` was false. */
  private deferred: Deferred | undefined;
  /** The first deferred message is large, and the pool is low. */
  private awaitsRoom = false;

  constructor(pool: BufferPool, sink: FrameSink) {
    this.pool = pool;
    this.sink = sink;
  }

  /** True between messages, when no byte of the next one has arrived. */
  isIdle(): boolean {
    return this.headerFilled === 0;
  }

  /**
   * Receives what the socket has, up to a limit, and hands over the messages in it. False when the connection
   * must be closed: the framing is invalid, a message exceeds `maxFrameBytes`, or the sink returned false.
   */
  receive(): boolean {
    if (!this.resume()) return false;
    for (let taken = 0; taken < MAX_TURN_BYTES && this.mayReceive();) {
      const missing = this.frameBytes - this.filled;
      const isDirect = this.partial !== undefined && missing >= MIN_DIRECT_BYTES;
      const ahead = this.pool.isLow() ? READ_AHEAD_BYTES_WHEN_LOW : READ_AHEAD_BYTES;
      const count = isDirect ? this.receiveDirect(missing) : this.sink.pull(readAhead, 0, ahead);
      if (count <= 0) return true;
      taken += count;
      this.receivedBytes += count;
      if (isDirect ? !this.endFull() : !this.cut(readAhead, 0, count)) return false;
      // The socket has no more now.
      if (count < (isDirect ? missing : ahead)) return true;
    }
    return true;
  }

  private mayReceive(): boolean {
    return this.deferred === undefined && (this.headerFilled > 0 || this.sink.mayTakeFrame());
  }

  /** Receives into the message's own buffer. */
  private receiveDirect(missing: number): number {
    const count = this.partial === undefined ? 0 : this.sink.pull(this.partial.bytes, this.filled, missing);
    if (count > 0) this.filled += count;
    return count;
  }

  /** True when received bytes wait for `resume`. */
  get hasDeferred(): boolean {
    return this.deferred !== undefined;
  }

  /** Continues with the deferred bytes while `mayTakeFrame` is true. False as in `receive`. */
  resume(): boolean {
    const { deferred } = this;
    if (deferred === undefined || this.awaitsRoom || !this.sink.mayTakeFrame()) return true;
    const { buffer, from, to } = deferred;
    this.deferred = undefined;
    const isSound = this.cut(buffer.bytes, from, to);
    this.pool.release(buffer);
    return isSound;
  }

  /** Messages larger than that have to wait in line where the pool has no room: their senders may be slow. */
  private mustWaitForRoom(): boolean {
    return this.frameBytes > SMALL_BUFFER && !this.pool.hasRoom(this.frameBytes);
  }

  /** Keeps `headerBytes` of the current header (0 or all) and `bytes[at, end)` for `resume`. */
  private defer(bytes: Uint8Array, at: number, end: number, headerBytes = 0): void {
    const to = headerBytes + end - at;
    const buffer = this.pool.acquire(to);
    if (headerBytes > 0) buffer.view.setUint32(0, this.header);
    buffer.bytes.set(bytes.subarray(at, end), headerBytes);
    this.deferred = { buffer, from: 0, to };
  }

  /** Puts the header and the first bytes of the current message back, until the pool has room. */
  private deferFrame(bytes: Uint8Array, at: number, end: number): void {
    this.defer(bytes, at, end, HEADER_BYTES);
    this.headerFilled = 0;
    this.awaitsRoom = true;
    this.pool.whenRoom(this.frameBytes, () => {
      this.awaitsRoom = false;
      this.sink.roomFreed();
    });
  }

  /** Hands over the messages in `bytes[at, end)`; the first bytes of an incomplete one go into its buffer. */
  private cut(bytes: Uint8Array, at: number, end: number): boolean {
    while (at < end) {
      if (this.headerFilled === 0 && !this.sink.mayTakeFrame()) {
        this.defer(bytes, at, end);
        return true;
      }
      if (this.headerFilled < HEADER_BYTES) {
        const byte = bytes[at++] ?? 0;
        this.header = this.headerFilled === 0 ? byte : (this.header << 8) | byte;
        this.headerFilled++;
        if (this.headerFilled < HEADER_BYTES) continue;
        if (!this.acceptHeader()) return false;
        if (this.headerFilled === 0) continue;
        if (this.mustWaitForRoom()) {
          this.deferFrame(bytes, at, end);
          return true;
        }
        this.partial = this.pool.acquire(this.frameBytes);
        this.filled = 0;
        continue;
      }
      const count = Math.min(this.frameBytes - this.filled, end - at);
      this.partial?.bytes.set(bytes.subarray(at, at + count), this.filled);
      this.filled += count;
      at += count;
      if (!this.endFull()) return false;
    }
    return true;
  }

  /** Hands over the current message if it is complete. */
  private endFull(): boolean {
    const { partial } = this;
    if (partial === undefined || this.filled < this.frameBytes) return true;
    this.partial = undefined;
    this.headerFilled = 0;
    this.frameCount++;
    if (!this.isSessionRequest) return this.sink.takeFrame(partial, this.frameBytes);
    this.pool.release(partial);
    return this.sink.takeSessionRequest();
  }

  /** Releases the buffer of an incomplete message and the deferred bytes. */
  close(): void {
    if (this.partial !== undefined) this.pool.release(this.partial);
    this.partial = undefined;
    if (this.deferred !== undefined) this.pool.release(this.deferred.buffer);
    this.deferred = undefined;
  }

  private acceptHeader(): boolean {
    const type = this.header >>> 24;
    this.frameBytes = this.header & 0xff_ffff;
    if (type === NETBIOS_KEEP_ALIVE && this.frameBytes === 0) {
      this.headerFilled = 0;
      return this.sink.takeKeepAlive();
    }
    this.isSessionRequest = type === NETBIOS_SESSION_REQUEST;
    if (this.isSessionRequest) return this.frameBytes > 0 && this.frameBytes <= MAX_SESSION_REQUEST_BYTES;
    return type === 0 && this.frameBytes > 0 && this.frameBytes <= this.sink.maxFrameBytes();
  }
}
