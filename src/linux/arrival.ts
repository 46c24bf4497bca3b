// The interface that a TCP connection came in over, whatever address it went to: Linux accepts on every
// interface what is sent to the address of another one. ip(7), ipv6(7), IPV6_2292PKTOPTIONS of RFC 3542 A.
import { Scratch, sys } from "./libc.ts";
import { Open, closeFd } from "./open.ts";
import { Family, findInterfaceName, isInterfaceName } from "./socket-address.ts";
import { localAddressOf, setSocketOption, SOCK_STREAM, SocketOption } from "./socket.ts";
import { Syscall } from "./syscall-numbers.ts";

/** struct cmsghdr, before its data. */
const CMSG_HEADER = 16;

/**
 * Asked with the first option on, the second one answers with a message for recvmsg(2): struct in_pktinfo or
 * in6_pktinfo, with the interface of the packet that opened the connection.
 */
const OF_IPV4 = { on: SocketOption.IP_PKTINFO, ask: 9, indexAt: CMSG_HEADER } as const;
const OF_IPV6 = { on: SocketOption.IPV6_RECVPKTINFO, ask: 6, indexAt: CMSG_HEADER + 16 } as const;

const length = new Scratch(4);
const answer = new Scratch(128);

/** The name of the interface that the connection came in over; empty where the kernel does not say it. */
export function arrivalInterfaceOf(fd: number): string {
  const index = arrivalIndexOf(fd);
  return index <= 0 ? "" : (findInterfaceName(fd, index) ?? "");
}

function arrivalIndexOf(fd: number): number {
  const own = localAddressOf(fd);
  if (own === undefined) return 0;
  const { on, ask, indexAt } = own.family === Family.INET ? OF_IPV4 : OF_IPV6;
  if (setSocketOption(fd, on, 1) < 0) return 0;
  length.view.setUint32(0, answer.bytes.length, true);
  const result = sys(Syscall.getsockopt, fd, on[0], ask, answer.address, length.address);
  // On, it would have the kernel keep what recvmsg(2) could ask of each packet.
  setSocketOption(fd, on, 0);
  const isWhole = result >= 0 && length.view.getUint32(0, true) >= indexAt + 4;
  return isWhole ? answer.view.getInt32(indexAt, true) : 0;
}

/** True if the machine has an interface of that name, up or down. */
export function hasInterface(name: string): boolean {
  const fd = sys(Syscall.socket, Family.INET, SOCK_STREAM | Open.CLOEXEC, 0);
  if (fd < 0) return false;
  const isThere = isInterfaceName(fd, name);
  closeFd(fd);
  return isThere;
}
