// Finds the snapshots of a share: directories named by their time (vfs_shadow_copy2(8)), or snapper's
// numbered directories on btrfs (snapper(8)). Reads the disk, but opens no snapshot.
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  type Stats,
  realpathSync,
  statSync,
} from "node:fs";
import { join, relative } from "node:path";
import { Errno } from "../../../linux/errno.ts";
import { effectiveUid } from "../../../linux/identity.ts";
import { currentMounts, mountOf } from "../../../linux/mountinfo.ts";
import { readProcLink } from "../../../linux/directory-entries.ts";
import { AT_FDCWD, Open, closeFd, openAt } from "../../../linux/open.ts";
import { Access, accessFd, FileSystemMagic, statfsFd } from "../../../linux/stat.ts";
import type { SnapshotRules } from "../../../port/port.ts";
import type { ShareContext } from "../context/share-context.ts";
import { compileSnapshotFormat, secondsOfSnapperInfo } from "./names.ts";
import type { Failure } from "../store.ts";

export interface ListedSnapshot {
  /** Since 1970. */
  readonly seconds: number;
  /** The share's directory in the snapshot; absolute, the snapshot folder resolved with realpath(3). */
  readonly path: string;
}

/** Only so many of the newest are listed, since the list must fit into one response. */
const MAX_SNAPSHOTS = 4096;
const MAX_INFO_BYTES = 65_536;

/**
 * Returns the snapshots of the share, newest first. -EOPNOTSUPP if the share has no snapshot folder, -EACCES
 * if the user may not list that folder.
 */
export function listSnapshots(context: ShareContext): ListedSnapshot[] | Failure {
  const rules = context.grant.snapshots;
  if (rules === null) return -Errno.EOPNOTSUPP;
  try {
    const share = realpathSync(context.grant.path);
    const found = rules.kind === "snapper" ? snapperFolder(context, share) : namedFolder(rules, share);
    if (found === undefined || isAnybodysLink(found.folder)) return -Errno.EOPNOTSUPP;
    const folder = realpathSync(found.folder);
    if (!rules.forAll && !mayList(context, folder)) return -Errno.EACCES;
    const snapshots = rules.kind === "snapper" ? snapperSnapshots(folder) : namedSnapshots(rules, folder);
    const places = new Map<number, string>();
    for (const [seconds, root] of snapshots) {
      if (!places.has(seconds)) places.set(seconds, join(root, found.below));
    }
    return [...places]
      .map(([seconds, path]) => ({ seconds, path }))
      .toSorted((a, b) => b.seconds - a.seconds)
      .slice(0, MAX_SNAPSHOTS);
  } catch (error) {
    return -(Errno[(error as { code?: string }).code as keyof typeof Errno] ?? Errno.EIO);
  }
}

/**
 * Returns the kernel's path of a store's root, to compare with the path that was opened; -errno on failure.
 */
export function snapshotPathOfRoot(context: ShareContext): string | Failure {
  return readProcLink(context.rootFd);
}

interface Folder {
  readonly folder: string;
  /** Path of the share's directory relative to the directory that the snapshots are taken of. */
  readonly below: string;
}

function namedFolder(rules: SnapshotRules, share: string): Folder | undefined {
  const mountPoint = rules.mountPoint || mountOf(currentMounts(), share)?.mountPoint || "/";
  const isAbsolute = rules.folder.startsWith("/");
  const folder = isAbsolute ? rules.folder : join(mountPoint, rules.folder);
  const below = relative(rules.base || mountPoint, share);
  // The share is outside the directory that the snapshots are taken of.
  return below === ".." || below.startsWith("../") ? undefined : { folder, below };
}

/** Snapper's folder is in the root of the subvolume; the share may be a directory below that root. */
function snapperFolder(context: ShareContext, share: string): Folder | undefined {
  const facts = statfsFd(context.rootFd);
  if (typeof facts === "number" || facts.type !== FileSystemMagic.BTRFS) return undefined;
  const { dev } = statSync(share);
  for (let root = share; ; root = join(root, "..")) {
    const folder = join(root, ".snapshots");
    if (isSnapperFolder(folder)) return { folder, below: relative(root, share) };
    // Each subvolume has its own st_dev.
    if (root === "/" || statSync(join(root, "..")).dev !== dev) return undefined;
  }
}

/** True for a symlink that a user of the share may have made: it could lead anywhere. */
function isAnybodysLink(folder: string): boolean {
  const link = lstatSync(folder, { throwIfNoEntry: false });
  return link?.isSymbolicLink() === true && !isOurs(link);
}

function isOurs({ uid }: Stats): boolean {
  return uid === 0 || uid === effectiveUid();
}

/**
 * True for a directory owned by root or the server: Snapper creates it as root, and users could make a false
 * one.
 */
function isSnapperFolder(path: string): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat?.isDirectory() === true && isOurs(stat);
}

/**
 * True if the share's user may list and traverse the folder, and so could see the snapshots without the
 * server.
 */
function mayList(context: ShareContext, folder: string): boolean {
  const fd = context.asUser(() => openAt(AT_FDCWD, folder, Open.PATH | Open.DIRECTORY));
  if (fd < 0) return false;
  const result = context.asUser(() => accessFd(fd, Access.READ | Access.EXECUTE));
  closeFd(fd);
  return result === 0;
}

type Found = readonly [seconds: number, root: string];

/** Symlinks are not snapshots, since any user may have made them. */
function namedSnapshots(rules: SnapshotRules, folder: string): Found[] {
  const read = compileSnapshotFormat(rules);
  const found: Found[] = [];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const seconds = read(entry.name);
    if (seconds !== undefined && entry.isDirectory()) found.push([seconds, join(folder, entry.name)]);
  }
  return found;
}

function snapperSnapshots(folder: string): Found[] {
  const found: Found[] = [];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (!entry.isDirectory() || !/^\d+$/.test(entry.name)) continue;
    const text = readInfo(join(folder, entry.name, "info.xml"));
    const seconds = text === undefined ? undefined : secondsOfSnapperInfo(text);
    if (seconds !== undefined) found.push([seconds, join(folder, entry.name, "snapshot")]);
  }
  return found;
}

function readInfo(path: string): string | undefined {
  try {
    // A user may have made the directory: O_NONBLOCK, so that opening a FIFO does not block.
    const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      if (!fstatSync(fd).isFile()) return undefined;
      const bytes = Buffer.alloc(MAX_INFO_BYTES);
      return bytes.toString("utf8", 0, readSync(fd, bytes, 0, MAX_INFO_BYTES, 0));
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
}
