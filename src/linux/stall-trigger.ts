// The kernel's report that work waits for memory: a trigger of Linux' pressure stall information
// (Documentation/accounting/psi.rst).
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { directoriesOf, readOrNothing } from "./planned-memory.ts";

/**
 * Some task waited for memory for 200 ms of two seconds. Without CAP_SYS_RESOURCE the kernel admits windows
 * of whole two seconds only.
 */
const TRIGGER = "some 200000 2000000\0";
const SYSTEM_FILE = "/proc/pressure/memory";

/**
 * Returns a descriptor that epoll(7) reports with PRI after each such window, at most once a window; -1 where
 * the kernel has none (before Linux 5.2, or built without it), or does not admit it. The process's control
 * group counts where it has such a file.
 */
export function openStallTrigger(): number {
  const group = /^0::(\/.+)$/m.exec(readOrNothing("/proc/self/cgroup") ?? "")?.[1];
  const [own] = group === undefined ? [] : directoriesOf("/sys/fs/cgroup", group);
  for (const path of own === undefined ? [SYSTEM_FILE] : [`${own}/memory.pressure`, SYSTEM_FILE]) {
    const fd = openTrigger(path);
    if (fd >= 0) return fd;
  }
  return -1;
}

function openTrigger(path: string): number {
  let fd = -1;
  try {
    fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    writeSync(fd, TRIGGER);
    return fd;
  } catch {
    if (fd >= 0) closeSync(fd);
    return -1;
  }
}
