// Case-insensitive look-ups in folders that are too large to be read at once; [MS-FSA] 2.1.5.1.1. A second name
// that differs in case only would hide a file.
import { afterEach, beforeEach, describe, expect, spyOn, test } from "bun:test";
import { linkSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { DirectoryCache, directoryCacheLimits } from "../../../../src/engine/vfs/context/directory-cache.ts";
import { FolderWatches } from "../../../../src/engine/vfs/context/folder-watches.ts";
import { ShareDisk } from "../../../../src/engine/vfs/local/share-disk.ts";
import type { Found } from "../../../../src/engine/vfs/store.ts";
import { DirentReader } from "../../../../src/linux/dir.ts";
import { Errno } from "../../../../src/linux/errno.ts";
import { Fixture, descriptorCount, expectDescriptors, readWrite, succeeded } from "../share-fixture.ts";

const COUNT = 6000;
let share: Fixture;
let before = 0;

beforeEach(async () => {
  before = descriptorCount();
  share = new Fixture();
  await share.setLively(true);
  mkdirSync(share.at("large"));
  writeFileSync(share.at("Seed"), "");
  for (let i = 0; i < COUNT; i++) linkSync(share.at("Seed"), share.at("large", `Entry ${i}`));
}, 60_000);

afterEach(async () => {
  share.dispose();
  await expectDescriptors(before);
}, 60_000);

/** Holds the end of the next reading of a folder until `release`. */
function holdEnd(): { readonly isReached: Promise<void>; readonly release: () => void } {
  const reached = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const real = ShareDisk.prototype.readNames;
  const held = spyOn(ShareDisk.prototype, "readNames").mockImplementation(async function (
    this: ShareDisk,
    fd,
  ) {
    const batch = await real.call(this, fd);
    if (typeof batch === "number" || !batch.isEnd) return batch;
    reached.resolve();
    await released.promise;
    return batch;
  });
  const release = (): void => {
    held.mockRestore();
    released.resolve();
  };
  return { isReached: reached.promise, release };
}

/** Makes, renames and removes names at random, and looks each of them up in another case. */
async function changeAtRandom(rounds: number): Promise<void> {
  let seed = 3;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) % below;
  };
  const model = new Map<string, string>();
  for (let i = 0; i < rounds; i++) {
    const spelled = `${random(2) === 0 ? "Name" : "nAME"} ${random(30)}`;
    const folded = spelled.toUpperCase();
    const there = model.get(folded);
    if (there === undefined) {
      writeFileSync(share.at("large", spelled), "");
      model.set(folded, spelled);
    } else if (random(2) === 0) {
      rmSync(share.at("large", there));
      model.delete(folded);
    } else {
      renameSync(share.at("large", there), share.at("large", spelled));
      model.set(folded, spelled);
    }
    const found = await share.resolve("large", folded);
    const expected = model.get(folded);
    expect(found).toBe(expected === undefined ? undefined : `large/${expected}`);
  }
}

