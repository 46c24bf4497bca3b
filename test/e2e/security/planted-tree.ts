// The tree of files that the tests of read-only shares offer to the attempts of read-only-attempts.ts.
import { expect } from "bun:test";
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { AT_FDCWD, closeFd, Open, openAt } from "../../../src/linux/open.ts";
import { setXattr } from "../../../src/linux/xattr.ts";
import { giveToTester } from "../../peer/test-server.ts";

/** Makes the tree below `root`. */
export function plant(root: string): void {
  for (const name of ["file", "other", "source", "blank", "dir/inner", "empty/"]) {
    const path = join(root, name);
    mkdirSync(name.endsWith("/") ? path : dirname(path), { recursive: true, mode: 0o777 });
    if (!name.endsWith("/")) writeFileSync(path, name === "blank" ? "" : "as it was ".repeat(10_000));
  }
  for (const name of ["", "dir", "empty", "file", "other", "source", "blank", "dir/inner"]) {
    chmodSync(join(root, name), name === "" || name === "dir" || name === "empty" ? 0o777 : 0o666);
    giveToTester(join(root, name));
  }
  const fd = openAt(AT_FDCWD, join(root, "file"), Open.RDONLY);
  expect(setXattr(fd, "user.DosStream.known:$DATA", new TextEncoder().encode("stream\0"))).toBe(0);
  closeFd(fd);
}

/** One line for each object: stat(2) without the access time, and a hash of the data. */
export function look(directory: string): string[] {
  const seen: string[] = [];
  const walk = (path: string): void => {
    const { mode, uid, gid, size, nlink, ino, mtimeNs, ctimeNs } = lstatSync(path, { bigint: true });
    const isDirectory = (mode & 0o170_000n) === 0o040_000n;
    const data = isDirectory ? "" : Bun.hash(readFileSync(path)).toString(16);
    seen.push([path, mode, uid, gid, size, nlink, ino, mtimeNs, ctimeNs, data].join(" "));
    if (isDirectory) for (const name of readdirSync(path).toSorted()) walk(join(path, name));
  };
  walk(directory);
  return seen;
}
