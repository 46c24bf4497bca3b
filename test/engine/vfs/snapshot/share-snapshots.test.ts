// The snapshots of a share: lists, cached stores, and snapshots that must not be opened.
import { afterAll, describe, expect, test } from "bun:test";
import {
  chownSync,
  lchownSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Errno } from "../../../../src/linux/errno.ts";

import { ShareSnapshots } from "../../../../src/engine/vfs/snapshot/share-snapshots.ts";
import type { FileStore, Found, Snapshot, Snapshots } from "../../../../src/engine/vfs/store.ts";
import type { SnapshotRules } from "../../../../src/port/port.ts";
import { canMakeDiskImage, makeDiskImage } from "../../../peer/disk-image.ts";
import { Fixture, grantFor, succeeded } from "../share-fixture.ts";

const rules: SnapshotRules = {
  kind: "folder",
  forAll: false,
  folder: "",
  base: "",
  mountPoint: "",
  format: "@GMT-%Y.%m.%d-%H.%M.%S",
  prefix: "",
  delimiter: "_GMT",
  isLocalTime: false,
  isAscending: false,
};
const FIRST = Date.UTC(2020, 0, 1) / 1000;
const SECOND = Date.UTC(2021, 0, 1) / 1000;

const outer = new Fixture();
const snaps = outer.at("snaps");
mkdirSync(outer.at("share"));
for (const token of ["@GMT-2020.01.01-00.00.00", "@GMT-2021.01.01-00.00.00"]) {
  mkdirSync(join(snaps, token, "share"), { recursive: true });
  writeFileSync(join(snaps, token, "share", "file"), token);
}
writeFileSync(join(snaps, "@GMT-2022.01.01-00.00.00"), "a file");
mkdirSync(join(snaps, "@GMT-2023.01.01-00.00.00"));
const fixtures: Fixture[] = [outer];

function shareWith(change: Partial<SnapshotRules> = {}): FileStore {
  const snapshots = { ...rules, folder: snaps, base: outer.root, ...change };
  const fixture = new Fixture({ snapshots }, outer, "share");
  fixtures.push(fixture);
  return fixture.store;
}

const versionsOf = (store: FileStore): Snapshots => {
  const versions = store.snapshots?.();
  if (versions === undefined) throw new Error("no snapshots");
  return versions;
};

afterAll(() => {
  for (const { store } of fixtures) store.close();
  rmSync(outer.root, { recursive: true, force: true });
});

describe("a folder of snapshots", () => {
  test("is listed newest first, or oldest first with `isAscending`", async () => {
    const third = Date.UTC(2023, 0, 1) / 1000;
    expect(await versionsOf(shareWith()).times()).toEqual([third, SECOND, FIRST]);
    expect(await versionsOf(shareWith({ isAscending: true })).times()).toEqual([FIRST, SECOND, third]);
  });

  test("gives a read-only store of the share's directory for each snapshot", async () => {
    const versions = versionsOf(shareWith());
    const { store, path } = succeeded<Snapshot>(await versions.at(FIRST));
    expect(path).toBe(join(snaps, "@GMT-2020.01.01-00.00.00", "share"));
    const found = await store.lookup(["FILE"]);
    const node = typeof found === "number" ? undefined : found.node;
    expect(node?.stat.size).toBe(24);
    expect(await node?.setMode(0o777)).toBe(-Errno.EROFS);
    expect(await store.remove("file", node?.identity ?? "", false)).toBe(-Errno.EROFS);
    expect(await node?.open({ read: true, write: true, writeThrough: false })).toBe(-Errno.EROFS);
    node?.close();
  });

  test("gives hard links to one file different identities in each snapshot and the share", async () => {
    writeFileSync(outer.at("share", "linked"), "one");
    const tokens = ["@GMT-2020.01.01-00.00.00", "@GMT-2021.01.01-00.00.00"];
    for (const token of tokens) linkSync(outer.at("share", "linked"), join(snaps, token, "share", "linked"));
    const share = shareWith();
    const stores = [share];
    for (const seconds of [FIRST, SECOND]) {
      stores.push(succeeded<Snapshot>(await versionsOf(share).at(seconds)).store);
    }
    const identities = new Set<string>();
    for (const store of stores) {
      const { node } = succeeded<Found>(await store.lookup(["linked"]));
      identities.add(node?.identity ?? "");
      // It can be opened although its identity is not that of the disk.
      const handle = await node?.open({ read: true, write: false, writeThrough: false });
      expect(typeof handle).toBe("object");
      if (typeof handle === "object") handle.close();
      node?.close();
    }
    expect(identities.size).toBe(3);
  });

  test("fails with -ENOENT for a snapshot without the share's directory, or for an unknown time", async () => {
    const versions = versionsOf(shareWith());
    // The snapshot has no `share`.
    expect(await versions.at(Date.UTC(2023, 0, 1) / 1000)).toBe(-Errno.ENOENT);
    expect(await versions.at(FIRST + 1)).toBe(-Errno.ENOENT);
  });

  test("fails with -ENOENT for a directory that was replaced by a symlink", async () => {
    const versions = versionsOf(shareWith());
    await versions.times();
    const at = join(snaps, "@GMT-2021.01.01-00.00.00");
    renameSync(at, `${at}.real`);
    symlinkSync(`${at}.real`, at);
    expect(await versions.at(SECOND)).toBe(-Errno.ENOENT);
    rmSync(at);
    renameSync(`${at}.real`, at);
    expect(typeof (await versions.at(SECOND))).toBe("object");
  });

  test("fails with -EOPNOTSUPP if the share is outside the directory of the snapshots", async () => {
    expect(await versionsOf(shareWith({ base: outer.at("elsewhere") })).times()).toBe(-Errno.EOPNOTSUPP);
  });

  test.skipIf(process.getuid?.() !== 0)("is ignored if it is a user's symlink", async () => {
    const link = outer.at("link");
    symlinkSync(snaps, link);
    expect(await versionsOf(shareWith({ folder: link })).times()).toHaveLength(3);
    lchownSync(link, 1, 1);
    expect(await versionsOf(shareWith({ folder: link })).times()).toBe(-Errno.EOPNOTSUPP);
  });

  test("of snapper is only searched on btrfs", async () => {
    mkdirSync(outer.at("share", ".snapshots"), { recursive: true });
    expect(await versionsOf(shareWith({ kind: "snapper" })).times()).toBe(-Errno.EOPNOTSUPP);
    expect(await versionsOf(outer.store).times()).toBe(-Errno.EOPNOTSUPP);
  });
});

