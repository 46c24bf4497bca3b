// A relay between gentest and one server: shows every request with its answer to an observer, and lets rules change
// what both servers are asked where the specification leaves no common answer. [MS-SMB2] 2.1, 2.2.1.
import type { Socket } from "bun";

const HEADER_BYTES = 64;
const SIGNED = 0x8;
const STATUS_PENDING = 0x103;
const PROTOCOL = 0xfe53_4d42;

/** Changes a request in place; the view begins at its SMB2 header. */
export type Rule = (request: DataView) => void;

export interface RelayOptions {
  readonly host: string;
  readonly port: number;
  readonly server: { readonly host: string; readonly port: number };
  /** Applied in order to every request that is not signed. */
  readonly rules: readonly Rule[];
  /** Sees each request as it was sent on, and its final answer; both begin at the SMB2 header. */
  readonly observe: (request: Uint8Array, answer: Uint8Array) => void;
}

export interface Relay {
  stop(): void;
}

interface Ends {
  server: Socket<undefined> | undefined;
  /** What came before the server was connected. */
  readonly early: Uint8Array[];
  readonly up: Framer;
}

/** Cuts a stream into messages with their four bytes of length before them; 2.1. */
class Framer {
  private rest: Uint8Array = new Uint8Array(0);

  take(data: Uint8Array): Uint8Array[] {
    const joined = new Uint8Array(this.rest.length + data.length);
    joined.set(this.rest);
    joined.set(data, this.rest.length);
    const frames: Uint8Array[] = [];
    let at = 0;
    while (joined.length - at >= 4) {
      const length = new DataView(joined.buffer, at).getUint32(0) & 0xff_ffff;
      if (joined.length - at - 4 < length) break;
      frames.push(joined.subarray(at, at + 4 + length));
      at += 4 + length;
    }
    this.rest = joined.subarray(at);
    return frames;
  }
}

export function startRelay(options: RelayOptions): Relay {
  const listener = Bun.listen<Ends>({
    hostname: options.host,
    port: options.port,
    socket: {
      open(client) {
        client.data = { server: undefined, early: [], up: new Framer() };
        void connectServer(client, options);
      },
      data(client, data) {
        const { server, early, up } = client.data;
        for (const frame of up.take(data)) {
          const request = headerOf(frame);
          if (request !== undefined && (request.getUint32(16, true) & SIGNED) === 0) {
            for (const rule of options.rules) rule(request);
          }
          if (server === undefined) early.push(frame);
          else send(client, server, frame);
        }
      },
      close(client) {
        client.data.server?.end();
      },
    },
  });
  return { stop: () => listener.stop(true) };
}

/** One request after the other is under way on a connection of gentest: an answer belongs to the last one. */
const underWay = new WeakMap<object, Uint8Array>();

async function connectServer(client: Socket<Ends>, options: RelayOptions): Promise<void> {
  const down = new Framer();
  const server = await Bun.connect({
    hostname: options.server.host,
    port: options.server.port,
    socket: {
      data(_server, data) {
        for (const frame of down.take(data)) {
          const request = underWay.get(client);
          const answer = headerOf(frame);
          if (request !== undefined && answer?.getUint32(8, true) !== STATUS_PENDING) {
            options.observe(request, frame.subarray(4));
          }
          sendAll(client, frame);
        }
      },
      close() {
        client.end();
      },
    },
  });
  for (const frame of client.data.early) send(client, server, frame);
  client.data.server = server;
}

function send(client: Socket<Ends>, server: Socket<undefined>, frame: Uint8Array): void {
  underWay.set(client, frame.subarray(4));
  sendAll(server, frame);
}

// What gentest sends and is sent is small: a socket that does not take it at once is a fault of the set-up.
function sendAll<T>(socket: Socket<T>, frame: Uint8Array): void {
  const sent = socket.write(frame);
  if (sent >= 0 && sent < frame.length) throw new Error("the relay's socket is full");
}

function headerOf(frame: Uint8Array): DataView | undefined {
  if (frame.length < 4 + HEADER_BYTES) return undefined;
  const view = new DataView(frame.buffer, frame.byteOffset + 4, frame.length - 4);
  return view.getUint32(0) === PROTOCOL ? view : undefined;
}
