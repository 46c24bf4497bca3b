// What is mounted where: /proc/self/mountinfo; proc_pid_mountinfo(5).
import { readFileSync } from "node:fs";

export interface Mount {
  readonly mountId: number;
  readonly parentId: number;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** The directory of the file system that is mounted here. */
  readonly root: string;
  readonly mountPoint: string;
  readonly options: readonly string[];
  readonly fileSystem: string;
  readonly source: string;
  readonly superOptions: readonly string[];
}

/** Reads a mountinfo file's text; lines that are no mounts are passed over. */
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
  // Any number of optional fields ends with a lone dash.
  const dash = fields.indexOf("-", 6);
  const [mountId, parentId, device, root, mountPoint, options] = fields;
  if (dash < 0 || mountPoint === undefined || root === undefined) return undefined;
  const [major, minor] = (device ?? "").split(":");
  return {
    mountId: Number(mountId),
    parentId: Number(parentId),
    deviceMajor: Number(major),
    deviceMinor: Number(minor),
    root: unescape(root),
    mountPoint: unescape(mountPoint),
    options: (options ?? "").split(","),
    fileSystem: fields[dash + 1] ?? "",
    source: unescape(fields[dash + 2] ?? ""),
    superOptions: (fields[dash + 3] ?? "").split(","),
  };
}

/** Space, tab, newline and backslash are written as three octal digits; other bytes of UTF-8 as they are. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

/** The mounts that this process sees; none where /proc is missing. */
export function currentMounts(): Mount[] {
  try {
    return parseMountinfo(readFileSync("/proc/self/mountinfo", "utf8"));
  } catch {
    return [];
  }
}

/** The mount that an absolute, normalised path lies on; the last of several at one place is on top. */
export function mountOf(mounts: readonly Mount[], path: string): Mount | undefined {
  let best: Mount | undefined;
  for (const mount of mounts) {
    const point = mount.mountPoint === "/" ? "" : mount.mountPoint;
    if (path !== point && !path.startsWith(`${point}/`)) continue;
    if (best === undefined || mount.mountPoint.length >= best.mountPoint.length) best = mount;
  }
  return best;
}
