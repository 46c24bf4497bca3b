// Events of devices that come and go, as the kernel sends them; netlink(7), NETLINK_KOBJECT_UEVENT,
// lib/kobject_uevent.c. Reading never waits.
import { Errno } from "./errno.ts";
import { openNetlink, receiveNetlink } from "./netlink.ts";

const NETLINK_KOBJECT_UEVENT = 15;
/** The kernel's own events; udev repeats them, with more in them, in group 2. */
const KERNEL_GROUP = 1;

/** Subscribes to the kernel's events. Returns a descriptor, readable when there is one, or -errno. */
export function openUevents(): number {
  return openNetlink(NETLINK_KOBJECT_UEVENT, KERNEL_GROUP);
}

/** Empties the queue. True where there was an event of a block device; ENOBUFS says that some were lost. */
export function drainBlockEvents(fd: number): boolean {
  let hasEvents = false;
  for (;;) {
    const event = receiveNetlink(fd);
    if (event === -Errno.ENOBUFS) hasEvents = true;
    else if (typeof event === "number" || event.length === 0) return hasEvents;
    else hasEvents ||= isBlockEvent(event);
  }
}

/** `ACTION@PATH`, then `KEY=VALUE`, each with a NUL behind it. */
export function isBlockEvent(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    .toString("latin1")
    .split("\0")
    .includes("SUBSYSTEM=block");
}
