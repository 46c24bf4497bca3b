// Disks that are plugged in: each gets a share by its label within two seconds of the mount, and loses it when it
// is gone, while clients of other shares notice nothing. [MS-SMB2] 3.3.5.2.11 (STATUS_NETWORK_NAME_DELETED).
import { afterEach, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { Status } from "../../../src/wire/status.ts";
import { TESTER, TESTER2 } from "../../peer/test-server.ts";
import { expectOutcome } from "../client/attack-rig.ts";
import { closeFile, createCall, createFile, mountShare, openFile, writeFile } from "../client/raw-files.ts";
import { demandSmbclient } from "../client/smbclient.ts";
import { canPlugDisks, VolumesRig } from "../client/volumes-rig.ts";

/** The most that a user may wait for a share, from the mount on; more on a machine that is busy with tests. */
const SHARED_MS = 2_000;

let rig: VolumesRig | undefined;
afterEach(async () => {
  await rig?.stop();
  rig = undefined;
});

async function start(...options: Parameters<typeof VolumesRig.start>): Promise<VolumesRig> {
  return (rig = await VolumesRig.start(...options));
}

test.skipIf(!canPlugDisks)(
  "a disk that is mounted gets a share by its label within two seconds",
  async () => {
    const box = await start();
    const disk = box.make("photos", { label: "Photos" });
    box.plug(disk);
    expect(await box.awaitShare("Photos")).toBeLessThan(SHARED_MS);
    expect(await demandSmbclient(box.server, ["mkdir summer", "ls"], { share: "Photos" })).toContain(
      "summer",
    );
    box.pull(disk);
    expect(await box.awaitShare("Photos", false)).toBeLessThan(SHARED_MS);
    await expect(mountShare(box.server, TESTER, "Photos")).rejects.toThrow("BAD_NETWORK_NAME");
  },
);

test.skipIf(!canPlugDisks)(
  "a client of a disk that is pulled out gets an error, and the same share when it is back",
  async () => {
    const box = await start({}, { shares: [{ name: "other" }] });
    const disk = box.make("music");
    box.plug(disk);
    await box.awaitShare("music");
    const other = await mountShare(box.server, TESTER, "other");
    const mount = await mountShare(box.server, TESTER, "music");
    const file = await createFile(mount, "song.mp3");
    await writeFile(mount, file, 0, new Uint8Array(100_000));
    box.pull(disk);
    await box.awaitShare("music", false);
    expectOutcome(await mount.client.outcome(createCall(mount, "song.mp3")), Status.NETWORK_NAME_DELETED);
    expectOutcome(await other.client.outcome(createCall(other, "")), Status.SUCCESS);
    box.plug(disk);
    expect(await box.awaitShare("music")).toBeLessThan(SHARED_MS);
    const treeId = await mount.client.connectTree(mount.session, "music");
    expectOutcome(await mount.client.outcome(createCall({ ...mount, treeId }, "song.mp3")), Status.SUCCESS);
    mount.client.close();
    other.client.close();
  },
);

test.skipIf(!canPlugDisks)(
  "a disk that is pulled out loses its share and its clients though nobody unmounts it",
  async () => {
    const box = await start();
    const disk = box.make("pulled");
    box.plug(disk);
    await box.awaitShare("pulled");
    const mount = await mountShare(box.server, TESTER, "pulled");
    await createFile(mount, "file");
    const source = box.inside(["findmnt", "-n", "-o", "SOURCE", disk.path]).trim();
    // Loop devices cannot be pulled out: for the server this one is no longer among the devices.
    box.inside(["mount", "-t", "tmpfs", "none", "/sys/dev/block"]);
    expect(await box.awaitShare("pulled", false)).toBeLessThan(SHARED_MS);
    expectOutcome(await mount.client.outcome(createCall(mount, "file")), Status.NETWORK_NAME_DELETED);
    await expect(mountShare(box.server, TESTER, "pulled")).rejects.toThrow("BAD_NETWORK_NAME");
    mount.client.close();
    expect(box.inside(["findmnt", "-n", "-o", "SOURCE", disk.path]).trim()).toBe(source);
    box.inside(["umount", "/sys/dev/block"]);
    await box.awaitShare("pulled");
  },
);

test.skipIf(!canPlugDisks)(
  "a disk elsewhere than in 'volume directories' gets no share unless it is removable",
  async () => {
    const box = await start();
    const disk = box.make("inside");
    const elsewhere = `${box.base}/elsewhere`;
    mkdirSync(elsewhere);
    box.plug({ ...disk, path: elsewhere });
    box.plug(box.make("shared"));
    await box.awaitShare("shared");
    expect(await box.shares()).toEqual(["shared"]);
  },
);

test.skipIf(!canPlugDisks)(
  "a share that names its disk has its own rights, wherever the disk is mounted",
  async () => {
    const uuid = "33333333-3333-4333-8333-333333333333";
    const box = await start(
      {},
      {
        shares: [
          { name: "family", path: "", parameters: { disk: `UUID=${uuid}` } },
          {
            name: "private",
            path: "below",
            parameters: { disk: "LABEL=Backup", "valid users": TESTER2.user },
          },
        ],
      },
    );
    const disk = box.make("backup", { label: "Backup", uuid });
    await expect(mountShare(box.server, TESTER, "family")).rejects.toThrow("BAD_NETWORK_NAME");
    expect(box.server.log()).toContain(`its disk (UUID=${uuid}) is not mounted`);
    box.plug(disk);
    await box.awaitShare("family");
    // No share by its label: that would have other rights.
    expect(await box.shares()).toEqual(["family", "private"]);
    await demandSmbclient(box.server, ["mkdir below"], { share: "family" });
    const mount = await mountShare(box.server, TESTER, "family");
    await closeFile(mount, await createFile(mount, "below\\file"));
    await expect(mountShare(box.server, TESTER, "private")).rejects.toThrow("ACCESS_DENIED");
    const other = await mountShare(box.server, TESTER2, "private");
    await closeFile(other, (await openFile(other, "file")).fileId);
    box.pull(disk);
    await box.awaitShare("family", false);
    expect(await box.shares()).toEqual([]);
    expectOutcome(await other.client.outcome(createCall(other, "file")), Status.NETWORK_NAME_DELETED);
    other.client.close();
    mount.client.close();
    const elsewhere = `${box.media}/elsewhere`;
    mkdirSync(elsewhere);
    box.plug({ ...disk, path: elsewhere });
    await box.awaitShare("private");
  },
);
