// A rename of a file with a large stream, killed at every step: the stream stays with its file, under its old or
// its new name. Needs root and strace.
import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createStream, removeStream, writeStream } from "../../../../src/engine/vfs/stream/stream-change.ts";
import { readStream } from "../../../../src/engine/vfs/stream/stream-content.ts";
import { streamKey } from "../../../../src/engine/vfs/stream/stored-stream.ts";
import { canMakeDiskImage, makeDiskImage } from "../../../peer/disk-image.ts";
import { canMakePluggedDisk, makePluggedDisk } from "../../../peer/plugged-disk.ts";
import { OverflowDisk } from "./overflow-disk.ts";

const CALLS =
  "renameat,renameat2,linkat,unlinkat,mkdirat,fdatasync,fsync,pwrite64,copy_file_range,setxattr,removexattr";
const KEY = streamKey("large") ?? "";
const OTHER = streamKey("other") ?? "";
const BYTES = 100_000;
const MAX_STEPS = 60;
const hasStrace = Bun.which("strace") !== null;

const DISKS = [
  { name: "ext4", can: canMakeDiskImage("ext4"), make: () => makeDiskImage("ext4", 32 * 1024 * 1024) },
  { name: "ramfs", can: canMakePluggedDisk("ramfs"), make: () => makePluggedDisk("ramfs") },
  {
    name: "exFAT by FUSE",
    can: canMakePluggedDisk("exFAT by FUSE"),
    make: () => makePluggedDisk("exFAT by FUSE"),
  },
];

const data = new Uint8Array(BYTES).map((_, i) => (i * 7) & 0xff);

async function isSound(root: string, path: string): Promise<boolean> {
  const disk = new OverflowDisk(root);
  const found = await readStream(disk.open(path, disk.storesAttributes).values, KEY, "samba");
  disk.close();
  return typeof found !== "number" && Buffer.compare(found, data) === 0;
}

async function makeFile(root: string, path: string): Promise<void> {
  writeFileSync(join(root, path), "data");
  const disk = new OverflowDisk(root);
  const { values } = disk.open(path, disk.storesAttributes);
  expect(await writeStream(values, KEY, data, "samba")).toBe(0);
  disk.close();
}

/** Renames with a kill after `step` of the calls that change the disk; true where it ended before. */
function renameKilled(root: string, from: string, to: string, step: number): boolean {
  const strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", `trace=${CALLS}`];
  const inject = ["-e", `inject=${CALLS}:signal=KILL:when=${step}`];
  const program = join(import.meta.dir, "data-file-mover.ts");
  const [first = "", ...rest] = [...strace, ...inject, process.execPath, program, root, from, to];
  const { status, stderr } = spawnSync(first, rest, { stdio: ["ignore", "ignore", "pipe"] });
  if (status !== 0) expect(String(stderr)).not.toContain("errno");
  return status === 0;
}

for (const { name, can, make } of DISKS) {
  for (const to of ["g", "sub/f"]) {
    describe.skipIf(!can || !hasStrace)(`${name}, to ${to}`, () => {
      test("the stream stays with its file", async () => {
        const disk = make();
        const root = join(disk.path, "share");
        mkdirSync(join(root, "sub"), { recursive: true });
        let isDone = false;
        const places = new Set<string>();
        for (let step = 1; !isDone && step < MAX_STEPS; step++) {
          await makeFile(root, "f");
          isDone = renameKilled(root, "f", to, step);
          const place = existsSync(join(root, "f")) ? "f" : to;
          places.add(place);
          expect([step, place, await isSound(root, place)]).toEqual([step, place, true]);
          // A new file under the other name has none of its data, and takes none away.
          const other = place === "f" ? to : "f";
          writeFileSync(join(root, other), "other");
          const fresh = new OverflowDisk(root);
          const { values } = fresh.open(other, fresh.storesAttributes);
          await createStream(values, OTHER, "samba");
          await removeStream(values, OTHER);
          fresh.close();
          rmSync(join(root, other));
          expect([step, place, await isSound(root, place)]).toEqual([step, place, true]);
          rmSync(join(root, place));
          for (const folder of [root, join(root, "sub")])
            rmSync(join(folder, ".minismbd"), { recursive: true, force: true });
        }
        expect(isDone).toBe(true);
        expect([...places].sort()).toEqual(["f", to].sort());
        expect(readdirSync(root)).toEqual(["sub"]);
        disk.remove();
      }, 120_000);
    });
  }
}
