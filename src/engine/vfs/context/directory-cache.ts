// Cache of directories' names, for case-insensitive look-ups. An entry is valid while the directory has the
// inode and times that it was read with; the server's own creations and removals update it without a new
// reading. A large directory is read in steps by local/folder-reading.ts, and inotify reports its changes.
import { DirentReader } from "../../../linux/dir.ts";
import { Errno } from "../../../linux/errno.ts";
import { Seek, seekFd } from "../../../linux/io.ts";
import { Open, closeFd, openAt } from "../../../linux/open.ts";
import { plannedMemoryBytes } from "../../../linux/planned-memory.ts";
import { type Statx, emptyStatx, statFd } from "../../../linux/stat.ts";
import { foldDiskName } from "../name/names.ts";
import { isRacyNow, keyOf, timestampsOf } from "./folder-stamp.ts";
import { FolderWatches } from "./folder-watches.ts";
import type { NameHashes } from "./name-hashes.ts";
import { NameTable, type ShortNames } from "./name-table.ts";
import { mostBytes, NamesRead } from "./names-read.ts";
import { RecentNames } from "./recent-names.ts";
import { type FolderAnswer, NeedsFolder, type UnreadFolder } from "./unread-folder.ts";

const MAX_DIRECTORIES = 256;
/** Bytes of all entries together: at most a thirtieth of the server's memory. Tests change it. */
export const directoryCacheLimits = {
  maxBytes: Math.min(60_000_000, Math.max(1_200_000, Math.floor(plannedMemoryBytes() / 34))),
};
/** Names that one operation reads: about two milliseconds. More are read in steps. */
const READ_AT_ONCE = 2_000;
/** Changes during a reading beyond which they are not counted any more. */
const MAX_CHANGES = 10_000;
/** How many large directories are remembered, so that nobody begins to read them at once. */
const MAX_LARGE = 256;
// A directory that changed just before it was read is read anew after SETTLE_MS, until its times are older
// than a tick; a huge one later, so that reading takes at most a tenth of the time.
const SETTLE_MS = 20;
const SETTLE_READINGS = 10;

interface NameChange {
  readonly name: string;
  readonly isAdded: boolean;
}

export interface Entry {
  readonly key: string;
  timestamps: string;
  /** Wall clock time of the reading. */
  readonly readMs: number;
  settleMs: number;
  /** The directory's times were so recent at the reading that a later change may not have changed them. */
  isRacy: boolean;
  /** NameHashes of a directory with too many names for the cache. */
  readonly names: NameTable | NameHashes;
  /** `names.bytes` when it was last counted. */
  bytes: number;
}

const stat = emptyStatx();

/** What becomes an entry while its directory is read in steps. */
export interface Reading {
  readonly entry: Omit<Entry, "names">;
  readonly names: NamesRead;
}

/** Returned instead of names where the user may not read the directory. */
export const NOT_READ: readonly string[] = [];

/** Passed from `begin` to `commit`. */
export interface PendingChange {
  readonly entry: Entry;
}

export class DirectoryCache {
  // Least recently used first.
  private readonly entries = new Map<string, Entry>();
  private readonly large = new Set<string>();
  private readonly watches = new FolderWatches({
    added: (key, name) => this.note(key, name, true),
    removed: (key, name) => this.note(key, name, false),
    lost: (key) => this.forget(key),
  });
  /** Changes of directories that are being read in steps, in their order. */
  private readonly changesMeanwhile = new Map<string, NameChange[]>();
  /** Made in large directories without a table of their names. */
  private readonly recent = new RecentNames();
  private totalBytes = 0;
  /** Under way: the more there are, the sooner the next one keeps hashes only. */
  private readings = 0;
  private trustedFromMs = 0;
  /** What the caller of the present operation has read; see `orUnread`. */
  answers: readonly FolderAnswer[] = [];
  /** Number of changes announced by `begin`. */
  changes = 0;
  /** Wall clock time of the last one. */
  changedMs = 0;

  /**
   * Another thread, which has its own cache, changed directories at that time (wall clock): entries read
   * before it are used only where the directory's times prove them valid.
   */
  distrust(changedMs: number): void {
    this.trustedFromMs = Math.max(this.trustedFromMs, changedMs);
  }

  /**
   * Returns the on-disk names in the directory (an O_PATH descriptor) whose folded form equals that of `name`
   * (on-disk form); NOT_READ where the user may not read the directory. With `isFresh` the times alone do not
   * prove an entry valid. Throws for `orUnread`.
   */
  find(directory: number, name: string, isFresh = false): readonly string[] {
    const folded = foldDiskName(name);
    if (statFd(directory, stat) < 0) return NOT_READ;
    return (
      this.entryOf(stat, isFresh)?.names.find(folded) ??
      this.answerTo(folded, false) ??
      this.read(directory, folded, false)?.find(folded) ??
      NOT_READ
    );
  }

