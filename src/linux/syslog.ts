// Datagrams to the system's log daemon; syslog(3), unix(7).
import { Scratch, sys } from "./libc.ts";
import { closeFd, Open } from "./open.ts";
import { Syscall } from "./syscall-numbers.ts";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
/** Longer lines are cut: daemons take at least this much. */
const MAX_DATAGRAM = 2048;

const room = new Scratch(MAX_DATAGRAM);

/** Connects to a Unix datagram socket (/dev/log). Returns a descriptor or -errno. */
export function openSyslog(path: string): number {
  const fd = sys(Syscall.socket, AF_UNIX, SOCK_DGRAM | Open.CLOEXEC | Open.NONBLOCK, 0);
  if (fd < 0) return fd;
  // struct sockaddr_un: the family, and the path with its NUL.
  room.view.setUint16(0, AF_UNIX, true);
  const { written } = new TextEncoder().encodeInto(path, room.bytes.subarray(2, 109));
  room.bytes[2 + written] = 0;
  const result = sys(Syscall.connect, fd, room.address, 3 + written);
  if (result < 0) closeFd(fd);
  return result < 0 ? result : fd;
}

/** Sends one line; `priority` is facility * 8 + severity. Returns 0 or -errno; never waits for the daemon. */
export function sendSyslog(fd: number, priority: number, text: string): number {
  const { written } = new TextEncoder().encodeInto(`<${priority}>${text}`, room.bytes);
  const result = sys(Syscall.sendto, fd, room.address, written, MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0);
  return Math.min(result, 0);
}
