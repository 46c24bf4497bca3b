// The interface that a TCP connection came in over, whatever address it went to: Linux accepts on every
// interface what is sent to the address of another one. ip(7), ipv6(7), IPV6_2292PKTOPTIONS of RFC 3542 A.
import { Scratch, sys } from "./libc.ts";
import { Open, closeFd } from "./open.ts";
import { Family, SOCKADDR6_SIZE, findInterfaceName } from "./socket-address.ts";
import { SOCK_STREAM } from "./socket.ts";
import { Syscall } from "./syscall-numbers.ts";

const AF_UNIX = 1;
const SIOCGIFINDEX = 0x8933;
/** struct ifreq: the name in 16 bytes, then the index in a union of 24 bytes. */
const NAME_ROOM = 16;
const IFREQ_SIZE = 40;
/** struct cmsghdr, before its data. */
const CMSG_HEADER = 16;

/**
 * Asked with the first option on, the second one answers with a message for recvmsg(2): struct in_pktinfo or
 * in6_pktinfo, with the interface of the packet that opened the connection.
 */
const OF_IPV4 = { level: 0, on: 8, ask: 9, indexAt: CMSG_HEADER } as const;
const OF_IPV6 = { level: 41, on: 49, ask: 6, indexAt: CMSG_HEADER + 16 } as const;

const value = new Scratch(8);
const answer = new Scratch(128);
const request = new Scratch(IFREQ_SIZE);

/** The name of the interface that the connection came in over; empty where the kernel does not say it. */
export function arrivalInterfaceOf(fd: number): string {
  const index = arrivalIndexOf(fd);
  return index <= 0 ? "" : (findInterfaceName(fd, index) ?? "");
}

function arrivalIndexOf(fd: number): number {
  value.view.setUint32(0, SOCKADDR6_SIZE, true);
  if (sys(Syscall.getsockname, fd, answer.address, value.address) < 0) return 0;
  const { level, on, ask, indexAt } = answer.view.getUint16(0, true) === Family.INET ? OF_IPV4 : OF_IPV6;
  if (setOption(fd, level, on, 1) < 0) return 0;
  value.view.setUint32(0, answer.bytes.length, true);
  const result = sys(Syscall.getsockopt, fd, level, ask, answer.address, value.address);
  const length = value.view.getUint32(0, true);
  // On, it would have the kernel keep what recvmsg(2) could ask of each packet.
  setOption(fd, level, on, 0);
  return result < 0 || length < indexAt + 4 ? 0 : answer.view.getInt32(indexAt, true);
}

function setOption(fd: number, level: number, name: number, number: number): number {
  value.view.setInt32(0, number, true);
  return sys(Syscall.setsockopt, fd, level, name, value.address, 4);
}

/** True if the machine has an interface of that name, up or down. */
export function hasInterface(name: string): boolean {
  const bytes = new TextEncoder().encode(name);
  if (bytes.length === 0 || bytes.length >= NAME_ROOM) return false;
  const fd = sys(Syscall.socket, AF_UNIX, SOCK_STREAM | Open.CLOEXEC, 0);
  if (fd < 0) return false;
  request.bytes.fill(0);
  request.bytes.set(bytes);
  const result = sys(Syscall.ioctl, fd, SIOCGIFINDEX, request.address);
  closeFd(fd);
  return result >= 0;
}
