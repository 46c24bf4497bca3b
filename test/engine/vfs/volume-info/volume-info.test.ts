// Volume information: space within limits, sector sizes, abilities, and the allocation size of empty files.
import { afterEach, describe, expect, test } from "bun:test";
import { mkdirSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AT_FDCWD, Open, closeFd, openAt } from "../../../../src/linux/open.ts";
import { emptyStatx, statFd } from "../../../../src/linux/stat.ts";
import { setXattr } from "../../../../src/linux/xattr.ts";
import { blockDeviceOf } from "../../../../src/engine/vfs/volume-info/block-device.ts";
import type { DiskTraits } from "../../../../src/engine/vfs/context/disk-traits.ts";
import type { VolumeInfo } from "../../../../src/engine/vfs/store.ts";
import { type AbilityFacts, abilitiesOf } from "../../../../src/engine/vfs/volume-info/abilities.ts";
import { FsAttribute } from "../../../../src/wire/fscc/fs-information.ts";
import { canMakeDiskImage, makeDiskImage } from "../../../peer/disk-image.ts";
import { canMakePluggedDisk, makePluggedDisk } from "../../../peer/plugged-disk.ts";
import { Fixture, grantFor, succeeded } from "../share-fixture.ts";

const MIB = 1024 * 1024;
const NO_LIMITS = grantFor("/").space;
const isRoot = process.getuid?.() === 0;
const cleanUps: (() => void)[] = [];

afterEach(() => {
  for (const cleanUp of cleanUps.splice(0).reverse()) cleanUp();
});

function share(change: ConstructorParameters<typeof Fixture>[0] = {}): Fixture {
  const fixture = new Fixture(change);
  cleanUps.push(() => fixture.dispose());
  return fixture;
}

async function shareOn(path: string, change: Parameters<typeof Fixture.on>[1] = {}): Promise<Fixture> {
  const fixture = await Fixture.on(path, change);
  cleanUps.push(() => fixture.close());
  return fixture;
}

async function volumeOf(fixture: Fixture, ...names: string[]): Promise<VolumeInfo> {
  const node = await fixture.node(...names);
  const volume = await fixture.store.volume(node);
  node.close();
  return succeeded<VolumeInfo>(volume);
}

describe("space", () => {
  test("is limited by `max disk size` in all three values", async () => {
    const volume = await volumeOf(share({ space: { ...NO_LIMITS, maxDiskBytes: 5 * MIB } }));
    expect(volume.totalBytes).toBe(5 * MIB);
    expect(volume.availableBytes).toBeLessThanOrEqual(5 * MIB);
    expect(volume.freeBytes).toBeLessThanOrEqual(5 * MIB);
  });

  test("available within `time machine max size` excludes the space of sparse bundles", async () => {
    const limits = { ...NO_LIMITS, timeMachineMaxBytes: 100 * MIB };
    expect((await volumeOf(share({ space: limits }))).availableBytes).toBe(100 * MIB);
    const other = share({ space: limits });
    mkdirSync(other.at("Mac.sparsebundle", "bands"), { recursive: true });
    // As diskimages-helper(8) writes it.
    const plist = "<dict>\n\t<key>band-size</key>\n\t<integer>8388608</integer>\n</dict>";
    writeFileSync(other.at("Mac.sparsebundle", "Info.plist"), plist);
    for (const band of ["0", "1", "a", ".minismbd", "._1"])
      writeFileSync(other.at("Mac.sparsebundle", "bands", band), "");
    const volume = await volumeOf(other);
    expect(volume.totalBytes).toBe(100 * MIB);
    expect(volume.availableBytes).toBe(76 * MIB);
  });

  test.skipIf(!canMakePluggedDisk("ramfs"))(
    "of 1,030 sparse bundles in a directory 1,024 count",
    async () => {
      const disk = makePluggedDisk("ramfs");
      cleanUps.push(() => disk.remove());
      // Without a property list a band has 8 MiB.
      const fixture = await shareOn(disk.path, {
        space: { ...NO_LIMITS, timeMachineMaxBytes: 1_034 * 8 * MIB },
      });
      for (let i = 0; i < 1_030; i++) {
        mkdirSync(fixture.at(`${i}.sparsebundle`, "bands"), { recursive: true });
        writeFileSync(fixture.at(`${i}.sparsebundle`, "bands", "0"), "");
      }
      expect((await volumeOf(fixture)).availableBytes).toBe(10 * 8 * MIB);
    },
  );

  test.skipIf(!canMakeDiskImage("ext4"))(
    "is that of the file system mounted below the share, not of the share's root",
    async () => {
      const disk = makeDiskImage("ext4", 16 * MIB);
      cleanUps.push(() => disk.remove());
      const fixture = await shareOn(join(disk.path, ".."));
      const inside = await volumeOf(fixture, "disk");
      const outside = await volumeOf(fixture);
      expect(inside.totalBytes).toBeLessThan(16 * MIB);
      const { blocks, bsize } = statfsSync(disk.path);
      expect(inside.totalBytes).toBe(blocks * bsize);
      expect(outside.totalBytes).toBeGreaterThan(64 * MIB);
      expect(inside.serial).not.toBe(outside.serial);
    },
  );

  test.skipIf(!canMakePluggedDisk("ramfs"))("is not 0 on a file system without a size", async () => {
    const disk = makePluggedDisk("ramfs");
    cleanUps.push(() => disk.remove());
    const volume = await volumeOf(await shareOn(disk.path));
    expect(volume.totalBytes).toBeGreaterThan(64 * MIB);
    expect(volume.availableBytes).toBeGreaterThan(0);
    expect(volume.blockBytes % volume.logicalSectorBytes).toBe(0);
  });
});

