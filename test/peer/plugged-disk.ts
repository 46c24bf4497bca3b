// Disks like those that users plug in, of kinds that every kernel supports: without extended attributes
// (ramfs, exFAT by FUSE), and NTFS by FUSE, which has its own DOS attributes. Needs root.
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, closeSync, existsSync, ftruncateSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { makeDirectory, removeDirectory, TESTER_UID } from "./test-server.ts";

const IMAGE_BYTES = 32 * 1024 * 1024;
const OWNED = `loop,uid=${TESTER_UID},gid=${TESTER_UID}`;

/** The commands that make the file system in an image (undefined: no image) and mount it. */
const KINDS = {
  ramfs: { maker: undefined, mount: ["mount", "-t", "ramfs", "none"] },
  "exFAT by FUSE": { maker: ["mkfs.exfat"], mount: ["mount", "-t", "exfat-fuse", "-o", OWNED] },
  "NTFS by FUSE": { maker: ["mkfs.ntfs", "-F", "-q"], mount: ["mount", "-t", "ntfs-3g", "-o", OWNED] },
} as const;

export type PluggedKind = keyof typeof KINDS;
export const PLUGGED_KINDS: readonly PluggedKind[] = ["ramfs", "exFAT by FUSE", "NTFS by FUSE"];

export interface PluggedDisk {
  /** The mount point. */
  readonly path: string;
  remove(): void;
}

/** Whether such a disk can be made here: needs root, /dev/fuse and the programs. */
export function canMakePluggedDisk(kind: PluggedKind): boolean {
  const { maker, mount } = KINDS[kind];
  if (process.getuid?.() !== 0 || !existsSync("/dev/fuse")) return false;
  return maker === undefined || (Bun.which(maker[0]) !== null && Bun.which(`mount.${mount[2]}`) !== null);
}

function run(command: readonly string[]): void {
  const [name = "", ...words] = command;
  const { status, stderr } = spawnSync(name, words, { stdio: ["ignore", "ignore", "pipe"] });
  if (status !== 0) throw new Error(`${command.join(" ")}: ${String(stderr)}`);
}

/** Makes and mounts an empty disk that the tester's account owns. Throws when a command fails. */
export function makePluggedDisk(kind: PluggedKind): PluggedDisk {
  const { maker, mount } = KINDS[kind];
  const directory = makeDirectory("minismbd-plugged");
  const path = join(directory, "disk");
  mkdirSync(path);
  try {
    if (maker === undefined) {
      run([...mount, path]);
      chmodSync(path, 0o755);
      chownSync(path, TESTER_UID, TESTER_UID);
    } else {
      const image = join(directory, "image");
      const file = openSync(image, "w");
      ftruncateSync(file, IMAGE_BYTES);
      closeSync(file);
      run([...maker, image]);
      run([...mount, image, path]);
    }
  } catch (error) {
    removeDirectory(directory);
    throw error;
  }
  return {
    path,
    remove() {
      spawnSync("umount", ["-l", path]);
      removeDirectory(directory);
    },
  };
}
