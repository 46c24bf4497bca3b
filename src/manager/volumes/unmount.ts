// Unmounts a disk that clients have let go of, and finds out whether it can be taken out then, or who still
// uses it. Waits for the disk: for workers and commands.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { basename, dirname } from "node:path";
import { Errno, errnoName } from "../../linux/errno.ts";
import { syncFileSystem, Unmount, unmount } from "../../linux/mount.ts";
import { currentMounts, isBelow, type Mount } from "../../linux/mountinfo.ts";
import { AT_FDCWD, closeFd, Open, openAt } from "../../linux/open.ts";

export type UnmountQuestion = Pick<Mount, "mountPoint" | "source" | "isSlave">;

export interface UnmountAnswer {
  /** `refused`: this process may not unmount it. `hanging`: it is still under way. */
  readonly outcome: "unmounted" | "busy" | "refused" | "failed" | "hanging";
  /** Why it failed: the name of an errno, or what a program said. */
  readonly reason: string;
  /** `busy`: who uses it, as far as that can be told: `NAME (process N)`, or a mount point below it. */
  readonly holders: readonly string[];
  /** Where the same disk is still mounted, by another of its partitions or in another place. */
  readonly alsoMounted: readonly string[];
  /** The kernel says that somebody has the device, such as a mount in another mount namespace. */
  readonly isDeviceInUse: boolean;
  /** Name of the errno with which the disk failed to take cached data, which is lost; empty: it took all. */
  readonly writeFault: string;
}

const MAX_HOLDERS = 5;
/** What the server has just closed may end late, in workers. */
const BUSY_MS = 2_000;
const RETRY_MS = 100;
const PROGRAM_MS = 12_000;

export function unmountDisk(disk: UnmountQuestion): UnmountAnswer {
  const { mountPoint, source, isSlave } = disk;
  const below = currentMounts().filter(
    (mount) => mount.mountPoint !== mountPoint && isBelow(mount.mountPoint, mountPoint),
  );
  if (below.length > 0) return answer("busy", { holders: below.map((mount) => mount.mountPoint) });
  const writeFault = sync(mountPoint);
  // To unmount the copy would leave the disk mounted where it was mounted.
  const result = isSlave ? -Errno.EPERM : unmountPatiently(mountPoint);
  if (result === 0) return { ...unmounted(source), writeFault };
  if (result === -Errno.EBUSY) return answer("busy", { holders: findHolders(mountPoint) });
  if (result !== -Errno.EPERM) return answer("failed", { reason: errnoName(result) });
  const fault = askPrograms(disk);
  if (fault === undefined) return { ...unmounted(source), writeFault };
  return fault === "" ? answer("refused", {}) : answer("failed", { reason: fault });
}

function answer(outcome: UnmountAnswer["outcome"], more: Partial<UnmountAnswer>): UnmountAnswer {
  return { outcome, reason: "", holders: [], alsoMounted: [], isDeviceInUse: false, writeFault: "", ...more };
}

/** For a disk that has not answered in time. */
export const HANGING: UnmountAnswer = answer("hanging", {});

/** Returns the name of the errno; empty: all data is on the disk. syncfs reports losses since Linux 5.8. */
function sync(mountPoint: string): string {
  const fd = openAt(AT_FDCWD, mountPoint, Open.RDONLY | Open.DIRECTORY);
  const result = fd < 0 ? fd : syncFileSystem(fd);
  if (fd >= 0) closeFd(fd);
  return result < 0 ? errnoName(result) : "";
}

function unmountPatiently(mountPoint: string): number {
  for (let leftMs = BUSY_MS; ; leftMs -= RETRY_MS) {
    const result = unmount(mountPoint, Unmount.NOFOLLOW);
    if (result !== -Errno.EBUSY || leftMs <= 0) return result;
    Bun.sleepSync(RETRY_MS);
  }
}

function unmounted(source: string): UnmountAnswer {
  if (!source.startsWith("/dev/")) return answer("unmounted", {});
  const disk = diskOf(source);
  const others = currentMounts().filter(
    (mount) => mount.source === source || (disk !== "" && disk === diskOf(mount.source)),
  );
  const alsoMounted = [...new Set(others.map(({ mountPoint }) => mountPoint))];
  return answer("unmounted", { alsoMounted, isDeviceInUse: isInUse(source) });
}

/** The whole disk that a partition is on; empty where that is unknown. */
function diskOf(source: string): string {
  if (!source.startsWith("/dev/")) return "";
  try {
    const path = realpathSync(`/sys/class/block/${basename(source)}`);
    return readdirSync(path).includes("partition") ? dirname(path) : path;
  } catch {
    return "";
  }
}

/**
 * open(2): O_EXCL without O_CREAT fails with EBUSY while the system uses a block device. Nor is a disk to be
 * taken out where there is no descriptor to ask with.
 */
export function isInUse(source: string): boolean {
  const fd = openAt(AT_FDCWD, source, Open.RDONLY | Open.EXCL | Open.NONBLOCK);
  if (fd >= 0) closeFd(fd);
  return fd === -Errno.EBUSY || fd === -Errno.EMFILE || fd === -Errno.ENFILE;
}

/** Undefined: done. Else what the program said; empty where no program could be asked or none may. */
function askPrograms({ mountPoint, source, isSlave }: UnmountQuestion): string | undefined {
  const commands = [
    ["udisksctl", "unmount", "--no-user-interaction", "--block-device", source],
    // Services ask systemd, which unmounts in the place where the disk is mounted.
    ...(isSlave ? [["systemd-umount", mountPoint]] : [["umount", mountPoint]]),
  ];
  let fault = "";
  for (const [name = "", ...words] of commands) {
    if (Bun.which(name) === null) continue;
    const { status, stderr } = spawnSync(name, words, {
      stdio: ["ignore", "ignore", "pipe"],
      timeout: PROGRAM_MS,
      env: { PATH: process.env.PATH ?? "", LC_ALL: "C" },
    });
    if (status === 0) return undefined;
    const [line = ""] = String(stderr).trim().split("\n");
    if (/busy/i.test(line)) fault = line;
  }
  return fault;
}

/** Who has something on the disk open, in the mount namespaces that have the same path. */
function findHolders(mountPoint: string): string[] {
  const holders: string[] = [];
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    if (holders.length >= MAX_HOLDERS) break;
    if (!usesPath(pid, mountPoint)) continue;
    holders.push(`${nameOf(pid)} (process ${pid})`);
  }
  return holders;
}

function usesPath(pid: string, mountPoint: string): boolean {
  const links = ["cwd", "root", "exe", ...listOrEmpty(`/proc/${pid}/fd`).map((fd) => `fd/${fd}`)];
  return links.some((link) => {
    try {
      return isBelow(readlinkSync(`/proc/${pid}/${link}`), mountPoint);
    } catch {
      return false;
    }
  });
}

function listOrEmpty(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function nameOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    return "a program";
  }
}
