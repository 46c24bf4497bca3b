// `metrics port`: the server's numbers for Prometheus, by HTTP on the loopback addresses. A request, its time
// and the connections have limits: programs on the machine could otherwise use up the server's descriptors.
import { type Timer, timers } from "../../loop/timers.ts";
import { statusOf, type StatusHost } from "./status.ts";
import { formatMetrics } from "./metrics.ts";

const ADDRESSES = ["127.0.0.1", "::1"];
const MAX_CLIENTS = 8;
/** The head of a request; Prometheus sends about 200 bytes. */
const MAX_REQUEST_BYTES = 8192;
/** From the connection to its end. */
const CLIENT_MS = 10_000;

export interface MetricsPort {
  readonly port: number;
  close(): void;
}

/** Where an address cannot be had, it is logged and the other one is served; undefined where neither can. */
export function openMetricsPort(
  port: number,
  host: StatusHost,
  log: { warn(text: string): void },
): MetricsPort | undefined {
  const clients = new Set<Client>();
  const listeners: Bun.TCPSocketListener<Client>[] = [];
  for (const hostname of ADDRESSES) {
    try {
      listeners.push(Bun.listen<Client>({ hostname, port, socket: handler(clients, host), data: NOBODY }));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      log.warn(`'metrics port': nothing listens on ${hostname} port ${port} (${code})`);
    }
  }
  if (listeners.length === 0) return undefined;
  return {
    port,
    close: () => {
      for (const listener of listeners) listener.stop(true);
    },
  };
}

const NOBODY = undefined as unknown as Client;

function handler(clients: Set<Client>, host: StatusHost): Bun.SocketHandler<Client> {
  return {
    open(socket) {
      if (clients.size >= MAX_CLIENTS) return void socket.terminate();
      socket.data = new Client(socket, () => formatMetrics(statusOf(host)));
      clients.add(socket.data);
    },
    data: (socket, bytes) => socket.data?.receive(bytes),
    drain: (socket) => socket.data?.send(),
    close(socket) {
      clients.delete(socket.data);
      socket.data?.closed();
    },
    error: (socket) => socket.data?.closed(),
  };
}

class Client {
  private readonly socket: Bun.Socket<Client>;
  private readonly metrics: () => string;
  private readonly timer: Timer;
  private head = "";
  private reply: Uint8Array | undefined;

  constructor(socket: Bun.Socket<Client>, metrics: () => string) {
    this.socket = socket;
    this.metrics = metrics;
    this.timer = timers.set(CLIENT_MS, () => socket.terminate());
  }

  receive(bytes: Uint8Array): void {
    // One request a connection; what follows it is not read.
    if (this.reply !== undefined) return;
    this.head += Buffer.from(bytes).toString("latin1");
    const isWhole = /\r?\n\r?\n/.test(this.head);
    if (!isWhole && this.head.length <= MAX_REQUEST_BYTES) return;
    this.reply = Buffer.from(isWhole ? this.answer() : replyOf(431, "Request Header Fields Too Large"));
    this.send();
  }

  private answer(): string {
    const [method = "", target = "", version = ""] = (this.head.split(/\r?\n/, 1)[0] ?? "").split(" ");
    if (!/^HTTP\/1\.[01]$/.test(version)) return replyOf(400, "Bad Request");
    if (method !== "GET" && method !== "HEAD") return replyOf(405, "Method Not Allowed", "Allow: GET, HEAD");
    if (target.split("?", 1)[0] !== "/metrics") return replyOf(404, "Not Found");
    const type = "Content-Type: text/plain; version=0.0.4; charset=utf-8";
    const text = this.metrics();
    return replyOf(200, "OK", type, text, method === "HEAD");
  }

  /** Sends what the kernel takes; the rest waits for `drain`. */
  send(): void {
    if (this.reply === undefined) return;
    const taken = this.socket.write(this.reply);
    if (taken < 0) return void this.socket.terminate();
    this.reply = this.reply.subarray(taken);
    if (this.reply.length === 0) this.socket.end();
  }

  closed(): void {
    timers.clear(this.timer);
  }
}

function replyOf(status: number, reason: string, header = "", body = `${reason}\n`, isHead = false): string {
  const lines = [
    `HTTP/1.1 ${status} ${reason}`,
    header === "" ? "Content-Type: text/plain" : header,
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
  ];
  return `${lines.join("\r\n")}\r\n\r\n${isHead ? "" : body}`;
}
