// Which mounts may be disks that somebody has plugged in: those of a block device, in a place where no part
// of the system is. Pure.
import type { Mount } from "../../linux/mountinfo.ts";
import { isDisk, placeOf } from "./places.ts";

/** A mount that gets a share, or gets one if its disk is removable. */
export interface Candidate {
  readonly mount: Mount;
  /** False: below one of the directories whose mounts count whatever their disk is. */
  readonly mustBeRemovable: boolean;
}

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
    const place = placeOf(mount.mountPoint, directories);
    if (place === "plugged" || place === "elsewhere")
      found.set(mount.source, { mount, mustBeRemovable: place === "elsewhere" });
  }
  return [...found.values()];
}
