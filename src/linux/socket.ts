// Receiving from a connected socket straight into memory of ours; recv(2).
import { addressOf, sys } from "./libc.ts";
import { Syscall } from "./syscall-numbers.ts";

const MSG_DONTWAIT = 0x40;

/** Bytes received into `bytes[at, at + length)`; 0 when the peer has ended, -EAGAIN when nothing is there yet. */
export function receiveNow(fd: number, bytes: Uint8Array, at: number, length: number): number {
  return sys(Syscall.recvfrom, fd, addressOf(bytes) + at, length, MSG_DONTWAIT, 0, 0);
}
