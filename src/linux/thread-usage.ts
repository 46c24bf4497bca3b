// What this thread has used; getrusage(2) with RUSAGE_THREAD.
import { Scratch, sys } from "./libc.ts";
import { Syscall } from "./syscall-numbers.ts";

const RUSAGE_THREAD = 1;
/** Offset of ru_nvcsw in struct rusage of a 64-bit kernel, and its size. */
export const RUSAGE_OFFSETS = { nvcsw: 128 } as const;
export const RUSAGE_SIZE = 144;

const room = new Scratch(RUSAGE_SIZE);

/**
 * How often the thread gave its processor away because it had to wait for something: a disk, a lock, another process.
 * That others had their turn is not counted.
 */
export function voluntarySwitches(): number {
  if (sys(Syscall.getrusage, RUSAGE_THREAD, room.address) < 0) return 0;
  const { view } = room;
  return view.getUint32(RUSAGE_OFFSETS.nvcsw, true);
}
