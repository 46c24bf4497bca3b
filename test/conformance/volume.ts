// The file system for the shares of a conformance run: ext4 with inodes large enough to hold extended
// attributes. With smaller inodes an empty file with extended attributes occupies blocks, and tests of the
// allocation size fail.
import { spawnSync } from "node:child_process";
import { chmodSync, closeSync, ftruncateSync, mkdirSync, openSync } from "node:fs";
import { join, resolve } from "node:path";
import { currentMounts, mountOf } from "../../src/linux/mountinfo.ts";
import { makeDirectory, removeDirectory } from "../peer/test-server.ts";

const IMAGE_BYTES = 8 * 1024 * 1024 * 1024;

export interface Volume {
  readonly path: string;
  /** Description for the report. */
  readonly kind: string;
  remove(): void;
}

function run(command: string, ...words: string[]): boolean {
  return spawnSync(command, words, { stdio: "ignore" }).status === 0;
}

/** Uses a new directory of the folder: its disk is the one that is tested. */
export function useFolder(folder: string): Volume {
  const path = makeDirectory("minismbd-conformance", resolve(folder));
  chmodSync(path, 0o755);
  const mount = mountOf(currentMounts(), path);
  return {
    path,
    kind: `${folder} (${mount?.fileSystem ?? "unknown file system"})`,
    remove: () => removeDirectory(path),
  };
}

/** Makes and mounts a sparse ext4 image as root; otherwise, or when that fails, a plain directory. */
export function makeVolume(): Volume {
  const directory = makeDirectory("minismbd-volume");
  const image = join(directory, "image");
  const path = join(directory, "volume");
  mkdirSync(path);
  const file = openSync(image, "w");
  ftruncateSync(file, IMAGE_BYTES);
  closeSync(file);
  const isMounted =
    process.getuid?.() === 0 &&
    run("mkfs.ext4", "-q", "-b", "4096", "-I", "2048", "-E", "lazy_itable_init=1", image) &&
    run("mount", "-o", "loop,user_xattr,acl", image, path);
  chmodSync(path, 0o755);
  return {
    path,
    kind: isMounted ? "ext4 with inodes of 2048 bytes" : "a plain directory",
    remove() {
      if (isMounted && !run("umount", path)) run("umount", "-l", path);
      removeDirectory(directory);
    },
  };
}
