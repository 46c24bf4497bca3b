// `disks` of the control socket: the space of each disk, whatever another disk does.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { canMountFuse, SlowDisk } from "../../peer/fuse/slow-disk.ts";
import { type ControlledServer, request, startControlled } from "../client/control-rig.ts";
import { canPlugDisks, run, VolumesRig } from "../client/volumes-rig.ts";

describe.if(await canMountFuse())("a disk that hangs", () => {
  let disk: SlowDisk;
  let server: ControlledServer;
  beforeAll(async () => {
    disk = await SlowDisk.mount();
    server = await startControlled({ shares: [{ name: "fast" }, { name: "slow", path: disk.folder }] });
  });
  afterAll(async () => {
    await disk?.go();
    await server?.stop();
    await disk?.dispose();
  });

  const ask = async () => {
    const { items } = await request(server.socket, { command: "disks" });
    const find = (share: string) => items.find((row) => (row["shares"] as string[]).includes(share));
    return { fast: find("fast"), slow: find("slow") };
  };

  test("says so in time, several times, beside the space of the other disk", async () => {
    await disk.stall();
    const space = { totalBytes: expect.any(Number), freeBytes: expect.any(Number) };
    for (let round = 0; round < 3; round++) {
      const { fast, slow } = await ask();
      expect(fast).toMatchObject(space);
      expect(slow).toMatchObject({ fault: "ETIMEDOUT" });
      expect(slow).not.toHaveProperty("freeBytes");
    }
    // Neither does the configuration wait for it, whose check looks at all directories.
    const { end, items } = await request(server.socket, { command: "configured-shares" });
    expect([end, items.map(({ name }) => name)]).toEqual(["ok", ["fast", "slow"]]);
    const parameters = { comment: "hangs" };
    const changed = await request(server.socket, { command: "set-share", name: "slow", parameters });
    expect(changed).toMatchObject({ end: "ok", items: [{ comment: "hangs" }] });
    expect(await request(server.socket, { command: "check-path", path: disk.folder })).toMatchObject({
      message: "the disk does not answer",
    });
    await disk.go();
    let answer = await ask();
    for (let i = 0; i < 50 && answer.slow?.["fault"] !== undefined; i++) answer = await ask();
    expect(answer.slow).toMatchObject({ mountPoint: disk.folder, ...space });
  }, 60_000);
});

describe.if(canPlugDisks)("disks that are plugged in", () => {
  let rig: VolumesRig;
  beforeAll(async () => {
    rig = await VolumesRig.start({}, { parameters: { "reload on change": "no" } });
  });
  afterAll(() => rig?.stop());

  test("tell their label, and the errors that their file system has met", async () => {
    const sound = rig.make("Photos");
    const broken = rig.make("Old disk", { label: "Old" });
    run(["debugfs", "-w", "-R", "ssv error_count 3", broken.image]);
    for (const volume of [sound, broken]) rig.plug(volume);
    for (const name of ["Photos", "Old"]) await rig.awaitShare(name);
    const { items } = await request(rig.server.socket, { command: "disks" });
    const at = (path: string) => items.find(({ mountPoint }) => mountPoint === path);
    expect(at(sound.path)).toMatchObject({ label: "Photos", health: { state: "good", message: "" } });
    expect(at(broken.path)).toMatchObject({
      label: "Old",
      health: { state: "failing", message: expect.stringContaining("its file system has met 3 errors") },
    });
    for (const { path } of [sound, broken]) {
      const [answer] = (await request(rig.server.socket, { command: "eject", mountPoint: path })).items;
      expect(answer).toMatchObject({ isSafe: true, text: "unmounted, the disk can be taken out" });
    }
  });
});
