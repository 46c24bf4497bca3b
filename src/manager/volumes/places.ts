// Where a disk is mounted, and so whether it may be somebody's or belongs to the system: the one definition
// for the shares of [volumes] and for the commands `disks` and `eject`. Pure.
import { isBelow, type Mount } from "../../linux/mountinfo.ts";

/** Where 'automount disks' mounts them. */
export const AUTOMOUNT_DIRECTORY = "/run/minismbd/disks";

/**
 * - `plugged`: in a directory where disks are mounted that people plug in;
 * - `elsewhere`: in a place of the administrator's; a removable disk there counts as plugged in;
 * - `reserved`: below a directory of the system that has data as well: many boards boot from USB, so such a
 *   disk gets no share by itself, but the administrator may share and eject it by name;
 * - `system`: nobody takes it out.
 */
export type Place = "plugged" | "elsewhere" | "reserved" | "system";

const SYSTEM = [
  ...["/bin", "/boot", "/dev", "/efi", "/etc", "/lib", "/lib64", "/nix", "/overlay", "/proc"],
  ...["/rom", "/sbin", "/snap", "/sys", "/usr"],
] as const;

/** These directories themselves are of the system. */
const RESERVED = ["/home", "/opt", "/root", "/run", "/tmp", "/var"] as const;

/** Without files of their own, or not for files. */
const LAYERS: ReadonlySet<string> = new Set(["overlay", "swap", "squashfs", "erofs", "cramfs", "romfs"]);

/**
 * The deepest known directory that has the mount point decides. `directories`: 'volume directories', each
 * normalised.
 */
export function placeOf(mountPoint: string, directories: readonly string[]): Place {
  if (mountPoint === "/") return "system";
  let place: Place = "elsewhere";
  let depth = 0;
  const consider = (directory: string, found: Place): void => {
    if (directory.length < depth || !isBelow(mountPoint, directory)) return;
    place = found;
    depth = directory.length;
  };
  for (const directory of SYSTEM) consider(directory, "system");
  for (const directory of RESERVED) consider(directory, mountPoint === directory ? "system" : "reserved");
  consider(AUTOMOUNT_DIRECTORY, "plugged");
  for (const directory of directories) consider(directory, "plugged");
  return place;
}

/** False for what has no files of its own, and for a part of a disk that is mounted in a second place. */
export function isDisk({ source, root, fileSystem }: Mount): boolean {
  // A bind mount shows a part of a file system; btrfs mounts its subvolumes that way.
  const isWhole = root === "/" || fileSystem === "btrfs";
  return isWhole && source.startsWith("/dev/") && !LAYERS.has(fileSystem);
}
