// Jobs of a volume while the process has no descriptors for a worker.
import { afterEach, expect, test } from "bun:test";
import { fstatSync, openSync } from "node:fs";
import { type DiskJob, VolumeWorkers } from "../../../../src/engine/vfs/volume/workers.ts";
import type { Failure } from "../../../../src/engine/vfs/store.ts";
import { Errno } from "../../../../src/linux/errno.ts";
import { openFileLimit, setOpenFileLimit } from "../../../../src/linux/limits.ts";
import { grantFor } from "../share-fixture.ts";

const known = openFileLimit();
if (typeof known === "number") throw new Error("no limit of open descriptors");
const limit = known;
afterEach(() => {
  setOpenFileLimit(limit);
});

function jobFor(operation: string, args: readonly unknown[], outcome: (result: unknown) => void): DiskJob {
  return {
    operation,
    args,
    share: 1,
    isLong: false,
    mustRun: operation === "close",
    definition: { grant: grantFor("/"), rootFd: -1 },
    changedMs: () => 0,
    answered: outcome,
    failed: (error) => outcome(error.message),
    lost: outcome,
    abandoned: outcome,
  };
}

function isOpen(fd: number): boolean {
  try {
    return fstatSync(fd).isFile();
  } catch {
    return false;
  }
}

test("a descriptor is closed as soon as there is a worker again, other jobs fail at once", async () => {
  const workers = new VolumeWorkers();
  const fd = openSync(import.meta.path, "r");
  let closed: unknown;
  const others: (Failure | unknown)[] = [];
  setOpenFileLimit({ soft: 3, hard: limit.hard });
  workers.submit(jobFor("close", [fd], (result) => (closed = result)));
  workers.submit(jobFor("stat", [fd, ""], (result) => others.push(result)));
  expect(others).toEqual([-Errno.EMFILE]);
  expect([closed, isOpen(fd)]).toEqual([undefined, true]);
  setOpenFileLimit(limit);
  for (const until = performance.now() + 10_000; closed === undefined && performance.now() < until;)
    await Bun.sleep(5);
  expect([closed, isOpen(fd)]).toEqual([0, false]);
  workers.close();
});
