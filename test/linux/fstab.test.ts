import { expect, test } from "bun:test";
import { parseFstab } from "../../src/linux/fstab.ts";

test("mount points of disks are found; the root, swap, virtual file systems and comments are not", () => {
  const text = [
    "# /dev/sdz1 /comment ext4 defaults 0 0",
    "UUID=1 / ext4 errors=remount-ro 0 1",
    "UUID=2\t/srv/photos\text4\tnofail 0 2",
    "LABEL=usb /media/my\\040disk/ exfat noauto",
    "  //nas/data /mnt/nas cifs credentials=/etc/nas 0 0",
    "UUID=3 none swap sw 0 0",
    "tmpfs /tmp tmpfs defaults 0 0",
    "broken",
    "",
  ].join("\n");
  expect(parseFstab(text)).toEqual(["/srv/photos", "/media/my disk", "/mnt/nas"]);
});