test("sector sizes are those of the device", async () => {
  const fixture = share();
  const volume = await volumeOf(fixture);
  expect([512, 1024, 2048, 4096]).toContain(volume.logicalSectorBytes);
  expect(volume.physicalSectorBytes).toBeGreaterThanOrEqual(volume.logicalSectorBytes);
  const stat = emptyStatx();
  const fd = openAt(AT_FDCWD, fixture.root, Open.PATH);
  expect(statFd(fd, stat)).toBe(0);
  closeFd(fd);
  expect(blockDeviceOf(stat).logicalSectorBytes).toBe(volume.logicalSectorBytes);
  // A device that does not exist.
  const nowhere = { ...stat, mountId: -1, deviceMajor: 4095, deviceMinor: 1 };
  expect(blockDeviceOf(nowhere)).toMatchObject({ logicalSectorBytes: 512, takesTrim: false, uuid: "" });
});

describe("abilities", () => {
  const traits: DiskTraits = {
    type: 0xef53,
    hasStableInodes: true,
    hasAliases: false,
    keepsOwners: true,
    setsTimesTogether: false,
    hasUserXattrs: true,
    hasOtherXattrs: true,
    hasFatAttributes: false,
    hasNtfsAttributes: false,
  };
  const facts: AbilityFacts = {
    grant: grantFor("/"),
    traits,
    isReadOnly: false,
    sharesBlocks: false,
    hasQuotas: false,
  };
  const has = (change: Partial<AbilityFacts>, bit: number): boolean =>
    (abilitiesOf({ ...facts, ...change }) & bit) !== 0;

  test("do not include hard links, sparse files and ACLs on FAT", () => {
    for (const type of [0x4d44, 0x2011bab0]) {
      const fat = { traits: { ...traits, type, hasAliases: true } };
      expect(has(fat, FsAttribute.SUPPORTS_HARD_LINKS)).toBe(false);
      expect(has(fat, FsAttribute.SUPPORTS_SPARSE_FILES)).toBe(false);
      expect(has(fat, FsAttribute.PERSISTENT_ACLS)).toBe(false);
    }
    expect(has({}, FsAttribute.SUPPORTS_HARD_LINKS)).toBe(true);
    expect(has({}, FsAttribute.SUPPORTS_SPARSE_FILES)).toBe(true);
  });

  test("include streams and extended attributes as the share is configured, even without xattrs", () => {
    for (const hasUserXattrs of [true, false]) {
      const disk = { traits: { ...traits, hasUserXattrs } };
      const off = { ...disk, grant: grantFor("/", { streams: false, eaSupport: false }) };
      const on = { ...disk, grant: grantFor("/", { streams: true, eaSupport: true }) };
      expect(has(on, FsAttribute.NAMED_STREAMS)).toBe(true);
      expect(has(on, FsAttribute.SUPPORTS_EXTENDED_ATTRIBUTES)).toBe(true);
      expect(has(off, FsAttribute.NAMED_STREAMS)).toBe(false);
      expect(has(off, FsAttribute.SUPPORTS_EXTENDED_ATTRIBUTES)).toBe(false);
    }
  });

  test("include READ_ONLY_VOLUME by share or mount, quotas and block sharing by file system", () => {
    expect(has({}, FsAttribute.READ_ONLY_VOLUME)).toBe(false);
    expect(has({ isReadOnly: true }, FsAttribute.READ_ONLY_VOLUME)).toBe(true);
    expect(has({ grant: grantFor("/", { readOnly: true }) }, FsAttribute.READ_ONLY_VOLUME)).toBe(true);
    expect(has({}, FsAttribute.VOLUME_QUOTAS)).toBe(false);
    expect(has({ hasQuotas: true }, FsAttribute.VOLUME_QUOTAS)).toBe(true);
    expect(has({ sharesBlocks: true }, FsAttribute.SUPPORTS_BLOCK_REFCOUNTING)).toBe(true);
  });
});

describe.skipIf(!isRoot)("an empty file with a large xattr has an allocation size of 0", () => {
  const disks = [
    ["ext4", 16 * MIB, 800],
    ["xfs", 320 * MIB, 60_000],
    ["btrfs", 128 * MIB, 15_000],
  ] as const;
  for (const [kind, bytes, valueBytes] of disks) {
    test.skipIf(!canMakeDiskImage(kind))(kind, async () => {
      const disk = makeDiskImage(kind, bytes);
      cleanUps.push(() => disk.remove());
      const fixture = await shareOn(disk.path);
      writeFileSync(join(disk.path, "empty"), "");
      const fd = openAt(AT_FDCWD, join(disk.path, "empty"), Open.RDONLY);
      expect(setXattr(fd, "user.large", new Uint8Array(valueBytes))).toBe(0);
      closeFd(fd);
      const node = await fixture.node("empty");
      expect(node.stat).toMatchObject({ size: 0, allocated: 0 });
      node.close();
    });
  }
});