  /** As `find`, from the cache only; of a directory without a table the names that were made recently. */
  known(directory: number, name: string): readonly string[] {
    if ((this.entries.size === 0 && this.recent.isEmpty) || statFd(directory, stat) < 0) return [];
    const folded = foldDiskName(name);
    const names = this.entryOf(stat)?.names;
    return names instanceof NameTable ? names.find(folded) : this.recent.find(keyOf(stat), folded);
  }

  /** Returns the on-disk name whose short name is `short`, if any. Throws for `orUnread`. */
  findShort(directory: number, short: string, rules: ShortNames): string | undefined {
    if (statFd(directory, stat) < 0) return undefined;
    const known = this.entryOf(stat);
    let names = known?.names;
    if (!(names instanceof NameTable)) {
      const answer = this.answerTo(short, true);
      if (answer !== undefined) return answer[0];
      names = this.read(directory, short, true);
    }
    if (names === undefined) return undefined;
    if (names.prepareShort(rules, 1)) return names.findShort(short);
    const key = keyOf(stat);
    const timestamps = timestampsOf(stat);
    const isRacy = known?.isRacy ?? isRacyNow(stat);
    const unread = openToRead(directory);
    if (unread < 0) return undefined;
    throw new NeedsFolder({ unread, key, timestamps, isRacy, name: short, isShort: true });
  }

  /** The valid entry of a directory whose statx is `of`, if any. */
  private entryOf(of: Statx, isFresh = false): Entry | undefined {
    return this.validEntry(keyOf(of), timestampsOf(of), isFresh);
  }

  validEntry(key: string, timestamps: string, isFresh = false): Entry | undefined {
    this.watches.drain();
    const known = this.entries.get(key);
    if (known === undefined) return undefined;
    const isWatched = this.watches.has(key);
    if (known.names.isWasteful || !(isWatched || this.isValid(known, timestamps))) {
      this.drop(known);
      return undefined;
    }
    if (isFresh && !isWatched) return undefined;
    this.entries.delete(key);
    this.entries.set(key, known);
    this.countBytes(known);
    return known;
  }

  private answerTo(name: string, isShort: boolean): readonly string[] | undefined {
    if (this.answers.length === 0) return undefined;
    const key = keyOf(stat);
    return this.answers.find((one) => one.key === key && one.name === name && one.isShort === isShort)?.names;
  }

  /** Call before the server changes the directory. Undefined where there is no valid entry to update. */
  begin(directory: number): PendingChange | undefined {
    this.changes++;
    this.changedMs = Date.now();
    if (this.entries.size === 0 || statFd(directory, stat) < 0) return undefined;
    const entry = this.entries.get(keyOf(stat));
    if (entry === undefined || this.watches.has(entry.key)) return undefined;
    return entry.timestamps === timestampsOf(stat) ? { entry } : undefined;
  }

  /** Call after that change: adds and removes the names in the entry. */
  commit(change: PendingChange | undefined, directory: number, added?: string, removed?: string): void {
    if (added !== undefined && this.large.size > 0) this.noteMade(directory, added);
    if (change === undefined) return;
    const { entry } = change;
    if (this.entries.get(entry.key) !== entry) return;
    if (statFd(directory, stat) < 0) {
      this.drop(entry);
      return;
    }
    if (removed !== undefined) entry.names.remove(removed);
    if (added !== undefined) entry.names.add(added);
    entry.timestamps = timestampsOf(stat);
    // readMs stays: the entry is no more recent than its reading.
    entry.isRacy = true;
    this.countBytes(entry);
  }

  private noteMade(directory: number, name: string): void {
    if (statFd(directory, stat) < 0) return;
    const key = keyOf(stat);
    if (this.large.has(key) && !(this.entries.get(key)?.names instanceof NameTable))
      this.recent.add(key, name);
  }

  clear(): void {
    this.entries.clear();
    this.recent.clear();
    this.watches.close();
    this.totalBytes = 0;
  }

  private isValid(entry: Entry, timestamps: string): boolean {
    if (entry.timestamps !== timestamps) return false;
    if (!entry.isRacy) return true;
    const nowMs = Date.now();
    // The clock was set back: what was noted by it lies in the future.
    if (this.trustedFromMs > nowMs) this.trustedFromMs = nowMs;
    const ageMs = nowMs - entry.readMs;
    return ageMs >= 0 && ageMs < entry.settleMs && entry.readMs > this.trustedFromMs;
  }

  /**
   * Reads the directory, whose statx is in `stat`, and caches its names. Undefined where the user may not
   * read it. Throws NeedsFolder for a large one.
   */
  private read(directory: number, name: string, isShort: boolean): NameTable | undefined {
    const fd = openToRead(directory);
    if (fd < 0) return undefined;
    const key = keyOf(stat);
    const isRacy = isRacyNow(stat);
    const timestamps = timestampsOf(stat);
    const needs = { unread: fd, key, timestamps, isRacy, name, isShort };
    if (this.large.has(key)) throw new NeedsFolder(needs);
    const entry = newEntry(key, timestamps, isRacy);
    const names = new NameTable();
    const reader = new DirentReader();
    let result = reader.advance(fd);
    for (; result > 0 && names.count <= READ_AT_ONCE; result = reader.advance(fd))
      if (!reader.isDots) names.add(reader.name);
    reader.release();
    if (result > 0) {
      this.noteLarge(key);
      seekFd(fd, 0, Seek.SET);
      throw new NeedsFolder(needs);
    }
    closeFd(fd);
    // A directory that was removed has no names.
    if (result < 0 && result !== -Errno.ENOENT) throw new NeedsFolder(result);
    if (result === 0) this.keep({ ...entry, names });
    return names;
  }

