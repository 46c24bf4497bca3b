// Receiving from a connected socket into a buffer of the caller, and what kinds of sockets there are; recv(2),
// socket(2).
import { Errno } from "./errno.ts";
import { addressOf, sys } from "./libc.ts";
import { closeFd } from "./open.ts";
import { Syscall } from "./syscall-numbers.ts";

const MSG_DONTWAIT = 0x40;
const AF_INET6 = 10;
const SOCK_STREAM_CLOEXEC = 0x8_0001;

/** False in a kernel that was built without IPv6 or started with ipv6.disable=1. */
export function hasIpv6(): boolean {
  const fd = sys(Syscall.socket, AF_INET6, SOCK_STREAM_CLOEXEC, 0);
  if (fd >= 0) closeFd(fd);
  return fd !== -Errno.EAFNOSUPPORT;
}

/**
 * Receives into `bytes[at, at + length)` without waiting. Returns the bytes received, 0 when the peer has
 * closed its side, or -errno: -EAGAIN when there is no data yet.
 */
export function receiveNow(fd: number, bytes: Uint8Array, at: number, length: number): number {
  return sys(Syscall.recvfrom, fd, addressOf(bytes) + at, length, MSG_DONTWAIT, 0, 0);
}
