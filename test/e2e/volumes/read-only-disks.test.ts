// Disks that cannot be written to: the log, `disks` and testparm say why, and what helps.
import { afterEach, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Status } from "../../../src/wire/status.ts";
import { TESTER } from "../../peer/test-server.ts";
import { expectOutcome, outcomeOf } from "../client/attack-rig.ts";
import { minismbd, request } from "../client/control-rig.ts";
import { createFile, mountShare, writeFile } from "../client/raw-files.ts";
import { EXECUTABLE } from "../client/server.ts";
import { canPlugDisks, type PluggedVolume, VolumesRig } from "../client/volumes-rig.ts";

let rig: VolumesRig | undefined;
afterEach(async () => {
  await rig?.stop();
  rig = undefined;
});

async function stateOf(box: VolumesRig, { path }: PluggedVolume): Promise<unknown> {
  const { items } = await request(box.server.socket, { command: "disks" });
  return items.find(({ mountPoint }) => mountPoint === path)?.["state"];
}

async function awaitLog(box: VolumesRig, text: string): Promise<void> {
  for (const end = performance.now() + 10_000; !box.server.log().includes(text); await Bun.sleep(20))
    if (performance.now() > end) throw new Error(`the log lacks '${text}':\n${box.server.log()}`);
}

test.skipIf(!canPlugDisks)(
  "the log and `disks` say why nothing can be written to a disk that is read-only",
  async () => {
    const box = (rig = await VolumesRig.start());
    const disk = box.make("readonly");
    box.plug(disk, "loop,ro");
    await box.awaitShare("readonly");
    await awaitLog(box, "share [readonly]: disk ");
    // The loop device of a disk that is mounted read-only refuses writing itself.
    expect(box.server.log()).toMatch(
      /share \[readonly\]: disk .*; it is (write-protected|mounted read-only)/,
    );
    const mount = await mountShare(box.server, TESTER, "readonly");
    expectOutcome(await outcomeOf(createFile(mount, "new")), Status.MEDIA_WRITE_PROTECTED);
    await awaitLog(box, "share [readonly]: nothing can be written to its disk");
    expect(await stateOf(box, disk)).toMatch(/^it is (write-protected|mounted read-only)/);
    mount.client.close();
  },
);

/** The kernel's switch that makes ext4 treat its file system as damaged. */
function errorSwitch(box: VolumesRig, { path }: PluggedVolume): string {
  const source = box.inside(["findmnt", "-n", "-o", "SOURCE", path]).trim();
  return `/sys/fs/ext4/${source.slice("/dev/".length)}/trigger_fs_error`;
}

test.skipIf(!canPlugDisks)(
  "a disk on which the kernel finds an error is explained to the administrator",
  async () => {
    const box = (rig = await VolumesRig.start());
    const disk = box.make("damaged");
    box.plug(disk, "loop,errors=remount-ro");
    await box.awaitShare("damaged");
    const mount = await mountShare(box.server, TESTER, "damaged");
    const file = await createFile(mount, "before");
    writeFileSync(errorSwitch(box, disk), "an error of the test");
    let status: unknown = Status.SUCCESS;
    for (let at = 0; at < 50 && status === Status.SUCCESS; at++)
      status = await outcomeOf(createFile(mount, `after ${at}`));
    expectOutcome(status as number, Status.MEDIA_WRITE_PROTECTED);
    await awaitLog(box, "its file system has errors: repair it with umount");
    expect(await stateOf(box, disk)).toContain(`e2fsck -f`);
    const { out } = minismbd("status", "--volumes", "--control", box.server.socket);
    expect(out).toMatch(/ damaged +it is read-only because its file system has errors/);
    expect(await outcomeOf(writeFile(mount, file, 0, new Uint8Array(10)))).not.toBe(Status.SUCCESS);
    const conf = join(box.base, "check.conf");
    writeFileSync(conf, `[global]\n[damaged]\n\tpath = ${disk.path}\n\tread only = no\n`);
    const words = ["nsenter", "--mount", "-t", String(box.server.pid), EXECUTABLE, "testparm", conf];
    const { stderr } = Bun.spawnSync(words, { stdout: "ignore", stderr: "pipe" });
    expect(stderr.toString()).toContain(
      `the disk of ${disk.path}: it is read-only because its file system has errors`,
    );
    mount.client.close();
  },
);
