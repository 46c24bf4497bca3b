// The mount points that the administrator planned, from /etc/fstab; fstab(5).
import { readFileSync } from "node:fs";
import { unescapeMount } from "./mountinfo.ts";

/** File systems without a disk: nobody's files are missing where they are not mounted. */
const VIRTUAL: ReadonlySet<string> = new Set([
  "swap",
  "tmpfs",
  "ramfs",
  "proc",
  "sysfs",
  "devpts",
  "devtmpfs",
  "debugfs",
  "hugetlbfs",
  "cgroup",
  "cgroup2",
]);

/** Parses the text of an fstab; malformed lines and the root are skipped. */
export function parseFstab(text: string): string[] {
  const points: string[] = [];
  for (const line of text.split("\n")) {
    const [source = "#", point = "", type = ""] = line.trim().split(/\s+/);
    if (source.startsWith("#") || !point.startsWith("/") || VIRTUAL.has(type)) continue;
    const path = unescapeMount(point).replace(/\/+$/, "");
    if (path !== "") points.push(path);
  }
  return points;
}

/** Reads /etc/fstab; empty where there is none. */
export function plannedMountPoints(): string[] {
  try {
    return parseFstab(readFileSync("/etc/fstab", "utf8"));
  } catch {
    return [];
  }
}
