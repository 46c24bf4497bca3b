// Disks under the package's unit, whose sandbox has neither devices nor the right to mount: plugged in, mounted by
// 'automount disks' and by the administrator, ejected. The disk is a loop device that counts as one on USB.
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { readOutput, runChecked } from "../fresh/command.ts";
import { check, expectStatus, waitFor } from "./checks.ts";
import type { Machine } from "./machine.ts";

const CONFIG = "/etc/ksmbd/ksmbd.conf";
const CONFIGURATION = String.raw`[global]\n\tautomount disks = yes\n[volumes]\n\tread only = no\n\tforce user = root\n`;
const DISK = "/run/minismbd/disks/my stick";
const EJECT = "minismbd control --eject 'My stick'";

export async function tryDisks(machine: Machine): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "minismbd-disk-"));
  const image = join(directory, "disk.img");
  runChecked(["truncate", "-s", "32M", image]);
  runChecked(["mkfs.ext4", "-q", "-F", "-L", "stick", image]);
  const device = readOutput(["losetup", "--find", "--show", image]).trim();
  try {
    plugIn(machine, device);
    await useDisk(machine, device);
  } finally {
    machine.run(`umount '${DISK}' /mnt/usb; umount /sys/class/block`);
    runChecked(["losetup", "--detach", device]);
    rmSync(directory, { recursive: true });
  }
}

/** The machine has no udev: its device file and its entry of udev's database are made here. */
function plugIn(machine: Machine, device: string): void {
  const number = statSync(device).rdev;
  const [major, minor] = [(number >> 8) & 0xfff, number & 0xff];
  const name = basename(device);
  machine.run(`mknod ${device} b ${major} ${minor}; mkdir -p /run/udev/data /var/tmp/devices`);
  machine.run(
    `printf 'E:ID_FS_TYPE=ext4\\nE:ID_FS_UUID=11\\nE:ID_FS_LABEL=My stick\\n' >/run/udev/data/b${major}:${minor}`,
  );
  machine.run(`ln -s /sys/devices/virtual/block/${name} /var/tmp/devices/ && echo 1 >/var/tmp/yes`);
  machine.run(`mount --bind /var/tmp/yes /sys/devices/virtual/block/${name}/removable`);
  // No other disk of this computer is to be mounted.
  machine.run("mount --bind /var/tmp/devices /sys/class/block");
}

async function useDisk(machine: Machine, device: string): Promise<void> {
  machine.run(`cp -p ${CONFIG} /var/tmp/before && printf '${CONFIGURATION}' >${CONFIG}`);
  // The mounts of /sys above are not seen by a sandbox that is there already.
  machine.run("systemctl restart minismbd");
  const isShared = (): boolean => machine.run("minismbd control --list").out.includes("My stick");
  const isMounted = (): boolean => machine.run(`mountpoint -q '${DISK}'`).status === 0;
  await waitFor(isShared);
  check("a disk that is plugged in is mounted in the machine, and shared", isMounted() && isShared(), "no");
  const client = ["smbclient", "--configfile=/dev/null", "//127.0.0.1/My stick", "-U", "anna%secret12"];
  expectStatus(
    "a client writes to it",
    machine.connect([...client, "-c", "put /etc/services s; ls"]),
    0,
    "s ",
  );
  machine.run(`cd '${DISK}' && exec sleep 60 >/dev/null 2>&1 &`);
  expectStatus("one that is used is not unmounted", machine.run(EJECT), 1, /still used by sleep/);
  machine.run(`for p in /proc/[0-9]*; do [ "$(readlink $p/cwd)" = '${DISK}' ] && kill \${p#/proc/}; done`);
  expectStatus(
    "eject unmounts it in the machine",
    machine.run(EJECT),
    0,
    "unmounted, the disk can be taken out",
  );
  check("it is not mounted there any more", !isMounted(), machine.run("findmnt").out);
  machine.run(`mkdir -p /mnt/usb && mount ${device} /mnt/usb && chmod 777 /mnt/usb`);
  await waitFor(isShared);
  check(
    "one that the administrator mounts is shared",
    isShared(),
    machine.run("minismbd control --list").out,
  );
  expectStatus("and ejected", machine.run(EJECT), 0, "unmounted, the disk can be taken out");
  check("in the machine", machine.run("mountpoint -q /mnt/usb").status !== 0, machine.run("findmnt").out);
  machine.run(`cp -p /var/tmp/before ${CONFIG} && systemctl reload minismbd`);
}
