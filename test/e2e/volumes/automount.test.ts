// 'automount disks': a disk that is plugged in is mounted and shared, one that was ejected stays unmounted.
import { afterAll, afterEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TESTER } from "../../peer/test-server.ts";
import { minismbd } from "../client/control-rig.ts";
import { closeFile, createFile, mountShare } from "../client/raw-files.ts";
import { canPlugDisks, run, VolumesRig } from "../client/volumes-rig.ts";

let rig: VolumesRig | undefined;
let device = "";
/** What the server has in the place of /sys/class/block: no disk of this machine is mounted by the test. */
const devices = mkdtempSync(join(tmpdir(), "minismbd-devices-"));
afterAll(() => rmSync(devices, { recursive: true }));
afterEach(async () => {
  await rig?.stop();
  rig = undefined;
  if (device !== "") Bun.spawnSync(["losetup", "--detach", device]);
  device = "";
  for (const name of readdirSync(devices)) unlinkSync(join(devices, name));
});

/** A loop device that the server, in its mount namespace, takes for a disk that can be taken out. */
function attach(box: VolumesRig, image: string): string {
  device = run(["losetup", "--find", "--show", image]).trim();
  const yes = join(box.base, "yes");
  writeFileSync(yes, "1\n");
  const path = realpathSync(`/sys/class/block/${device.slice(5)}`);
  box.inside(["mount", "--bind", yes, `${path}/removable`]);
  symlinkSync(path, join(devices, device.slice(5)));
  return device;
}

/** As when the kernel finds that something about the device has changed. */
function touch(): void {
  writeFileSync(`/sys/class/block/${device.slice(5)}/uevent`, "change");
}

test.skipIf(!canPlugDisks)(
  "a disk that is plugged in is mounted and shared, and stays unmounted after eject until it is plugged in again",
  async () => {
    const box = (rig = await VolumesRig.start(
      {},
      {
        parameters: { "automount disks": "yes" },
        runner: [
          "sh",
          "-c",
          `mount -t tmpfs none /run && mount --bind ${devices} /sys/class/block && exec "$@"`,
          "sh",
        ],
      },
    ));
    const { image } = box.make("stick", { label: "My stick" });
    attach(box, image);
    touch();
    await box.awaitShare("My stick");
    const options = box.inside(["findmnt", "-n", "-o", "OPTIONS", "/run/minismbd/disks/my stick"]);
    for (const option of ["nosuid", "nodev", "noexec"]) expect(options).toContain(option);
    const mount = await mountShare(box.server, TESTER, "My stick");
    await closeFile(mount, await createFile(mount, "file"));
    mount.client.close();
    const { out } = minismbd("control", "--eject", "My stick", "--control", box.server.socket);
    expect(out).toContain("unmounted, the disk can be taken out");
    await box.awaitShare("My stick", false);
    touch();
    await Bun.sleep(1_000);
    expect(await box.shares()).toEqual([]);
    expect(run(["dumpe2fs", "-h", image])).toMatch(/Filesystem state: +clean\n/);
  },
  60_000,
);

/** The machine outside of the server's sandbox: a process that keeps its mounts. */
const outside = join(devices, "..", `minismbd-outside-${process.pid}`);

/** systemd's programs, which work outside of the sandbox. */
function writePrograms(directory: string): void {
  const enter = `exec nsenter --mount -t "$(cat ${outside})"`;
  const programs = {
    "systemd-run": `while [ "$1" != -- ]; do shift; done\nshift\n${enter} "$@"`,
    "systemd-umount": `${enter} umount "$1"`,
  };
  for (const [name, text] of Object.entries(programs))
    writeFileSync(join(directory, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
}

test.skipIf(!canPlugDisks)(
  "in a sandbox whose mounts are copies systemd mounts and unmounts the disk, outside of the sandbox",
  async () => {
    const programs = mkdtempSync(join(tmpdir(), "minismbd-programs-"));
    writePrograms(programs);
    const script =
      `mount -t tmpfs none /run && mount --bind ${devices} /sys/class/block && mount --make-rshared / && ` +
      `{ sleep 300 >/dev/null 2>&1 & echo $! >${outside}; } && exec unshare --mount --propagation slave "$@"`;
    const box = (rig = await VolumesRig.start(
      {},
      {
        parameters: { "automount disks": "yes" },
        runner: ["sh", "-c", script, "sh"],
        environment: { PATH: `${programs}:${process.env.PATH ?? ""}` },
      },
    ));
    const holder = readFileSync(outside, "utf8").trim();
    const isMountedOutside = (): boolean =>
      readFileSync(`/proc/${holder}/mountinfo`, "utf8").includes(" /run/minismbd/disks/stick ");
    try {
      const { image } = box.make("stick");
      attach(box, image);
      touch();
      await box.awaitShare("stick");
      expect(isMountedOutside()).toBe(true);
      const { out } = minismbd("control", "--eject", "stick", "--control", box.server.socket);
      expect(out).toContain("unmounted, the disk can be taken out");
      expect(isMountedOutside()).toBe(false);
    } finally {
      process.kill(Number(holder));
      rmSync(outside);
      rmSync(programs, { recursive: true });
    }
  },
  60_000,
);
