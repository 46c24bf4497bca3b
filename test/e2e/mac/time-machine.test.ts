// Backups and restores by Time Machine, as a Mac makes them, through what happens to a server at home: it is
// killed, its connection is lost, it is reloaded, its disk is full or pulled out. What was answered after FLUSH is
// there, byte for byte. [MS-SMB2] 3.3.5.9.10, 3.3.5.9.12, 3.3.5.11.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { Status } from "../../../src/wire/status.ts";
import { canMakeDiskImage, makeDiskImage } from "../../peer/disk-image.ts";
import { canMakePluggedDisk, makePluggedDisk } from "../../peer/plugged-disk.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import { KillableServer } from "../client/killable-server.ts";
import { StatusError } from "../client/raw-client.ts";
import { mountShare } from "../client/raw-files.ts";
import { ConnectionClosed } from "../client/raw-socket.ts";
import { reload } from "../client/reload-rig.ts";
import { startServer } from "../client/server.ts";
import { canPlugDisks, VolumesRig } from "../client/volumes-rig.ts";
import { BackupMachine, BLOCK_BYTES, MIB, spaceAt } from "./backup-machine.ts";

const TARGET = { "time machine": "yes" };
/** As hdiutil makes them by default, and as backupd of later versions of macOS does. */
const BANDS = { small: 8 * MIB, large: 256 * MIB };

/** The first backup: bands of which a part is used. */
async function backUpFirst(mac: BackupMachine): Promise<void> {
  await mac.makeBundle();
  for (const band of [0, 1, 2, 0x1f]) await mac.backUp(band, 0, 24);
  // Towards the end of a large band, far behind what is written.
  await mac.backUp(1, mac.blocksOfBand - 8, 8);
}

/** The next backup: parts of bands are written anew, bands are added and removed. */
async function backUpAgain(mac: BackupMachine): Promise<void> {
  await mac.attach();
  await mac.backUp(0, 3, 1);
  await mac.backUp(1, 8, 20);
  await mac.removeBand(2);
  await mac.backUp(3, 0, 16);
}

async function expectSound(mac: BackupMachine): Promise<void> {
  await mac.detach();
  const { faults, blocks } = await mac.restore();
  expect(faults).toEqual([]);
  expect(blocks * BLOCK_BYTES).toBeGreaterThanOrEqual(mac.flushedBytes);
}

/** Writes and flushes without end, until the connection is gone. */
async function keepWriting(mac: BackupMachine): Promise<void> {
  try {
    for (let round = 0; ; round++) await mac.backUp(round % 4, (round * 5) % 64, 20);
  } catch (error) {
    if (!(error instanceof ConnectionClosed || error instanceof StatusError)) throw error;
  }
}

async function awaitFlushed(mac: BackupMachine, bytes: number): Promise<void> {
  const end = performance.now() + 20_000;
  while (mac.flushedBytes < bytes && performance.now() < end) await Bun.sleep(2);
  expect(mac.flushedBytes).toBeGreaterThanOrEqual(bytes);
}

describe("on a server that goes on", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ shares: [{ name: "backups", parameters: TARGET }] });
  });
  afterAll(() => server?.stop());

  const connect = (name: string, bandBytes: number): Promise<BackupMachine> =>
    BackupMachine.connect(server, { share: "backups", name, bandBytes });

  test.each(Object.entries(BANDS))(
    "a Mac with %s bands backs up, backs up again and restores",
    async (name, bytes) => {
      const mac = await connect(name, bytes);
      await backUpFirst(mac);
      await expectSound(mac);
      await backUpAgain(mac);
      await expectSound(mac);
      // The comparison would find a byte that is wrong.
      const band = openSync(join(server.shares.get("backups") ?? "", mac.bundle, "bands/3"), "r+");
      writeSync(band, "?", 70_000);
      closeSync(band);
      expect((await mac.restore()).faults).toEqual(["band 3 block 1"]);
      mac.cut();
    },
  );

  test("a Mac whose connection is lost goes on with all of its open files", async () => {
    const mac = await connect("lost", BANDS.small);
    await mac.makeBundle();
    for (let round = 1; round <= 2; round++) {
      const writing = keepWriting(mac);
      await awaitFlushed(mac, round * MIB);
      mac.cut();
      await writing;
      const { back, gone } = await mac.resume();
      expect(gone).toBe(0);
      expect(back).toBeGreaterThan(2);
    }
    await mac.backUp(0, 0, 128);
    await expectSound(mac);
    mac.cut();
  });

  test("a Mac that wakes up before the server has missed it goes on with all of its open files", async () => {
    const mac = await connect("slept", BANDS.small);
    await mac.makeBundle();
    await mac.backUp(0, 0, 20);
    const old = mac.mount.client;
    // The old connection is still there for the server; the new session takes its place.
    expect((await mac.resume()).gone).toBe(0);
    await mac.backUp(0, 10, 20);
    await expectSound(mac);
    old.close();
    mac.cut();
  });

  test("a reload in the middle of a backup does not disturb it", async () => {
    const mac = await connect("reloaded", BANDS.small);
    await mac.makeBundle();
    const writing = keepWriting(mac);
    await awaitFlushed(mac, MIB);
    for (const share of ["other", "another"])
      await reload(server, { shares: { backups: TARGET, [share]: { path: server.directory } } });
    await awaitFlushed(mac, 5 * MIB);
    mac.cut();
    await writing;
    await mac.resume();
    await expectSound(mac);
    mac.cut();
  });
});

