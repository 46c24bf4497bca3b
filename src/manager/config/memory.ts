// Memory available to the server, and the buffer sizes derived from it.
import { readFileSync } from "node:fs";

const KIB = 1024;
const MIB = 1024 * KIB;

/** Bytes: the smaller of MemTotal and the control groups' limits. */
export function plannedMemoryBytes(readFile: (path: string) => string | undefined = readOrNothing): number {
  const total = /^MemTotal:\s+(\d+) kB/m.exec(readFile("/proc/meminfo") ?? "")?.[1];
  let bytes = total === undefined ? 256 * MIB : Number(total) * KIB;
  for (const limit of groupLimits(readFile)) bytes = Math.min(bytes, limit);
  return bytes;
}

/** Limits of the process's control group and its ancestors, of cgroup versions 2 and 1. */
function groupLimits(readFile: (path: string) => string | undefined): number[] {
  const limits: number[] = [];
  const groups = readFile("/proc/self/cgroup") ?? "";
  const unified = /^0::(\/.*)$/m.exec(groups)?.[1];
  const legacy = /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(\/.*)$/m.exec(groups)?.[1];
  for (const [path, root, name] of [
    [unified, "/sys/fs/cgroup", "memory.max"],
    [legacy, "/sys/fs/cgroup/memory", "memory.limit_in_bytes"],
  ] as const) {
    if (path === undefined) continue;
    const parts = path.split("/").filter((part) => part !== "");
    for (let depth = parts.length; depth >= 0; depth--) {
      const file = [root, ...parts.slice(0, depth), name].join("/");
      const text = readFile(file)?.trim();
      if (text !== undefined && /^\d+$/.test(text)) limits.push(Number(text));
    }
  }
  return limits;
}

/** Default for the longest read, write and transaction. */
export function transferBytesFor(memoryBytes: number): number {
  // MemTotal excludes what the kernel reserves: a 64 MiB board reports less than 64 MiB.
  if (memoryBytes <= 64 * MIB) return 64 * KIB;
  if (memoryBytes <= 128 * MIB) return 128 * KIB;
  return memoryBytes <= 256 * MIB ? MIB : 4 * MIB;
}

/** Default for the memory of requests and replies in progress. */
export function bufferBudgetFor(memoryBytes: number): number {
  return Math.min(Math.max(Math.floor(memoryBytes / 8), 4 * MIB), 256 * MIB);
}

/** Default for the byte-range locks of all files, which take about 280 bytes each. */
export function locksFor(memoryBytes: number): number {
  return Math.min(Math.max(Math.floor(memoryBytes / 4096), 16_384), 1_048_576);
}

function readOrNothing(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
