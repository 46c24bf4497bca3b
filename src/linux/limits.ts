// The limit of open descriptors of this process: prlimit(2), RLIMIT_NOFILE; and the descriptors in use.
import { readdirSync } from "node:fs";
import { Errno } from "./errno.ts";
import { Scratch, sys } from "./libc.ts";
import { Syscall } from "./syscall-numbers.ts";

const RLIMIT_NOFILE = 7;
// struct rlimit64: u64 rlim_cur, u64 rlim_max.
export const RLIMIT_SIZE = 16;
const room = new Scratch(RLIMIT_SIZE);

export interface OpenFileLimit {
  /** The limit in force. */
  readonly soft: number;
  /** The highest value that an unprivileged process may set. */
  readonly hard: number;
}

/** Returns the limit of this process, or -errno. */
export function openFileLimit(): OpenFileLimit | number {
  const result = sys(Syscall.prlimit64, 0, RLIMIT_NOFILE, 0, room.address);
  if (result < 0) return result;
  const { view } = room;
  return { soft: Number(view.getBigUint64(0, true)), hard: Number(view.getBigUint64(8, true)) };
}

/** Sets both limits. Returns 0 or -errno (-EPERM: raising the hard limit needs CAP_SYS_RESOURCE). */
export function setOpenFileLimit(limit: OpenFileLimit): number {
  room.view.setBigUint64(0, BigInt(limit.soft), true);
  room.view.setBigUint64(8, BigInt(limit.hard), true);
  return sys(Syscall.prlimit64, 0, RLIMIT_NOFILE, room.address, 0);
}

/** Raises the soft limit to the hard one. Returns the limit in force, or -errno. */
export function raiseOpenFileLimit(): number {
  const limit = openFileLimit();
  if (typeof limit === "number") return limit;
  if (limit.soft >= limit.hard) return limit.soft;
  return setOpenFileLimit({ soft: limit.hard, hard: limit.hard }) < 0 ? limit.soft : limit.hard;
}

/** Descriptors of fcntl(2) F_GETFD that are counted where there is no /proc. */
const COUNTED = 1024;
const F_GETFD = 1;
const F_DUPFD = 0;

/** The number of open descriptors. */
export function usedDescriptors(): number {
  try {
    // One of them is that of the listing.
    return readdirSync("/proc/self/fd").length - 1;
  } catch {
    let count = 0;
    for (let fd = 0; fd < COUNTED; fd++) if (sys(Syscall.fcntl, fd, F_GETFD) >= 0) count++;
    return count;
  }
}

/** A thread of the runtime has an event loop, and needs more while it starts. */
const DESCRIPTORS_PER_THREAD = 8;

/** False where descriptors are too few for a worker: the runtime would end the process. */
export function canStartThread(): boolean {
  return hasFreeDescriptors(DESCRIPTORS_PER_THREAD);
}

/** True when `count` more descriptors can be opened. */
export function hasFreeDescriptors(count: number): boolean {
  const opened: number[] = [];
  // Any descriptor can be duplicated; without standard input the lowest that is open.
  let source = 0;
  while (source < COUNTED && sys(Syscall.fcntl, source, F_GETFD) === -Errno.EBADF) source++;
  while (opened.length < count) {
    const fd = sys(Syscall.fcntl, source, F_DUPFD, 0);
    if (fd < 0) break;
    opened.push(fd);
  }
  for (const fd of opened) sys(Syscall.close, fd);
  return opened.length === count;
}
