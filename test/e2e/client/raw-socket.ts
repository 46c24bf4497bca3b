// A TCP connection that sends and receives Direct TCP frames (a four-byte header before each SMB2 message),
// and sends any other bytes a test gives it. [MS-SMB2] 2.1.
import { connect, type Socket } from "node:net";

/** The connection has ended: closed by either side, or reset. */
export class ConnectionClosed extends Error {
  override readonly name = "ConnectionClosed";
}

export interface Place {
  readonly host: string;
  readonly port: number;
  /** The address that clients connect from; without it the kernel's choice. */
  readonly from?: string;
}

/** The connection that RawClient sends and receives frames on. */
export interface FrameSocket {
  /** Called with each received frame; the receiver may keep the bytes. */
  onFrame: (frame: Uint8Array) => void;
  /** Resolves when the connection has ended, by either side. */
  readonly closed: Promise<void>;
  readonly isClosed: boolean;
  /** Sends a message with its Direct TCP header. */
  sendFrame(message: Uint8Array): void;
  destroy(): void;
}

const HEAD = 4;

/** Open connections of this process and the server port of each. */
const living = new Map<RawSocket, number>();

/** Closes the connections that tests left open to a server that is about to stop. */
export function closeSocketsTo(port: number): void {
  for (const [socket, to] of [...living]) if (to === port) socket.destroy();
}

export class RawSocket implements FrameSocket {
  onFrame: (frame: Uint8Array) => void = () => undefined;
  readonly closed: Promise<void>;
  isClosed = false;
  bytesReceived = 0;
  /** The types of the frames received: 0, or those of RFC 1002 4.3. */
  readonly receivedKinds = new Set<number>();
  private readonly socket: Socket;
  private readonly head = new Uint8Array(HEAD);
  private headFilled = 0;
  private frame: Uint8Array | undefined;
  private frameFilled = 0;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Uint8Array) => this.take(chunk));
    // A reset ends the connection like a close.
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

  static connect(place: Place, localAddress = place.from): Promise<RawSocket> {
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

  /** Sends bytes without a header; does nothing after the connection ended. */
  send(bytes: Uint8Array): void {
    if (!this.isClosed) this.socket.write(bytes);
  }

  /** Sends a message with its Direct TCP header; tests pass a wrong `length` or `kind`. */
  sendFrame(message: Uint8Array, length: number = message.length, kind = 0): void {
    const frame = new Uint8Array(HEAD + message.length);
    frame[0] = kind;
    frame[1] = length >>> 16;
    frame[2] = length >>> 8;
    frame[3] = length;
    frame.set(message, HEAD);
    this.send(frame);
  }

  /** Bytes passed to `send` that the kernel has not accepted yet. */
  get unsent(): number {
    return this.socket.writableLength;
  }

  /** Stops reading until `resume`, so that the server's replies pile up. */
  pause(): void {
    this.socket.pause();
  }
  resume(): void {
    this.socket.resume();
  }

  /** Closes the sending side (FIN); replies are still read. */
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
        const [kind = 0, high = 0, middle = 0, low = 0] = this.head;
        this.receivedKinds.add(kind);
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