describe.skipIf(!canMakeDiskImage("btrfs"))("snapper's folder on btrfs", () => {
  const disk = canMakeDiskImage("btrfs") ? makeDiskImage("btrfs", 200 * 1_048_576) : undefined;
  afterAll(() => disk?.remove());
  const below = (...names: string[]): string => join(disk?.path ?? "", ...names);
  const INFO = "<snapshot><date>2024-05-06 07:08:09</date></snapshot>";

  /** Lists the snapshots of the share on the disk. */
  async function timesOf(): Promise<number[] | number> {
    const fixture = await Fixture.on(below("share"), {
      snapshots: { ...rules, kind: "snapper", forAll: true },
    });
    fixtures.push(fixture);
    return versionsOf(fixture.store).times();
  }

  test("has the times of its info.xml files; a FIFO, a device and a symlink are ignored", async () => {
    mkdirSync(below("share"), { recursive: true });
    for (const number of ["1", "2", "3", "4"])
      mkdirSync(below(".snapshots", number, "snapshot"), { recursive: true });
    writeFileSync(below(".snapshots", "1", "info.xml"), INFO);
    expect(Bun.spawnSync(["mkfifo", below(".snapshots", "2", "info.xml")]).exitCode).toBe(0);
    expect(Bun.spawnSync(["mknod", below(".snapshots", "3", "info.xml"), "c", "1", "5"]).exitCode).toBe(0);
    symlinkSync(below(".snapshots", "1", "info.xml"), below(".snapshots", "4", "info.xml"));
    expect(await timesOf()).toEqual([Date.UTC(2024, 4, 6, 7, 8, 9) / 1000]);
  });

  test("is ignored if a user made it in the share", async () => {
    mkdirSync(below("share", ".snapshots", "9", "snapshot"), { recursive: true });
    writeFileSync(below("share", ".snapshots", "9", "info.xml"), INFO.replace("2024", "2019"));
    expect(await timesOf()).toEqual([Date.UTC(2019, 4, 6, 7, 8, 9) / 1000]);
    chownSync(below("share", ".snapshots"), 1, 1);
    expect(await timesOf()).toEqual([Date.UTC(2024, 4, 6, 7, 8, 9) / 1000]);
    rmSync(below("share", ".snapshots"), { recursive: true });
    symlinkSync("../.snapshots", below("share", ".snapshots"));
    lchownSync(below("share", ".snapshots"), 1, 1);
    expect(await timesOf()).toEqual([Date.UTC(2024, 4, 6, 7, 8, 9) / 1000]);
  });
});

describe("cached stores", () => {
  /** A source that counts the stores it has opened and those still open. */
  function counted() {
    let open = 0;
    let opened = 0;
    const versions = new ShareSnapshots({
      grant: grantFor("/share", { snapshots: rules }),
      list: () => Array.from({ length: 100 }, (_, i) => ({ seconds: i + 1, path: `/snaps/${i + 1}` })),
      open: async (grant) => {
        open++;
        opened++;
        await Promise.resolve();
        const store = { close: () => open-- } as unknown as FileStore;
        return { store, path: grant.path };
      },
    });
    return { versions, open: () => open, opened: () => opened };
  }

  test("concurrent requests for one snapshot share a store", async () => {
    const { versions, opened } = counted();
    const all = await Promise.all([versions.at(7), versions.at(7), versions.at(7)]);
    expect(new Set(all).size).toBe(1);
    expect(opened()).toBe(1);
  });

  test("the least recently used are closed beyond the limit, and all with the share", async () => {
    const { versions, open } = counted();
    for (let seconds = 1; seconds <= 100; seconds++) await versions.at(seconds);
    expect(open()).toBeLessThanOrEqual(32);
    versions.close();
    expect(open()).toBe(0);
    expect(await versions.at(1)).toBe(-Errno.EBADF);
  });

  test("a store whose root has an unexpected path is closed", async () => {
    let closed = 0;
    const versions = new ShareSnapshots({
      grant: grantFor("/share", { snapshots: rules }),
      list: () => [{ seconds: 1, path: "/snaps/1" }],
      open: () => ({ store: { close: () => closed++ } as unknown as FileStore, path: "/etc" }),
    });
    expect(await versions.at(1)).toBe(-Errno.ENOENT);
    expect(closed).toBe(1);
  });
});
