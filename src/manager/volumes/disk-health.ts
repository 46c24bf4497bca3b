// Whether a disk is sound, as far as the kernel tells it: errors that the file system has counted, and disks
// that the kernel has given up. sysfs is memory: nothing here waits for a disk.
import { readdirSync, readFileSync, realpathSync } from "node:fs";
import { basename } from "node:path";
import type { Mount } from "../../linux/mountinfo.ts";
import { describeState, isReadOnly } from "./state-words.ts";
import type { VolumeFacts } from "./volume-facts.ts";

export interface DiskHealth {
  /** `unknown`: the file system counts no errors, so that nothing is known against the disk. */
  readonly state: "good" | "failing" | "unknown";
  /** A sentence for people; empty: there is nothing to say. */
  readonly message: string;
}

/** How sysfs is asked. */
export interface SysFiles {
  /** Undefined: there is no such file. */
  read(path: string): string | undefined;
  list(path: string): readonly string[];
  /** The name of the block device MAJOR:MINOR, such as sda1. */
  nameOf(device: string): string;
}

const SYS: SysFiles = {
  read(path) {
    try {
      return readFileSync(path, "utf8").trim();
    } catch {
      return undefined;
    }
  },
  list(path) {
    try {
      return readdirSync(path);
    } catch {
      return [];
    }
  },
  nameOf(device) {
    try {
      return basename(realpathSync(`/sys/dev/block/${device}`));
    } catch {
      return "";
    }
  },
};

/** `facts` is undefined where the disk has not answered. */
export function healthOf(mount: Mount, facts: VolumeFacts | undefined, sys: SysFiles = SYS): DiskHealth {
  const device = `/sys/dev/block/${mount.deviceMajor}:${mount.deviceMinor}`;
  const state = sys.read(`${device}/device/state`) ?? sys.read(`${device}/../device/state`);
  if (state === "offline")
    return failing("the kernel has given the disk up after errors: look at its cable and its power supply");
  const errors = errorsOf(mount, facts, sys);
  if (errors !== undefined && errors > 0) {
    const count = errors === 1 ? "an error" : `${errors} errors`;
    return failing(
      `its file system has met ${count}: copy what matters to another disk, then check and repair this one`,
    );
  }
  const words = facts && describeState(mount, facts);
  // FAT and exFAT are dirty as long as they are mounted for writing: that flag says nothing of them.
  if (words?.includes("error") === true) return failing(words);
  const isSound = errors === 0 && !isReadOnly(mount);
  return { state: isSound ? "good" : "unknown", message: words ?? "" };
}

function failing(message: string): DiskHealth {
  return { state: "failing", message };
}

/** Errors that the file system has counted since it was made or repaired; undefined: it counts none. */
function errorsOf(mount: Mount, facts: VolumeFacts | undefined, sys: SysFiles): number | undefined {
  if (/^ext[234]$/.test(mount.fileSystem)) {
    const name = sys.nameOf(`${mount.deviceMajor}:${mount.deviceMinor}`);
    return name === "" ? undefined : numberOf(sys.read(`/sys/fs/ext4/${name}/errors_count`));
  }
  if (mount.fileSystem !== "btrfs" || facts === undefined || facts.uuid === "") return undefined;
  const devices = `/sys/fs/btrfs/${facts.uuid}/devinfo`;
  const texts = sys.list(devices).flatMap((id) => sys.read(`${devices}/${id}/error_stats`) ?? []);
  if (texts.length === 0) return undefined;
  const counts = texts.flatMap((text) =>
    [...text.matchAll(/^\w+ (\d+)$/gm)].map(([, count]) => Number(count)),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}
