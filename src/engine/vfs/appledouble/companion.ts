// The AppleDouble file `._NAME` beside an object: opened, and replaced as a whole so that a killed server
// leaves the old file or the new one. All functions run as the thread's current user.
import { RENAME_NOREPLACE, renameAt, setOwnerFd, unlinkAt } from "../../../linux/directory-entries.ts";
import { Errno, isShortage } from "../../../linux/errno.ts";
import { setFatAttributes } from "../../../linux/fat-attributes.ts";
import { effectiveUid } from "../../../linux/identity.ts";
import { readPlain, syncData } from "../../../linux/io.ts";
import { Open, closeFd, openAt } from "../../../linux/open.ts";
import { Access, ModeType, type Statx, accessFd, emptyStatx, statAt, statFd } from "../../../linux/stat.ts";
import { isGivenUp } from "../context/given-up.ts";
import { keepingFolderTimes } from "../context/folder-times.ts";
import type { UserIdentity } from "../context/user-identity.ts";
import {
  type AppleDouble,
  type AttributeData,
  type Extent,
  MAX_HEAD_BYTES,
  Maker,
  PLACEHOLDER_FORK_BYTES,
  decodeAppleDouble,
  encodeAppleDouble,
  isPlaceholderFork,
  othersOf,
} from "../format/apple-double.ts";
import { isBlankFinderInfo, NO_FINDER_INFO } from "../format/afp-info.ts";
import { temporaryName } from "../name/own-names.ts";
import { copyBytes, writeAll } from "../sidecar/data-file.ts";
import type { Failure } from "../store.ts";

const PREFIX = "._";
/** Enough for the files that macOS makes. */
const FIRST_BYTES = 4096;
const FAT_HIDDEN_ARCHIVE = 0x22;
const READABLE_BY_GROUP = 0o040;
const READABLE_BY_OTHERS = 0o004;
const serverUid = effectiveUid();

const facts = emptyStatx();
const first = new Uint8Array(FIRST_BYTES);

const absences: ReadonlySet<number> = new Set([
  Errno.ENOENT,
  Errno.ELOOP,
  Errno.ENXIO,
  Errno.EISDIR,
  Errno.ENAMETOOLONG,
]);

export function companionName(name: string): string {
  return PREFIX + name;
}

/** The name of the object that a file of this name belongs to; undefined for other names. */
export function ownerName(name: string): string | undefined {
  return name.length > PREFIX.length && name.startsWith(PREFIX) ? name.slice(PREFIX.length) : undefined;
}

type Owner = Pick<Statx, "uid" | "gid">;

export interface Companion {
  /** The caller closes it. */
  readonly fd: number;
  readonly double: AppleDouble;
  readonly bytes: number;
  /** False: another user owns it, who could read what is written into it. */
  readonly isOwn: boolean;
  /** Who reads it besides its owner, as mode bits for the group of the object and for all. */
  readonly readers: number;
}

/**
 * Opens the AppleDouble file of the object `name`, whose owner is `of`; -ENODATA where there is none that the
 * server understands, or none that `reader` may read: whoever reads the object does not thereby read a file
 * that has other rights. `null`: nothing of it is for a client.
 */
export function openCompanion(
  folder: number,
  name: string,
  of: Owner,
  reader: UserIdentity | null,
  access: number = Open.RDONLY,
): Companion | Failure {
  const flags = access | Open.NOFOLLOW | Open.NONBLOCK | Open.NOCTTY;
  const fd = openAt(folder, companionName(name), flags);
  if (fd < 0) return isAbsence(fd) ? -Errno.ENODATA : fd;
  const { uid, gid } = of;
  const double = understand(fd, uid, gid);
  const mayRead = reader === null || isReadableBy(fd, reader);
  if (typeof double !== "number" && mayRead)
    return { fd, double, bytes: facts.size, isOwn: isOwnedBy(uid), readers: readersIn(gid) };
  closeFd(fd);
  return typeof double === "number" ? double : -Errno.ENODATA;
}

/** True where `openCompanion` opens the file. */
export function hasCompanion(
  folder: number,
  name: string,
  of: Owner,
  reader: UserIdentity | null = null,
): boolean {
  return findCompanion(folder, name, of, reader) === true;
}

/** The same; a failure where the server is too short of something to tell. */
export function findCompanion(
  folder: number,
  name: string,
  of: Owner,
  reader: UserIdentity | null = null,
): boolean | Failure {
  const companion = openCompanion(folder, name, of, reader);
  if (typeof companion === "number") return isShortage(companion) ? companion : false;
  closeFd(companion.fd);
  return true;
}

