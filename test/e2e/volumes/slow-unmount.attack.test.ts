// A slow disk that is pulled out (umount -l) with data that is not written yet: the kernel writes it when the server
// closes what is open there, and the clients of other disks do not wait for that.
import { afterEach, expect, test } from "bun:test";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { Status } from "../../../src/wire/status.ts";
import { canMountFuse, SlowDisk } from "../../peer/fuse/slow-disk.ts";
import { TESTER } from "../../peer/test-server.ts";
import { createCall, createFile, mountShare, writeFile } from "../client/raw-files.ts";
import { canPlugDisks, VolumesRig } from "../client/volumes-rig.ts";

const BLOCK = new Uint8Array(65_536).fill(0x77);
/** What each operation of the slow disk takes once it is pulled out. */
const SLOW_MS = 1_500;
/** A client of another disk; generous, because the machine may be busy. */
const MAX_WAIT_MS = 1_000;

let rig: VolumesRig | undefined;
let slow: SlowDisk | undefined;
afterEach(async () => {
  await slow?.go();
  await rig?.stop();
  await slow?.dispose();
  rig = slow = undefined;
});

test.skipIf(!canPlugDisks || !(await canMountFuse()))(
  "a client of another disk does not wait for the end of a slow disk that was pulled out",
  async () => {
    slow = await SlowDisk.mount();
    const box = (rig = await VolumesRig.start({}, { shares: [{ name: "other" }] }));
    const { image, path } = box.make("slow", { bytes: 8 * 1024 * 1024 });
    const onSlow = join(slow.folder, "image");
    copyFileSync(image, onSlow);
    box.plug({ image: onSlow, path });
    await box.awaitShare("slow");
    const mount = await mountShare(box.server, TESTER, "slow");
    const other = await mountShare(box.server, TESTER, "other");
    const file = await createFile(mount, "data");
    for (let at = 0; at < 16; at++) await writeFile(mount, file, at * BLOCK.length, BLOCK);
    await slow.hold(SLOW_MS);
    box.pull({ image: onSlow, path });
    let slowestMs = 0;
    const until = performance.now() + 8_000;
    while (performance.now() < until) {
      const startMs = performance.now();
      expect(await other.client.outcome(createCall(other, ""))).toBe(Status.SUCCESS);
      slowestMs = Math.max(slowestMs, performance.now() - startMs);
      await Bun.sleep(20);
    }
    expect(slowestMs).toBeLessThan(MAX_WAIT_MS);
    await slow.go();
    mount.client.close();
    other.client.close();
  },
  60_000,
);
