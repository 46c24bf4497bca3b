// A share with `time machine = yes`: opens are durable whatever [global] says, and FLUSH as macOS sends it for
// F_FULLFSYNC is answered once the data is on the disk, or with the disk's error. vfs_fruit(8); [MS-SMB2]
// 3.3.5.9.10, 3.3.5.11.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { Access } from "../../../src/wire/security/access.ts";
import { CreateDisposition, ShareAccess } from "../../../src/wire/command/create.ts";
import { AppleVolumeCapability } from "../../../src/wire/context/apple-context.ts";
import { Status } from "../../../src/wire/status.ts";
import { canMakeDiskImage, makeDiskImage } from "../../peer/disk-image.ts";
import { canMakePluggedDisk, makePluggedDisk, type PluggedKind } from "../../peer/plugged-disk.ts";
import { makeDirectory, removeDirectory, TESTER, type TestServer } from "../../peer/test-server.ts";
import { leaseV2, LEASING, openLeased, RH } from "../client/lease-rig.ts";
import { closeFile, createFile, mountShare, writeFile } from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";
import { run } from "../client/volumes-rig.ts";
import { fullSync, MIB } from "./backup-machine.ts";
import { queryApple } from "./mac.ts";
import { MacFiles } from "./mac-files.ts";

describe("with durable handles = no in [global]", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({
      parameters: { "durable handles": "no" },
      shares: [{ name: "test" }, { name: "backups", parameters: { "time machine": "yes" } }],
    });
  });
  afterAll(() => server?.stop());

  /** The time-out that a durable open gets; undefined: the open is not durable. */
  const timeoutOn = async (share: string, timeoutMs: number): Promise<number | undefined> => {
    const mount = await mountShare(server, TESTER, share, { capabilities: LEASING });
    const createGuid = new Uint8Array(randomBytes(16));
    // macOS' own probe, with a UUID for an end.
    const name = ".com.apple.timemachine.supported-0a1b2c3d";
    const { contexts, fileId } = await openLeased(mount, name, leaseV2(7, RH), {
      desiredAccess: Access.READ_DATA | Access.READ_ATTRIBUTES | Access.READ_EA,
      shareAccess: ShareAccess.READ,
      createDisposition: CreateDisposition.OPEN_IF,
      contexts: { durableRequestV2: { timeoutMs, flags: 0, createGuid } },
    });
    await closeFile(mount, fileId);
    await new MacFiles(mount).remove(name);
    mount.client.close();
    return contexts.durableV2?.timeoutMs;
  };

  test("a share for Time Machine, and no other, tells a Mac that it syncs in full", async () => {
    const capabilities = await Promise.all(
      ["test", "backups"].map(async (share) => {
        const mount = await mountShare(server, TESTER, share);
        const answer = await queryApple(mount);
        mount.client.close();
        return answer?.volumeCapabilities;
      }),
    );
    expect(capabilities).toEqual([0, AppleVolumeCapability.FULL_SYNC]);
  });

  test("a mount of another share beside it does not take that from the Mac's session", async () => {
    const mount = await mountShare(server, TESTER, "backups");
    const other = { ...mount, treeId: await mount.client.connectTree(mount.session, "test") };
    const answers = [await queryApple(mount), await queryApple(other)];
    expect(answers.map((answer) => answer?.volumeCapabilities)).toEqual([4, 4]);
    mount.client.close();
  });

  test("an open is durable on a share for Time Machine, for as long as the Mac asks, and on no other", async () => {
    expect(await timeoutOn("test", 120_000)).toBeUndefined();
    // 16 minutes are the most that macOS asks for.
    for (const timeoutMs of [60_000, 120_000, 960_000])
      expect(await timeoutOn("backups", timeoutMs)).toBe(timeoutMs);
    expect(await timeoutOn("backups", 0)).toBe(60_000);
    expect(await timeoutOn("backups", 2_000_000_000)).toBe(960_000);
  });
});

/** The times that the loop device of an image was told to write its cache; Documentation/block/stat.rst. */
function flushesOf(image: string): number {
  const device = readdirSync("/sys/block").find((name) => {
    try {
      return readFileSync(`/sys/block/${name}/loop/backing_file`, "utf8").trim() === image;
    } catch {
      return false;
    }
  });
  const [, , , , , , , , , , , , , , , flushes] = readFileSync(`/sys/block/${device}/stat`, "utf8")
    .trim()
    .split(/\s+/);
  return Number(flushes);
}

describe.each(["ext4", "exFAT by FUSE", "NTFS by FUSE"] as const)("on %s", (kind) => {
  const canRun = kind === "ext4" ? canMakeDiskImage(kind) : canMakePluggedDisk(kind as PluggedKind);

  test.skipIf(!canRun)(
    "data is in the disk's image, and its cache written, when FLUSH is answered",
    async () => {
      const disk = kind === "ext4" ? makeDiskImage(kind, 32 * MIB) : makePluggedDisk(kind);
      const image = join(dirname(disk.path), "image");
      expect(basename(image)).toBe("image");
      let server: TestServer | undefined;
      try {
        server = await startServer({
          shares: [{ name: "test", path: disk.path, parameters: { "time machine": "yes" } }],
        });
        const mount = await mountShare(server, TESTER, "test");
        const fileId = await createFile(mount, "band");
        for (let round = 0; round < 3; round++) {
          const data = new Uint8Array(randomBytes(65_536));
          await writeFile(mount, fileId, round * data.length, data);
          const before = flushesOf(image);
          expect(await fullSync(mount, fileId)).toBe(Status.SUCCESS);
          expect(readFileSync(image).includes(data)).toBe(true);
          expect(flushesOf(image)).toBeGreaterThan(before);
        }
        await closeFile(mount, fileId);
        mount.client.close();
      } finally {
        await server?.stop();
        disk.remove();
      }
    },
  );
});

test.skipIf(!canMakeDiskImage("ext4"))("FLUSH tells that the disk did not take the data", async () => {
  // The image has no room for what its file system promises: the disk fails in the middle of a write.
  const parent = makeDirectory("minismbd-room");
  run(["mount", "-t", "tmpfs", "-o", "size=12m,mode=755", "none", parent]);
  const disk = makeDiskImage("ext4", 64 * MIB, ["-O", "^has_journal"], parent);
  let server: TestServer | undefined;
  try {
    server = await startServer({
      shares: [{ name: "test", path: disk.path, parameters: { "time machine": "yes" } }],
    });
    const mount = await mountShare(server, TESTER, "test");
    const fileId = await createFile(mount, "band");
    const data = new Uint8Array(MIB).fill(0x5a);
    for (let i = 0; i < 24; i++) await writeFile(mount, fileId, i * MIB, data);
    expect(await fullSync(mount, fileId)).not.toBe(Status.SUCCESS);
    mount.client.close();
  } finally {
    await server?.stop();
    disk.remove();
    run(["umount", "-l", parent]);
    removeDirectory(parent);
  }
});