function isAbsence(failure: Failure): boolean {
  return absences.has(-failure);
}

/** Of the file in `facts`. A server that is not root has the rights of one user for all. */
function isOwnedBy(uid: number): boolean {
  return facts.uid === uid || serverUid !== 0;
}

/** The same. */
function isReadableBy(fd: number, reader: UserIdentity): boolean {
  const { mode, uid, gid } = facts;
  const isForAll = (mode & READABLE_BY_OTHERS) !== 0;
  if (!reader.isSwitching || reader.uid === uid || (isForAll && (mode & READABLE_BY_GROUP) !== 0))
    return true;
  if (reader.enter() < 0) return false;
  const result = accessFd(fd, Access.READ);
  reader.leave();
  if (result !== -Errno.ENOSYS && result !== -Errno.EPERM) return result === 0;
  const isInGroup = reader.gid === gid || reader.groups.includes(gid);
  return isInGroup ? (mode & READABLE_BY_GROUP) !== 0 : isForAll;
}

/** The same, as `Companion.readers` for an object of the group `ofGid`. */
function readersIn(ofGid: number): number {
  const { mode, gid } = facts;
  const ofAll = mode & 0o006;
  return gid === ofGid ? mode & 0o066 : ofAll | (ofAll << 3);
}

/** Whoever owns an object can give it the AppleDouble file that another user keeps in the same folder. */
function isForOwner(uid: number, gid: number): boolean {
  if (isOwnedBy(uid) || (facts.mode & READABLE_BY_OTHERS) !== 0) return true;
  return facts.gid === gid && (facts.mode & READABLE_BY_GROUP) !== 0;
}

function understand(fd: number, uid: number, gid: number): AppleDouble | Failure {
  const failure = statFd(fd, facts);
  if (failure < 0) return failure;
  if ((facts.mode & ModeType.MASK) !== ModeType.REGULAR) return -Errno.ENODATA;
  // Another user's file must not be read by a hard link to it.
  if (facts.links > 1 && facts.uid !== uid) return -Errno.ENODATA;
  if (!isForOwner(uid, gid)) return -Errno.ENODATA;
  const count = readPlain(fd, first, 0, FIRST_BYTES, 0);
  if (count < 0) return count;
  const double = decodeAppleDouble(first.subarray(0, count), facts.size);
  if (double !== undefined || count < FIRST_BYTES) return double ?? -Errno.ENODATA;
  const head = new Uint8Array(Math.min(facts.size, MAX_HEAD_BYTES));
  const whole = readPlain(fd, head, 0, head.length, 0);
  if (whole < 0) return whole;
  return decodeAppleDouble(head.subarray(0, whole), facts.size) ?? -Errno.ENODATA;
}

/** Reads a range; -EIO where the file has become shorter. */
export function readExtent(fd: number, { offset, length }: Extent): Uint8Array | Failure {
  const bytes = new Uint8Array(length);
  const count = length === 0 ? 0 : readPlain(fd, bytes, 0, length, offset);
  if (count < 0) return count;
  return count === length ? bytes : -Errno.EIO;
}

export function readFinderInfo({ fd, double }: Companion): Uint8Array | Failure {
  return double.finderInfo === undefined ? NO_FINDER_INFO : readExtent(fd, double.finderInfo);
}

/** True where the resource fork is the placeholder that macOS writes. */
export function hasPlaceholder({ fd, double }: Companion): boolean {
  if (double.fork?.length !== PLACEHOLDER_FORK_BYTES) return false;
  const fork = readExtent(fd, double.fork);
  return typeof fork !== "number" && isPlaceholderFork(fork);
}

/** What a change leaves as it was is undefined; a fork that is null goes. */
export interface CompanionChange {
  readonly finderInfo?: Uint8Array;
  readonly attributes?: (old: readonly AttributeData[]) => readonly AttributeData[];
  readonly fork?: Uint8Array | null;
  /** The file stays even if nothing is in it. */
  readonly keepsFile?: boolean;
  /** Of a new file. */
  readonly maker?: string;
}

/**
 * Replaces the AppleDouble file of `name`, or makes it, owned like the object `of`; removes it where nothing
 * would be left in it. -E2BIG where macOS would not take it, -EEXIST where another file has its name.
 */
