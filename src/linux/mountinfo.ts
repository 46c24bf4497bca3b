// The mount table from /proc/self/mountinfo; proc_pid_mountinfo(5).
import { readFileSync } from "node:fs";
import { decodeName } from "./name-bytes.ts";
import { AT_FDCWD, Open, openAt } from "./open.ts";

export interface Mount {
  readonly mountId: number;
  readonly parentId: number;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** The directory of the file system that is visible at the mount point; "/" except for bind mounts. */
  readonly root: string;
  readonly mountPoint: string;
  readonly options: readonly string[];
  readonly fileSystem: string;
  readonly source: string;
  readonly superOptions: readonly string[];
  /** A copy of a mount in another mount namespace, which comes and goes with it; mount_namespaces(7). */
  readonly isSlave: boolean;
}

/** Parses the text of a mountinfo file; malformed lines are skipped. */
export function parseMountinfo(text: string): Mount[] {
  const mounts: Mount[] = [];
  for (const line of text.split("\n")) {
    const mount = parseLine(line);
    if (mount !== undefined) mounts.push(mount);
  }
  return mounts;
}

function parseLine(line: string): Mount | undefined {
  const fields = line.split(" ");
  // A lone dash ends the optional fields, of which there may be any number.
  const dash = fields.indexOf("-", 6);
  const [mountId, parentId, device, root, mountPoint, options] = fields;
  if (dash < 0 || mountPoint === undefined || root === undefined) return undefined;
  const [major, minor] = (device ?? "").split(":");
  return {
    mountId: Number(mountId),
    parentId: Number(parentId),
    deviceMajor: Number(major),
    deviceMinor: Number(minor),
    root: unescapeMount(root),
    mountPoint: unescapeMount(mountPoint),
    options: (options ?? "").split(","),
    fileSystem: fields[dash + 1] ?? "",
    source: unescapeMount(fields[dash + 2] ?? ""),
    superOptions: (fields[dash + 3] ?? "").split(","),
    isSlave: fields.slice(6, dash).some((field) => field.startsWith("master:")),
  };
}

/**
 * The kernel and fstab(5) write space, tab, newline and backslash as three octal digits, other bytes
 * unchanged.
 */
export function unescapeMount(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

/** The mounts that this process sees; empty when /proc is not mounted. */
export function currentMounts(): Mount[] {
  try {
    return parseMountinfo(decodeName(readFileSync("/proc/self/mountinfo")));
  } catch {
    return [];
  }
}

/**
 * Opens the mount table, to be watched for changes: poll(2) reports PRI and ERR once after each. Returns a
 * descriptor or -errno.
 */
export function openMountTable(): number {
  return openAt(AT_FDCWD, "/proc/self/mountinfo", Open.RDONLY);
}

/** True for the directory itself, too. Both paths are absolute and normalised. */
export function isBelow(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === "/" ? directory : `${directory}/`);
}

/** The mount of an absolute, normalised path; of several at one mount point the last, which is on top. */
export function mountOf(mounts: readonly Mount[], path: string): Mount | undefined {
  let best: Mount | undefined;
  for (const mount of mounts) {
    if (!isBelow(path, mount.mountPoint)) continue;
    if (best === undefined || mount.mountPoint.length >= best.mountPoint.length) best = mount;
  }
  return best;
}
