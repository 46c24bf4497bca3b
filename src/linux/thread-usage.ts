// Resource usage of the calling thread; getrusage(2) with RUSAGE_THREAD.
import { Scratch, sys } from "./libc.ts";
import { Syscall } from "./syscall-numbers.ts";

const RUSAGE_THREAD = 1;
/** Offsets in struct rusage of a 64-bit kernel. */
export const RUSAGE_OFFSETS = {
  userSeconds: 0,
  userMicros: 8,
  systemSeconds: 16,
  systemMicros: 24,
  nvcsw: 128,
} as const;
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

/** Milliseconds of processor time that the thread has used. 0 when the call fails. */
export function threadCpuMs(): number {
  if (sys(Syscall.getrusage, RUSAGE_THREAD, room.address) < 0) return 0;
  const { view } = room;
  const { userSeconds, userMicros, systemSeconds, systemMicros } = RUSAGE_OFFSETS;
  const seconds = view.getUint32(userSeconds, true) + view.getUint32(systemSeconds, true);
  return seconds * 1000 + (view.getUint32(userMicros, true) + view.getUint32(systemMicros, true)) / 1000;
}