export function replaceCompanion(
  folder: number,
  name: string,
  of: Statx,
  old: Companion | undefined,
  change: CompanionChange,
): 0 | Failure {
  const finderInfo = change.finderInfo ?? (old === undefined ? NO_FINDER_INFO : readFinderInfo(old));
  if (typeof finderInfo === "number") return finderInfo;
  const present = old === undefined ? [] : readAttributes(old);
  if (typeof present === "number") return present;
  const others = old === undefined ? [] : readOthers(old);
  if (typeof others === "number") return others;
  const attributes = change.attributes?.(present) ?? present;
  const kept = change.fork === undefined ? old?.double.fork : undefined;
  const forkBytes = change.fork?.length ?? kept?.length ?? 0;
  const isBlank = isBlankFinderInfo(finderInfo) && attributes.length === 0 && others.length === 0;
  const hasFork =
    change.fork instanceof Uint8Array ||
    (kept !== undefined && kept.length > 0 && !(old && hasPlaceholder(old)));
  if (isBlank && !hasFork && change.keepsFile !== true)
    return old === undefined ? 0 : removeCompanion(folder, name);
  const maker = old?.double.maker ?? change.maker ?? Maker.MAC;
  const head = encodeAppleDouble({ maker, finderInfo, attributes, others, forkBytes });
  if (head === undefined) return -Errno.E2BIG;
  const { uid, gid, mode } = of;
  // The new file is not for more people than the old one was.
  const owner = { uid, gid, mode: mode & (0o600 | (old?.readers ?? 0o066)) };
  return keepingFolderTimes(folder, companionName(name), () =>
    replaceBy(folder, companionName(name), owner, old !== undefined, (fd) => {
      const failure = writeAll(fd, head, 0);
      if (failure < 0) return failure;
      if (change.fork instanceof Uint8Array) return writeAll(fd, change.fork, head.length);
      if (kept === undefined || old === undefined) return 0;
      return copyBytes(old.fd, kept.offset, fd, head.length, kept.length);
    }),
  );
}

export function removeCompanion(folder: number, name: string): 0 | Failure {
  return keepingFolderTimes(folder, companionName(name), () => unlinkAt(folder, companionName(name), false));
}

function readAttributes({ fd, double }: Companion): AttributeData[] | Failure {
  const attributes: AttributeData[] = [];
  for (const attribute of double.attributes) {
    const data = readExtent(fd, attribute);
    if (typeof data === "number") return data;
    attributes.push({ name: attribute.name, flags: attribute.flags, data });
  }
  return attributes;
}

function readOthers({ fd, double }: Companion): { id: number; data: Uint8Array }[] | Failure {
  const others: { id: number; data: Uint8Array }[] = [];
  for (const entry of othersOf(double.entries)) {
    const data = readExtent(fd, entry);
    if (typeof data === "number") return data;
    others.push({ id: entry.id, data });
  }
  return others;
}

type Ownership = Owner & Pick<Statx, "mode">;

function replaceBy(
  folder: number,
  name: string,
  { uid, gid, mode }: Ownership,
  replaces: boolean,
  fill: (fd: number) => 0 | Failure,
): 0 | Failure {
  const temporary = temporaryName();
  const flags = Open.WRONLY | Open.CREAT | Open.EXCL | Open.NOFOLLOW;
  const fd = openAt(folder, temporary, flags, mode);
  if (fd < 0) return fd;
  let failure = fill(fd);
  if (failure === 0) failure = syncData(fd);
  // FAT has no owners.
  setOwnerFd(fd, uid, gid);
  setFatAttributes(fd, FAT_HIDDEN_ARCHIVE);
  const closed = closeFd(fd);
  // NFS and FUSE may report a full disk at close(2) only.
  if (failure === 0 && closed < 0) failure = closed;
  if (failure === 0 && isGivenUp()) failure = -Errno.ETIMEDOUT;
  // Without `replaces` a file of that name stays, which the server does not understand.
  if (failure === 0)
    failure = replaces ? renameAt(folder, temporary, folder, name, 0) : renameToFree(folder, temporary, name);
  if (failure < 0) unlinkAt(folder, temporary, false);
  return failure;
}

/** Renames within a folder; -EEXIST where the name is taken, also on disks without RENAME_NOREPLACE. */
export function renameToFree(folder: number, from: string, to: string): 0 | Failure {
  const result = renameAt(folder, from, folder, to, RENAME_NOREPLACE);
  if (result !== -Errno.EINVAL) return result;
  const there = statAt(folder, to, facts);
  if (there === 0) return -Errno.EEXIST;
  return there === -Errno.ENOENT ? renameAt(folder, from, folder, to, 0) : there;
}
