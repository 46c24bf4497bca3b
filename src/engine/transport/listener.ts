// TCP listeners: accepts sockets and hands their events to whoever serves them; direct TCP, [MS-SMB2] 2.1.
import { receiveNow } from "../../linux/socket.ts";
import type { StreamSocket } from "./send-queue.ts";

/** One served connection, as far as the transport knows it. */
export interface SocketUser {
  receive(chunk: Uint8Array): void;
  drained(): void;
  closed(): void;
}

interface SocketData {
  user: SocketUser | undefined;
}

export interface Listener {
  readonly port: number;
  stop(): void;
}

/** Seconds of silence before the kernel asks whether a peer is still there. */
const KEEP_ALIVE_MS = 60_000;

class BunSocket implements StreamSocket {
  private readonly socket: Bun.Socket<SocketData>;
  private readonly fd: number;

  constructor(socket: Bun.Socket<SocketData>) {
    this.socket = socket;
    // A property that the runtime has and its type declarations lack.
    this.fd = (socket as unknown as { readonly fd: number }).fd;
  }
  write(bytes: Uint8Array, offset: number, length: number): number {
    return this.socket.write(bytes as Uint8Array<ArrayBuffer>, offset, length);
  }
  receive(bytes: Uint8Array, at: number, length: number): number {
    return receiveNow(this.fd, bytes, at, length);
  }
  pause(): void {
    this.socket.pause();
  }
  resume(): void {
    this.socket.resume();
  }
  end(): void {
    this.socket.end();
  }
  terminate(): void {
    this.socket.terminate();
  }
}

/**
 * Listens on `hostname`:`port`. `accept` gets each new socket and its peer's address, and returns who serves it, or
 * undefined to have it closed at once. Throws the runtime's error (`code: "EADDRINUSE"` …) when it cannot listen.
 */
export function listenTcp(
  hostname: string,
  port: number,
  accept: (socket: StreamSocket, remoteAddress: string) => SocketUser | undefined,
): Listener {
  const listener = Bun.listen<SocketData>({
    hostname,
    port,
    data: { user: undefined },
    socket: {
      // Not Buffer: its slice() shares memory where everybody else's copies.
      binaryType: "uint8array",
      open(socket) {
        socket.setNoDelay(true);
        socket.setKeepAlive(true, KEEP_ALIVE_MS);
        const user = accept(new BunSocket(socket), plainAddress(socket.remoteAddress));
        socket.data = { user };
        if (user === undefined) socket.terminate();
      },
      data(socket, chunk) {
        socket.data.user?.receive(chunk);
      },
      drain(socket) {
        socket.data.user?.drained();
      },
      close(socket) {
        socket.data.user?.closed();
      },
      error(socket) {
        socket.data.user?.closed();
      },
    },
  });
  return { port: listener.port, stop: () => listener.stop(true) };
}

/** An IPv4 peer of an IPv6 socket is an IPv4 peer: counted and logged as one. */
export function plainAddress(address: string): string {
  return address.startsWith("::ffff:") ? address.slice(7) : address;
}
