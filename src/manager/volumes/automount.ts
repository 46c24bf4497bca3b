// Mounts disks that are plugged in where nothing else does ('automount disks'), below a directory of the
// server's own; in a mount namespace of systemd's, as by the unit's sandbox, systemd mounts them for all.
// Waits for disks: for workers.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { Unmount, unmount } from "../../linux/mount.ts";
import { currentMounts, isBelow, type Mount } from "../../linux/mountinfo.ts";
import { AUTOMOUNT_DIRECTORY } from "./places.ts";
import { findFacts, type VolumeFacts } from "./volume-facts.ts";
import { freeName, wantedName } from "./volume-names.ts";

export interface AutomountQuestion {
  /** Device names, such as sda1, that are not to be mounted. */
  readonly skip: readonly string[];
  /** The owner of files on disks that have none. */
  readonly uid: number;
  readonly gid: number;
}

export interface AutomountAnswer {
  /** Names of all disks and partitions. */
  readonly present: readonly string[];
  readonly mounted: readonly string[];
  readonly failed: readonly { readonly device: string; readonly reason: string }[];
}

/** Nothing from a disk runs as a program, with another's rights, or as a device. */
const SAFE = "nosuid,nodev,noexec,noatime";
const MOUNT_MS = 30_000;

/** The types to try for each file system, and their options; `%` stands for the owner. */
const WAYS: Readonly<Record<string, readonly (readonly [type: string, options: string])[]>> = {
  ext2: [
    ["ext4", "errors=remount-ro"],
    ["ext2", "errors=remount-ro"],
  ],
  ext3: [
    ["ext4", "errors=remount-ro"],
    ["ext3", "errors=remount-ro"],
  ],
  ext4: [["ext4", "errors=remount-ro"]],
  xfs: [["xfs", "nouuid"]],
  btrfs: [["btrfs", ""]],
  f2fs: [["f2fs", ""]],
  vfat: [
    ["vfat", "%,iocharset=utf8,shortname=mixed,flush"],
    ["vfat", "%"],
  ],
  exfat: [
    ["exfat", "%,iocharset=utf8"],
    ["exfat", "%"],
    ["exfat-fuse", "%"],
  ],
  ntfs: [
    ["ntfs3", "%,iocharset=utf8"],
    ["ntfs-3g", "%"],
    ["ntfs3", "%,ro"],
  ],
  iso9660: [
    ["iso9660", "ro,iocharset=utf8"],
    ["iso9660", "ro"],
  ],
};

/** Who mounts and detaches. */
interface Mounter {
  /** The command that mounts. */
  readonly command: (type: string, options: string, device: string, mountPoint: string) => readonly string[];
  readonly detach: (mountPoint: string) => void;
  /** False where it has devices that this process does not see. */
  readonly needsDevice: boolean;
}

const SELF: Mounter = {
  command: (type, options, device, mountPoint) => ["mount", "-t", type, "-o", options, device, mountPoint],
  detach: (mountPoint) => void unmount(mountPoint, Unmount.DETACH | Unmount.NOFOLLOW),
  needsDevice: true,
};

/** Services outside of the sandbox; the process of a file system in user space stays when mount(8) ends. */
const SYSTEMD: Mounter = {
  command: (...disk) => [
    ...["systemd-run", "--quiet", "--wait", "--pipe", "--collect", "--property=KillMode=process", "--"],
    ...SELF.command(...disk),
  ],
  detach: (mountPoint) => void run(["systemd-umount", mountPoint]),
  needsDevice: false,
};

/** What the server mounts in a namespace whose mounts are copies, nobody else would see. */
function chooseMounter(mounts: readonly Mount[]): Mounter {
  const isCopy = mounts.some(({ mountPoint, isSlave }) => mountPoint === "/" && isSlave);
  return isCopy && Bun.which("systemd-run") !== null ? SYSTEMD : SELF;
}

