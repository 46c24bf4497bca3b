// The limits of Time Machine's backups with a fake clock and counts that a test makes.
import { expect, test } from "bun:test";
import { Errno } from "../../../../src/linux/errno.ts";
import { BackupCount, BackupLimits } from "../../../../src/engine/vfs/local/backup-limits.ts";
import type { VolumeInfo } from "../../../../src/engine/vfs/store.ts";
import { grantFor } from "../share-fixture.ts";

const FULL = -Errno.ENOSPC as never;
const { space: NO_LIMITS } = grantFor("/");

class Rig {
  nowMs = 1_000_000;
  counts = 0;
  /** Bands of 10 bytes, by bundle. */
  readonly disk = new Map<string, number>();
  private readonly count = new BackupCount(() => this.nowMs);
  private readonly rules: typeof NO_LIMITS;

  constructor(all: number, each = 0) {
    this.rules = { ...NO_LIMITS, timeMachineMaxBytes: all, timeMachineMaxMachineBytes: each };
  }

  client(): BackupLimits {
    const limits = BackupLimits.of(this.rules, this.count, () => {
      this.counts++;
      return [...this.disk].map(([name, bands]) => ({ name, bands, bandBytes: 10 }));
    });
    if (limits === undefined) throw new Error("no limits");
    return limits;
  }
}

const seen = async (limits: BackupLimits) => {
  const info = await limits.limit({ totalBytes: 1e6, availableBytes: 1e6, freeBytes: 1e6 } as VolumeInfo);
  if (typeof info === "number") throw new Error(String(info));
  return [info.totalBytes, info.availableBytes, info.freeBytes];
};

test("without a limit nothing is counted", () => {
  expect(BackupLimits.of(NO_LIMITS, new BackupCount(() => 0), () => [])).toBeUndefined();
});

test("what clients create is counted without a look at the disk, and looked at again after five minutes", async () => {
  const rig = new Rig(100);
  rig.disk.set("a.sparsebundle", 3);
  const client = rig.client();
  expect(await seen(client)).toEqual([100, 70, 70]);
  expect(client.admit("a.sparsebundle/bands/1f")).toBe(0);
  expect(client.admit("a.sparsebundle/bands/._1f")).toBe(0);
  expect(client.admit("a.sparsebundle/token")).toBe(0);
  expect(client.admit("x/a.sparsebundle/bands/1f")).toBe(0);
  expect(await seen(rig.client())).toEqual([100, 60, 60]);
  client.removed("a.sparsebundle/bands/1f");
  expect(await seen(client)).toEqual([100, 70, 70]);
  expect(rig.counts).toBe(1);
  rig.disk.set("a.sparsebundle", 9);
  rig.nowMs += 300_000;
  expect(await seen(client)).toEqual([100, 10, 10]);
  expect(rig.counts).toBe(2);
});

test("a band is refused by a count that is at most five seconds old", async () => {
  const rig = new Rig(20);
  rig.disk.set("a.sparsebundle", 2);
  const client = rig.client();
  expect(await client.admit("a.sparsebundle/bands/2")).toBe(FULL);
  rig.disk.set("a.sparsebundle", 0);
  rig.nowMs += 4_999;
  expect(await client.admit("a.sparsebundle/bands/2")).toBe(FULL);
  rig.nowMs++;
  expect(await client.admit("a.sparsebundle/bands/2")).toBe(0 as never);
  expect(rig.counts).toBe(2);
});

test("a bundle that was made after the count is counted at its first band", async () => {
  const rig = new Rig(20);
  const client = rig.client();
  expect(await seen(client)).toEqual([20, 20, 20]);
  rig.disk.set("new.backupbundle", 0);
  const bands = ["0", "1", "2"].map((band) => client.admit(`new.backupbundle/bands/${band}`));
  expect(await Promise.all(bands)).toEqual([0 as never, 0 as never, FULL]);
});

test("a machine's own limit counts its own bundle, which is the one that its client has used", async () => {
  const rig = new Rig(100, 40);
  rig.disk.set("one.sparsebundle", 4);
  rig.disk.set("two.sparsebundle", 1);
  const [one, two] = [rig.client(), rig.client()];
  one.noteUse("one.sparsebundle");
  two.noteUse("two.sparsebundle/bands");
  two.noteUse("other");
  expect(await seen(one)).toEqual([40, 0, 0]);
  expect(await seen(two)).toEqual([40, 30, 30]);
  expect(await seen(rig.client())).toEqual([40, 40, 40]);
  expect(await one.admit("one.sparsebundle/bands/9")).toBe(FULL);
  expect(two.admit("two.sparsebundle/bands/9")).toBe(0);
});

test("a disk that cannot be counted refuses with its error", async () => {
  const limits = BackupLimits.of(
    { ...NO_LIMITS, timeMachineMaxBytes: 10 },
    new BackupCount(() => 0),
    () => -Errno.EIO as never,
  );
  expect(await limits?.admit("a.sparsebundle/bands/0")).toBe(-Errno.EIO as never);
});
