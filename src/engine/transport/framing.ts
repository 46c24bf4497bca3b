// Direct TCP framing: a zero byte and a 24-bit big-endian length before each message; [MS-SMB2] 2.1, [MS-SMB]
// 2.1. Splits a byte stream into messages; copies only those that span packets.
import type { BufferPool, PooledBuffer } from "./buffer-pool.ts";

/** RFC 1002 4.3: a NetBIOS session keep-alive, which some old clients send. Skipped. */
const NETBIOS_KEEP_ALIVE = 0x85;
/**
 * RFC 1002 4.3.2: a NetBIOS session request with the called and the calling name, which clients made for port 139 send
 * first.
 */
const NETBIOS_SESSION_REQUEST = 0x81;
/** Two encoded names without scopes have 68 bytes together, and at most 255 bytes each. */
const MAX_SESSION_REQUEST_BYTES = 510;

/** Bytes below which a recv(2) of its own does not pay. */
const MIN_PULL_BYTES = 16_384;
/** The most bytes that one connection pulls from its socket in one turn of the event loop. */
const MAX_PULLED_BYTES = 8 * 1024 * 1024;
/** Messages up to this size are received even while the pool is low: one of them may free buffers. */
const SMALL_FRAME_BYTES = 66_560;
const headerBytes = new Uint8Array(4);
const NO_BYTES = new Uint8Array(0);

export interface FrameSink {
  /** The largest message in bytes that the connection accepts in its present state. */
  maxFrameBytes(): number;
  /** False while no further message may be handed over: received bytes then wait for `resume`. */
  mayTakeFrame(): boolean;
  /** The pool has room for a message that was put back: `resume` may take it. */
  roomFreed(): void;
  /**
   * Receives bytes that have arrived on the socket into `bytes[at, at + length)`, without waiting. Returns
   * their number; 0 or less when there are none. Saves the copy through the event loop's buffers for a large
   * message.
   */
  pull(bytes: Uint8Array, at: number, length: number): number;
  /**
   * Takes one complete message, `bytes[start, start + length)`. Where `loan` is given, `bytes` belong to it
   * and the sink releases it; otherwise the sink owns the bytes. False stops the assembler: the connection is
   * closing.
   */
  takeFrame(bytes: Uint8Array, start: number, length: number, loan: PooledBuffer | undefined): boolean;
  /** Counts a NetBIOS keep-alive; false when there are too many. */
  takeKeepAlive(): boolean;
  /** Answers a NetBIOS session request; false when none is due. */
  takeSessionRequest(): boolean;
}

/** Assembles the messages of one connection. Between messages it holds no buffer but the deferred chunks. */
export class FrameAssembler {
  private readonly pool: BufferPool;
  private readonly sink: FrameSink;
  private partial: PooledBuffer | undefined;
  private frameBytes = 0;
  private filled = 0;
  private headerFilled = 0;
  private header = 0;
  private isSessionRequest = false;
  /** Chunks that arrived while `mayTakeFrame` was false. */
  private deferred: Uint8Array[] = [];
  /** The first deferred message is large, and the pool is low. */
  private awaitsRoom = false;
  /**
   * Set while further chunks are deferred: nothing may be pulled from the socket before they are consumed.
   */
  private hasMoreDeferred = false;

  constructor(pool: BufferPool, sink: FrameSink) {
    this.pool = pool;
    this.sink = sink;
  }

  /** True between messages, when no byte of the next one has arrived. */
  isIdle(): boolean {
    return this.headerFilled === 0;
  }

  /**
   * Takes the next bytes of the stream and ownership of `chunk`. False when the connection must be closed:
   * the framing is invalid, a message exceeds `maxFrameBytes`, or the sink returned false.
   */
  feed(chunk: Uint8Array): boolean {
    if (this.deferred.length > 0) {
      this.deferred.push(chunk);
      return true;
    }
    return this.split(chunk);
  }

  /** True when received bytes wait for `resume`. */
  get hasDeferred(): boolean {
    return this.deferred.length > 0;
  }

  /** Continues with the deferred chunks while `mayTakeFrame` is true. False as in `feed`. */
  resume(): boolean {
    while (this.deferred.length > 0 && !this.awaitsRoom && this.sink.mayTakeFrame()) {
      const chunk = this.deferred.shift();
      if (chunk === undefined) break;
      const waiting = this.deferred;
      this.deferred = [];
      this.hasMoreDeferred = waiting.length > 0;
      const isSound = this.split(chunk);
      this.hasMoreDeferred = false;
      this.deferred.push(...waiting);
      if (!isSound) return false;
    }
    return true;
  }

  /** Large messages that are still on their way have to wait while the pool is low: their senders may be slow. */
  private mustWaitForRoom(): boolean {
    return this.frameBytes > SMALL_FRAME_BYTES && this.pool.isLow();
  }

