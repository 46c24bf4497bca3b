// The memory that the server may plan with: the machine's, or what its control groups leave of it.
import { readFileSync } from "node:fs";

const KIB = 1024;
/** Where /proc does not tell. */
const UNKNOWN_BYTES = 256 * 1024 * KIB;

/** Bytes: the smaller of MemTotal and the control groups' limits. */
export function plannedMemoryBytes(readFile: (path: string) => string | undefined = readOrNothing): number {
  const total = /^MemTotal:\s+(\d+) kB/m.exec(readFile("/proc/meminfo") ?? "")?.[1];
  let bytes = total === undefined ? UNKNOWN_BYTES : Number(total) * KIB;
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

function readOrNothing(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
