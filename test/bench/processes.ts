// CPU time, memory and wake-ups of a server, summed over all its processes; proc(5).
import { readdirSync } from "node:fs";
import { processTree, readIfPresent, statFields } from "../peer/test-server.ts";

const TICKS_PER_SECOND = 100;

/** Indices into the result of `statFields`: utime, stime, cutime, cstime. */
const CPU_FIELDS = [11, 12, 13, 14] as const;

/** CPU seconds used so far by the process and its descendants, including those that have ended; to 10 ms. */
export function cpuSeconds(pid: number): number {
  let ticks = 0;
  for (const each of processTree(pid)) {
    const fields = statFields(each);
    if (fields) for (const index of CPU_FIELDS) ticks += Number(fields[index] ?? 0);
  }
  return ticks / TICKS_PER_SECOND;
}

/**
 * CPU seconds used so far by the threads of the process and its descendants that are there now; to 1 ns. `cpuSeconds`
 * where the kernel does not count that.
 */
export function threadSeconds(pid: number): number {
  let ns = 0;
  for (const each of processTree(pid)) {
    for (const thread of threadsOf(each))
      ns += Number(readIfPresent(`/proc/${each}/task/${thread}/schedstat`).split(" ", 1)[0]);
  }
  return ns > 0 ? ns / 1e9 : cpuSeconds(pid);
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

export interface Memory {
  readonly pssKib: number;
  readonly anonymousKib: number;
  /** As `anonymousKib`, but what a fork shares is counted once. */
  readonly sharedOnceKib: number;
}

/** Proportional set size and anonymous memory in KiB, summed over the process and its descendants. */
export function memoryOf(pid: number): Memory {
  let [pssKib, anonymousKib, sharedOnceKib] = [0, 0, 0];
  for (const each of processTree(pid)) {
    const rollup = readIfPresent(`/proc/${each}/smaps_rollup`);
    pssKib += Number(/^Pss: +(\d+)/m.exec(rollup)?.[1] ?? 0);
    anonymousKib += Number(/^Anonymous: +(\d+)/m.exec(rollup)?.[1] ?? 0);
    sharedOnceKib += Number(/^Pss_Anon: +(\d+)/m.exec(rollup)?.[1] ?? 0);
  }
  return { pssKib, anonymousKib, sharedOnceKib };
}

/** Anonymous memory in KiB of the process and its descendants, as cheaply as the kernel can tell. */
export function anonymousKib(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const status = readIfPresent(`/proc/${pid}/status`);
    return sum + Number(/^RssAnon:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  }, 0);
}

/** How often threads of the process and its descendants have waited and been woken. */
export function wakeUps(pid: number): number {
  let count = 0;
  for (const each of processTree(pid)) {
    for (const thread of threadsOf(each)) {
      const status = readIfPresent(`/proc/${each}/task/${thread}/status`);
      count += Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1] ?? 0);
    }
  }
  return count;
}
