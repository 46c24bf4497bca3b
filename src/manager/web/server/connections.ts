// The connections of the page's clients: at most so many in all and from one address. The first byte tells
// TLS from plain HTTP, before anything is read.
import { Epoll } from "../../../linux/epoll.ts";
import { peekByte } from "../../../linux/socket.ts";
import { eventLoop, type Watch } from "../../../loop/event-loop.ts";
import { RateLimit } from "../../../loop/rate-limit.ts";
import { type Timer, timers } from "../../../loop/timers.ts";
import { addressBlock, plainAddress } from "../../../loop/client-address.ts";
import { HEAD_MS, type Handler, HttpConnection } from "./http-connection.ts";

export const MAX_CONNECTIONS = 96;
/** A browser has six, and one more for the live events of each page. */
export const MAX_CONNECTIONS_PER_ADDRESS = 16;
/** Requests of one address; a page with all its files is about fifteen. */
export const MAX_REQUESTS_PER_SECOND = 50;
/** Of all addresses together; the server takes far more before it ends the process. */
const MAX_REQUESTS_PER_SECOND_IN_ALL = 500;
/** Addresses without a connection that are still counted, so that one gains nothing by connecting anew. */
const MAX_ADDRESSES = 1024;
/** ContentType handshake of a TLS record; RFC 8446 5.1. */
const TLS_HANDSHAKE = 0x16;

/** Of TLS 1.2: authenticated encryption with forward secrecy alone. Those of TLS 1.3 are all of that kind. */
const CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20";

export interface Tls {
  readonly cert: string;
  readonly key: string;
}

type RawSocket = Bun.Socket<Client | undefined>;

interface OfAddress {
  connections: number;
  readonly rate: RateLimit;
}

export class Connections {
  private readonly tls: Tls;
  private readonly handler: Handler;
  private readonly changed: () => void;
  private readonly clients = new Set<Client>();
  private readonly rate = new RateLimit();
  private readonly byAddress = new Map<string, OfAddress>();
  private readonly listeners: Bun.SocketListener<Client | undefined>[] = [];

  /** `changed`: the number of connections is another one. */
  constructor(tls: Tls, handler: Handler, changed: () => void) {
    this.tls = tls;
    this.handler = handler;
    this.changed = changed;
  }

  get size(): number {
    return this.clients.size;
  }

  /** Accepts the connections of a socket that listens. */
  accept(fd: number): void {
    const options = { fd, socket: this.rawHandler(), data: undefined };
    // The types know a path or a port alone; the runtime takes an inherited descriptor as well.
    this.listeners.push(Bun.listen<Client | undefined>(options as unknown as Bun.TCPSocketListenOptions));
  }

  /** Accepts no more; connections end with the answer that is under way. */
  finish(): void {
    for (const listener of this.listeners) listener.stop();
    this.listeners.length = 0;
    for (const client of this.clients) client.finish();
  }

  /** Counts a request; false: its address has sent too many. */
  admitRequest(address: string): boolean {
    const nowMs = performance.now();
    const of = this.byAddress.get(addressBlock(address));
    if (of !== undefined && !of.rate.admit(nowMs, MAX_REQUESTS_PER_SECOND)) return false;
    return this.rate.admit(nowMs, MAX_REQUESTS_PER_SECOND_IN_ALL);
  }

  private rawHandler(): Bun.SocketHandler<Client | undefined> {
    return {
      open: (socket) => this.open(socket),
      data: (socket, bytes) => socket.data?.receive(bytes),
      drain: (socket) => socket.data?.drained(),
      close: (socket) => this.closed(socket),
      error: (socket) => void socket.terminate(),
    };
  }

  private open(socket: RawSocket): void {
    socket.data = undefined;
    const address = plainAddress(socket.remoteAddress);
    const block = addressBlock(address);
    const of = this.byAddress.get(block) ?? { connections: 0, rate: new RateLimit() };
    if (of.connections >= MAX_CONNECTIONS_PER_ADDRESS || !this.makeRoom()) return void socket.terminate();
    if (this.byAddress.size >= MAX_ADDRESSES)
      for (const [key, { connections }] of this.byAddress) if (connections === 0) this.byAddress.delete(key);
    const client = new Client(socket, address, block, this.tls, this.handler);
    of.connections++;
    this.byAddress.set(block, of);
    this.clients.add(client);
    socket.data = client;
    client.start();
    this.changed();
  }

