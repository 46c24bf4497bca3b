// The names of a sidecar's entries, read piece by piece.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { renameEntry } from "../../../../src/engine/vfs/sidecar/entry.ts";
import { EntryNames } from "../../../../src/engine/vfs/sidecar/entry-names.ts";
import { AT_FDCWD, Open, closeFd, openAt } from "../../../../src/linux/open.ts";

let root: string;
let folder: number;
let sidecar: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "minismbd-names-"));
  sidecar = join(root, ".minismbd");
  folder = openAt(AT_FDCWD, root, Open.PATH | Open.DIRECTORY);
});
afterEach(() => {
  closeFd(folder);
  rmSync(root, { recursive: true });
});

/** Returns how many calls of `prepare` that took. */
function readAll(names: EntryNames): number {
  for (let calls = 1; ; calls++) if (names.prepare(folder)) return calls;
}

test("a large sidecar is read in pieces, and its names are found in any case", () => {
  mkdirSync(sidecar);
  for (let i = 0; i < 3000; i++) writeFileSync(join(sidecar, `File ${i}.values`), "");
  writeFileSync(join(sidecar, "moving.next"), "");
  const names = new EntryNames();
  expect(readAll(names)).toBeGreaterThan(2);
  expect(names.prepare(folder)).toBe(true);
  expect(["FILE 2999", "file 0", "Moving", "file 3000"].map((name) => names.mayHave(name))).toEqual([
    true,
    true,
    true,
    false,
  ]);
  names.close();
});

test("a folder without a sidecar has none, until this thread makes an entry", () => {
  const names = new EntryNames();
  expect(readAll(names)).toBe(1);
  expect(names.mayHave("new")).toBe(false);
  mkdirSync(sidecar);
  writeFileSync(join(sidecar, "0.tmp"), "");
  const at = openAt(folder, ".minismbd", Open.PATH | Open.DIRECTORY);
  renameEntry(at, "0.tmp", at, "New.values");
  expect(names.prepare(folder)).toBe(true);
  expect(names.mayHave("new")).toBe(true);
  for (let i = 0; i < 100; i++) renameEntry(at, "New.values", at, "New.values");
  // Too many changes to remember: read again.
  renameSync(join(sidecar, "New.values"), join(sidecar, "other.values"));
  readAll(names);
  expect([names.mayHave("new"), names.mayHave("other")]).toEqual([false, true]);
  unlinkSync(join(sidecar, "other.values"));
  closeFd(at);
});
