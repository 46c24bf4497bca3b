// The guest's disk: an ext4 image with a folder of many names, made once and kept; each guest writes to its own copy.
import { spawnSync } from "node:child_process";
import { chownSync, closeSync, existsSync, mkdirSync, openSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TESTER_UID } from "../peer/test-server.ts";

/** Folders of the share, and how many names each has. */
export const FOLDERS = { names: 100_000, "some names": 5000 } as const;
const SIZE = "6G";

function run(name: string, words: readonly string[]): void {
  const { status, stderr } = spawnSync(name, [...words], { encoding: "utf8" });
  if (status !== 0) throw new Error(`${name}: status ${status}: ${stderr}`);
}

/** Path of the image that guests copy; makes it if it is not there, in the mount namespace of the command. */
export function findImage(): string {
  const workshop = join(tmpdir(), "minismbd-box");
  const image = join(workshop, `disk-${Object.values(FOLDERS).join("-")}-${SIZE}.ext4`);
  if (existsSync(image)) return image;
  const mountPoint = join(workshop, "disk");
  mkdirSync(mountPoint, { recursive: true });
  const half = `${image}.half`;
  rmSync(half, { force: true });
  run("mkfs.ext4", ["-q", "-F", "-N", String(3 * FOLDERS.names), half, SIZE]);
  run("mount", ["-o", "loop", half, mountPoint]);
  try {
    makeShare(join(mountPoint, "share"));
  } finally {
    run("umount", [mountPoint]);
  }
  renameSync(half, image);
  return image;
}

function makeShare(share: string): void {
  mkdirSync(share);
  chownSync(share, TESTER_UID, TESTER_UID);
  for (const [name, count] of Object.entries(FOLDERS)) {
    const folder = join(share, name);
    mkdirSync(folder);
    chownSync(folder, TESTER_UID, TESTER_UID);
    for (let index = 0; index < count; index++)
      closeSync(openSync(join(folder, `photograph number ${index}.jpg`), "w"));
  }
}

/** Copies the image, sparse, for one guest. */
export function copyImage(target: string): void {
  run("cp", ["--sparse=always", "--reflink=auto", findImage(), target]);
}
