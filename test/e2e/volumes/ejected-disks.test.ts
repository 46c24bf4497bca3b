// `eject NAME`: what is open on the disk is flushed and closed, the disk is unmounted, and the answer says whether
// it can be taken out, or who still uses it. Clients of other disks notice nothing.
import { afterEach, expect, test } from "bun:test";
import { readlinkSync } from "node:fs";
import { Status } from "../../../src/wire/status.ts";
import { TESTER, TESTER_UID } from "../../peer/test-server.ts";
import { outcomeOf } from "../client/attack-rig.ts";
import { minismbd, request } from "../client/control-rig.ts";
import { closeFile, createFile, type Mount, mountShare, readFile, writeFile } from "../client/raw-files.ts";
import { canPlugDisks, run, VolumesRig } from "../client/volumes-rig.ts";

const OWNER = `lazy_itable_init=0,root_owner=${TESTER_UID}:${TESTER_UID}`;
const BLOCK = new Uint8Array(65_536).fill(0x61);

let rig: VolumesRig | undefined;
afterEach(async () => {
  await rig?.stop();
  rig = undefined;
});

/** Writes block after block until a write fails. Returns its status and the number of blocks. */
async function copyUntilError(mount: Mount): Promise<{ status: number; blocks: number }> {
  const file = await createFile(mount, "copy");
  for (let blocks = 0; ; blocks++) {
    const status = await outcomeOf(writeFile(mount, file, (blocks % 64) * BLOCK.length, BLOCK));
    if (status !== Status.SUCCESS) return { status: Number(status), blocks };
  }
}

function eject(box: VolumesRig, name: string): { status: number; out: string; err: string } {
  return minismbd("control", "--eject", name, "--control", box.server.socket);
}

test.skipIf(!canPlugDisks)(
  "a disk is ejected while clients copy: its client gets an error, the copy on another disk goes on",
  async () => {
    const box = (rig = await VolumesRig.start());
    const [disk, kept] = [box.make("photos", { uuid: crypto.randomUUID() }), box.make("kept")];
    for (const one of [disk, kept]) box.plug(one);
    await box.awaitShare("photos");
    await box.awaitShare("kept");
    const other = await mountShare(box.server, TESTER, "kept");
    const file = await createFile(other, "other");
    const mount = await mountShare(box.server, TESTER, "photos");
    const done = await createFile(mount, "done");
    await writeFile(mount, done, 0, BLOCK);
    const copying = copyUntilError(mount);
    let slowestMs = 0;
    let isEnded = false;
    const copyingElsewhere = (async () => {
      for (let block = 0; !isEnded; block++) {
        const startMs = performance.now();
        await writeFile(other, file, (block % 64) * BLOCK.length, BLOCK);
        slowestMs = Math.max(slowestMs, performance.now() - startMs);
      }
    })();
    await Bun.sleep(200);
    // Not by `minismbd`, which waits and would keep the copies waiting.
    const ejecting = Bun.spawn(
      [
        process.env.MINISMBD ?? "dist/minismbd",
        "control",
        "--eject",
        "photos",
        "--control",
        box.server.socket,
      ],
      { stdout: "pipe" },
    );
    const { status, blocks } = await copying;
    expect(await new Response(ejecting.stdout).text()).toContain(
      "closed 2; unmounted, the disk can be taken out",
    );
    expect(await ejecting.exited).toBe(0);
    expect([status === Status.NETWORK_NAME_DELETED || status === Status.FILE_CLOSED, blocks > 0]).toEqual([
      true,
      true,
    ]);
    await box.awaitShare("photos", false);
    isEnded = true;
    await copyingElsewhere;
    expect(slowestMs).toBeLessThan(1_000);
    expect((await readFile(other, file, 0, 10))?.length).toBe(10);
    await closeFile(other, file);
    // The file system was closed properly, with all that was written.
    expect(run(["dumpe2fs", "-h", disk.image])).toMatch(/Filesystem state: +clean\n/);
    box.plug(disk);
    await box.awaitShare("photos");
    const again = await mountShare(box.server, TESTER, "photos");
    expect(box.inside(["stat", "-c", "%s", `${disk.path}/done`]).trim()).toBe(String(BLOCK.length));
    again.client.close();
    mount.client.close();
    other.client.close();
  },
  60_000,
);

