// Reads directories: names in batches from getdents64, and a stat only for the names that were asked for.
import { readLinkAt } from "../../../linux/directory-entries.ts";
import { DirentReader } from "../../../linux/dir.ts";
import { EntryXattrs } from "../../../linux/entry-xattrs.ts";
import { Errno } from "../../../linux/errno.ts";
import { encodeEscaped, hasEscapes } from "../../../linux/name-bytes.ts";
import { At, Open, closeFd, openAt, reopen } from "../../../linux/open.ts";
import {
  Access,
  ModeType,
  StatxAttribute,
  accessFd,
  emptyStatx,
  statAddress,
  statAt,
  statFd,
} from "../../../linux/stat.ts";
import { emptyStat, fillStat } from "../format/file-stat.ts";
import { isHiddenCompanion } from "../appledouble/hidden.ts";
import { hidesEntries, showsEntry, showsObject } from "./hiding.ts";
import { ListedAppleFacts } from "./listed-apple-facts.ts";
import { ListedAttributes, type SidecarUse } from "./listed-attributes.ts";
import { showAsDfsLink } from "../context/dfs-links.ts";
import { isDfsTarget } from "../name/dfs-target.ts";
import { joinPath } from "../name/names.ts";
import { upcase } from "../../../wire/fscc/upcase.ts";
import { type FolderAnswer, orUnread, type UnreadFolder } from "../context/unread-folder.ts";
import { findsOtherSpellings } from "./true-spelling.ts";
import type { ShareContext } from "../context/share-context.ts";
import type { Failure, FileStat } from "../store.ts";
import { readStored } from "../values/stored-attributes.ts";
import { isNotVetoedLeftover } from "./vetoed-leftovers.ts";
import { isSidecarName } from "../name/own-names.ts";

const statx = emptyStatx();
const encoder = new TextEncoder();

/** `FileStore.isEmpty` for an O_PATH descriptor. */
export function isEmptyDirectory(context: ShareContext, directory: number): boolean | Failure {
  // Not as the user: rmdir(2) does not need the right to read the directory.
  const fd = openStream(directory);
  if (fd < 0) return fd;
  const reader = new DirentReader();
  let result = reader.advance(fd);
  while (result > 0 && (reader.isDots || !blocksRemoval(context, reader.name))) result = reader.advance(fd);
  reader.release();
  closeFd(fd);
  return result < 0 ? result : result === 0;
}

/** True for a name that makes its directory count as not empty. */
function blocksRemoval(context: ShareContext, name: string): boolean {
  return !isSidecarName(name) && isNotVetoedLeftover(context, name);
}

/** Returns 0 where the user may list the directory of that on-disk path. */
export function mayListDirectory(context: ShareContext, path: string): 0 | Failure {
  return context.inDirectory(path, (fd) => accessFd(fd, Access.READ));
}

/**
 * Opens a new descriptor for an enumeration, as the user: enumerations of one handle must not share an
 * offset.
 */
export function openDirectoryStream(context: ShareContext, directory: number): number | Failure {
  return context.asUser(() => openStream(directory));
}

function openStream(directory: number): number | Failure {
  const flags = Open.RDONLY | Open.DIRECTORY;
  const fd = openAt(directory, ".", flags);
  // Opening "." needs search permission, which listing does not: reopening needs read permission only.
  return fd === -Errno.EACCES ? reopen(directory, flags) : fd;
}

/** One batch of a directory's names, in the directory's order. */
export interface NameBatch {
  /** On-disk names; without `.` and `..`. */
  readonly names: readonly string[];
  readonly isEnd: boolean;
}

/** Reads one getdents64 batch from the descriptor's offset. */
export function readNames(_: ShareContext, fd: number): NameBatch | Failure {
  const reader = new DirentReader();
  const names: string[] = [];
  let result = reader.advance(fd);
  const isEnd = result === 0;
  for (; result > 0; result = reader.hasMore ? reader.advance(fd) : 0) {
    if (!reader.isDots) names.push(reader.name);
  }
  reader.release();
  return result < 0 ? result : { names, isEnd };
}

/**
 * Returns a stat for each name, which may be `.` or `..`; undefined for an entry that vanished or is hidden.
 */
export function statNames(
  context: ShareContext,
  fd: number,
  path: string,
  names: readonly string[],
  withAppleFacts: boolean,
): (FileStat | undefined)[] {
  const stats = new EntryStats(context, fd, path, "batch", withAppleFacts);
  return names.map((name) => {
    const stat = emptyStat();
    const isThere =
      name === "." || name === ".." ? stats.takeDots(name, stat) : stats.take(bytesOf(name), name, stat);
    return isThere ? stat : undefined;
  });
}

/** A name that was looked up in a directory, on disk. */
export interface NamedEntry {
  readonly name: string;
  readonly stat: FileStat;
}

/**
 * The entries of a directory that `name` (on-disk form) stands for: the one that is spelled so, else those
 * that differ in case or form, else the one with that short name. Without vetoed and hidden ones.
 */
export function findNamed(
  context: ShareContext,
  fd: number,
  path: string,
  name: string,
  anyForm: boolean,
  withAppleFacts: boolean,
  answers: readonly FolderAnswer[] = [],
): NamedEntry[] | UnreadFolder | Failure {
  if (noEntry.test(name)) return [];
  const stats = new EntryStats(context, fd, path, "single", withAppleFacts);
  return orUnread(context.directories, answers, () => entriesNamed(context, fd, stats, name, anyForm));
}