describe("on a server that is killed", () => {
  let server: KillableServer | undefined;
  afterEach(() => server?.stop());

  test("what was answered after FLUSH is there, and the Mac goes on with the bundle", async () => {
    server = await KillableServer.start({ shares: [{ name: "backups", parameters: TARGET }] });
    const mac = await BackupMachine.connect(server, {
      share: "backups",
      name: "Mac",
      bandBytes: BANDS.small,
    });
    await backUpFirst(mac);
    for (let round = 1; round <= 2; round++) {
      const writing = keepWriting(mac);
      await awaitFlushed(mac, (4 + round) * MIB);
      await server.kill();
      await writing;
      await server.start();
      // A new server knows no open of the one before.
      expect((await mac.resume()).back).toBe(0);
      expect((await mac.restore()).faults).toEqual([]);
      await mac.attach();
    }
    await mac.backUp(0x40, 0, 32);
    await expectSound(mac);
    mac.cut();
  });
});

describe.each(["ext4", "exFAT by FUSE"] as const)("on a small disk with %s", (kind) => {
  const canRun = kind === "ext4" ? canMakeDiskImage(kind) : canMakePluggedDisk(kind);

  test.skipIf(!canRun)(
    "a backup that fills it gets STATUS_DISK_FULL, keeps what was flushed, and goes on where there is room",
    async () => {
      const disk = kind === "ext4" ? makeDiskImage(kind, 32 * MIB, ["-m", "0"]) : makePluggedDisk(kind);
      let server: KillableServer | undefined;
      try {
        server = await KillableServer.start({
          shares: [{ name: "backups", path: disk.path, parameters: TARGET }],
        });
        await fillAndGoOn(server);
      } finally {
        await server?.stop();
        disk.remove();
      }
    },
  );
});

async function fillAndGoOn(server: KillableServer): Promise<void> {
  const options = { share: "backups", name: "Mac", bandBytes: BANDS.small };
  const mac = await BackupMachine.connect(server, options);
  await mac.makeBundle();
  const fill = async (band: number): Promise<number> => {
    for (; ; band++) {
      try {
        await mac.backUp(band, 0, 64);
      } catch (error) {
        expect(error).toBeInstanceOf(StatusError);
        expect((error as StatusError).status).toBe(Status.DISK_FULL);
        return band;
      }
    }
  };
  const full = await fill(0);
  expect(full).toBeGreaterThan(3);
  const { availableBytes } = await spaceAt(mac.mount);
  expect(availableBytes).toBeLessThan(4 * MIB);
  await mac.detach();
  expect((await mac.restore()).faults).toEqual([]);
  // The server is killed while the disk is full; the Mac then removes old backups.
  await server.kill();
  await server.start();
  await mac.resume();
  await mac.attach();
  await mac.removeBand(0);
  await mac.removeBand(full);
  expect((await spaceAt(mac.mount)).availableBytes).toBeGreaterThanOrEqual(availableBytes + 4 * MIB);
  await mac.backUp(full + 1, 0, 48);
  await expectSound(mac);
  mac.cut();
}

test.skipIf(!canPlugDisks)(
  "a disk that is pulled out in the middle of a backup has what was flushed when it is back",
  async () => {
    const box = await VolumesRig.start(TARGET);
    try {
      const disk = box.make("Vault", { bytes: 64 * MIB });
      box.plug(disk);
      await box.awaitShare("Vault");
      const mac = await BackupMachine.connect(box.server, {
        share: "Vault",
        name: "Mac",
        bandBytes: BANDS.small,
      });
      await backUpFirst(mac);
      const writing = keepWriting(mac);
      await awaitFlushed(mac, 8 * MIB);
      box.pull(disk);
      await writing;
      await box.awaitShare("Vault", false);
      await expect(mountShare(box.server, TESTER, "Vault")).rejects.toThrow("BAD_NETWORK_NAME");
      box.plug(disk);
      await box.awaitShare("Vault");
      await mac.resume();
      expect((await mac.restore()).faults).toEqual([]);
      await mac.attach();
      await mac.backUp(0x40, 0, 16);
      await expectSound(mac);
      mac.cut();
    } finally {
      await box.stop();
    }
  },
);
