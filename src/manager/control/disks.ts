// The command `disks`: the disks that shares are on, and those that are plugged in and not shared, with their
// space.
import { currentMounts, type Mount, mountOf } from "../../linux/mountinfo.ts";
import type { EngineControl } from "../../port/control.ts";
import type { Configuration } from "../config/load.ts";
import { askSpaces } from "../disk-space.ts";
import { describeMount } from "../disk-states.ts";
import { type DiskHealth, healthOf } from "../volumes/disk-health.ts";
import { factsOf } from "../volumes/mount-facts.ts";
import { isDisk, placeOf } from "../volumes/places.ts";
import { isReadOnly } from "../volumes/state-words.ts";
import { isOnRemovableDevice } from "../volumes/volume-facts.ts";

/** What the command uses of the server. */
export interface DiskHost {
  readonly engine: Pick<EngineControl, "tables">;
  configuration(): Pick<Configuration, "shares" | "volumeDirectories">;
  /** True where the path is on a disk that was ejected and is still mounted. */
  isHeldBack(path: string): boolean;
}

/** An item of `disks`. */
export interface DiskItem {
  readonly mountPoint: string;
  readonly source: string;
  readonly fileSystem: string;
  /** Absent where it has none, or where the disk does not answer. */
  readonly label?: string;
  readonly health: DiskHealth;
  readonly isReadOnly: boolean;
  /** Why it is read-only, and what helps. */
  readonly state?: string;
  /** Its shares are refused until it is unmounted. */
  readonly isEjected: boolean;
  /** A disk that can be unplugged: no part of the system. */
  readonly isRemovable: boolean;
  /** Names; empty where it is not shared. */
  readonly shares: readonly string[];
  /** Open files of clients. */
  readonly opens: number;
  readonly totalBytes?: number;
  readonly freeBytes?: number;
  /** The name of an errno where the disk does not tell its space. */
  readonly fault?: string;
}

/** How long the answer waits for a disk that hangs. */
const TIMEOUT_MS = 2000;

export async function* listDisks(host: DiskHost): AsyncIterable<DiskItem> {
  const mounts = currentMounts();
  const { shares, volumeDirectories } = host.configuration();
  const removable = new Set(mounts.filter((mount) => isRemovable(mount, volumeDirectories)));
  const sharesByMount = new Map<Mount, string[]>();
  for (const { name, path } of shares.values()) {
    const mount = mountOf(mounts, path);
    if (mount !== undefined) sharesByMount.set(mount, [...(sharesByMount.get(mount) ?? []), name]);
  }
  const isListed = (mount: Mount): boolean =>
    sharesByMount.has(mount) || (removable.has(mount) && mountOf(mounts, mount.mountPoint) === mount);
  const listed = mounts.filter(isListed);
  const opens = new Map([...host.engine.tables.volumes()].map((row) => [row.mountPoint, row.opens]));
  // Those that hang all at once, not one after the other.
  const [spaces, ...facts] = await Promise.all([
    askSpaces([...new Set(listed.map(({ mountPoint }) => mountPoint))], TIMEOUT_MS),
    ...listed.map((mount) => factsOf(mount, TIMEOUT_MS)),
  ]);
  for (const [i, mount] of listed.entries()) {
    const { label = "" } = facts[i] ?? {};
    const space = spaces.get(mount.mountPoint);
    const state = isReadOnly(mount) ? await describeMount(mount) : undefined;
    yield {
      mountPoint: mount.mountPoint,
      source: mount.source,
      fileSystem: mount.fileSystem,
      ...(label !== "" && { label }),
      health: healthOf(mount, facts[i]),
      isReadOnly: isReadOnly(mount),
      ...(state !== undefined && { state }),
      isEjected: host.isHeldBack(mount.mountPoint),
      isRemovable: removable.has(mount),
      shares: sharesByMount.get(mount) ?? [],
      opens: opens.get(mount.mountPoint) ?? 0,
      ...(space !== undefined && "code" in space ? { fault: space.code } : space),
    };
  }
}

function isRemovable(mount: Mount, directories: readonly string[]): boolean {
  if (!isDisk(mount)) return false;
  const place = placeOf(mount.mountPoint, directories);
  return place === "plugged" || (place === "elsewhere" && isOnRemovableDevice(mount));
}
