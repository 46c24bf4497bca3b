// Direct TCP framing: one zero byte and a 24-bit big-endian length before each message; [MS-SMB2] 2.1,
// [MS-SMB] 2.1. Cuts a byte stream into messages, copying only those that span packets.
import type { BufferPool, PooledBuffer } from "./buffer-pool.ts";

/** RFC 1002 4.3: a keep-alive of NetBIOS session service; harmless, and some old clients send it. */
const NETBIOS_KEEP_ALIVE = 0x85;

/** Less than this is not worth a call of its own. */
const LEAST_PULL = 16_384;
/** What one connection may take in one turn of the event loop beyond what it was handed. */
const MAX_PULLED_BYTES = 8 * 1024 * 1024;
const headerBytes = new Uint8Array(4);

export interface FrameSink {
  /** The largest message taken in the connection's present state, in bytes. */
  maxFrameBytes(): number;
  /** False while no further message is to be taken: what arrived stays where it is until `resume`. */
  mayTake(): boolean;
  /**
   * Receives what has arrived meanwhile into `bytes[at, at + length)`: the number of bytes, or nothing (0 or less).
   * A large message is filled this way without passing through other buffers.
   */
  pull(bytes: Uint8Array, at: number, length: number): number;
  /**
   * One whole message: `bytes[start, start + length)`. `loan` owns the bytes where they came from the pool,
   * and is then the sink's to release; otherwise the bytes are the sink's alone.
   * False: stop, the connection is closing.
   */
  takeFrame(bytes: Uint8Array, start: number, length: number, loan: PooledBuffer | undefined): boolean;
}

/** Assembles messages of one connection. Holds no buffer between messages, but for what came while none was taken. */
export class FrameAssembler {
  private readonly pool: BufferPool;
  private readonly sink: FrameSink;
  private partial: PooledBuffer | undefined;
  private frameBytes = 0;
  private filled = 0;
  private headerFilled = 0;
  private header = 0;
  private held: Uint8Array[] = [];
  /** Set while chunks that came earlier still wait: what the socket has comes after them. */
  private hasMoreHeld = false;

  constructor(pool: BufferPool, sink: FrameSink) {
    this.pool = pool;
    this.sink = sink;
  }

  /** True between messages: nothing of a message has arrived yet. */
  isIdle(): boolean {
    return this.headerFilled === 0;
  }

  /**
   * Takes the next bytes of the stream, which are ours from now on. False when the peer breaks the framing or
   * exceeds its limit: the connection must be closed.
   */
  feed(chunk: Uint8Array): boolean {
    if (this.held.length > 0) {
      this.held.push(chunk);
      return true;
    }
    return this.cut(chunk);
  }

  /** True when messages wait for `resume`. */
  get isHolding(): boolean {
    return this.held.length > 0;
  }

  /** Goes on with what was held back, as far as messages may be taken; false as `feed`. */
  resume(): boolean {
    while (this.held.length > 0 && this.sink.mayTake()) {
      const chunk = this.held.shift() as Uint8Array;
      const waiting = this.held;
      this.held = [];
      this.hasMoreHeld = waiting.length > 0;
      const isSound = this.cut(chunk);
      this.hasMoreHeld = false;
      this.held.push(...waiting);
      if (!isSound) return false;
    }
    return true;
  }

  private cut(chunk: Uint8Array): boolean {
    let at = 0;
    while (at < chunk.length) {
      if (this.headerFilled === 0 && at > 0 && !this.sink.mayTake()) {
        this.held.push(chunk.subarray(at));
        return true;
      }
      if (this.headerFilled < 4) {
        const byte = chunk[at++] ?? 0;
        this.header = this.headerFilled === 0 ? byte : (this.header << 8) | byte;
        this.headerFilled++;
        if (this.headerFilled < 4) continue;
        if (!this.acceptHeader()) return false;
        if (this.headerFilled === 0) continue;
        const whole = chunk.length - at >= this.frameBytes;
        if (whole) {
          this.headerFilled = 0;
          const start = at;
          at += this.frameBytes;
          if (!this.sink.takeFrame(chunk, start, this.frameBytes, undefined)) return false;
        } else {
          this.partial = this.pool.acquire(this.frameBytes);
          this.filled = 0;
        }
        continue;
      }
      at = this.fill(chunk, at);
      if (at === chunk.length && !this.hasMoreHeld) this.pullRest();
      if (this.filled === this.frameBytes) {
        if (!this.endFrame()) return false;
        if (at === chunk.length && !this.hasMoreHeld && this.frameBytes >= LEAST_PULL && !this.pullFrames())
          return false;
      }
    }
    return true;
  }

  private endFrame(): boolean {
    const loan = this.partial;
    this.partial = undefined;
    this.headerFilled = 0;
    return loan !== undefined && this.sink.takeFrame(loan.bytes, 0, this.frameBytes, loan);
  }

  // Behind a large message often stands the next one: taken without a turn of the event loop, up to a limit, so
  // that other connections get theirs.
  private pullFrames(): boolean {
    for (let taken = 0; taken < MAX_PULLED_BYTES; taken += this.frameBytes + LEAST_PULL) {
      const count = this.sink.pull(headerBytes, 0, 4 - this.headerFilled);
      for (let i = 0; i < count; i++) {
        this.header =
          this.headerFilled === 0 ? (headerBytes[i] ?? 0) : (this.header << 8) | (headerBytes[i] ?? 0);
        this.headerFilled++;
      }
      if (this.headerFilled < 4) return true;
      if (!this.acceptHeader()) return false;
      if (this.headerFilled === 0) continue;
      this.partial = this.pool.acquire(this.frameBytes);
      this.filled = 0;
      this.pullRest();
      if (this.filled < this.frameBytes) return true;
      if (!this.endFrame()) return false;
    }
    return true;
  }

  // The event loop hands out fresh buffers of its own; large payloads are better taken where they will stay.
  private pullRest(): void {
    const { partial } = this;
    if (partial === undefined || this.frameBytes - this.filled < LEAST_PULL) return;
    while (this.filled < this.frameBytes) {
      const count = this.sink.pull(partial.bytes, this.filled, this.frameBytes - this.filled);
      if (count <= 0) return;
      this.filled += count;
    }
  }

  /** Gives back what an unfinished message holds. */
  close(): void {
    if (this.partial !== undefined) this.pool.release(this.partial);
    this.partial = undefined;
    this.held = [];
  }

  private acceptHeader(): boolean {
    const type = this.header >>> 24;
    this.frameBytes = this.header & 0xff_ffff;
    if (type === NETBIOS_KEEP_ALIVE && this.frameBytes === 0) {
      this.headerFilled = 0;
      return true;
    }
    return type === 0 && this.frameBytes > 0 && this.frameBytes <= this.sink.maxFrameBytes();
  }

  private fill(chunk: Uint8Array, at: number): number {
    const take = Math.min(this.frameBytes - this.filled, chunk.length - at);
    const whole = at === 0 && take === chunk.length;
    this.partial?.bytes.set(whole ? chunk : chunk.subarray(at, at + take), this.filled);
    this.filled += take;
    return at + take;
  }
}
