// What is found out about a disk when it is mounted: from sysfs, from its own first blocks, and, where those
// cannot be read, from udev's database. Waits for the disk: for workers.
import { readFileSync, realpathSync, statSync } from "node:fs";
import { basename, dirname } from "node:path";
import type { Mount } from "../../linux/mountinfo.ts";
import { readPlain } from "../../linux/io.ts";
import { AT_FDCWD, closeFd, Open, openAt } from "../../linux/open.ts";
import { readSuperblock, type Superblock } from "./superblock.ts";

/** `source` is the device file. */
export type VolumeQuestion = Pick<Mount, "source" | "mountPoint" | "deviceMajor" | "deviceMinor">;

export interface VolumeFacts extends Superblock {
  /** The disk is on USB, or can be taken out. */
  readonly isRemovable: boolean;
  /** Windows has written its memory to the disk and goes on from there: nobody else may change it. */
  readonly isHibernated: boolean;
  /** The disk itself refuses to be written to. */
  readonly isWriteProtected: boolean;
}

export function findFacts(question: VolumeQuestion): VolumeFacts {
  const { source, mountPoint } = question;
  const device = deviceOf(question);
  const found = fromSuperblock(source) ?? fromUdev(device);
  return {
    ...found,
    isRemovable: device !== "" && isRemovable(device),
    isWriteProtected: device !== "" && readSys(`${device}/ro`) === "1",
    isHibernated: found.fileSystem === "ntfs" && isHibernated(mountPoint),
  };
}

/** Asks sysfs alone, so it does not wait for the disk. */
export function isOnRemovableDevice(question: VolumeQuestion): boolean {
  const device = deviceOf(question);
  return device !== "" && isRemovable(device);
}

/** MAJOR:MINOR of a disk; empty where it is unknown. */
function deviceOf({ source, deviceMajor, deviceMinor }: VolumeQuestion): string {
  // btrfs has a number of its own in the mount table.
  if (deviceMajor !== 0) return `${deviceMajor}:${deviceMinor}`;
  try {
    const { rdev } = statSync(source);
    return `${(rdev >> 8) & 0xfff}:${(rdev & 0xff) | ((rdev >> 12) & 0xfff00)}`;
  } catch {
    // A service without /dev.
    return deviceByName(basename(source));
  }
}

function deviceByName(name: string): string {
  try {
    return readFileSync(`/sys/class/block/${name}/dev`, "utf8").trim();
  } catch {
    return "";
  }
}

function isRemovable(device: string): boolean {
  try {
    const path = realpathSync(`/sys/dev/block/${device}`);
    // A partition is below its disk, which alone says whether it is removable.
    const disk = isPartition(path) ? dirname(path) : path;
    return path.includes("/usb") || readFileSync(`${disk}/removable`, "utf8").trim() === "1";
  } catch {
    return false;
  }
}

function readSys(path: string): string {
  try {
    return readFileSync(`/sys/dev/block/${path}`, "utf8").trim();
  } catch {
    return "";
  }
}

function isPartition(path: string): boolean {
  return statSync(`${path}/partition`, { throwIfNoEntry: false }) !== undefined;
}

function fromSuperblock(source: string): Superblock | undefined {
  const fd = openAt(AT_FDCWD, source, Open.RDONLY | Open.NONBLOCK);
  if (fd < 0) return undefined;
  try {
    return readSuperblock((offset, length) => {
      if (!Number.isSafeInteger(offset) || offset < 0 || length <= 0) return undefined;
      const bytes = new Uint8Array(length);
      return readPlain(fd, bytes, 0, length, offset) === length ? bytes : undefined;
    });
  } finally {
    closeFd(fd);
  }
}

/** udev's database: lines such as `E:ID_FS_UUID=…`. */
function fromUdev(device: string): Superblock {
  let text = "";
  try {
    text = device === "" ? "" : readFileSync(`/run/udev/data/b${device}`, "utf8");
  } catch {
    // There is no udev.
  }
  return parseUdev(text);
}

export function parseUdev(text: string): Superblock {
  const values = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, key, value] = /^E:(ID_FS_\w+)=(.*)$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) values.set(key, value);
  }
  const label = values.get("ID_FS_LABEL_ENC");
  return {
    fileSystem: values.get("ID_FS_TYPE") ?? "",
    uuid: values.get("ID_FS_UUID") ?? "",
    label: label === undefined ? (values.get("ID_FS_LABEL") ?? "") : decodeUdev(label),
    isDirty: false,
  };
}

/** `\x20` stands for a byte. */
function decodeUdev(text: string): string {
  const bytes: number[] = [];
  for (let at = 0; at < text.length; at++) {
    const digits = /^\\x([\da-fA-F]{2})/.exec(text.slice(at, at + 4))?.[1];
    if (digits === undefined) bytes.push(...Buffer.from(String.fromCharCode(text.charCodeAt(at))));
    else {
      bytes.push(Number.parseInt(digits, 16));
      at += 3;
    }
  }
  return Buffer.from(bytes).toString("utf8");
}

function isHibernated(mountPoint: string): boolean {
  const fd = openAt(AT_FDCWD, `${mountPoint}/hiberfil.sys`, Open.RDONLY | Open.NONBLOCK);
  if (fd < 0) return false;
  const head = new Uint8Array(4);
  const count = readPlain(fd, head, 0, 4, 0);
  closeFd(fd);
  return count === 4 && /^hibr$/i.test(String.fromCharCode(...head));
}
