// A TCP connection that speaks frames: the four bytes in front of every SMB2 message, and any other bytes a test likes.
// [MS-SMB2] 2.1 (Direct TCP).
import { connect, type Socket } from "node:net";

/** The other side closed the connection, or the connection was reset. */
export class ConnectionClosed extends Error {
  override readonly name = "ConnectionClosed";
}

export interface Place {
  readonly host: string;
  readonly port: number;
}

/** What a client needs of its connection. */
export interface FrameSocket {
  /** Called with each frame; the bytes are the receiver's to keep. */
  onFrame: (frame: Uint8Array) => void;
  /** Resolved when the connection has ended, whoever ended it. */
  readonly closed: Promise<void>;
  readonly isClosed: boolean;
  /** Sends a message behind its length. */
  sendFrame(message: Uint8Array): void;
  destroy(): void;
}

const HEAD = 4;

/** Connections of this process that are still there, with the port they lead to. */
const living = new Map<RawSocket, number>();

/** Ends what tests have left open towards a server that is about to stop. */
export function closeSocketsTo(port: number): void {
  for (const [socket, to] of [...living]) if (to === port) socket.destroy();
}

export class RawSocket implements FrameSocket {
  onFrame: (frame: Uint8Array) => void = () => undefined;
  readonly closed: Promise<void>;
  isClosed = false;
  bytesReceived = 0;
  private readonly socket: Socket;
  private readonly head = new Uint8Array(HEAD);
  private headFilled = 0;
  private frame: Uint8Array | undefined;
  private frameFilled = 0;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Uint8Array) => this.take(chunk));
    // A reset is an end like any other here.
    socket.on("error", () => undefined);
    this.closed = new Promise((resolve) => {
      const finish = (): void => {
        this.isClosed = true;
        living.delete(this);
        resolve();
      };
      socket.once("end", finish);
      socket.once("close", finish);
    });
  }

  static connect(place: Place, localAddress?: string): Promise<RawSocket> {
    return new Promise((resolve, reject) => {
      const socket = connect({
        host: place.host,
        port: place.port,
        ...(localAddress === undefined ? {} : { localAddress }),
      });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        const made = new RawSocket(socket);
        living.set(made, place.port);
        resolve(made);
      });
    });
  }

  /** Sends bytes as they are. */
  send(bytes: Uint8Array): void {
    if (!this.isClosed) this.socket.write(bytes);
  }

  /** Sends a message behind its length; `length` and `kind` can be made to lie. */
  sendFrame(message: Uint8Array, length: number = message.length, kind = 0): void {
    const frame = new Uint8Array(HEAD + message.length);
    frame[0] = kind;
    frame[1] = length >>> 16;
    frame[2] = length >>> 8;
    frame[3] = length;
    frame.set(message, HEAD);
    this.send(frame);
  }

  /** Bytes that were sent but not yet taken by the kernel. */
  get unsent(): number {
    return this.socket.writableLength;
  }

  /** Stops and starts reading, so that the server's replies pile up. */
  pause(): void {
    this.socket.pause();
  }
  resume(): void {
    this.socket.resume();
  }

  /** Says that nothing more will be sent; replies are still read. */
  end(): void {
    this.socket.end();
  }
  destroy(): void {
    this.isClosed = true;
    this.socket.destroy();
  }

  private take(chunk: Uint8Array): void {
    this.bytesReceived += chunk.length;
    let at = 0;
    while (at < chunk.length) {
      if (this.frame === undefined) {
        while (this.headFilled < HEAD && at < chunk.length) this.head[this.headFilled++] = chunk[at++] ?? 0;
        if (this.headFilled < HEAD) return;
        const [, high = 0, middle = 0, low = 0] = this.head;
        this.frame = new Uint8Array((high << 16) | (middle << 8) | low);
        this.frameFilled = 0;
      }
      const part = Math.min(this.frame.length - this.frameFilled, chunk.length - at);
      this.frame.set(chunk.subarray(at, at + part), this.frameFilled);
      this.frameFilled += part;
      at += part;
      if (this.frameFilled < this.frame.length) continue;
      const whole = this.frame;
      this.frame = undefined;
      this.headFilled = 0;
      this.onFrame(whole);
    }
  }
}
