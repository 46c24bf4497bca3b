// The memory that the server may plan with: the machine's, or what its control groups leave of it.
import { readFileSync } from "node:fs";

const KIB = 1024;
/** Where /proc does not tell. */
const UNKNOWN_BYTES = 256 * 1024 * KIB;

/** A control group of the process that limits its memory. */
export interface MemoryGroup {
  readonly directory: string;
  readonly limitBytes: number;
  /** Name of the file in `directory` that tells how much is used. */
  readonly usageName: string;
}

/** Where the files of cgroup versions 2 and 1 are; of several limits the lowest counts. */
const VERSIONS = [
  { root: "/sys/fs/cgroup", limits: ["memory.max", "memory.high"], usageName: "memory.current" },
  {
    root: "/sys/fs/cgroup/memory",
    limits: ["memory.limit_in_bytes"],
    usageName: "memory.usage_in_bytes",
  },
] as const;

/** Bytes: the smaller of MemTotal and the control groups' limits. */
export function plannedMemoryBytes(readFile: (path: string) => string | undefined = readOrNothing): number {
  const total = /^MemTotal:\s+(\d+) kB/m.exec(readFile("/proc/meminfo") ?? "")?.[1];
  let bytes = total === undefined ? UNKNOWN_BYTES : Number(total) * KIB;
  for (const { limitBytes } of memoryGroups(readFile)) bytes = Math.min(bytes, limitBytes);
  return bytes;
}

/** The process's control group and its ancestors, of cgroup versions 2 and 1, as far as they have a limit. */
export function memoryGroups(readFile: (path: string) => string | undefined): MemoryGroup[] {
  const found: MemoryGroup[] = [];
  const groups = readFile("/proc/self/cgroup") ?? "";
  const unified = /^0::(\/.*)$/m.exec(groups)?.[1];
  const legacy = /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(\/.*)$/m.exec(groups)?.[1];
  for (const [index, path] of [unified, legacy].entries()) {
    const version = VERSIONS[index];
    if (path === undefined || version === undefined) continue;
    for (const directory of directoriesOf(version.root, path)) {
      const limits = version.limits
        .map((name) => readFile(`${directory}/${name}`)?.trim() ?? "")
        .filter((text) => /^\d+$/.test(text))
        .map(Number);
      if (limits.length === 0) continue;
      found.push({ directory, limitBytes: Math.min(...limits), usageName: version.usageName });
    }
  }
  return found;
}

/** `path` below `root` and its ancestors up to the root, the process's own first. */
export function directoriesOf(root: string, path: string): string[] {
  const parts = path.split("/").filter((part) => part !== "");
  return Array.from({ length: parts.length + 1 }, (_, above) =>
    [root, ...parts.slice(0, parts.length - above)].join("/"),
  );
}

export function readOrNothing(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
