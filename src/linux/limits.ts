// The limit of open descriptors of this process: prlimit(2), RLIMIT_NOFILE.
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
