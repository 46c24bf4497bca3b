// Makes a FileStat of statx(2): kind, identity, DOS attributes, birth time. The attributes ([MS-FSCC] 2.6)
// come from user.DOSATTRIB, else from the file's name and mode.
import { Scratch } from "../../../linux/libc.ts";
import { ModeType, type Statx, StatxAttribute } from "../../../linux/stat.ts";
import type { ShareGrant } from "../../../port/port.ts";
import { FileAttribute, STORED_ATTRIBUTES } from "../../../wire/fscc/attributes.ts";
import { type DosAttributes, MAX_DOS_ATTRIBUTES_BYTES } from "./dos-attributes.ts";
import { clearAppleFacts } from "./apple-facts.ts";
import { attributesOfMode } from "./mode-attributes.ts";
import { FileKind, type FileStat } from "../store.ts";
import { isHiddenByName } from "../name/veto.ts";

const PINNED = StatxAttribute.IMMUTABLE | StatxAttribute.APPEND | StatxAttribute.MOUNT_ROOT;

export const xattrRoom = new Scratch(MAX_DOS_ATTRIBUTES_BYTES);

/** dev_t as one number: major * 2^20 + minor. */
export function deviceOf(stat: Statx): number {
  return stat.deviceMajor * 0x10_0000 + stat.deviceMinor;
}

export function identityOf(stat: Statx): string {
  return `${deviceOf(stat)}:${stat.inodeHigh}:${stat.inodeLow}`;
}

export function kindOf(stat: Statx): FileKind {
  const type = stat.mode & ModeType.MASK;
  if (type === ModeType.REGULAR) return FileKind.FILE;
  if (type === ModeType.DIRECTORY) return FileKind.DIRECTORY;
  return type === ModeType.SYMLINK ? FileKind.SYMLINK : FileKind.OTHER;
}

/** Returns a record for `fillStat` to fill. */
export function emptyStat(): FileStat {
  return {
    kind: FileKind.FILE,
    mode: 0,
    format: 0,
    uid: 0,
    gid: 0,
    links: 0,
    size: 0,
    allocated: 0,
    device: 0,
    inodeLow: 0,
    inodeHigh: 0,
    accessSeconds: 0,
    accessNanoseconds: 0,
    modifySeconds: 0,
    modifyNanoseconds: 0,
    changeSeconds: 0,
    changeNanoseconds: 0,
    birthSeconds: 0,
    birthNanoseconds: 0,
    attributes: 0,
    isPinned: false,
    eaSize: 0,
  };
}

/** Fills and returns `out`, from a statx, the stored attributes and the on-disk name ("" for the root). */
export function fillStat(
  out: FileStat,
  from: Statx,
  stored: DosAttributes | undefined,
  name: string,
  grant: ShareGrant,
): FileStat {
  const kind = kindOf(from);
  const isDirectory = kind === FileKind.DIRECTORY;
  out.kind = kind;
  out.mode = from.mode & 0o7777;
  out.format = from.mode & ModeType.MASK;
  out.uid = from.uid;
  out.gid = from.gid;
  out.links = from.links;
  out.size = isDirectory ? 0 : from.size;
  out.allocated = isDirectory || from.size === 0 ? 0 : from.blocks * 512;
  out.device = deviceOf(from);
  out.inodeLow = from.inodeLow;
  out.inodeHigh = from.inodeHigh;
  out.accessSeconds = from.accessSeconds;
  out.accessNanoseconds = from.accessNanoseconds;
  out.modifySeconds = from.modifySeconds;
  out.modifyNanoseconds = from.modifyNanoseconds;
  out.changeSeconds = from.changeSeconds;
  out.changeNanoseconds = from.changeNanoseconds;
  fillBirth(out, from, stored);
  out.attributes = attributesFor(from, kind, stored, name, grant);
  out.eaSize = 0;
  if (out.apple !== undefined) clearAppleFacts(out.apple);
  out.isPinned = (from.attributes & PINNED) !== 0;
  return out;
}

function fillBirth(out: FileStat, from: Statx, stored: DosAttributes | undefined): void {
  if (stored?.birthSeconds !== undefined) {
    out.birthSeconds = stored.birthSeconds;
    out.birthNanoseconds = stored.birthNanoseconds;
    return;
  }
  if (from.hasBirth) {
    out.birthSeconds = from.birthSeconds;
    out.birthNanoseconds = from.birthNanoseconds;
    return;
  }
  out.birthSeconds = from.modifySeconds;
  out.birthNanoseconds = from.modifyNanoseconds;
  takeOlder(out, from.changeSeconds, from.changeNanoseconds);
  takeOlder(out, from.accessSeconds, from.accessNanoseconds);
}

function takeOlder(out: FileStat, seconds: number, nanoseconds: number): void {
  if (seconds > out.birthSeconds) return;
  if (seconds === out.birthSeconds && nanoseconds >= out.birthNanoseconds) return;
  out.birthSeconds = seconds;
  out.birthNanoseconds = nanoseconds;
}

function attributesFor(
  from: Statx,
  kind: FileKind,
  stored: DosAttributes | undefined,
  name: string,
  grant: ShareGrant,
): number {
  const isDirectory = kind === FileKind.DIRECTORY;
  let bits: number;
  if (kind === FileKind.SYMLINK || kind === FileKind.OTHER) {
    bits = FileAttribute.REPARSE_POINT;
  } else if (stored?.attributes !== undefined) {
    bits = stored.attributes & STORED_ATTRIBUTES;
  } else {
    bits = attributesOfMode(from.mode, isDirectory, grant.modeMapping);
  }
  if (isDirectory) bits |= FileAttribute.DIRECTORY;
  if (isHiddenByName(name, grant)) bits |= FileAttribute.HIDDEN;
  return bits;
}
