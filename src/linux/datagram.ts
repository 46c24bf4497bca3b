// Datagrams to a daemon of the same machine, as syslog(3) and sd_notify(3) send them; unix(7).
import { Scratch, sys } from "./libc.ts";
import { closeFd, Open } from "./open.ts";
import { MSGHDR_OFFSETS, MSGHDR_SIZE } from "./socket.ts";
import { Syscall } from "./syscall-numbers.ts";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
/** Longer texts are cut: log daemons take at least this much. */
const MAX_DATAGRAM = 2048;
/** sockaddr_un has 108 bytes for the name, one of them for its NUL. */
const MAX_NAME = 107;

const room = new Scratch(MAX_DATAGRAM);

/**
 * Connects to a Unix datagram socket; `@NAME` is one of the abstract namespace. Returns a descriptor or
 * -errno.
 */
export function openDatagramSocket(path: string): number {
  const fd = sys(Syscall.socket, AF_UNIX, SOCK_DGRAM | Open.CLOEXEC | Open.NONBLOCK, 0);
  if (fd < 0) return fd;
  room.view.setUint16(0, AF_UNIX, true);
  const { written } = new TextEncoder().encodeInto(path, room.bytes.subarray(2, 2 + MAX_NAME));
  const isAbstract = path.startsWith("@");
  if (isAbstract) room.bytes[2] = 0;
  room.bytes[2 + written] = 0;
  const result = sys(Syscall.connect, fd, room.address, 2 + written + (isAbstract ? 0 : 1));
  if (result < 0) closeFd(fd);
  return result < 0 ? result : fd;
}

/** Sends `text` as one datagram. Returns 0 or -errno; never waits for the daemon. */
export function sendDatagram(fd: number, text: string): number {
  const { written } = new TextEncoder().encodeInto(text, room.bytes);
  const result = sys(Syscall.sendto, fd, room.address, written, MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0);
  return Math.min(result, 0);
}

// struct cmsghdr: its length, SOL_SOCKET, SCM_RIGHTS, the descriptor, padded to 8 bytes; unix(7), cmsg(3).
const CMSG_LENGTH = 20;
const CMSG_SPACE = 24;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;

/** Sends `text` with a copy of `passed`. Returns 0 or -errno; never waits for the daemon. */
export function sendDescriptor(fd: number, text: string, passed: number): number {
  const { written } = new TextEncoder().encodeInto(text, room.bytes);
  const structures = new Scratch(MSGHDR_SIZE + 16 + CMSG_SPACE);
  const { address, view } = structures;
  const [piece, control] = [MSGHDR_SIZE, MSGHDR_SIZE + 16];
  const { iov, iovlen, control: controlAt, controllen } = MSGHDR_OFFSETS;
  view.setBigUint64(iov, BigInt(address + piece), true);
  view.setUint32(iovlen, 1, true);
  view.setBigUint64(controlAt, BigInt(address + control), true);
  view.setUint32(controllen, CMSG_SPACE, true);
  view.setBigUint64(piece, BigInt(room.address), true);
  view.setUint32(piece + 8, written, true);
  view.setUint32(control, CMSG_LENGTH, true);
  view.setInt32(control + 8, SOL_SOCKET, true);
  view.setInt32(control + 12, SCM_RIGHTS, true);
  view.setInt32(control + 16, passed, true);
  return Math.min(sys(Syscall.sendmsg, fd, address, MSG_DONTWAIT | MSG_NOSIGNAL), 0);
}
