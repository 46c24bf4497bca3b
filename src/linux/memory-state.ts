// How much memory can be had now, from /proc/meminfo and the control groups, and the process's major faults.
import { Scratch, sys } from "./libc.ts";
import { type MemoryGroup, memoryGroups, readOrNothing } from "./planned-memory.ts";
import { Syscall } from "./syscall-numbers.ts";
import { RUSAGE_SIZE } from "./thread-usage.ts";

const KIB = 1024;
const RUSAGE_SELF = 0;
/** Offset of ru_majflt in struct rusage of a 64-bit kernel. */
export const MAJOR_FAULTS_OFFSET = 72;

export interface MemoryState {
  readonly totalBytes: number;
  /** What can be had without swapping: unused memory and page cache. */
  readonly availableBytes: number;
}

export type ReadFile = (path: string) => string | undefined;

const FILE_BYTES = /^(?:in)?active_file (\d+)$/gm;
const TOTAL_FILE_BYTES = /^total_(?:in)?active_file (\d+)$/gm;

const usage = new Scratch(RUSAGE_SIZE);

/** Major page faults of the process since its start; 0 when the call fails. */
export function majorFaults(): number {
  if (sys(Syscall.getrusage, RUSAGE_SELF, usage.address) < 0) return 0;
  return usage.view.getUint32(MAJOR_FAULTS_OFFSET, true);
}

/** The state of the machine, or of the control group that leaves less. Undefined without /proc. */
export function memoryState(readFile: ReadFile = readOrNothing): MemoryState | undefined {
  const text = readFile("/proc/meminfo") ?? "";
  const totalKib = /^MemTotal:\s+(\d+) kB/m.exec(text)?.[1];
  // Before Linux 3.14 there is no MemAvailable.
  const availableKib = /^MemAvailable:\s+(\d+) kB/m.exec(text)?.[1];
  if (totalKib === undefined || availableKib === undefined) return undefined;
  let state = { totalBytes: Number(totalKib) * KIB, availableBytes: Number(availableKib) * KIB };
  for (const group of memoryGroups(readFile)) {
    const left = stateOf(group, readFile);
    if (left !== undefined && left.availableBytes < state.availableBytes) state = left;
  }
  return state;
}

/** A group's use includes its page cache, which the kernel drops before the limit hurts anybody. */
function stateOf(group: MemoryGroup, readFile: ReadFile): MemoryState | undefined {
  const used = Number(readFile(`${group.directory}/${group.usageName}`)?.trim());
  if (!Number.isFinite(used)) return undefined;
  const stat = readFile(`${group.directory}/memory.stat`) ?? "";
  // Version 1 has each number twice, for the group alone and with those below it (total_).
  const counted = /^total_active_file /m.test(stat) ? TOTAL_FILE_BYTES : FILE_BYTES;
  let cached = 0;
  for (const [, bytes] of stat.matchAll(counted)) cached += Number(bytes);
  const availableBytes = Math.max(0, group.limitBytes - used + Math.min(used, cached));
  return { totalBytes: group.limitBytes, availableBytes };
}
