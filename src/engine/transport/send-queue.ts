// The unsent replies of one connection: written at once where the socket takes them, else queued until it
// drains. A buffer is released once its last byte is written.
import type { BufferPool, PooledBuffer } from "./buffer-pool.ts";

/** The part of a TCP socket that a connection uses; tests implement it, too. */
export interface StreamSocket {
  /**
   * Returns the bytes written: fewer than `length` when the kernel's buffer is full, -1 when the socket is
   * closed.
   */
  write(bytes: Uint8Array, offset: number, length: number): number;
  /**
   * Receives into `bytes[at, at + length)` without waiting. Returns the number of bytes; 0 or less when none
   * came.
   */
  receive(bytes: Uint8Array, at: number, length: number): number;
  pause(): void;
  resume(): void;
  end(): void;
  /** Closes at once, with a reset. */
  terminate(): void;
}

export class SendQueue {
  private readonly socket: StreamSocket;
  private readonly pool: BufferPool;
  private queue: { buffer: PooledBuffer; from: number; to: number }[] = [];
  private isClosed = false;
  /** Bytes queued and not written yet. */
  pendingBytes = 0;

  constructor(socket: StreamSocket, pool: BufferPool) {
    this.socket = socket;
    this.pool = pool;
  }

  /** Sends `buffer.bytes[from, to)` and takes ownership of the buffer. */
  send(buffer: PooledBuffer, from: number, to: number): void {
    if (this.isClosed) {
      this.pool.release(buffer);
      return;
    }
    if (this.queue.length === 0) {
      const written = this.socket.write(buffer.bytes, from, to - from);
      if (written < 0) {
        this.pool.release(buffer);
        return;
      }
      if (written === to - from) {
        this.pool.release(buffer);
        return;
      }
      from += written;
    }
    this.pendingBytes += to - from;
    this.queue.push({ buffer, from, to });
  }

  /** Writes queued replies; called when the socket is writable again. */
  drain(): void {
    let done = 0;
    for (const item of this.queue) {
      const written = this.socket.write(item.buffer.bytes, item.from, item.to - item.from);
      if (written < 0) break;
      this.pendingBytes -= written;
      item.from += written;
      if (item.from < item.to) break;
      this.pool.release(item.buffer);
      done++;
    }
    if (done > 0) this.queue.splice(0, done);
  }

  isEmpty(): boolean {
    return this.queue.length === 0;
  }

  close(): void {
    this.isClosed = true;
    for (const item of this.queue) this.pool.release(item.buffer);
    this.queue = [];
    this.pendingBytes = 0;
  }
}
