// Disks of Windows that are plugged in, by FUSE: shared by label, pulled out, ejected with all that was written.
import { afterEach, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { TESTER, TESTER_UID } from "../../peer/test-server.ts";
import { minismbd } from "../client/control-rig.ts";
import { closeFile, createFile, mountShare, openFile, readFile, writeFile } from "../client/raw-files.ts";
import { canPlugDisks, run, VolumesRig } from "../client/volumes-rig.ts";

const KINDS = [
  ["exFAT", ["mkfs.exfat", "-L", "Camera é"], "exfat-fuse", "mount.exfat-fuse"],
  ["NTFS", ["mkfs.ntfs", "-F", "-q", "-L", "Camera é"], "ntfs-3g", "mount.ntfs-3g"],
] as const;

let rig: VolumesRig | undefined;
afterEach(async () => {
  await rig?.stop();
  rig = undefined;
});

for (const [kind, maker, type, helper] of KINDS) {
  const isPossible =
    canPlugDisks && existsSync("/dev/fuse") && Bun.which(maker[0]) !== null && Bun.which(helper) !== null;

  test.skipIf(!isPossible)(
    `an ${kind} disk is shared by its label, again after it was pulled out, and ejected`,
    async () => {
      const box = (rig = await VolumesRig.start());
      const disk = box.make("stick", { bytes: 32 * 1024 * 1024 });
      run([...maker, disk.image]);
      const plug = (): string =>
        box.inside([
          "mount",
          "-t",
          type,
          "-o",
          `loop,uid=${TESTER_UID},gid=${TESTER_UID}`,
          disk.image,
          disk.path,
        ]);
      plug();
      await box.awaitShare("Camera é");
      const mount = await mountShare(box.server, TESTER, "Camera é");
      const file = await createFile(mount, "picture");
      await writeFile(mount, file, 0, new TextEncoder().encode("picture"));
      box.pull(disk);
      await box.awaitShare("Camera é", false);
      mount.client.close();
      plug();
      await box.awaitShare("Camera é");
      const again = await mountShare(box.server, TESTER, "Camera é");
      const { fileId } = await openFile(again, "picture");
      expect(new TextDecoder().decode((await readFile(again, fileId, 0, 100)) ?? undefined)).toBe("picture");
      await closeFile(again, fileId);
      const { out } = minismbd("control", "--eject", "Camera é", "--control", box.server.socket);
      expect(out).toContain("unmounted, the disk can be taken out");
      await box.awaitShare("Camera é", false);
      again.client.close();
    },
    60_000,
  );
}
