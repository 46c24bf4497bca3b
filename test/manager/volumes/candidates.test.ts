// Which mounts count as disks that were plugged in.
import { expect, test } from "bun:test";
import { parseMountinfo } from "../../../src/linux/mountinfo.ts";
import { candidatesIn } from "../../../src/manager/volumes/candidates.ts";

const DIRECTORIES = ["/media", "/mnt", "/run/media"];

/** Lines `SOURCE POINT TYPE [ROOT]` as a mount table. */
function table(...lines: readonly string[]) {
  return parseMountinfo(
    lines
      .map((line, at) => {
        const [source = "", point = "", type = "", root = "/"] = line.split(" ");
        return `${at + 30} 1 8:${at} ${root} ${point} rw - ${type} ${source} rw`;
      })
      .join("\n"),
  );
}

/** Mount points, with a question mark where the disk must be removable. */
function found(...lines: readonly string[]): string[] {
  const all = candidatesIn(table(...lines), DIRECTORIES);
  return all.map(({ mount, mustBeRemovable }) => `${mount.mountPoint}${mustBeRemovable ? "?" : ""}`);
}

test.each([
  ["/dev/sdb1 /media/anna/USB vfat", "/media/anna/USB"],
  ["/dev/sda1 /mnt/sda1 ext4", "/mnt/sda1"],
  ["/dev/sda1 /mnt ext4", "/mnt"],
  ["/dev/sda1 /run/media/anna/x exfat", "/run/media/anna/x"],
  ["/dev/sda1 /srv/disk fuseblk", "/srv/disk?"],
  ["/dev/sda1 /data btrfs /@data", "/data?"],
  ["/dev/sda1 /mediation ext4", "/mediation?"],
])("%s counts", (line, expected) => {
  expect(found(line)).toEqual([expected]);
});

test.each([
  "/dev/sda1 / ext4",
  "/dev/sda1 /boot vfat",
  "/dev/sda1 /boot/firmware vfat",
  "/dev/sda3 /home ext4",
  "/dev/sda3 /var/lib/docker ext4",
  "/dev/sda3 /overlay f2fs",
  "overlay /media/x overlay",
  "/dev/loop3 /snap/core/1 squashfs",
  "/dev/loop3 /media/image squashfs",
  "tmpfs /mnt/tmp tmpfs",
  "server:/export /mnt/nfs nfs4",
  "//server/share /mnt/smb cifs",
  // A bind mount of a folder.
  "/dev/sda1 /mnt/part ext4 /folder",
])("%s does not count", (line) => {
  expect(found(line)).toEqual([]);
});

test("a device that is mounted twice counts once, where it is mounted first", () => {
  expect(found("/dev/sdb1 /media/usb ext4", "/dev/sdb1 /mnt/usb ext4")).toEqual(["/media/usb"]);
});

test("a mount that another one covers does not count", () => {
  expect(found("/dev/sdb1 /media/usb ext4", "/dev/sdc1 /media/usb ext4")).toEqual(["/media/usb"]);
  expect(candidatesIn(table("/dev/sdb1 /mnt ext4", "tmpfs /mnt tmpfs"), DIRECTORIES)).toEqual([]);
});
