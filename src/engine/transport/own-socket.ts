// Sockets that the server watches itself: received into buffers of its own choice, and not read while it has
// no room.
import { arrivalInterfaceOf } from "../../linux/arrival.ts";
import { Epoll } from "../../linux/epoll.ts";
import { Errno, errnoName } from "../../linux/errno.ts";
import { Open, closeFd, openAt, AT_FDCWD } from "../../linux/open.ts";
import {
  SocketOption,
  acceptSocket,
  acceptedPeer,
  createListener,
  endSending,
  localAddressOf,
  portOf,
  receiveNow,
} from "../../linux/socket.ts";
import { resetOnClose, sendNow, sendPieces, setPiece, setSocketOption } from "../../linux/socket.ts";
import { type SocketAddress, formatSocketAddress, interfaceName } from "../../linux/socket-address.ts";
import { type Watch, type Watcher, eventLoop } from "../../loop/event-loop.ts";
import { type Timer, timers } from "../../loop/timers.ts";
import {
  BACKLOG,
  KEEP_ALIVE_MS,
  type Accept,
  type Listener,
  type Piece,
  type SocketUser,
} from "./stream-socket.ts";
import type { StreamSocket } from "./stream-socket.ts";

const BROKEN = Epoll.ERR | Epoll.HUP;

/** Receives what nobody wants any more; made when it is needed. */
let waste: Uint8Array | undefined;
const WASTE_BYTES = 65_536;
/** Buffers of it in one turn of the event loop. */
const MAX_WASTED = 16;

class OwnSocket implements StreamSocket, Watcher {
  user: SocketUser | undefined;
  private readonly fd: number;
  private watch: Watch | undefined;
  private isPaused = false;
  /** The peer has closed its sending side, and whether the user knows. */
  private hasEnded = false;
  private isEndReported = false;
  /** The connection is broken: nothing more comes or goes. */
  private isLost = false;
  /** The kernel's buffer was full. */
  private isFull = false;

  /** The sockets of the same listener. */
  private readonly siblings: Set<OwnSocket>;

  constructor(fd: number, siblings: Set<OwnSocket>) {
    this.fd = fd;
    this.siblings = siblings;
  }

  /** False where the kernel cannot watch one more. */
  open(): boolean {
    const watch = eventLoop.watch(this.fd, Epoll.IN, this);
    if (typeof watch === "number") return false;
    this.watch = watch;
    this.siblings.add(this);
    return true;
  }

  write(bytes: Uint8Array, offset: number, length: number): number {
    if (this.watch === undefined || this.isLost) return -1;
    return this.noteSent(sendNow(this.fd, bytes, offset, length), length);
  }

  writePieces(pieces: readonly Piece[]): number {
    if (this.watch === undefined || this.isLost) return -1;
    let length = 0;
    for (let i = 0; i < pieces.length; i++) {
      const piece = pieces[i];
      if (piece === undefined) continue;
      setPiece(i, piece.buffer.bytes, piece.from, piece.to - piece.from);
      length += piece.to - piece.from;
    }
    return this.noteSent(sendPieces(this.fd, pieces.length), length);
  }

  private noteSent(result: number, length: number): number {
    // Broken, as the next event says: EPIPE, ECONNRESET and the like.
    if (result < 0 && result !== -Errno.EAGAIN && result !== -Errno.ENOBUFS && result !== -Errno.ENOMEM)
      return -1;
    this.isFull = result < length;
    this.adjust();
    return Math.max(0, result);
  }

  receive(bytes: Uint8Array, at: number, length: number): number {
    if (this.watch === undefined || this.hasEnded) return 0;
    const count = receiveNow(this.fd, bytes, at, length);
    if (count > 0) return count;
    if (count === 0) this.hasEnded = true;
    else if (count !== -Errno.EAGAIN && count !== -Errno.EINTR) this.isLost = true;
    return 0;
  }

  pause(): void {
    this.isPaused = true;
    this.adjust();
  }

  resume(): void {
    this.isPaused = false;
    this.adjust();
  }

  private adjust(): void {
    if (this.watch === undefined) return;
    const reads = !this.isPaused && !this.isEndReported;
    eventLoop.change(this.watch, (reads ? Epoll.IN : 0) | (this.isFull ? Epoll.OUT : 0));
  }

  ready(events: number): void {
    const { user } = this;
    if (user === undefined) return;
    if ((events & Epoll.OUT) !== 0) {
      this.isFull = false;
      user.drained();
      this.adjust();
    }
    // A broken connection, too: requests that came before are served.
    const reads = !this.isPaused && !this.isEndReported;
    if (reads && (events & (Epoll.IN | BROKEN)) !== 0) user.readable();
    if (this.isLost || ((events & BROKEN) !== 0 && !reads)) this.close();
    else if (this.hasEnded && reads && this.watch !== undefined) {
      this.isEndReported = true;
      this.adjust();
      user.ended();
    }
  }

  localAddress(): string {
    const own = this.watch === undefined ? undefined : localAddressOf(this.fd);
    return own === undefined ? "" : formatSocketAddress(own, (scope) => interfaceName(this.fd, scope));
  }

  arrivalInterface(): string {
    return this.watch === undefined ? "" : arrivalInterfaceOf(this.fd);
  }

  end(): void {
    this.close();
  }

