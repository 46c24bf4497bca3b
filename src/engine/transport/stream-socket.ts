// A connected TCP socket as connections use it, whoever watches it: the event loop of ours or the runtime's.

export interface StreamSocket {
  /**
   * Sends `bytes[offset, offset + length)` without waiting. Returns the bytes taken: fewer than `length` when
   * the kernel's buffer is full (`SocketUser.drained` follows), -1 when the socket is closed.
   */
  write(bytes: Uint8Array, offset: number, length: number): number;
  /** Sends several pieces in order, at most `MAX_PIECES`; otherwise like `write`. */
  writePieces(pieces: readonly Piece[]): number;
  /**
   * Receives into `bytes[at, at + length)` without waiting. Returns the number of bytes; 0 when none are
   * there.
   */
  receive(bytes: Uint8Array, at: number, length: number): number;
  /** Stops `SocketUser.readable` until `resume`: what the peer sends waits in the kernel. */
  pause(): void;
  resume(): void;
  /** The address of this server that the peer connected to; empty where the kernel does not say it. */
  localAddress(): string;
  /** The name of the interface that the connection came in over; empty where the kernel does not say it. */
  arrivalInterface(): string;
  /** Closes the socket; the kernel sends what it has taken. */
  end(): void;
  /** Closes at once, with a reset. */
  terminate(): void;
  /**
   * Ends sending, and drops what the peer still sends until it closes. The user gets no more events. Resolves
   * when the socket is closed; undefined where it is at once.
   */
  leave(): Promise<void> | undefined;
}

/** `bytes[from, to)` of a buffer. */
export interface Piece {
  readonly buffer: { readonly bytes: Uint8Array };
  readonly from: number;
  readonly to: number;
}

/** The receiver of a socket's events. */
export interface SocketUser {
  /** There are bytes to receive. Bytes that are left are reported again. */
  readable(): void;
  /** The socket takes bytes again. */
  drained(): void;
  /** The peer has closed its sending side, and all it sent is received. It may still read. */
  ended(): void;
  /** The socket is closed. Called once. */
  closed(): void;
}

/**
 * Gets each new socket with its peer's address. Returns the receiver of its events, or undefined to close it.
 */
export type Accept = (socket: StreamSocket, remoteAddress: string) => SocketUser | undefined;

export interface Listener {
  readonly port: number;
  /** Undefined where the runtime has it. */
  readonly fd?: number;
  /** Also closes the connections that were accepted here. */
  stop(): void;
}

/** Milliseconds of silence before the kernel sends TCP keep-alive probes. */
export const KEEP_ALIVE_MS = 60_000;

/** Connections that the kernel completes before they are accepted. */
export const BACKLOG = 512;