  /** An idle connection gives way; one that has sent nothing first of all. */
  private makeRoom(): boolean {
    if (this.clients.size < MAX_CONNECTIONS) return true;
    const silent = [...this.clients].find((client) => client.isSilent);
    const idle = silent ?? [...this.clients].find((client) => client.isIdle);
    idle?.terminate();
    return idle !== undefined;
  }

  private closed(socket: RawSocket): void {
    const client = socket.data;
    if (client === undefined || !this.clients.delete(client)) return;
    client.closed();
    const of = this.byAddress.get(client.block);
    if (of !== undefined) of.connections--;
    this.changed();
  }
}

class Client {
  private readonly raw: RawSocket;
  private readonly address: string;
  /** The runtime no longer tells it once TLS is spoken. */
  private readonly localAddress: string;
  /** The key by which its address is counted. */
  readonly block: string;
  private readonly tls: Tls;
  private readonly handler: Handler;
  private secure: RawSocket | undefined;
  private http: HttpConnection | undefined;
  private watch: Watch | undefined;
  private timer: Timer | undefined;

  constructor(raw: RawSocket, address: string, block: string, tls: Tls, handler: Handler) {
    this.raw = raw;
    this.address = address;
    this.localAddress = raw.localAddress;
    this.block = block;
    this.tls = tls;
    this.handler = handler;
  }

  /** Nothing has come yet, or no whole handshake. */
  get isSilent(): boolean {
    return this.http === undefined;
  }

  get isIdle(): boolean {
    return this.http?.isIdle ?? true;
  }

  start(): void {
    this.timer = timers.set(HEAD_MS, () => this.terminate());
    this.raw.pause();
    const fd = (this.raw as unknown as { readonly fd: number }).fd;
    const watch = eventLoop.watch(fd, Epoll.IN, { ready: () => this.begin(peekByte(fd)) });
    if (typeof watch === "number") this.terminate();
    else this.watch = watch;
  }

  /** `first` is the first byte, or less than 0 where none comes. */
  private begin(first: number): void {
    this.unwatch();
    if (first < 0) return this.terminate();
    if (first === TLS_HANDSHAKE) return this.beginTls();
    this.serve(this.raw, false);
    this.raw.resume();
  }

  private beginTls(): void {
    const handler: Bun.SocketHandler<Client | undefined> = {
      handshake: (socket) => this.serve(socket, true),
      data: (_, bytes) => this.http?.receive(bytes),
      drain: () => this.http?.drained(),
      error: () => this.terminate(),
      close: () => this.terminate(),
    };
    const tls = { ...this.tls, ciphers: CIPHERS, requestCert: false };
    const [, secure] = this.raw.upgradeTLS({ tls, socket: handler });
    this.secure = secure;
    this.raw.resume();
  }

  private serve(socket: RawSocket, isSecure: boolean): void {
    if (this.http !== undefined) return;
    timers.clear(this.timer);
    const { address, localAddress } = this;
    this.http = new HttpConnection(
      {
        isSecure,
        remoteAddress: address,
        localAddress,
        write: (bytes) => socket.write(bytes),
        end: () => void socket.end(),
        terminate: () => this.terminate(),
        pause: () => socket.pause(),
        resume: () => socket.resume(),
      },
      this.handler,
    );
  }

  /** Of plain HTTP; over TLS these are the records, which the runtime decrypts. */
  receive(bytes: Uint8Array): void {
    if (this.secure === undefined) this.http?.receive(bytes);
  }

  drained(): void {
    if (this.secure === undefined) this.http?.drained();
  }

  finish(): void {
    if (this.http === undefined) this.terminate();
    else this.http.finish();
  }

  terminate(): void {
    this.raw.terminate();
  }

  closed(): void {
    this.unwatch();
    timers.clear(this.timer);
    this.http?.closed();
  }

  private unwatch(): void {
    if (this.watch !== undefined) eventLoop.unwatch(this.watch);
    this.watch = undefined;
  }
}
