// Which mounts may be disks that somebody has plugged in: those of a block device, in a place where no part
// of the system is. Pure.
import { isBelow, type Mount } from "../../linux/mountinfo.ts";

/** Where 'automount disks' mounts them. */
export const AUTOMOUNT_DIRECTORY = "/run/minismbd/disks";

/** A mount that gets a share, or gets one if its disk is removable. */
export interface Candidate {
  readonly mount: Mount;
  /** False: below one of the directories whose mounts count whatever their disk is. */
  readonly mustBeRemovable: boolean;
}

/**
 * Disks that are mounted here belong to the system, wherever they are plugged in: many boards boot from USB.
 */
const SYSTEM_DIRECTORIES = [
  ...[
    "/bin",
    "/boot",
    "/dev",
    "/efi",
    "/etc",
    "/home",
    "/lib",
    "/lib64",
    "/nix",
    "/opt",
    "/overlay",
    "/proc",
  ],
  ...["/rom", "/root", "/run", "/sbin", "/snap", "/sys", "/tmp", "/usr", "/var"],
] as const;

/** Without files of their own, or not for files. */
const LAYERS: ReadonlySet<string> = new Set(["overlay", "swap", "squashfs", "erofs", "cramfs", "romfs"]);

/**
 * The candidates of a mount table, one a device: of several mounts of one device the first. `directories`:
 * where every disk counts; a directory itself counts as well as what is below it.
 */
export function candidatesIn(mounts: readonly Mount[], directories: readonly string[]): Candidate[] {
  const found = new Map<string, Candidate>();
  // What is mounted over another file system hides it.
  const visible = new Map(mounts.map((mount) => [mount.mountPoint, mount]));
  for (const mount of mounts) {
    if (!isDisk(mount) || found.has(mount.source) || visible.get(mount.mountPoint) !== mount) continue;
    const isInPlace = directories.some((directory) => isBelow(mount.mountPoint, directory));
    if (isInPlace) found.set(mount.source, { mount, mustBeRemovable: false });
    else if (!isOfSystem(mount.mountPoint)) found.set(mount.source, { mount, mustBeRemovable: true });
  }
  return [...found.values()];
}

function isDisk({ source, root, fileSystem, mountPoint }: Mount): boolean {
  // A bind mount shows a part of a file system; btrfs mounts its subvolumes that way.
  const isWhole = root === "/" || fileSystem === "btrfs";
  return isWhole && source.startsWith("/dev/") && !LAYERS.has(fileSystem) && mountPoint !== "/";
}

function isOfSystem(mountPoint: string): boolean {
  return SYSTEM_DIRECTORIES.some((directory) => isBelow(mountPoint, directory));
}
