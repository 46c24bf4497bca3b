// Events of network interfaces and their addresses; netlink(7), rtnetlink(7). Reading the queue never waits.
import { Errno } from "./errno.ts";
import { signalEvents } from "./inotify.ts";
import { Scratch, sys } from "./libc.ts";
import { closeFd, Open } from "./open.ts";
import { Syscall } from "./syscall-numbers.ts";

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const NETLINK_ROUTE = 0;
/** RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR. */
const GROUPS = 0x1 | 0x10 | 0x100;
const MSG_DONTWAIT = 0x40;
/** struct sockaddr_nl: family, padding, port id, groups. */
const SOCKADDR_SIZE = 12;

const room = new Scratch(16_384);

/** Opens a socket of a netlink family and subscribes to `groups`. Returns a descriptor or -errno. */
export function openNetlink(family: number, groups: number): number {
  const fd = sys(Syscall.socket, AF_NETLINK, SOCK_RAW | Open.CLOEXEC | Open.NONBLOCK, family);
  if (fd < 0) return fd;
  room.bytes.fill(0, 0, SOCKADDR_SIZE);
  room.view.setUint16(0, AF_NETLINK, true);
  room.view.setUint32(8, groups, true);
  const result = sys(Syscall.bind, fd, room.address, SOCKADDR_SIZE);
  if (result >= 0) return fd;
  closeFd(fd);
  return result;
}

/** Takes the next event without waiting: its bytes, valid until the next call, or -errno; empty: none. */
export function receiveNetlink(fd: number): Uint8Array | number {
  const length = sys(Syscall.recvfrom, fd, room.address, room.bytes.length, MSG_DONTWAIT, 0, 0);
  return length < 0 ? length : room.bytes.subarray(0, length);
}

/**
 * Subscribes to changes of interfaces and addresses; they arrive with SIGIO, whose handler must be installed
 * before. Returns a descriptor or -errno.
 */
export function openInterfaceEvents(): number {
  const fd = openNetlink(NETLINK_ROUTE, GROUPS);
  if (fd < 0) return fd;
  const result = signalEvents(fd, true);
  if (result >= 0) return fd;
  closeFd(fd);
  return result;
}

/** Empties the queue. True where there was an event; ENOBUFS says that some were lost. */
export function drainInterfaceEvents(fd: number): boolean {
  let hasEvents = false;
  for (;;) {
    const event = receiveNetlink(fd);
    if (event !== -Errno.ENOBUFS && (typeof event === "number" || event.length === 0)) return hasEvents;
    hasEvents = true;
  }
}

export function closeInterfaceEvents(fd: number): void {
  closeFd(fd);
}
