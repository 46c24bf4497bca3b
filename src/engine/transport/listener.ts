// TCP listeners for direct TCP ([MS-SMB2] 2.1): accept sockets and pass their events to a SocketUser.
import { hasIpv6, receiveNow } from "../../linux/socket.ts";
import { plainAddress } from "./address.ts";
import type { StreamSocket } from "./send-queue.ts";

/** The receiver of a socket's events. */
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

/** Milliseconds of silence before the kernel sends TCP keep-alive probes. */
const KEEP_ALIVE_MS = 60_000;

class BunSocket implements StreamSocket {
  private readonly socket: Bun.Socket<SocketData>;
  private readonly fd: number;

  constructor(socket: Bun.Socket<SocketData>) {
    this.socket = socket;
    // Bun sockets have `fd`; its type declarations lack it.
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

/** An IPv6 address in a kernel without IPv6: the runtime's error does not say so. */
export function lacksFamily(address: string): boolean {
  return address.includes(":") && !hasIpv6();
}

/**
 * Listens on `hostname`:`port`. `accept` gets each new socket and its peer's address and returns the receiver
 * of its events, or undefined to close it. Throws the runtime's error (`code: "EADDRINUSE"` …) when it cannot
 * listen.
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
      // Not Buffer: Buffer.slice() shares memory, Uint8Array.slice() copies.
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
