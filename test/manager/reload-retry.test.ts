// A change of the configuration that could not be read for want of descriptors.
import { afterAll, expect, spyOn, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withFewDescriptors } from "../few-descriptors.ts";
import { timers } from "../../src/loop/timers.ts";
import { createLog } from "../../src/manager/log/log.ts";
import { createManager } from "../../src/manager/manager.ts";

const directory = mkdtempSync(join(tmpdir(), "minismbd-retry-"));
const file = join(directory, "ksmbd.conf");
afterAll(() => rmSync(directory, { recursive: true }));

test("a share that became read-only while no descriptors were left becomes so when there are some", async () => {
  writeFileSync(file, "[docs]\npath = /srv\nread only = no\n");
  const log = createLog(
    () => "error",
    () => undefined,
  );
  const manager = createManager({ source: { file }, passwordFile: null, log });
  const isReadOnly = () => manager.configuration().shares.get("docs")?.readOnly;
  let again: Promise<unknown> | undefined;
  manager.reloadServer = () => (again = manager.reload());
  writeFileSync(file, "[docs]\npath = /srv\nread only = yes\n");
  const retries: (() => void)[] = [];
  const set = spyOn(timers, "set").mockImplementation((_delayMs, run) => {
    retries.push(run);
    return {} as ReturnType<typeof timers.set>;
  });
  try {
    expect(await withFewDescriptors(0, () => manager.reload())).toBeString();
  } finally {
    set.mockRestore();
  }
  expect([isReadOnly(), retries.length]).toEqual([false, 1]);
  retries[0]?.();
  expect(await again).toBeUndefined();
  expect(isReadOnly()).toBe(true);
});
