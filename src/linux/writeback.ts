// How much the kernel has written to disks; /proc/vmstat.
import { readFileSync } from "node:fs";

/** Pages of all disks that the kernel has written since the machine's start; -1 where it does not tell. */
export function pagesWritten(): number {
  try {
    return Number(/^nr_written (\d+)$/m.exec(readFileSync("/proc/vmstat", "utf8"))?.[1] ?? -1);
  } catch {
    return -1;
  }
}
