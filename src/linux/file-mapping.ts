// The mappings of this process's executable, and advice about their pages: proc(5) smaps, madvise(2),
// mlock2(2).
import { closeSync, openSync, readFileSync, readlinkSync } from "node:fs";
import { sys } from "./libc.ts";
import { Syscall } from "./syscall-numbers.ts";

export const Advice = { RANDOM: 1, PAGEOUT: 21 } as const;

const MLOCK_ONFAULT = 1;
const POSIX_FADV_DONTNEED = 4;

export interface Mapping {
  readonly address: number;
  readonly bytes: number;
  readonly isWritable: boolean;
  /** How much of it is mapped in memory. */
  readonly residentBytes: number;
}

/** Parses the mappings of `path` in the text of /proc/PID/smaps. */
export function mappingsOf(smaps: string, path: string): Mapping[] {
  const found: Mapping[] = [];
  const heads = /^([0-9a-f]+)-([0-9a-f]+) .(.).. \S+ \S+ \S+ +(.*)\n(?:[A-Z].*\n)*?Rss: +(\d+) kB/gm;
  for (const [, from = "", to = "", write, name, rss] of smaps.matchAll(heads)) {
    if (name !== path) continue;
    const address = Number.parseInt(from, 16);
    const bytes = Number.parseInt(to, 16) - address;
    const isWritable = write === "w";
    found.push({ address, bytes, isWritable, residentBytes: Number(rss) * 1024 });
  }
  return found;
}

/** The mappings of this process's executable. None without /proc. */
export function executableMappings(): Mapping[] {
  try {
    return mappingsOf(readFileSync("/proc/self/smaps", "utf8"), readlinkSync("/proc/self/exe"));
  } catch {
    return [];
  }
}

/** Returns 0 or -errno (-EINVAL: the kernel does not know this advice). */
export function advise({ address, bytes }: Mapping, advice: number): number {
  return sys(Syscall.madvise, address, bytes, advice);
}

/** Drops what the page cache has of this process's executable and nobody has mapped. */
export function dropCachedExecutable(): void {
  try {
    const descriptor = openSync("/proc/self/exe", "r");
    sys(Syscall.fadvise64, descriptor, 0, 0, POSIX_FADV_DONTNEED);
    closeSync(descriptor);
  } catch {
    // Without /proc the pages stay.
  }
}

/** Locks the pages that are in memory now, and others as they are touched. Returns 0 or -errno. */
export function lockOnFault({ address, bytes }: Mapping): number {
  return sys(Syscall.mlock2, address, bytes, MLOCK_ONFAULT);
}
