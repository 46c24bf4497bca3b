// A disk of its own for a test: a file system in an image, mounted by a loop device. Needs root.
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, closeSync, ftruncateSync, mkdirSync, openSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { makeDirectory, removeDirectory, TESTER_UID } from "./test-server.ts";

/** What makes the file system: `mkfs.ext4 -q -F` and so on, without the image. */
const MAKERS = {
  ext4: ["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0"],
  xfs: ["mkfs.xfs", "-q", "-f"],
  btrfs: ["mkfs.btrfs", "-q", "-f"],
} as const;

export interface DiskImage {
  /** Where it is mounted; the tester's account owns it. */
  readonly path: string;
  /** Mounts once more with these options, `remount,ro` among them. */
  remount(options: string): void;
  /** Lets the image end after `bytes`: what lies behind fails with EIO once it is in no cache. */
  cut(bytes: number): void;
  /** Takes it away while it is in use, as a pulled disk. */
  detach(): void;
  /** Mounts it again at the same place. */
  attach(): void;
  remove(): void;
}

function run(...command: readonly [string, ...string[]]): void {
  const [name, ...words] = command;
  const { status, stderr } = spawnSync(name, words, { stdio: ["ignore", "ignore", "pipe"] });
  if (status !== 0) throw new Error(`${command.join(" ")}: ${String(stderr)}`);
}

/** Makes and mounts an image of `bytes`; `options` go to mkfs. Throws where that is not possible. */
export function makeDiskImage(
  kind: keyof typeof MAKERS,
  bytes: number,
  options: readonly string[] = [],
): DiskImage {
  const directory = makeDirectory("minismbd-disk");
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
