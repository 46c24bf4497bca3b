// Receiving from a connected socket into a buffer of the caller; recv(2).
import { addressOf, sys } from "./libc.ts";
import { Syscall } from "./syscall-numbers.ts";

const MSG_DONTWAIT = 0x40;

/**
 * Receives into `bytes[at, at + length)` without waiting. Returns the bytes received, 0 when the peer has
 * closed its side, or -errno: -EAGAIN when there is no data yet.
 */
export function receiveNow(fd: number, bytes: Uint8Array, at: number, length: number): number {
  return sys(Syscall.recvfrom, fd, addressOf(bytes) + at, length, MSG_DONTWAIT, 0, 0);
}