/** What no entry of a directory is called, and would lead out of it. */
const noEntry = /[/\0]|^\.{0,2}$/;

function entriesNamed(
  context: ShareContext,
  fd: number,
  stats: EntryStats,
  name: string,
  anyForm: boolean,
): NamedEntry[] {
  const { directories, names } = context;
  const found: NamedEntry[] = [];
  const take = (one: string): void => {
    const stat = emptyStat();
    if (!context.isVetoed(one) && stats.take(bytesOf(one), one, stat)) found.push({ name: one, stat });
  };
  // A disk that finds other spellings would have the entry under the client's spelling.
  const isListed = findsOtherSpellings(context, fd);
  if (!isListed) take(name);
  if (found.length > 0 || !(isListed || names.mayDiffer(name, anyForm))) return found;
  for (const one of directories.find(fd, name, isListed)) take(one);
  if (found.length > 0 || !names.mayBeShort(name)) return found;
  const long = directories.findShort(fd, upcase(name), names.shortNames);
  if (long !== undefined) take(long);
  return found;
}

function bytesOf(name: string): Uint8Array {
  if (!hasEscapes(name)) return encoder.encode(name);
  const bytes = new Uint8Array(name.length * 3);
  return bytes.subarray(0, Math.max(0, encodeEscaped(name, bytes)));
}

/** The entries of one open directory. */
export class EntryStats {
  private readonly context: ShareContext;
  private readonly fd: number;
  private readonly path: string;
  private readonly entry: EntryXattrs;
  private readonly attributes: ListedAttributes;
  private readonly apple: ListedAppleFacts | undefined;

  /** The caller closes `fd`; `path` is its on-disk path. */
  constructor(context: ShareContext, fd: number, path: string, use: SidecarUse, withAppleFacts: boolean) {
    this.context = context;
    this.fd = fd;
    this.path = path;
    this.entry = new EntryXattrs(fd);
    const wanted = withAppleFacts ? "apple" : context.grant.eaSupport ? "eaSize" : "nothing";
    this.attributes = new ListedAttributes(context, fd, path, use, wanted);
    if (withAppleFacts)
      this.apple = new ListedAppleFacts(context, fd, path, this.attributes, use === "single");
  }

  /** Before each entry; see `ListedAttributes.prepare`, `ListedAppleFacts.prepare`. */
  prepare(): boolean {
    return this.attributes.prepare() && (this.apple?.prepare() ?? true);
  }

  close(): void {
    this.attributes.close();
    this.apple?.close();
  }

  /** Fills `out` for a name, given as bytes and as text; false where the entry vanished or is hidden. */
  take(bytes: Uint8Array, name: string, out: FileStat): boolean {
    const { entry } = this;
    if (!entry.choose(bytes)) return false;
    if (statAddress(this.fd, entry.nameAddress, At.SYMLINK_NOFOLLOW, statx) < 0) return false;
    const { grant } = this.context;
    if (!grant.crossMounts && (statx.attributes & StatxAttribute.MOUNT_ROOT) !== 0) return false;
    if ((statx.mode & ModeType.MASK) === ModeType.SYMLINK) return this.takeLink(name, out);
    if (isHiddenCompanion(this.context, this.fd, name)) return false;
    const stored = this.attributes.of(statx, name, entry);
    fillStat(out, statx, stored, name, grant);
    if (this.apple !== undefined) this.apple.fill(out, statx, name, entry);
    else if (grant.eaSupport) out.eaSize = this.attributes.eaSizeOf(statx, name, entry);
    return !hidesEntries(grant) || showsEntry(this.context, this.fd, this.path, name, out);
  }

  /** Fills `out` for `.` or `..`; the parent of the share's root is the root itself. */
  takeDots(name: "." | "..", out: FileStat): boolean {
    const isParent = name === ".." && this.path !== "";
    const failure = isParent ? statAt(this.fd, "..", statx) : statFd(this.fd, statx);
    if (failure < 0) return false;
    const stored = isParent ? undefined : readStored(this.context, this.fd, statx, this.path);
    fillStat(out, statx, stored, name, this.context.grant);
    if (!isParent) this.apple?.fillByDescriptor(out, this.fd, this.path);
    return true;
  }

  /**
   * A DFS link is listed as such. Any other symlink is listed as its target where the share follows it, else
   * as itself; a dangling one as well.
   */
  private takeLink(name: string, out: FileStat): boolean {
    const { context } = this;
    if (context.grant.dfs.isRoot) {
      const target = readLinkAt(this.fd, name);
      if (typeof target === "string" && isDfsTarget(target)) {
        showAsDfsLink(fillStat(out, statx, undefined, name, context.grant));
        return true;
      }
    }
    if (context.isPosix || !context.grant.followSymlinks) {
      fillStat(out, statx, undefined, name, context.grant);
      return true;
    }
    const fd = context.asUser(() => context.openPath(joinPath(this.path, name)));
    if (fd < 0) return false;
    let isFound = statFd(fd, statx) === 0;
    if (isFound) {
      const stored = readStored(context, fd, statx, joinPath(this.path, name));
      fillStat(out, statx, stored, name, context.grant);
      this.apple?.fillByDescriptor(out, fd, joinPath(this.path, name));
      isFound = !hidesEntries(context.grant) || showsObject(context, fd, joinPath(this.path, name), out);
    }
    closeFd(fd);
    return isFound;
  }
}
