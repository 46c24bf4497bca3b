// `disks` of the control socket: the space of each disk, whatever another disk does.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { canMountFuse, SlowDisk } from "../../peer/fuse/slow-disk.ts";
import { type ControlledServer, request, startControlled } from "../client/control-rig.ts";

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
    await disk.go();
    let answer = await ask();
    for (let i = 0; i < 50 && answer.slow?.["fault"] !== undefined; i++) answer = await ask();
    expect(answer.slow).toMatchObject({ mountPoint: disk.folder, ...space });
  }, 60_000);
});
