// The unsent replies of one connection: written at once where the socket takes them, else queued until it
// drains. A buffer is released once its last byte is written.
import { MAX_PIECES } from "../../linux/socket.ts";
import type { BufferPool, PooledBuffer } from "./buffer-pool.ts";
import type { StreamSocket } from "./stream-socket.ts";

/** Bytes of gathered replies that are sent without waiting for more. */
const MAX_GATHERED_BYTES = 65_536;

interface Unsent {
  readonly buffer: PooledBuffer;
  from: number;
  readonly to: number;
  /** A thread still encrypts it. */
  isUnfinished: boolean;
}

export class SendQueue {
  private readonly socket: StreamSocket;
  private readonly pool: BufferPool;
  private readonly now: () => number;
  private queue: Unsent[] = [];
  private isClosed = false;
  private gathers = false;
  /** The socket takes no more bytes until `drain`. */
  private isFull = false;
  /** When the socket took bytes last, or the queue began. */
  private lastTakenMs = 0;
  /** Bytes queued and not written yet. */
  pendingBytes = 0;
  /** Bytes of the pool's budget that the queued buffers take. */
  heldBytes = 0;

  constructor(socket: StreamSocket, pool: BufferPool, now: () => number) {
    this.socket = socket;
    this.pool = pool;
    this.now = now;
  }

  /** Sends `buffer.bytes[from, to)` and takes ownership of the buffer. */
  send(buffer: PooledBuffer, from: number, to: number): void {
    if (this.isClosed) {
      this.pool.release(buffer);
      return;
    }
    const length = to - from;
    if (this.queue.length === 0 && (!this.gathers || length >= MAX_GATHERED_BYTES)) {
      const written = this.socket.write(buffer.bytes, from, length);
      if (written < 0 || written === length) {
        this.pool.release(buffer);
        return;
      }
      this.isFull = true;
      from += written;
    }
    this.push({ buffer, from, to, isUnfinished: false });
    if (!this.isFull && (!this.gathers || this.pendingBytes >= MAX_GATHERED_BYTES)) this.flush();
  }

  /** As `send` once the returned function is called; what is sent meanwhile follows it. */
  sendLater(buffer: PooledBuffer, from: number, to: number): () => void {
    const item = { buffer, from, to, isUnfinished: true };
    this.push(item);
    return () => {
      item.isUnfinished = false;
      if (!this.isClosed) this.flush();
    };
  }

  private push(item: Unsent): void {
    if (this.queue.length === 0) this.lastTakenMs = this.now();
    this.pendingBytes += item.to - item.from;
    this.heldBytes += item.buffer.cost;
    this.queue.push(item);
  }

  /**
   * Until `endGathering` small replies are kept, so that one call sends them: for requests that arrived
   * together.
   */
  gather(): void {
    this.gathers = true;
  }

  endGathering(): void {
    this.gathers = false;
    if (this.queue.length > 0) this.flush();
  }

  /** Writes queued replies; called when the socket is writable again. */
  drain(): void {
    this.isFull = false;
    this.lastTakenMs = this.now();
    this.flush();
  }

  /** Milliseconds for which the socket has taken no byte of the queue; 0 where it is empty. */
  stuckMs(nowMs: number): number {
    return this.queue.length === 0 ? 0 : nowMs - this.lastTakenMs;
  }

  /** The server was stopped for so long: that was not the client's time. */
  excuse(ms: number): void {
    this.lastTakenMs += ms;
  }

  /** Writes queued replies as far as the socket takes them. */
  flush(): void {
    while (this.queue.length > 0 && !this.isFull) {
      const unfinished = this.queue.findIndex(({ isUnfinished }) => isUnfinished);
      const count = Math.min(unfinished < 0 ? this.queue.length : unfinished, MAX_PIECES);
      if (count === 0) return;
      const pieces = count < this.queue.length ? this.queue.slice(0, count) : this.queue;
      const written = this.socket.writePieces(pieces);
      // The socket is broken; its end is reported separately.
      if (written < 0) this.isFull = true;
      else this.noteWritten(pieces, written);
    }
  }

  private noteWritten(pieces: readonly Unsent[], written: number): void {
    this.pendingBytes -= written;
    let done = 0;
    for (const piece of pieces) {
      const count = Math.min(written, piece.to - piece.from);
      piece.from += count;
      written -= count;
      if (piece.from < piece.to) {
        this.isFull = true;
        break;
      }
      this.heldBytes -= piece.buffer.cost;
      this.pool.release(piece.buffer);
      done++;
    }
    if (done === this.queue.length) this.queue = [];
    else this.queue.splice(0, done);
  }

  isEmpty(): boolean {
    return this.queue.length === 0;
  }

  close(): void {
    this.isClosed = true;
    for (const item of this.queue) this.pool.release(item.buffer);
    this.queue = [];
    this.pendingBytes = 0;
    this.heldBytes = 0;
  }
}
