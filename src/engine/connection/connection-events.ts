// The events of one connection's socket: reports them to the engine, and names the work for tests.
// A class and not four closures, which take 300 bytes more for each connection.
import type { SocketUser } from "../transport/stream-socket.ts";
import { turns } from "../turns.ts";

/** What the engine does beside. */
export interface ConnectionWatch {
  /** A client is about to be served. */
  received(): void;
  /** A connection was closed. */
  closed(): void;
}

export class ConnectionEvents implements SocketUser {
  private readonly connection: SocketUser;
  private readonly watch: ConnectionWatch;

  constructor(connection: SocketUser, watch: ConnectionWatch) {
    this.connection = connection;
    this.watch = watch;
  }

  readable(): void {
    this.watch.received();
    if (turns.around === undefined) this.connection.readable();
    else turns.enter("a received message", () => this.connection.readable());
  }

  drained(): void {
    turns.enter("a socket that takes bytes again", () => this.connection.drained());
  }

  ended(): void {
    turns.enter("a client that sends no more", () => this.connection.ended());
  }

  closed(): void {
    turns.enter("a closed connection", () => this.connection.closed());
    this.watch.closed();
  }
}
