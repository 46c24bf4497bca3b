// A TCP connection for bulk transfers: sends the caller's buffers without copying, and passes on only the
// first bytes of each received frame.
// [MS-SMB2] 2.1 (Direct TCP).
import type { FrameSocket, Place } from "../e2e/client/raw-socket.ts";

/** Bytes of a frame that bulk mode keeps: transform header, SMB2 header and the start of the body. */
export const KEPT_BYTES = 160;

const LENGTH_BYTES = 4;

interface Part {
  readonly bytes: Uint8Array;
  sent: number;
}

export class FastSocket implements FrameSocket {
  onFrame: (frame: Uint8Array) => void = () => undefined;
  /** Bulk mode if set: called with each frame's first bytes (valid during the call) and length. */
  onHead: ((head: Uint8Array, length: number) => void) | undefined;
  readonly closed: Promise<void>;
  isClosed = false;
  private socket: Bun.Socket | undefined;
  private readonly queue: Part[] = [];
  private readonly head = new Uint8Array(LENGTH_BYTES);
  private headFilled = 0;
  private frame: Uint8Array | undefined;
  private frameFilled = 0;
  private frameLength = -1;
  private readonly kept = new Uint8Array(KEPT_BYTES);
  private resolveClosed: () => void = () => undefined;

  private constructor() {
    this.closed = new Promise((resolve) => {
      this.resolveClosed = resolve;
    });
  }

  static async connect(place: Place): Promise<FastSocket> {
    const self = new FastSocket();
    const finish = (): void => {
      self.isClosed = true;
      self.resolveClosed();
    };
    self.socket = await Bun.connect({
      hostname: place.host,
      port: place.port,
      socket: {
        data: (_socket, chunk) => self.take(chunk),
        drain: () => self.flush(),
        close: finish,
        end: finish,
        error: finish,
      },
    });
    self.socket.setNoDelay(true);
    return self;
  }

  /** Sends `bytes`, which the caller must not modify before the response has arrived. */
  send(bytes: Uint8Array): void {
    this.queue.push({ bytes, sent: 0 });
    if (this.queue.length === 1) this.flush();
  }

  sendFrame(message: Uint8Array): void {
    const frame = new Uint8Array(LENGTH_BYTES + message.length);
    new DataView(frame.buffer).setUint32(0, message.length);
    frame.set(message, LENGTH_BYTES);
    this.send(frame);
  }

  destroy(): void {
    this.socket?.terminate();
  }

  private flush(): void {
    for (let part = this.queue[0]; part !== undefined; part = this.queue[0]) {
      part.sent += this.socket?.write(part.bytes, part.sent, part.bytes.length - part.sent) ?? 0;
      if (part.sent < part.bytes.length) return;
      this.queue.shift();
    }
  }

  private take(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.frameLength < 0) {
        while (this.headFilled < LENGTH_BYTES && at < chunk.length)
          this.head[this.headFilled++] = chunk[at++] ?? 0;
        if (this.headFilled < LENGTH_BYTES) return;
        const [, high = 0, middle = 0, low = 0] = this.head;
        this.frameLength = (high << 16) | (middle << 8) | low;
        this.frameFilled = 0;
        this.frame = this.onHead ? undefined : new Uint8Array(this.frameLength);
      }
      const part = Math.min(this.frameLength - this.frameFilled, chunk.length - at);
      const store = this.frame ?? this.kept;
      if (this.frameFilled < store.length) {
        const room = Math.min(part, store.length - this.frameFilled);
        store.set(chunk.subarray(at, at + room), this.frameFilled);
      }
      this.frameFilled += part;
      at += part;
      if (this.frameFilled < this.frameLength) continue;
      const length = this.frameLength;
      const whole = this.frame;
      this.frameLength = -1;
      this.headFilled = 0;
      this.frame = undefined;
      if (whole) this.onFrame(whole);
      else this.onHead?.(this.kept.subarray(0, Math.min(length, KEPT_BYTES)), length);
    }
  }
}
