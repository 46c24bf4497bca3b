// The folders that the servers share in a benchmark: one in memory, one on a disk, with the same files.
import { spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeRandomFile } from "../e2e/client/sample-files.ts";
import { giveToTester, TESTER_UID } from "../peer/test-server.ts";
import { LISTED, listedName, smallName } from "./plans.ts";

/** Where a row's files are; also the names of the shares. ceiling.c gets the folders in this order. */
export const PLACES = ["memory", "disk"] as const;
export type Place = (typeof PLACES)[number];

const MIB = 1024 * 1024;
/** Others may write to the same disk. */
const MOST_SETTLE_MS = 5000;
/** Of the file for random places. */
export const RANDOM_MIB = 64;
/** The folder of small files. */
export const FILES = "files";

/** MiB that the largest file may have, so that the folder's file system keeps most of its space. */
export function mostMib(parent: string, wanted: number): number {
  const { bavail, bsize } = statfsSync(parent);
  return Math.max(8, Math.min(wanted, Math.floor((bavail * bsize) / 8 / MIB)));
}

/** The folder of entries that a listing reads. */
export function listedFolder(entries: number): string {
  return entries === LISTED ? "listed" : `listed-${entries}`;
}

function makeFolder(path: string): void {
  mkdirSync(path);
  giveToTester(path);
}

export class Folder {
  readonly path: string;

  /** `mib`: the size of the file `big`. */
  constructor(path: string, mib: number) {
    this.path = path;
    makeFolder(path);
    writeRandomFile(join(path, "big"), mib * MIB);
    writeRandomFile(join(path, "random"), RANDOM_MIB * MIB);
    giveToTester(join(path, "random"));
    for (const entries of [100, LISTED]) this.ensureListed(entries);
    makeFolder(join(path, FILES));
    this.settle();
  }

  /** Makes a folder of so many empty files, unless it is there. */
  ensureListed(entries: number): void {
    const path = join(this.path, listedFolder(entries));
    if (existsSync(path)) return;
    makeFolder(path);
    for (let index = 0; index < entries; index++) writeFileSync(join(path, listedName(index)), "");
  }

  /** Returns the name of a file of so many MiB, which is made if it is not there. */
  ensureFile(mib: number): string {
    const name = `data-${mib}`;
    const path = join(this.path, name);
    if (!existsSync(path)) {
      writeRandomFile(path, mib * MIB);
      this.settle();
    }
    return name;
  }

  /** Makes the files that a client is to remove. */
  fill(count: number): void {
    for (let index = 0; index < count; index++) {
      const path = join(this.path, FILES, smallName(0, index));
      writeFileSync(path, "");
      if (process.geteuid?.() === 0) chownSync(path, TESTER_UID, TESTER_UID);
    }
  }

  /** Takes a file's pages out of the page cache, so that it is read from the disk. */
  evict(name: string): void {
    this.settle();
    // dd(1): nocache with count=0 advises the kernel to drop the file's pages.
    spawnSync("dd", [`if=${join(this.path, name)}`, "iflag=nocache", "count=0", "status=none"]);
  }

  /** Removes what a measurement has made. */
  clear(): void {
    for (const name of new Bun.Glob("written*").scanSync({ cwd: this.path }))
      rmSync(join(this.path, name), { force: true });
    rmSync(join(this.path, FILES), { recursive: true, force: true });
    makeFolder(join(this.path, FILES));
  }

  /** Waits until the file system has written what is due, so that the next measurement does not pay for it. */
  settle(): void {
    spawnSync("sync", ["--file-system", this.path], { timeout: MOST_SETTLE_MS });
  }
}
