// Resource usage of the calling thread; getrusage(2) with RUSAGE_THREAD, clock_gettime(2).
import { Scratch, sys } from "./libc.ts";
import { Syscall } from "./syscall-numbers.ts";

const RUSAGE_THREAD = 1;
const CLOCK_THREAD_CPUTIME_ID = 3;
/** Offsets in struct rusage of a 64-bit kernel. */
export const RUSAGE_OFFSETS = { nvcsw: 128 } as const;
export const RUSAGE_SIZE = 144;

const room = new Scratch(RUSAGE_SIZE);

/**
 * Returns how often the thread yielded its processor because it had to wait (for a disk, a lock, another
 * process). Preemption is not counted. 0 when the call fails.
 */
export function voluntarySwitches(): number {
  if (sys(Syscall.getrusage, RUSAGE_THREAD, room.address) < 0) return 0;
  const { view } = room;
  return view.getUint32(RUSAGE_OFFSETS.nvcsw, true);
}

/**
 * Milliseconds of processor time that the thread has used, exact to the microsecond: getrusage(2) counts what
 * runs since the last tick only at the next. 0 when the call fails.
 */
export function threadCpuMs(): number {
  if (sys(Syscall.clock_gettime, CLOCK_THREAD_CPUTIME_ID, room.address) < 0) return 0;
  const { view } = room;
  return view.getUint32(0, true) * 1000 + view.getUint32(8, true) / 1_000_000;
}
