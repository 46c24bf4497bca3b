// TCP sockets that never block: listening, accepting, receiving, sending; socket(2), tcp(7), ipv6(7).
import { Errno } from "./errno.ts";
import { Scratch, addressOf, sys } from "./libc.ts";
import { Open, closeFd } from "./open.ts";
import { Syscall } from "./syscall-numbers.ts";
import {
  Family,
  SOCKADDR6_SIZE,
  type SocketAddress,
  decodeSocketAddress,
  encodeSocketAddress,
} from "./socket-address.ts";

/** Flags of recv(2) and send(2). */
export const Message = { PEEK: 0x2, DONTWAIT: 0x40, NOSIGNAL: 0x4000 } as const;
export const SOCK_STREAM = 1;
const AF_UNIX = 1;

/** [level, name] of setsockopt(2). */
export const SocketOption = {
  REUSEADDR: [1, 2],
  KEEPALIVE: [1, 9],
  LINGER: [1, 13],
  TCP_NODELAY: [6, 1],
  TCP_KEEPIDLE: [6, 4],
  IP_PKTINFO: [0, 8],
  IPV6_V6ONLY: [41, 26],
  IPV6_RECVPKTINFO: [41, 49],
} as const;

type Option = (typeof SocketOption)[keyof typeof SocketOption];

/** Offsets in struct msghdr; struct iovec is an address and a length of 8 bytes each. */
export const MSGHDR_OFFSETS = { iov: 16, iovlen: 24, control: 32, controllen: 40 } as const;
export const MSGHDR_SIZE = 56;
const IOVEC_SIZE = 16;
/** The most pieces of one `sendPieces`. */
export const MAX_PIECES = 64;

const address = new Scratch(SOCKADDR6_SIZE);
const value = new Scratch(8);
const message = new Scratch(MSGHDR_SIZE);
const pieces = new Scratch(MAX_PIECES * IOVEC_SIZE);
message.view.setBigUint64(MSGHDR_OFFSETS.iov, BigInt(pieces.address), true);

/** False in a kernel that was built without IPv6 or started with ipv6.disable=1. */
export function hasIpv6(): boolean {
  const fd = sys(Syscall.socket, Family.INET6, SOCK_STREAM | Open.CLOEXEC, 0);
  if (fd >= 0) closeFd(fd);
  return fd !== -Errno.EAFNOSUPPORT;
}

/** Two connected sockets of this machine, which are inherited by no program that is started; or -errno. */
export function createSocketPair(): readonly [number, number] | number {
  const type = SOCK_STREAM | Open.NONBLOCK | Open.CLOEXEC;
  const result = sys(Syscall.socketpair, AF_UNIX, type, 0, value.address);
  return result < 0 ? result : [value.view.getInt32(0, true), value.view.getInt32(4, true)];
}

/** Sets an option that is an integer. Returns 0 or -errno. */
export function setSocketOption(fd: number, [level, name]: Option, number: number): number {
  value.view.setInt32(0, number, true);
  return sys(Syscall.setsockopt, fd, level, name, value.address, 4);
}

/** Makes the next close(2) of the socket a reset, which drops what is unsent. */
export function resetOnClose(fd: number): number {
  const [level, name] = SocketOption.LINGER;
  // struct linger: on, 0 seconds.
  value.view.setInt32(0, 1, true);
  value.view.setInt32(4, 0, true);
  return sys(Syscall.setsockopt, fd, level, name, value.address, 8);
}

/**
 * Creates a socket that listens on `where`; an IPv6 one accepts IPv4, too. Returns its descriptor or -errno
 * (-EADDRINUSE, -EADDRNOTAVAIL, -EACCES, -EAFNOSUPPORT).
 */
export function createListener(where: SocketAddress, backlog: number): number {
  const fd = sys(Syscall.socket, where.family, SOCK_STREAM | Open.NONBLOCK | Open.CLOEXEC, 0);
  if (fd < 0) return fd;
  setSocketOption(fd, SocketOption.REUSEADDR, 1);
  if (where.family === Family.INET6) setSocketOption(fd, SocketOption.IPV6_V6ONLY, 0);
  let result = sys(Syscall.bind, fd, address.address, encodeSocketAddress(address, where));
  if (result >= 0) result = sys(Syscall.listen, fd, backlog);
  if (result >= 0) return fd;
  closeFd(fd);
  return result;
}

const SO_ACCEPTCONN = [1, 30] as const;
// fcntl(2); the numbers are the same on x86-64 and arm64.
const F_SETFD = 2;
const F_SETFL = 4;
const FD_CLOEXEC = 1;

