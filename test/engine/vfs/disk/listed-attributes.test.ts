// The stored attributes of a listing's entries on a disk without extended attributes. Needs root.
import { expect, spyOn, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EntryStats } from "../../../../src/engine/vfs/disk/listing.ts";
import { EntryNames } from "../../../../src/engine/vfs/sidecar/entry-names.ts";
import { SKIPPED } from "../../../../src/engine/vfs/store.ts";
import { canMakePluggedDisk, makePluggedDisk } from "../../../peer/plugged-disk.ts";
import { Fixture } from "../share-fixture.ts";

const FILES = 5;
/** More than the names of a sidecar count, at each reading of the clock. */
const STEP_MS = 100_000;

test.skipIf(!canMakePluggedDisk("ramfs"))(
  "names of the sidecar that expire while an entry is read are read again before the next one, in pieces",
  async () => {
    const disk = makePluggedDisk("ramfs");
    const share = await Fixture.on(disk.path);
    mkdirSync(join(disk.path, ".minismbd"));
    for (let i = 0; i < 2000; i++) writeFileSync(join(disk.path, ".minismbd", `gone${i}.values`), "");
    for (let i = 0; i < FILES; i++) writeFileSync(share.at(`file${i}`), "");
    await share.setLively(true);
    const handle = await share.open();
    const stream = handle.list();
    let withinEntry = 0;
    let before = 0;
    let depth = 0;
    const realTake = EntryStats.prototype.take;
    const realPrepare = EntryNames.prototype.prepare;
    const take = spyOn(EntryStats.prototype, "take").mockImplementation(function (this: EntryStats, ...args) {
      depth++;
      const taken = realTake.apply(this, args);
      depth--;
      return taken;
    });
    const prepare = spyOn(EntryNames.prototype, "prepare").mockImplementation(function (
      this: EntryNames,
      directory,
    ) {
      if (depth > 0) withinEntry++;
      else before++;
      return realPrepare.call(this, directory);
    });
    let nowMs = performance.now();
    const clock = spyOn(performance, "now").mockImplementation(() => (nowMs += STEP_MS));
    let entries = 0;
    try {
      for (let next = await stream.next(() => true); next !== undefined; next = await stream.next(() => true))
        if (next !== SKIPPED) entries++;
    } finally {
      for (const spy of [take, prepare, clock]) spy.mockRestore();
    }
    stream.close();
    handle.close();
    share.close();
    disk.remove();
    expect(entries).toBe(FILES + 2);
    expect(before).toBeGreaterThan(FILES);
    expect(withinEntry).toBe(0);
  },
);
