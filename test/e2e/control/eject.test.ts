// `control --eject`: a disk with open files is unmounted, and served again when it is back.
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Status } from "../../../src/wire/status.ts";
import { TESTER } from "../../peer/test-server.ts";
import { expectOutcome } from "../client/attack-rig.ts";
import { type ControlledServer, minismbd, request, startControlled } from "../client/control-rig.ts";
import { createCall, createFile, mountShare, writeFile } from "../client/raw-files.ts";

const base = mkdtempSync(join(tmpdir(), "minismbd-eject-"));
const disk = join(base, "disk");
mkdirSync(disk);
let server: ControlledServer | undefined;
afterAll(async () => {
  await server?.stop();
  rmSync(base, { recursive: true, force: true });
});

/** In the mount namespace of the server. */
function inside(command: string): number {
  const words = ["nsenter", "--mount", "-t", String(server?.pid), "sh", "-c", command];
  return Bun.spawnSync(words, { stdout: "ignore", stderr: "ignore", timeout: 20_000 }).exitCode;
}

test.skipIf(process.getuid?.() !== 0)(
  "an ejected disk is unmounted, and is served again when it is mounted anew",
  async () => {
    const script = `mount -t tmpfs -o mode=777 none ${disk} && exec "$@"`;
    server = await startControlled({
      shares: [{ name: "photos", path: disk }, { name: "other" }],
      runner: ["unshare", "--mount", "sh", "-c", script, "sh"],
    });
    const mount = await mountShare(server, TESTER, "photos");
    const other = await mountShare(server, TESTER, "other");
    const file = await createFile(mount, "holiday.jpg");
    await writeFile(mount, file, 0, new Uint8Array(100_000));
    expect(inside(`umount ${disk}`)).not.toBe(0);
    const describe = async () =>
      (await request(server?.socket ?? "", { command: "disks" })).items.find(
        (row) => row["mountPoint"] === disk,
      );
    expect(await describe()).toMatchObject({
      fileSystem: "tmpfs",
      isEjected: false,
      isRemovable: false,
      shares: ["photos"],
      opens: 1,
      totalBytes: expect.any(Number),
    });
    const { out, status } = minismbd("control", "--eject", "photos", "--control", server.socket);
    expect([status, out]).toEqual([
      0,
      expect.stringContaining("closed 1; unmounted, the disk can be taken out"),
    ]);
    expectOutcome(await mount.client.outcome(createCall(mount, "holiday.jpg")), Status.NETWORK_NAME_DELETED);
    // A client that connects again at once does not keep the disk.
    await expect(mountShare(server, TESTER, "photos")).rejects.toThrow("BAD_NETWORK_NAME");
    expect(inside(`mountpoint -q ${disk}`)).not.toBe(0);
    expect(await describe()).toBeUndefined();
    expectOutcome(await other.client.outcome(createCall(other, "")), Status.SUCCESS);
    expect(inside(`mount -t tmpfs -o mode=777 none ${disk}`)).toBe(0);
    const again = await mountShare(server, TESTER, "photos");
    expectOutcome(await again.client.outcome(createCall(again, "")), Status.SUCCESS);
    const system = minismbd("control", "--eject", "/proc", "--control", server.socket);
    expect([system.status, system.err]).toEqual([1, "minismbd: /proc is a part of the system\n"]);
    const root = minismbd("control", "--eject", "/", "--control", server.socket);
    expect([root.status, root.err]).toEqual([1, "minismbd: the root file system cannot be ejected\n"]);
  },
);
