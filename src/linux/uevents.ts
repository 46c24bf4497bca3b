// Events of devices that come and go, as the kernel sends them; netlink(7), NETLINK_KOBJECT_UEVENT,
// lib/kobject_uevent.c. Reading never waits.
import { Errno } from "./errno.ts";
import { Scratch, sys } from "./libc.ts";
import { closeFd, Open } from "./open.ts";
import { Syscall } from "./syscall-numbers.ts";

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const NETLINK_KOBJECT_UEVENT = 15;
/** The kernel's own events; udev repeats them, with more in them, in group 2. */
const KERNEL_GROUP = 1;
const MSG_DONTWAIT = 0x40;
/** struct sockaddr_nl: family, padding, port id, groups. */
const SOCKADDR_SIZE = 12;

const address = new Scratch(SOCKADDR_SIZE);
// UEVENT_BUFFER_SIZE is 2,048.
const room = new Scratch(8192);

/** Subscribes to the kernel's events. Returns a descriptor, readable when there is one, or -errno. */
export function openUevents(): number {
  const fd = sys(Syscall.socket, AF_NETLINK, SOCK_RAW | Open.CLOEXEC | Open.NONBLOCK, NETLINK_KOBJECT_UEVENT);
  if (fd < 0) return fd;
  address.bytes.fill(0);
  address.view.setUint16(0, AF_NETLINK, true);
  address.view.setUint32(8, KERNEL_GROUP, true);
  const result = sys(Syscall.bind, fd, address.address, SOCKADDR_SIZE);
  if (result >= 0) return fd;
  closeFd(fd);
  return result;
}

/** Empties the queue. True where there was an event of a block device; ENOBUFS says that some were lost. */
export function drainBlockEvents(fd: number): boolean {
  let hasEvents = false;
  for (;;) {
    const length = sys(Syscall.recvfrom, fd, room.address, room.bytes.length, MSG_DONTWAIT, 0, 0);
    if (length === -Errno.ENOBUFS) hasEvents = true;
    else if (length <= 0) return hasEvents;
    else hasEvents ||= isBlockEvent(room.bytes.subarray(0, length));
  }
}

/** `ACTION@PATH`, then `KEY=VALUE`, each with a NUL behind it. */
export function isBlockEvent(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    .toString("latin1")
    .split("\0")
    .includes("SUBSYSTEM=block");
}
