// `time machine max size` and `time machine max size per machine`: what Macs see as the disk, and the bands that
// are refused beyond it, while what is there can be written and removed. vfs_fruit(8).
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { Status } from "../../../src/wire/status.ts";
import type { TestServer } from "../../peer/test-server.ts";
import { StatusError } from "../client/raw-client.ts";
import { startServer } from "../client/server.ts";
import { BackupMachine, MIB, spaceAt } from "./backup-machine.ts";
import { MacFiles } from "./mac-files.ts";

const BAND = 8 * MIB;

let server: TestServer;
beforeAll(async () => {
  const backups = { "time machine": "yes" };
  server = await startServer({
    shares: [
      { name: "all", parameters: { ...backups, "time machine max size": "64M" } },
      { name: "bin", parameters: { ...backups, "vfs objects": "recycle", "recycle:limit": "1G" } },
      {
        name: "each",
        parameters: {
          ...backups,
          "time machine max size": "80M",
          "time machine max size per machine": "32M",
        },
      },
    ],
  });
});
afterAll(() => server?.stop());

/** Writes new bands until one is refused. Returns how many there are then. */
async function fill(machine: BackupMachine, from: number): Promise<number> {
  for (let band = from; ; band++) {
    try {
      await machine.backUp(band, 0, 1);
    } catch (error) {
      expect(error).toBeInstanceOf(StatusError);
      expect((error as StatusError).status).toBe(Status.DISK_FULL);
      return band;
    }
    expect(band).toBeLessThan(20);
  }
}

test("backups have as much room as the limit leaves, and removed bands make room for others", async () => {
  const mac = await BackupMachine.connect(server, { share: "all", name: "Mac", bandBytes: BAND });
  expect(await spaceAt(mac.mount)).toEqual({ totalBytes: 64 * MIB, availableBytes: 64 * MIB });
  await mac.makeBundle();
  expect(await fill(mac, 0)).toBe(8);
  expect(await spaceAt(mac.mount)).toEqual({ totalBytes: 64 * MIB, availableBytes: 0 });
  // A band that is there is written to its end.
  await mac.backUp(3, 0, 2);
  await mac.backUp(3, 127, 1);
  await mac.removeBand(0);
  await mac.removeBand(5);
  expect((await spaceAt(mac.mount)).availableBytes).toBe(16 * MIB);
  expect(await fill(mac, 12)).toBe(14);
  await mac.detach();
  expect(await mac.restore()).toEqual({ faults: [], blocks: 10 });
  mac.cut();
});

test("a recycle bin keeps what is deleted beside the backups, and no bands", async () => {
  const mac = await BackupMachine.connect(server, { share: "bin", name: "Mac", bandBytes: MIB });
  await mac.makeBundle();
  await mac.backUp(0, 0, 1);
  await mac.removeBand(0);
  const files = new MacFiles(mac.mount);
  await files.write("notes.txt", "kept");
  await files.remove("notes.txt");
  await mac.detach();
  mac.cut();
  expect(readdirSync(join(server.shares.get("bin") ?? "", ".recycle"))).toEqual(["notes.txt"]);
});

test("each machine has its own limit, within that of all", async () => {
  const [one, other, third] = await Promise.all(
    ["One", "Other", "Third"].map((name) =>
      BackupMachine.connect(server, { share: "each", name, bandBytes: BAND }),
    ),
  );
  if (!one || !other || !third) throw new Error("no machines");
  expect(await spaceAt(one.mount)).toEqual({ totalBytes: 32 * MIB, availableBytes: 32 * MIB });
  for (const mac of [one, other, third]) await mac.makeBundle();
  expect(await fill(one, 0)).toBe(4);
  expect((await spaceAt(one.mount)).availableBytes).toBe(0);
  expect((await spaceAt(other.mount)).availableBytes).toBe(32 * MIB);
  expect(await fill(other, 0)).toBe(4);
  expect((await spaceAt(third.mount)).availableBytes).toBe(16 * MIB);
  expect(await fill(third, 0)).toBe(2);
  for (const mac of [one, other, third]) {
    await mac.detach();
    expect((await mac.restore()).faults).toEqual([]);
    mac.cut();
  }
});
