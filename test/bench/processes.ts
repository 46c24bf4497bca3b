// CPU time and memory of a server, summed over all its processes; proc(5).
import { processTree, readIfPresent, statFields } from "../peer/test-server.ts";

const TICKS_PER_SECOND = 100;

/** Indices into the result of `statFields`: utime, stime, cutime, cstime. */
const CPU_FIELDS = [11, 12, 13, 14] as const;

/** CPU seconds used so far by the process and its descendants, including those that have ended. */
export function cpuSeconds(pid: number): number {
  let ticks = 0;
  for (const each of processTree(pid)) {
    const fields = statFields(each);
    if (fields) for (const index of CPU_FIELDS) ticks += Number(fields[index] ?? 0);
  }
  return ticks / TICKS_PER_SECOND;
}

export interface Memory {
  readonly pssKib: number;
  readonly anonymousKib: number;
}

/** Proportional set size and anonymous memory in KiB, summed over the process and its descendants. */
export function memoryOf(pid: number): Memory {
  let pssKib = 0;
  let anonymousKib = 0;
  for (const each of processTree(pid)) {
    const rollup = readIfPresent(`/proc/${each}/smaps_rollup`);
    pssKib += Number(/^Pss: +(\d+)/m.exec(rollup)?.[1] ?? 0);
    anonymousKib += Number(/^Anonymous: +(\d+)/m.exec(rollup)?.[1] ?? 0);
  }
  return { pssKib, anonymousKib };
}