  /** Puts the header and the first bytes of the current message back, until the pool has room. */
  private deferFrame(rest: Uint8Array): void {
    const bytes = new Uint8Array(4 + rest.length);
    new DataView(bytes.buffer).setUint32(0, this.header);
    bytes.set(rest, 4);
    this.deferred.push(bytes);
    this.headerFilled = 0;
    this.awaitsRoom = true;
    this.pool.whenRoom(() => {
      this.awaitsRoom = false;
      this.sink.roomFreed();
    });
  }

  private split(chunk: Uint8Array): boolean {
    let at = 0;
    while (at < chunk.length) {
      if (this.headerFilled === 0 && at > 0 && !this.sink.mayTakeFrame()) {
        this.deferred.push(chunk.subarray(at));
        return true;
      }
      if (this.headerFilled < 4) {
        const byte = chunk[at++] ?? 0;
        this.header = this.headerFilled === 0 ? byte : (this.header << 8) | byte;
        this.headerFilled++;
        if (this.headerFilled < 4) continue;
        if (!this.acceptHeader()) return false;
        if (this.headerFilled === 0) continue;
        const isComplete = chunk.length - at >= this.frameBytes;
        if (isComplete) {
          this.headerFilled = 0;
          const start = at;
          at += this.frameBytes;
          if (!this.hand(chunk, start, undefined)) return false;
        } else if (this.mustWaitForRoom()) {
          this.deferFrame(chunk.subarray(at));
          return true;
        } else {
          this.partial = this.pool.acquire(this.frameBytes);
          this.filled = 0;
        }
        continue;
      }
      at = this.fill(chunk, at);
      if (at === chunk.length && !this.hasMoreDeferred) this.pullRest();
      if (this.filled === this.frameBytes) {
        if (!this.endFrame()) return false;
        if (
          at === chunk.length &&
          !this.hasMoreDeferred &&
          this.frameBytes >= MIN_PULL_BYTES &&
          !this.pullFrames()
        )
          return false;
      }
    }
    return true;
  }

  private endFrame(): boolean {
    const loan = this.partial;
    this.partial = undefined;
    this.headerFilled = 0;
    return loan !== undefined && this.hand(loan.bytes, 0, loan);
  }

  private hand(bytes: Uint8Array, start: number, loan: PooledBuffer | undefined): boolean {
    if (!this.isSessionRequest) return this.sink.takeFrame(bytes, start, this.frameBytes, loan);
    if (loan !== undefined) this.pool.release(loan);
    return this.sink.takeSessionRequest();
  }

  // The next message often follows a large one: it is read without another turn of the event loop, up to a
  // limit, so that other connections are not starved.
  private pullFrames(): boolean {
    for (let taken = 0; taken < MAX_PULLED_BYTES; taken += this.frameBytes + MIN_PULL_BYTES) {
      if (!this.sink.mayTakeFrame()) return true;
      const count = this.sink.pull(headerBytes, 0, 4 - this.headerFilled);
      for (let i = 0; i < count; i++) {
        this.header =
          this.headerFilled === 0 ? (headerBytes[i] ?? 0) : (this.header << 8) | (headerBytes[i] ?? 0);
        this.headerFilled++;
      }
      if (this.headerFilled < 4) return true;
      if (!this.acceptHeader()) return false;
      if (this.headerFilled === 0) continue;
      if (this.mustWaitForRoom()) {
        this.deferFrame(NO_BYTES);
        return true;
      }
      this.partial = this.pool.acquire(this.frameBytes);
      this.filled = 0;
      this.pullRest();
      if (this.filled < this.frameBytes) return true;
      if (!this.endFrame()) return false;
    }
    return true;
  }

  // Receives the rest of a large message into its pooled buffer, without a copy through the event loop's
  // buffers.
  private pullRest(): void {
    const { partial } = this;
    if (partial === undefined || this.frameBytes - this.filled < MIN_PULL_BYTES) return;
    while (this.filled < this.frameBytes) {
      const count = this.sink.pull(partial.bytes, this.filled, this.frameBytes - this.filled);
      if (count <= 0) return;
      this.filled += count;
    }
  }

  /** Releases the buffer of an incomplete message and the deferred chunks. */
  close(): void {
    if (this.partial !== undefined) this.pool.release(this.partial);
    this.partial = undefined;
    this.deferred = [];
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

  private fill(chunk: Uint8Array, at: number): number {
    const take = Math.min(this.frameBytes - this.filled, chunk.length - at);
    const isWholeChunk = at === 0 && take === chunk.length;
    this.partial?.bytes.set(isWholeChunk ? chunk : chunk.subarray(at, at + take), this.filled);
    this.filled += take;
    return at + take;
  }
}