/**
 * Makes a descriptor that was open when the program started like those of `createListener`. Returns the
 * address that it listens on; undefined for what is no listening TCP socket.
 */
export function takeListener(fd: number): SocketAddress | undefined {
  if (sys(Syscall.fcntl, fd, F_SETFD, FD_CLOEXEC) < 0) return undefined;
  const [level, name] = SO_ACCEPTCONN;
  // The value, then its length.
  value.view.setInt32(0, 0, true);
  value.view.setUint32(4, 4, true);
  const result = sys(Syscall.getsockopt, fd, level, name, value.address, value.address + 4);
  if (result < 0 || value.view.getInt32(0, true) !== 1 || readLocalAddress(fd) < 0) return undefined;
  const found = decodeSocketAddress(address);
  if (found.family !== Family.INET && found.family !== Family.INET6) return undefined;
  return sys(Syscall.fcntl, fd, F_SETFL, Open.NONBLOCK) < 0 ? undefined : found;
}

/** The port that a listening socket has got, or -errno. */
export function portOf(fd: number): number {
  const result = readLocalAddress(fd);
  return result < 0 ? result : decodeSocketAddress(address).port;
}

/** The server's end of a connection; undefined where the kernel does not say it. */
export function localAddressOf(fd: number): SocketAddress | undefined {
  return readLocalAddress(fd) < 0 ? undefined : decodeSocketAddress(address);
}

function readLocalAddress(fd: number): number {
  value.view.setUint32(0, SOCKADDR6_SIZE, true);
  return sys(Syscall.getsockname, fd, address.address, value.address);
}

/**
 * Takes a connection from a listening socket. Returns its descriptor, or -errno: -EAGAIN without one.
 * `acceptedPeer` is its peer's address until the next call.
 */
export function acceptSocket(listener: number): number {
  value.view.setUint32(0, SOCKADDR6_SIZE, true);
  const flags = Open.NONBLOCK | Open.CLOEXEC;
  return sys(Syscall.accept4, listener, address.address, value.address, flags);
}

/** The peer of the socket that `acceptSocket` returned last. */
export function acceptedPeer(): SocketAddress {
  return decodeSocketAddress(address);
}

/**
 * Receives into `bytes[at, at + length)` without waiting. Returns the bytes received, 0 when the peer has
 * closed its side, or -errno: -EAGAIN when there is no data yet.
 */
export function receiveNow(fd: number, bytes: Uint8Array, at: number, length: number): number {
  return sys(Syscall.recvfrom, fd, addressOf(bytes) + at, length, Message.DONTWAIT, 0, 0);
}

const SHUT_WR = 1;

/** Closes the sending side alone: the peer receives what was sent before, and then the end. */
export function endSending(fd: number): number {
  return sys(Syscall.shutdown, fd, SHUT_WR);
}

/** The byte that `receiveNow` would give first, which stays; -1 without one. */
export function peekByte(fd: number): number {
  const result = sys(Syscall.recvfrom, fd, value.address, 1, Message.DONTWAIT | Message.PEEK, 0, 0);
  return result > 0 ? value.view.getUint8(0) : -1;
}

/**
 * Sends `bytes[at, at + length)` without waiting. Returns the bytes that the kernel took, or -errno: -EAGAIN
 * when its buffer is full.
 */
export function sendNow(fd: number, bytes: Uint8Array, at: number, length: number): number {
  const flags = Message.DONTWAIT | Message.NOSIGNAL;
  return sys(Syscall.sendto, fd, addressOf(bytes) + at, length, flags, 0, 0);
}

/** Sets piece `index` of the next `sendPieces` to `bytes[at, at + length)`. */
export function setPiece(index: number, bytes: Uint8Array, at: number, length: number): void {
  const { view } = pieces;
  const start = addressOf(bytes) + at;
  view.setUint32(index * IOVEC_SIZE, start >>> 0, true);
  view.setUint32(index * IOVEC_SIZE + 4, Math.floor(start / 0x1_0000_0000), true);
  view.setUint32(index * IOVEC_SIZE + 8, length, true);
  view.setUint32(index * IOVEC_SIZE + 12, 0, true);
}

/** Sends the first `count` pieces as `sendNow` does. */
export function sendPieces(fd: number, count: number): number {
  message.view.setUint32(MSGHDR_OFFSETS.iovlen, count, true);
  return sys(Syscall.sendmsg, fd, message.address, Message.DONTWAIT | Message.NOSIGNAL);
}