/** The names take about 150,000 bytes: with 200,000 only their hashes are kept, with 20,000 nothing. */
describe.each([60_000_000, 200_000, 20_000])("a large folder, in a cache of %d bytes,", (maxBytes) => {
  const before = directoryCacheLimits.maxBytes;
  beforeEach(() => {
    directoryCacheLimits.maxBytes = maxBytes;
  });
  afterEach(() => {
    directoryCacheLimits.maxBytes = before;
  });

  test("is read once for many missing names, or for each where nothing is kept", async () => {
    expect(await share.resolve("large", "missing")).toBeUndefined();
    const readings = spyOn(DirectoryCache.prototype, "beginReading");
    try {
      for (let i = 0; i < 50; i++) {
        writeFileSync(share.at("large", `New ${i}`), "");
        expect(await share.resolve("large", `missing ${i}`)).toBeUndefined();
        rmSync(share.at("large", `New ${i}`));
        expect(await share.resolve("large", `NEW ${i}`)).toBeUndefined();
      }
      expect(readings.mock.calls.length).toBe(maxBytes === 20_000 ? 100 : 0);
    } finally {
      readings.mockRestore();
    }
  });

  test("has each name under any spelling, and no other", async () => {
    expect(await share.resolve("large", "no such name")).toBeUndefined();
    for (const i of [0, 1, COUNT / 2, COUNT - 1])
      expect(await share.resolve("large", `ENTRY ${i}`)).toBe(`large/Entry ${i}`);
    expect(await share.resolve("LARGE", "entry 77")).toBe("large/Entry 77");
  });

  test("is right at once when other programs change it", async () => {
    await changeAtRandom(300);
  });

  test("is right without inotify, too", async () => {
    const refused = spyOn(FolderWatches.prototype, "add").mockReturnValue(false);
    try {
      await changeAtRandom(40);
    } finally {
      refused.mockRestore();
    }
  }, 60_000);

  test("that changes while it is being read has the changes", async () => {
    const first = share.resolve("large", "ENTRY 5");
    writeFileSync(share.at("large", "Made meanwhile"), "");
    rmSync(share.at("large", "Entry 6"));
    renameSync(share.at("large", "Entry 7"), share.at("large", "Moved"));
    const others = ["MADE MEANWHILE", "ENTRY 6", "ENTRY 7", "MOVED"].map((name) =>
      share.resolve("large", name),
    );
    expect(await first).toBe("large/Entry 5");
    expect(await Promise.all(others)).toEqual(["large/Made meanwhile", undefined, undefined, "large/Moved"]);
  });

  test("has a name that is made while it is read again", async () => {
    expect(await share.resolve("large", "no such name")).toBeUndefined();
    const first = share.resolve("large", "ENTRY 5");
    writeFileSync(share.at("large", "Made meanwhile"), "");
    const second = share.resolve("large", "MADE MEANWHILE");
    expect(await Promise.all([first, second])).toEqual(["large/Entry 5", "large/Made meanwhile"]);
  });

  test("has what was made before the changes were too many to be counted", async () => {
    const end = holdEnd();
    const first = share.resolve("large", "no such name");
    await end.isReached;
    writeFileSync(share.at("large", "Made meanwhile"), "");
    const second = share.resolve("large", "MADE MEANWHILE");
    for (let i = 0; i < 2; i++) {
      for (let j = 0; j < 3_000; j++) {
        linkSync(share.at("Seed"), share.at("large", "Again"));
        rmSync(share.at("large", "Again"));
      }
      // It has the changes so far reported.
      void share.resolve("large", "no such name, too");
    }
    end.release();
    expect(await first).toBeUndefined();
    expect(await second).toBe("large/Made meanwhile");
  });

  test("has what was made before its changes were reported", async () => {
    const end = holdEnd();
    const refused = spyOn(FolderWatches.prototype, "add").mockReturnValueOnce(false);
    try {
      const first = share.resolve("large", "ENTRY 5");
      const second = share.resolve("large", "ENTRY 6");
      await end.isReached;
      writeFileSync(share.at("large", "Made meanwhile"), "");
      end.release();
      expect(await first).toBe("large/Entry 5");
      expect(await share.resolve("large", "MADE MEANWHILE")).toBe("large/Made meanwhile");
      expect(await second).toBe("large/Entry 6");
    } finally {
      refused.mockRestore();
    }
  });

  test("whose reading fails is read by the next look-up, and lacks no name", async () => {
    const refused = spyOn(FolderWatches.prototype, "add").mockReturnValue(false);
    const batch = spyOn(ShareDisk.prototype, "readNames");
    try {
      batch.mockReturnValueOnce(-Errno.EIO);
      const found = ["ENTRY 5", "ENTRY 6"].map((name) => share.resolve("large", name));
      expect(await Promise.all(found)).toEqual([-Errno.EIO, "large/Entry 6"]);
      writeFileSync(share.at("large", "New"), "");
      batch.mockImplementationOnce(() => Promise.reject(new Error("the worker failed")));
      const thrown = share.resolve("large", "ENTRY 5");
      const next = share.resolve("large", "ENTRY 6");
      await expect(thrown).rejects.toThrow("the worker failed");
      expect(await next).toBe("large/Entry 6");
    } finally {
      batch.mockRestore();
      refused.mockRestore();
    }
  });

  test("is read by workers where the disk may be idle", async () => {
    await share.setLively(false);
    expect(await share.resolve("large", "no such name")).toBeUndefined();
    expect(await share.resolve("large", "ENTRY 10")).toBe("large/Entry 10");
    writeFileSync(share.at("large", "Later"), "");
    expect(await share.resolve("large", "LATER")).toBe("large/Later");
  });

  test("gets one file when two clients create names at once that differ in case", async () => {
    const create = async (name: string): Promise<string> => {
      for (;;) {
        const found = succeeded<Found>(await share.store.lookup(["large", name]));
        if (found.node !== undefined) {
          found.node.close();
          return found.path;
        }
        const made = await share.store.createFile(found, readWrite, 0);
        // -EEXIST: CREATE looks the name up again.
        if (typeof made === "number") continue;
        made.handle.close();
        made.node.close();
        return found.path;
      }
    };
    const paths = await Promise.all(["New", "NEW", "new", "nEw"].map(create));
    expect(new Set(paths).size).toBe(1);
    const made = readdirSync(share.at("large")).filter((name) => name.toUpperCase() === "NEW");
    expect(made).toHaveLength(1);
  });

  test("does not get a second spelling by a rename that was looked up before", async () => {
    expect(await share.resolve("large", "no such name")).toBeUndefined();
    await share.touch("mine");
    const mine = await share.node("mine");
    const to = succeeded<Found>(await share.store.lookup(["large", "target"]));
    await share.touch("large", "Target");
    expect(await share.store.rename("mine", mine.identity, to, false)).toBeNumber();
    mine.close();
    expect(await share.resolve("large", "TARGET")).toBe("large/Target");
    expect(readdirSync(share.root)).toContain("mine");
  });
});

test.each([["large"], ["small"]])("a %s folder that cannot be read lacks no name", async (folder) => {
  mkdirSync(share.at("small"));
  writeFileSync(share.at("small", "Entry 5"), "");
  const failing = spyOn(DirentReader.prototype, "advance").mockReturnValue(-Errno.EIO);
  try {
    expect(await share.resolve(folder, "ENTRY 5")).toBe(-Errno.EIO);
  } finally {
    failing.mockRestore();
  }
  expect(await share.resolve(folder, "ENTRY 5")).toBe(`${folder}/Entry 5`);
});
