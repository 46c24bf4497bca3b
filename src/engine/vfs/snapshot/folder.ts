// Where the snapshots of a share are: directories whose names tell their time (vfs_shadow_copy2(8)), or snapper's
// numbered ones on btrfs (snapper(8)). Disk work; nothing of a snapshot itself is opened here.
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
  /** What the share's directory was then: absolute, without symlinks. */
  readonly path: string;
}

/** More are not shown: a list must fit one answer. */
const MAX_SNAPSHOTS = 4096;
const MAX_INFO_BYTES = 65_536;

/**
 * The snapshots of the share, newest first. -EOPNOTSUPP where it has none to look for, -EACCES where the user may not
 * know of them.
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

/** The path of the directory that a store is on, as the kernel has it; against what was looked up by name. */
export function snapshotPathOfRoot(context: ShareContext): string | Failure {
  return readProcLink(context.rootFd);
}

interface Folder {
  readonly folder: string;
  /** The share's directory, below what the snapshots are of. */
  readonly below: string;
}

function namedFolder(rules: SnapshotRules, share: string): Folder | undefined {
  const mountPoint = rules.mountPoint || mountOf(currentMounts(), share)?.mountPoint || "/";
  const isAbsolute = rules.folder.startsWith("/");
  const folder = isAbsolute ? rules.folder : join(mountPoint, rules.folder);
  const below = relative(rules.base || mountPoint, share);
  // The snapshots are of something that the share is no part of.
  return below === ".." || below.startsWith("../") ? undefined : { folder, below };
}

/** Snapper's folder stands in the root of the subvolume that it keeps, which the share may be below of. */
function snapperFolder(context: ShareContext, share: string): Folder | undefined {
  const facts = statfsFd(context.rootFd);
  if (typeof facts === "number" || facts.type !== FileSystemMagic.BTRFS) return undefined;
  const { dev } = statSync(share);
  for (let root = share; ; root = join(root, "..")) {
    const folder = join(root, ".snapshots");
    if (isSnapperFolder(folder)) return { folder, below: relative(root, share) };
    // A subvolume is a device of its own.
    if (root === "/" || statSync(join(root, "..")).dev !== dev) return undefined;
  }
}

/** A symlink that a user of the share may have put there would lead to wherever he likes. */
function isAnybodysLink(folder: string): boolean {
  const link = lstatSync(folder, { throwIfNoEntry: false });
  return link?.isSymbolicLink() === true && !isOurs(link);
}

function isOurs({ uid }: Stats): boolean {
  return uid === 0 || uid === effectiveUid();
}

/** Snapper makes its folder as root; one that a user has made in the share has nobody's past in it. */
function isSnapperFolder(path: string): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat?.isDirectory() === true && isOurs(stat);
}

/** Whether the share's user may list and pass through the folder, as to see what is in it without us. */
function mayList(context: ShareContext, folder: string): boolean {
  const fd = context.asUser(() => openAt(AT_FDCWD, folder, Open.PATH | Open.DIRECTORY));
  if (fd < 0) return false;
  const result = context.asUser(() => accessFd(fd, Access.READ | Access.EXECUTE));
  closeFd(fd);
  return result === 0;
}

type Found = readonly [seconds: number, root: string];

/** A symlink there may be anybody's, and is no snapshot. */
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
    // Who may write to the share may have made the directory: what is no plain file is not waited for.
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
