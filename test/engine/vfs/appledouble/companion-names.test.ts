// The names of a folder's AppleDouble files, which a listing reads once for all entries.
import { afterEach, expect, mock, spyOn, test } from "bun:test";
import { mkdtempSync, rmSync, statSync, unlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CompanionNames } from "../../../../src/engine/vfs/appledouble/companion-names.ts";
import { NameReading } from "../../../../src/engine/vfs/context/name-reading.ts";
import { AT_FDCWD, closeFd, Open, openAt } from "../../../../src/linux/open.ts";

afterEach(() => mock.restore());

/** Until the kernel's clock for changes of files has moved on from the last change of `root`. */
function untilNextTick(root: string): void {
  const { ctimeNs } = statSync(root, { bigint: true });
  const probe = join(root, "probe");
  do writeFileSync(probe, "", { flag: "a" });
  while ((utimesSync(probe, 1, 1), statSync(probe, { bigint: true }).ctimeNs) <= ctimeNs);
}

test("are read again after a change of the folder only", () => {
  const root = mkdtempSync(join(tmpdir(), "minismbd-companions-"));
  writeFileSync(join(root, "probe"), "");
  writeFileSync(join(root, "._photo"), "");
  const directory = openAt(AT_FDCWD, root, Open.PATH | Open.DIRECTORY);
  // Long after the last change, and each look long after the one before.
  let nowMs = performance.now();
  const startMs = Date.now() + 60_000;
  spyOn(performance, "now").mockImplementation(() => nowMs);
  spyOn(Date, "now").mockImplementation(() => startMs);
  const advance = spyOn(NameReading.prototype, "advance");
  const names = new CompanionNames(directory, false);
  const readings = (): number => {
    advance.mockClear();
    nowMs += 1000;
    while (!names.prepare());
    return advance.mock.calls.length;
  };
  expect(readings()).toBeGreaterThan(0);
  expect([names.has("photo"), names.has("other")]).toEqual([true, false]);
  expect([readings(), readings()]).toEqual([0, 0]);
  untilNextTick(root);
  writeFileSync(join(root, "._other"), "");
  expect(readings()).toBeGreaterThan(0);
  expect(names.has("other")).toBe(true);
  untilNextTick(root);
  unlinkSync(join(root, "._photo"));
  expect(readings()).toBeGreaterThan(0);
  expect(names.has("photo")).toBe(false);
  // The batches of a listing by a worker have an object each.
  const next = new CompanionNames(directory, false);
  advance.mockClear();
  nowMs += 1000;
  expect(next.prepare()).toBe(true);
  expect([advance.mock.calls.length, next.has("other")]).toEqual([0, true]);
  names.close();
  next.close();
  closeFd(directory);
  rmSync(root, { recursive: true });
});
