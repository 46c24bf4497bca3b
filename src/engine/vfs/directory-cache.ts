// Names of directories by their folded form, for look-ups without case. An entry holds while the directory's inode
// and times are the ones it was read with; our own creations and removals are entered without reading anew.
import { totalmem } from "node:os";
import { DirentReader } from "../../linux/dir.ts";
import { Open, closeFd, openAt } from "../../linux/open.ts";
import { type Statx, emptyStatx, statFd } from "../../linux/stat.ts";
import { foldName, toClientName } from "./names.ts";

const MAX_DIRECTORIES = 256;
/** Names in all entries together: about 120 bytes each, so at most a thirtieth of the memory. */
const MAX_NAMES = Math.min(500_000, Math.max(10_000, Math.floor(totalmem() / 4096)));
// A change in the same tick of the file system's clock leaves the times as they are. An entry whose directory
// changed just before it was read is read anew after this long, until its times are old enough to tell; in a huge
// directory later, so that reading takes a tenth of the time at most.
const SETTLE_MS = 20;
const SETTLE_READINGS = 10;
const FINE_TICK_MS = 20;
// FAT counts in two seconds, older ext3 in one.
const COARSE_TICK_MS = 2_000;

interface Entry {
  key: string;
  stamp: string;
  /** Wall clock of the reading. */
  readMs: number;
  settleMs: number;
  /** The times were too fresh at the reading to show a later change. */
  isRacy: boolean;
  /** Two names fold to the same: removing one must bring back the other. */
  hasTwins: boolean;
  names: Map<string, string>;
}

const stat = emptyStatx();

/** What `begin` gives to `commit`. */
export interface PendingChange {
  readonly entry: Entry;
}

export class DirectoryCache {
  // In order of use, the oldest first.
  private readonly entries = new Map<string, Entry>();
  private total = 0;
  private trustedFromMs = 0;
  /** Changes of directories made through here. */
  changes = 0;
  /** Wall clock of the last one. */
  changedMs = 0;

  /**
   * Somebody else, who has a memory of his own, changed directories at that time (wall clock): what was read up to
   * then is believed only where the directory's times prove it.
   */
  distrust(changedMs: number): void {
    this.trustedFromMs = Math.max(this.trustedFromMs, changedMs);
  }

  /**
   * The on-disk name in the directory (an O_PATH descriptor) that equals `name` (on-disk form) when case is
   * folded; undefined where there is none or the directory may not be read.
   */
  find(directory: number, name: string): string | undefined {
    if (statFd(directory, stat) < 0) return undefined;
    const folded = foldName(toClientName(name));
    const key = keyOf(stat);
    const known = this.entries.get(key);
    if (known !== undefined && this.holds(known)) {
      this.entries.delete(key);
      this.entries.set(key, known);
      return known.names.get(folded);
    }
    if (known !== undefined) this.drop(known);
    return this.read(directory, key, folded);
  }

  /** Before a change of the directory by ourselves: undefined where nothing (still) true is kept of it. */
  begin(directory: number): PendingChange | undefined {
    this.changes++;
    this.changedMs = Date.now();
    if (this.entries.size === 0 || statFd(directory, stat) < 0) return undefined;
    const entry = this.entries.get(keyOf(stat));
    return entry !== undefined && entry.stamp === stampOf(stat) ? { entry } : undefined;
  }

  /** After that change: enters the new name, takes out the old one. */
  commit(change: PendingChange | undefined, directory: number, added?: string, removed?: string): void {
    if (change === undefined) return;
    const { entry } = change;
    if (this.entries.get(entry.key) !== entry) return;
    if (statFd(directory, stat) < 0 || (removed !== undefined && entry.hasTwins)) {
      this.drop(entry);
      return;
    }
    const before = entry.names.size;
    if (removed !== undefined) entry.names.delete(foldName(toClientName(removed)));
    if (added !== undefined) {
      const folded = foldName(toClientName(added));
      if (entry.names.has(folded)) entry.hasTwins = true;
      else entry.names.set(folded, added);
    }
    this.total += entry.names.size - before;
    entry.stamp = stampOf(stat);
    // The reading's own time stays: from here on it is known only as well as it was then.
    entry.isRacy = true;
    this.trim();
  }

  clear(): void {
    this.entries.clear();
    this.total = 0;
  }

  private holds(entry: Entry): boolean {
    if (entry.stamp !== stampOf(stat)) return false;
    if (!entry.isRacy) return true;
    return Date.now() - entry.readMs < entry.settleMs && entry.readMs > this.trustedFromMs;
  }

  private read(directory: number, key: string, wanted: string): string | undefined {
    const fd = openAt(directory, ".", Open.RDONLY | Open.DIRECTORY);
    if (fd < 0) return undefined;
    const readMs = Date.now();
    const entry: Entry = {
      key,
      stamp: stampOf(stat),
      readMs,
      settleMs: SETTLE_MS,
      isRacy: readMs - changedMs(stat) < tickMs(stat),
      hasTwins: false,
      names: new Map(),
    };
    let found: string | undefined;
    let fits = true;
    const reader = new DirentReader();
    let result = reader.advance(fd);
    for (; result > 0; result = reader.advance(fd)) {
      const name = reader.name;
      if (name === undefined || name === "." || name === "..") continue;
      const folded = foldName(toClientName(name));
      if (folded === wanted) found ??= name;
      if (entry.names.has(folded)) entry.hasTwins = true;
      else if (fits) entry.names.set(folded, name);
      fits &&= entry.names.size <= MAX_NAMES / 2;
    }
    reader.release();
    closeFd(fd);
    if (result < 0 || !fits) return found;
    entry.settleMs = Math.max(SETTLE_MS, SETTLE_READINGS * (Date.now() - readMs));
    this.entries.set(key, entry);
    this.total += entry.names.size;
    this.trim();
    return found;
  }

  private drop(entry: Entry): void {
    if (this.entries.delete(entry.key)) this.total -= entry.names.size;
  }

  private trim(): void {
    for (const entry of this.entries.values()) {
      if (this.entries.size <= MAX_DIRECTORIES && this.total <= MAX_NAMES) return;
      this.drop(entry);
    }
  }
}

function keyOf(of: Statx): string {
  return `${of.deviceMajor}:${of.deviceMinor}:${of.inodeHigh}:${of.inodeLow}`;
}

function stampOf(of: Statx): string {
  return `${of.modifySeconds}.${of.modifyNanoseconds}.${of.changeSeconds}.${of.changeNanoseconds}`;
}

function changedMs(of: Statx): number {
  return of.changeSeconds * 1000 + of.changeNanoseconds / 1e6;
}

function tickMs(of: Statx): number {
  return of.changeNanoseconds === 0 && of.modifyNanoseconds === 0 ? COARSE_TICK_MS : FINE_TICK_MS;
}
