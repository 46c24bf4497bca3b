// Sockets that the runtime watches: where our event loop cannot be, for want of /proc.
import { plainAddress } from "../../loop/client-address.ts";
import { KEEP_ALIVE_MS, type Accept, type Listener, type Piece, type SocketUser } from "./stream-socket.ts";
import type { StreamSocket } from "./stream-socket.ts";

interface SocketData {
  socket: RuntimeSocket | undefined;
}

/** Received chunks wait here for `receive`; while there are any, the runtime reads no more. */
class RuntimeSocket implements StreamSocket {
  user: SocketUser | undefined;
  private readonly socket: Bun.Socket<SocketData>;
  private readonly chunks: Uint8Array[] = [];
  private isPaused = false;
  private isReading = true;
  private hasEnded = false;
  private isClosed = false;

  constructor(socket: Bun.Socket<SocketData>) {
    this.socket = socket;
  }

  write(bytes: Uint8Array, offset: number, length: number): number {
    return this.socket.write(bytes as Uint8Array<ArrayBuffer>, offset, length);
  }

  writePieces(pieces: readonly Piece[]): number {
    let done = 0;
    for (const { buffer, from, to } of pieces) {
      const written = this.write(buffer.bytes, from, to - from);
      if (written < 0) return done > 0 ? done : written;
      done += written;
      if (written < to - from) break;
    }
    return done;
  }

  receive(bytes: Uint8Array, at: number, length: number): number {
    const chunk = this.chunks[0];
    if (chunk === undefined) return 0;
    const count = Math.min(length, chunk.length);
    bytes.set(count === chunk.length ? chunk : chunk.subarray(0, count), at);
    if (count === chunk.length) this.chunks.shift();
    else this.chunks[0] = chunk.subarray(count);
    return count;
  }

  pause(): void {
    this.isPaused = true;
    this.adjust();
  }

  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    queueMicrotask(() => this.serve());
  }

  localAddress(): string {
    return plainAddress(this.socket.localAddress);
  }

  /** The runtime does not show the descriptor to ask. */
  arrivalInterface(): string {
    return "";
  }

  end(): void {
    this.socket.end();
  }

  terminate(): void {
    this.socket.terminate();
  }

  leave(): undefined {
    this.terminate();
  }

  take(chunk: Uint8Array): void {
    this.chunks.push(chunk);
    this.serve();
  }

  peerEnded(): void {
    this.hasEnded = true;
    this.serve();
  }

  closed(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.chunks.length = 0;
    this.user?.closed();
  }

  private serve(): void {
    while (this.chunks.length > 0 && !this.isPaused && !this.isClosed) {
      const before = this.chunks[0];
      this.user?.readable();
      if (this.chunks[0] === before) break;
    }
    this.adjust();
    if (this.hasEnded && this.chunks.length === 0 && !this.isClosed) {
      this.hasEnded = false;
      this.user?.ended();
    }
  }

  private adjust(): void {
    const reads = !this.isPaused && this.chunks.length === 0;
    if (reads === this.isReading || this.isClosed) return;
    this.isReading = reads;
    if (reads) this.socket.resume();
    else this.socket.pause();
  }
}

/** Listens on `hostname`:`port`. Throws the runtime's error (`code: "EADDRINUSE"` …) when it cannot. */
export function listenByRuntime(hostname: string, port: number, accept: Accept): Listener {
  const listener = Bun.listen<SocketData>({
    hostname,
    port,
    allowHalfOpen: true,
    data: { socket: undefined },
    socket: {
      // Not Buffer: Buffer.slice() shares memory, Uint8Array.slice() copies.
      binaryType: "uint8array",
      open(socket) {
        socket.setNoDelay(true);
        socket.setKeepAlive(true, KEEP_ALIVE_MS);
        const own = new RuntimeSocket(socket);
        socket.data = { socket: own };
        own.user = accept(own, plainAddress(socket.remoteAddress));
        if (own.user === undefined) socket.terminate();
      },
      data: (socket, chunk) => socket.data.socket?.take(chunk),
      drain: (socket) => socket.data.socket?.user?.drained(),
      end: (socket) => socket.data.socket?.peerEnded(),
      close: (socket) => socket.data.socket?.closed(),
      error: (socket) => socket.data.socket?.closed(),
    },
  });
  return { port: listener.port, stop: () => listener.stop(true) };
}