/** Detaches what is gone, and mounts what is new. */
export function automount({ skip, uid, gid }: AutomountQuestion): AutomountAnswer {
  const present = readdirSync("/sys/class/block");
  const mounts = currentMounts();
  const mounter = chooseMounter(mounts);
  for (const mount of mounts) if (isGone(mount)) detach(mounter, mount.mountPoint);
  removeLeftovers();
  const mounted: string[] = [];
  const failed: { device: string; reason: string }[] = [];
  for (const device of present) {
    if (skip.includes(device) || !isFree(device, mounts, mounter)) continue;
    const facts = findFacts(questionAbout(device));
    if (!facts.isRemovable || !Object.hasOwn(WAYS, facts.fileSystem)) continue;
    const reason = mountDisk(mounter, device, facts, `uid=${uid},gid=${gid},umask=0022`);
    if (reason === undefined) mounted.push(device);
    else failed.push({ device, reason });
  }
  return { present, mounted, failed };
}

function questionAbout(device: string) {
  const [major = 0, minor = 0] = deviceNumber(device);
  return { source: `/dev/${device}`, mountPoint: "", deviceMajor: major, deviceMinor: minor };
}

function deviceNumber(device: string): number[] {
  return read(`/sys/class/block/${device}/dev`).split(":").map(Number);
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}

/** Nobody uses it: no mount, no swap, no partitions, no RAID or encryption on top. */
function isFree(device: string, mounts: readonly Mount[], { needsDevice }: Mounter): boolean {
  const path = `/sys/class/block/${device}`;
  if (Number(read(`${path}/size`)) === 0) return false;
  if (needsDevice && !existsSync(`/dev/${device}`)) return false;
  if (readdirSync(realpathSync(path)).some((name) => existsSync(`${path}/${name}/partition`))) return false;
  if (existsSync(`${path}/holders`) && readdirSync(`${path}/holders`).length > 0) return false;
  if (read("/proc/swaps").includes(`/dev/${device} `)) return false;
  const [major, minor] = deviceNumber(device);
  return !mounts.some(
    ({ deviceMajor, deviceMinor, source }) =>
      source === `/dev/${device}` || (deviceMajor === major && deviceMinor === minor),
  );
}

/** Returns why it could not be mounted. */
function mountDisk(
  mounter: Mounter,
  device: string,
  { fileSystem, label, uuid }: VolumeFacts,
  owner: string,
): string | undefined {
  const wanted = wantedName(label, uuid, device);
  const name = freeName(wanted, (folded) => existsSync(join(AUTOMOUNT_DIRECTORY, folded)));
  const mountPoint = join(AUTOMOUNT_DIRECTORY, name.toLowerCase());
  mkdirSync(mountPoint, { recursive: true, mode: 0o755 });
  let reason = "";
  for (const [type, more] of WAYS[fileSystem] ?? []) {
    const options = [SAFE, ...(more === "" ? [] : [more.replace("%", owner)])].join(",");
    const fault = run(mounter.command(type, options, `/dev/${device}`, mountPoint));
    if (fault === undefined) return undefined;
    reason = fault;
  }
  removeDirectory(mountPoint);
  return reason;
}

/** Returns what the program said where it failed. */
function run([name = "", ...words]: readonly string[]): string | undefined {
  const { status, stderr } = spawnSync(name, words, {
    stdio: ["ignore", "ignore", "pipe"],
    timeout: MOUNT_MS,
    env: { PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin`, LC_ALL: "C" },
  });
  return status === 0 ? undefined : (String(stderr).trim().split("\n")[0] ?? "");
}

function isGone({ mountPoint, source }: Mount): boolean {
  const isOurs = mountPoint !== AUTOMOUNT_DIRECTORY && isBelow(mountPoint, AUTOMOUNT_DIRECTORY);
  return (
    isOurs && source.startsWith("/dev/") && !existsSync(`/sys/class/block/${source.slice("/dev/".length)}`)
  );
}

function detach(mounter: Mounter, mountPoint: string): void {
  mounter.detach(mountPoint);
  removeDirectory(mountPoint);
}

/** Of a server that was killed. */
function removeLeftovers(): void {
  if (!existsSync(AUTOMOUNT_DIRECTORY)) return;
  for (const name of readdirSync(AUTOMOUNT_DIRECTORY)) removeDirectory(join(AUTOMOUNT_DIRECTORY, name));
}

function removeDirectory(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // The disk is still mounted there.
  }
}
