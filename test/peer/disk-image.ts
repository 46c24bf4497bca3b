// A separate disk for a test: a file system in an image file, mounted through a loop device. Needs root.
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, closeSync, ftruncateSync, mkdirSync, openSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { makeDirectory, removeDirectory, TESTER_UID } from "./test-server.ts";

/** The mkfs command of each file system, without the image. */
const MAKERS = {
  ext4: ["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0"],
  xfs: ["mkfs.xfs", "-q", "-f"],
  btrfs: ["mkfs.btrfs", "-q", "-f"],
} as const;

export interface DiskImage {
  /** The mount point; the tester's account owns it. */
  readonly path: string;
  /** Runs mount with these options on the mount point; they include `remount`, such as `remount,ro`. */
  remount(options: string): void;
  /** Truncates the image to `bytes`: access to blocks behind fails with EIO once they are not in a cache. */
  cut(bytes: number): void;
  /** Unmounts it while it is in use (`umount -l`), as a disk that is unplugged. */
  detach(): void;
  /** Mounts it again at the same mount point. */
  attach(): void;
  remove(): void;
}

/** Whether this machine can make such a disk: as root, with the program that it takes. */
export function canMakeDiskImage(kind: keyof typeof MAKERS): boolean {
  return process.getuid?.() === 0 && Bun.which(MAKERS[kind][0]) !== null;
}

function run(...command: readonly [string, ...string[]]): void {
  const [name, ...words] = command;
  const { status, stderr } = spawnSync(name, words, { stdio: ["ignore", "ignore", "pipe"] });
  if (status !== 0) throw new Error(`${command.join(" ")}: ${String(stderr)}`);
}

/**
 * Makes and mounts an image of `bytes`; `options` are passed to mkfs. `parent`: where the image is. Throws when a
 * command fails.
 */
export function makeDiskImage(
  kind: keyof typeof MAKERS,
  bytes: number,
  options: readonly string[] = [],
  parent?: string,
): DiskImage {
  const directory = makeDirectory("minismbd-disk", parent);
  const image = join(directory, "image");
  const path = join(directory, "disk");
  mkdirSync(path);
  const file = openSync(image, "w");
  ftruncateSync(file, bytes);
  closeSync(file);
  const [maker, ...words] = MAKERS[kind];
  let isMounted = false;
  const attach = (): void => {
    run("mount", "-o", "loop", image, path);
    isMounted = true;
  };
  const detach = (): void => {
    if (isMounted) run("umount", "-l", path);
    isMounted = false;
  };
  try {
    run(maker, ...words, ...options, image);
    attach();
  } catch (error) {
    removeDirectory(directory);
    throw error;
  }
  chmodSync(path, 0o755);
  chownSync(path, TESTER_UID, TESTER_UID);
  return {
    path,
    remount: (how) => run("mount", "-o", how, path),
    cut: (at) => truncateSync(image, at),
    detach,
    attach,
    remove() {
      detach();
      removeDirectory(directory);
    },
  };
}