  terminate(): void {
    if (this.watch === undefined) return;
    resetOnClose(this.fd);
    this.close();
  }

  leave(): Promise<void> | undefined {
    this.user = undefined;
    if (this.watch === undefined) return undefined;
    endSending(this.fd);
    // Its listener would reset it.
    this.siblings.delete(this);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.user = {
      readable: () => this.drop(),
      drained: () => undefined,
      ended: () => this.close(),
      closed: resolve,
    };
    if (this.isEndReported || this.isLost) this.close();
    else this.resume();
    return promise;
  }

  private drop(): void {
    waste ??= new Uint8Array(WASTE_BYTES);
    for (let i = 0; i < MAX_WASTED && this.receive(waste, 0, waste.length) > 0; i++);
  }

  private close(): void {
    const { watch } = this;
    if (watch === undefined) return;
    this.watch = undefined;
    this.siblings.delete(this);
    eventLoop.unwatch(watch);
    closeFd(this.fd);
    this.user?.closed();
  }
}

/** Connections accepted in one turn of the event loop. */
const MAX_ACCEPTED = 32;
/** How long a listener rests when there are no descriptors or no memory for a connection. */
const REST_MS = 100;
/** Of a connection that is not there any more, or whose network failed; accept(2). */
const TRANSIENT: readonly number[] = [
  Errno.ECONNABORTED,
  Errno.EINTR,
  Errno.EPROTO,
  Errno.ENETDOWN,
  Errno.ENETUNREACH,
  Errno.EHOSTDOWN,
  Errno.EHOSTUNREACH,
  Errno.ENOPROTOOPT,
  Errno.ENONET,
  Errno.EOPNOTSUPP,
];

class OwnListener implements Listener, Watcher {
  readonly port: number;
  readonly fd: number;
  private readonly accept: Accept;
  private readonly sockets = new Set<OwnSocket>();
  private watch: Watch | undefined;
  private timer: Timer | undefined;
  /** Given up for a moment to accept, and so to refuse, a connection that there is no descriptor for. */
  private reserve = openReserve();

  constructor(fd: number, accept: Accept) {
    this.fd = fd;
    this.port = portOf(fd);
    this.accept = accept;
    const watch = eventLoop.watch(fd, Epoll.IN, this);
    if (typeof watch === "number") {
      closeFd(fd);
      throw listenError(watch);
    }
    this.watch = watch;
  }

  ready(): void {
    for (let taken = 0; taken < MAX_ACCEPTED && this.watch !== undefined; taken++) {
      const fd = acceptSocket(this.fd);
      if (fd >= 0) this.serve(fd);
      else if (fd === -Errno.EAGAIN) return;
      else if (!TRANSIENT.includes(-fd)) return this.rest(fd);
    }
  }

  private serve(fd: number): void {
    const peer = acceptedPeer();
    setSocketOption(fd, SocketOption.TCP_NODELAY, 1);
    setSocketOption(fd, SocketOption.KEEPALIVE, 1);
    setSocketOption(fd, SocketOption.TCP_KEEPIDLE, KEEP_ALIVE_MS / 1000);
    const socket = new OwnSocket(fd, this.sockets);
    if (!socket.open()) {
      resetOnClose(fd);
      closeFd(fd);
      return;
    }
    socket.user = this.accept(
      socket,
      formatSocketAddress(peer, (scope) => interfaceName(fd, scope)),
    );
    if (socket.user === undefined) socket.terminate();
  }

  /** The kernel cannot give a connection now. One client learns of it; the others wait for `REST_MS`. */
  private rest(failure: number): void {
    if ((failure === -Errno.EMFILE || failure === -Errno.ENFILE) && this.reserve >= 0) {
      closeFd(this.reserve);
      const fd = acceptSocket(this.fd);
      if (fd >= 0) {
        resetOnClose(fd);
        closeFd(fd);
      }
      this.reserve = openReserve();
    }
    if (this.watch !== undefined) eventLoop.change(this.watch, 0);
    this.timer ??= timers.set(REST_MS, () => {
      this.timer = undefined;
      if (this.reserve < 0) this.reserve = openReserve();
      if (this.watch !== undefined) eventLoop.change(this.watch, Epoll.IN);
    });
  }

  stop(): void {
    const { watch } = this;
    if (watch === undefined) return;
    this.watch = undefined;
    timers.clear(this.timer);
    eventLoop.unwatch(watch);
    closeFd(this.fd);
    if (this.reserve >= 0) closeFd(this.reserve);
    for (const socket of [...this.sockets]) socket.terminate();
  }
}

function openReserve(): number {
  return openAt(AT_FDCWD, "/", Open.PATH);
}

function listenError(failure: number): Error {
  return Object.assign(new Error(`listen: ${errnoName(failure)}`), { code: errnoName(failure) });
}

/**
 * Listens on `where`, after `eventLoop.open`: by `inherited`, if that is a descriptor. Throws an error with
 * `code` ("EADDRINUSE" …) when it cannot.
 */
export function listenByOwnLoop(
  where: SocketAddress,
  accept: Accept,
  inherited: number | undefined,
): Listener {
  const fd = inherited ?? createListener(where, BACKLOG);
  if (fd < 0) throw listenError(fd);
  return new OwnListener(fd, accept);
}