test.skipIf(!canPlugDisks)("a disk below 'volume directories' is listed as one to eject", async () => {
  const box = (rig = await VolumesRig.start());
  const disk = box.make("music");
  box.plug(disk);
  await box.awaitShare("music");
  const { items } = await request(box.server.socket, { command: "disks" });
  const item = items.find(({ mountPoint }) => mountPoint === disk.path);
  expect(item).toMatchObject({ isRemovable: true, shares: ["music"] });
});

test.skipIf(!canPlugDisks)(
  "a disk that another program uses is not unmounted, and the answer names the program",
  async () => {
    const box = (rig = await VolumesRig.start());
    const disk = box.make("films");
    box.plug(disk);
    await box.awaitShare("films");
    const words = [
      "nsenter",
      "--mount",
      "-t",
      String(box.server.pid),
      "sh",
      "-c",
      `cd ${disk.path} && exec sleep 60`,
    ];
    const user = Bun.spawn(words, { stdout: "ignore" });
    try {
      while (readlinkSync(`/proc/${user.pid}/cwd`) !== disk.path) await Bun.sleep(10);
      const busy = eject(box, "films");
      expect([busy.status, busy.out]).toEqual([
        1,
        expect.stringContaining(`not unmounted, still used by sleep (process ${user.pid})`),
      ]);
      const { items } = await request(box.server.socket, { command: "disks" });
      const item = items.find(({ mountPoint }) => mountPoint === disk.path);
      expect(item).toMatchObject({ isEjected: true, opens: 0, shares: ["films"] });
      await expect(mountShare(box.server, TESTER, "films")).rejects.toThrow("BAD_NETWORK_NAME");
    } finally {
      user.kill();
      await user.exited;
    }
    expect(eject(box, "films").out).toContain("unmounted, the disk can be taken out");
    await box.awaitShare("films", false);
  },
  60_000,
);

test.skipIf(!canPlugDisks)(
  "a disk that has another mounted in a folder is not unmounted before that one",
  async () => {
    const box = (rig = await VolumesRig.start());
    const outer = box.make("outer");
    box.plug(outer);
    const below = `${outer.path}/below`;
    box.inside(["mkdir", below]);
    box.plug({ ...box.make("inner"), path: below });
    await box.awaitShare("inner");
    expect(eject(box, "outer").out).toContain(`still used by ${below}`);
    expect(eject(box, "inner").status).toBe(0);
    expect(eject(box, "outer").status).toBe(0);
  },
  60_000,
);

test.skipIf(!canPlugDisks)("a disk that does not take all data is not said to be safe", async () => {
  const box = (rig = await VolumesRig.start());
  // A loop device whose own file has no room left fails like a bad disk.
  const small = `${box.media}/small`;
  box.inside(["mkdir", small]);
  box.inside(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", small]);
  const disk = { image: `${small}/bad.img`, path: box.make("bad").path };
  box.inside(["truncate", "-s", "64M", disk.image]);
  box.inside(["mkfs.ext4", "-q", "-F", "-L", "bad", "-O", "^has_journal", "-E", OWNER, disk.image]);
  box.plug(disk);
  await box.awaitShare("bad");
  const mount = await mountShare(box.server, TESTER, "bad");
  const file = await createFile(mount, "lost");
  for (let block = 0; block < 128; block++) await writeFile(mount, file, block * BLOCK.length, BLOCK);
  const { out, err } = eject(box, "bad");
  expect(out + err).toContain("unmounted, but the disk did not take all data (EIO)");
});
