// Changes that nobody could tell because a directory was missing, or because no descriptors were left.
import { afterAll, afterEach, beforeEach, expect, spyOn, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withFewDescriptors } from "../few-descriptors.ts";
import { timers } from "../../src/loop/timers.ts";
import { FileWatch } from "../../src/manager/file-watch.ts";

const directory = mkdtempSync(join(tmpdir(), "minismbd-watch-"));
afterAll(() => rmSync(directory, { recursive: true }));

let retries: (() => void)[] = [];
let set: ReturnType<typeof spyOn>;
beforeEach(() => {
  retries = [];
  set = spyOn(timers, "set").mockImplementation((_delayMs, run) => {
    retries.push(run);
    return {} as ReturnType<typeof timers.set>;
  });
});
afterEach(() => set.mockRestore());

function makeWatch() {
  const told = { changes: 0, warnings: [] as string[] };
  const watch = new FileWatch(() => told.changes++, { warn: (text) => told.warnings.push(text) });
  return { told, watch };
}

test("a directory that has come while nobody watched it counts as a change", () => {
  const { told, watch } = makeWatch();
  const folder = join(directory, "late");
  watch.follow([join(folder, "ksmbd.conf")]);
  retries.shift()?.();
  expect(told.changes).toBe(0);
  mkdirSync(folder);
  writeFileSync(join(folder, "ksmbd.conf"), "");
  retries.shift()?.();
  expect([told.changes, retries.length]).toEqual([1, 0]);
  watch.follow([]);
});

test("without descriptors the files are watched later, with one line in the log", () => {
  const { told, watch } = makeWatch();
  withFewDescriptors(0, () => {
    watch.follow([join(directory, "ksmbd.conf")]);
    retries.shift()?.();
  });
  expect([told.changes, told.warnings.length]).toEqual([0, 1]);
  retries.shift()?.();
  expect([told.changes, retries.length]).toEqual([1, 0]);
  watch.follow([]);
});
