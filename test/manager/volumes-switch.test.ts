// The shares of disks stay while the mount table cannot be read.
import { expect, test } from "bun:test";
import { type Mount, parseMountinfo } from "../../src/linux/mountinfo.ts";
import { loadConfiguration } from "../../src/manager/config/load.ts";
import { type VolumeSharing, VolumesSwitch } from "../../src/manager/volumes-switch.ts";
import type { Volume } from "../../src/manager/volumes/volumes.ts";

const override = { section: "volumes", key: "read only", value: "no", position: "test" };
const configuration = loadConfiguration({ file: null, overrides: [override] });
const log = { info: () => undefined, warn: () => undefined };

test("no disk loses its share because the mount table cannot be read", async () => {
  let mounts: readonly Mount[] = parseMountinfo(
    "20 1 0:20 / / rw - ext4 /dev/root rw\n30 20 0:40 / /media/disk rw - btrfs /dev/mapper/none rw",
  );
  const { promise, resolve } = Promise.withResolvers<void>();
  let shared: readonly Volume[] = [];
  const host: VolumeSharing = {
    loadedConfiguration: () => configuration,
    isShareName: () => false,
    setVolumes(volumes) {
      shared = volumes;
      resolve();
    },
    passwordFile: null,
  };
  const volumes = new VolumesSwitch(
    host,
    log,
    () => undefined,
    () => mounts,
  );
  volumes.follow();
  await promise;
  expect(shared.map(({ mount }) => mount.mountPoint)).toEqual(["/media/disk"]);
  mounts = [];
  volumes.look();
  expect(shared.length).toBe(1);
  mounts = parseMountinfo("20 1 0:20 / / rw - ext4 /dev/root rw");
  volumes.look();
  expect(shared.length).toBe(0);
  volumes.end();
});