  private noteLarge(key: string): void {
    if (this.large.size >= MAX_LARGE) this.large.clear();
    this.large.add(key);
  }

  /**
   * Begins to read a large directory in steps: the caller adds its names and then calls `endReading`. `fd` is
   * a descriptor of the directory where the kernel can report its changes, else -1.
   */
  beginReading({ key, timestamps, isRacy }: UnreadFolder, fd: number): Reading {
    const before = this.watches.has(key) ? undefined : this.entries.get(key);
    if (fd >= 0 && this.watches.add(key, fd)) {
      this.changesMeanwhile.set(key, []);
      // Changes before the watch are not in it.
      if (before !== undefined) this.uncount(before);
    }
    const names = new NamesRead(directoryCacheLimits.maxBytes / ++this.readings);
    return { entry: newEntry(key, timestamps, isRacy), names };
  }

  /** Adds the changes meanwhile to the names, and caches these if the directory was read completely. */
  endReading({ entry, names }: Reading, isComplete: boolean): void {
    this.readings--;
    this.watches.drain();
    for (const { name, isAdded } of this.changesMeanwhile.get(entry.key) ?? [])
      if (isAdded) names.add(name);
      else names.remove(name);
    this.changesMeanwhile.delete(entry.key);
    const { kept } = names;
    if (!isComplete || kept === undefined || !this.keep({ ...entry, names: kept }))
      this.watches.remove(entry.key);
  }

  /** True while changes of the directory are reported. */
  isWatched(key: string): boolean {
    return this.watches.has(key);
  }

  /** Caches an entry whose directory was read completely; false where it is too large. */
  private keep(entry: Entry): boolean {
    const { names } = entry;
    if (names.bytes > mostBytes(names, directoryCacheLimits.maxBytes)) return false;
    if (names instanceof NameTable && names.count <= READ_AT_ONCE) this.large.delete(entry.key);
    entry.settleMs = Math.max(SETTLE_MS, SETTLE_READINGS * (Date.now() - entry.readMs));
    const before = this.entries.get(entry.key);
    if (before !== undefined) this.totalBytes -= before.bytes;
    this.entries.delete(entry.key);
    this.entries.set(entry.key, entry);
    this.countBytes(entry);
    return this.entries.has(entry.key);
  }

  private note(key: string, name: string, isAdded: boolean): void {
    const meanwhile = this.changesMeanwhile.get(key);
    meanwhile?.push({ name, isAdded });
    if (meanwhile !== undefined && meanwhile.length > MAX_CHANGES) this.forget(key);
    // Also while the directory is read again, as for a name whose hash is here: others use this entry.
    const entry = this.entries.get(key);
    if (entry === undefined) return;
    if (isAdded) entry.names.add(name);
    else entry.names.remove(name);
    this.countBytes(entry);
  }

  /** Changes are not known from now on. Those so far stay for the look-ups that have joined a reading. */
  private forget(key: string): void {
    this.watches.remove(key);
    const entry = this.entries.get(key);
    if (entry !== undefined) this.drop(entry);
  }

  private drop(entry: Entry): void {
    if (this.uncount(entry)) this.watches.remove(entry.key);
  }

  private uncount(entry: Entry): boolean {
    if (!this.entries.delete(entry.key)) return false;
    this.totalBytes -= entry.bytes;
    return true;
  }

  private countBytes(entry: Entry): void {
    this.totalBytes += entry.names.bytes - entry.bytes;
    entry.bytes = entry.names.bytes;
    for (const oldest of this.entries.values()) {
      if (this.entries.size <= MAX_DIRECTORIES && this.totalBytes <= directoryCacheLimits.maxBytes) return;
      this.drop(oldest);
    }
  }
}

/**
 * Negative where the user may not read the directory. Throws where it could not be read for another reason: a
 * name that is there would be called missing.
 */
function openToRead(directory: number): number {
  const fd = openAt(directory, ".", Open.RDONLY | Open.DIRECTORY);
  if (fd >= 0 || fd === -Errno.EACCES || fd === -Errno.EPERM || fd === -Errno.ENOENT) return fd;
  throw new NeedsFolder(fd);
}

function newEntry(key: string, timestamps: string, isRacy: boolean): Omit<Entry, "names"> {
  return { key, timestamps, readMs: Date.now(), settleMs: SETTLE_MS, isRacy, bytes: 0 };
}
