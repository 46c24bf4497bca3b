// Names of directories by their folded form, for look-ups without case. An entry holds while the directory's inode
// and times are the ones it was read with; our own creations and removals are entered without reading anew.
import { totalmem } from "node:os";
import { DirentReader } from "../../../linux/dir.ts";
import { Open, closeFd, openAt } from "../../../linux/open.ts";
import { type Statx, emptyStatx, statFd } from "../../../linux/stat.ts";
import { foldName, toClientName } from "../name/names.ts";

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
  timestamps: string;
  /** Wall clock of the reading. */
  readMs: number;
  settleMs: number;
  /** The times were too fresh at the reading to show a later change. */
  isRacy: boolean;
  /** On-disk names by their folded form; several where they are equal when folded. */
  names: Names;
  /** On-disk names by their short ones, once somebody has asked for such a one. */
  shortNames: { readonly rule: string; readonly names: ReadonlyMap<string, string> } | undefined;
}

type Names = Map<string, string | readonly string[]>;

const stat = emptyStatx();

/** In place of names where a directory may not be read. */
export const NOT_READ: readonly string[] = [];

/** What `begin` gives to `commit`. */
export interface PendingChange {
  readonly entry: Entry;
}

export class DirectoryCache {
  // In order of use, the oldest first.
  private readonly entries = new Map<string, Entry>();
  private totalNames = 0;
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
   * The on-disk names in the directory (an O_PATH descriptor) that equal `name` (on-disk form) when folded; NOT_READ
   * where the directory may not be read.
   */
  find(directory: number, name: string): readonly string[] {
    const folded = foldName(toClientName(name));
    const entry = this.validEntry(directory);
    if (entry !== undefined) return listOf(entry.names.get(folded));
    const found: string[] = [];
    const isRead = this.read(directory, (candidate, form) => {
      if (form === folded) found.push(candidate);
    });
    return isRead ? found : NOT_READ;
  }

  /**
   * The on-disk name whose short name is `short`, where one is. `rule` names the rule by which `shortOf` gives short
   * names: they are made once for a directory as long as it stays the same.
   */
  findShort(
    directory: number,
    short: string,
    rule: string,
    shortOf: (name: string) => string,
  ): string | undefined {
    const entry = this.validEntry(directory);
    if (entry !== undefined) {
      if (entry.shortNames?.rule !== rule)
        entry.shortNames = { rule, names: shortNamesOf(entry.names, shortOf) };
      return entry.shortNames.names.get(short);
    }
    let found: string | undefined;
    this.read(directory, (candidate) => {
      if (found === undefined && shortOf(candidate) === short) found = candidate;
    });
    return found;
  }

  /** What is known of the directory, if it still holds. Leaves its stat in `stat`. */
  private validEntry(directory: number): Entry | undefined {
    if (statFd(directory, stat) < 0) return undefined;
    const key = keyOf(stat);
    const known = this.entries.get(key);
    if (known !== undefined && this.isValid(known)) {
      this.entries.delete(key);
      this.entries.set(key, known);
      return known;
    }
    if (known !== undefined) this.drop(known);
    return undefined;
  }

  /** Before a change of the directory by ourselves: undefined where nothing (still) true is kept of it. */
  begin(directory: number): PendingChange | undefined {
    this.changes++;
    this.changedMs = Date.now();
    if (this.entries.size === 0 || statFd(directory, stat) < 0) return undefined;
    const entry = this.entries.get(keyOf(stat));
    return entry !== undefined && entry.timestamps === timestampsOf(stat) ? { entry } : undefined;
  }

  /** After that change: enters the new name, takes out the old one. */
  commit(change: PendingChange | undefined, directory: number, added?: string, removed?: string): void {
    if (change === undefined) return;
    const { entry } = change;
    if (this.entries.get(entry.key) !== entry) return;
    if (statFd(directory, stat) < 0) {
      this.drop(entry);
      return;
    }
    entry.shortNames = undefined;
    const before = entry.names.size;
    if (removed !== undefined) removeName(entry.names, removed);
    if (added !== undefined) addName(entry.names, foldName(toClientName(added)), added);
    this.totalNames += entry.names.size - before;
    entry.timestamps = timestampsOf(stat);
    // The reading's own time stays: from here on it is known only as well as it was then.
    entry.isRacy = true;
    this.trim();
  }

  clear(): void {
    this.entries.clear();
    this.totalNames = 0;
  }

  private isValid(entry: Entry): boolean {
    if (entry.timestamps !== timestampsOf(stat)) return false;
    if (!entry.isRacy) return true;
    return Date.now() - entry.readMs < entry.settleMs && entry.readMs > this.trustedFromMs;
  }

  /**
   * Reads the directory, whose stat has just been taken, and keeps its names where they are not too many. False where
   * it may not be read.
   */
  private read(directory: number, see: (name: string, folded: string) => void): boolean {
    const fd = openAt(directory, ".", Open.RDONLY | Open.DIRECTORY);
    if (fd < 0) return false;
    const readMs = Date.now();
    const entry: Entry = {
      key: keyOf(stat),
      timestamps: timestampsOf(stat),
      readMs,
      settleMs: SETTLE_MS,
      isRacy: readMs - changedMs(stat) < tickMs(stat),
      names: new Map(),
      shortNames: undefined,
    };
    let fits = true;
    const reader = new DirentReader();
    let result = reader.advance(fd);
    for (; result > 0; result = reader.advance(fd)) {
      const name = reader.name;
      if (name === "." || name === "..") continue;
      const folded = foldName(toClientName(name));
      see(name, folded);
      if (fits) addName(entry.names, folded, name);
      fits &&= entry.names.size <= MAX_NAMES / 2;
    }
    reader.release();
    closeFd(fd);
    if (result < 0 || !fits) return true;
    entry.settleMs = Math.max(SETTLE_MS, SETTLE_READINGS * (Date.now() - readMs));
    this.entries.set(entry.key, entry);
    this.totalNames += entry.names.size;
    this.trim();
    return true;
  }

  private drop(entry: Entry): void {
    if (this.entries.delete(entry.key)) this.totalNames -= entry.names.size;
  }

  private trim(): void {
    for (const entry of this.entries.values()) {
      if (this.entries.size <= MAX_DIRECTORIES && this.totalNames <= MAX_NAMES) return;
      this.drop(entry);
    }
  }
}

function listOf(names: string | readonly string[] | undefined): readonly string[] {
  return names === undefined ? [] : typeof names === "string" ? [names] : names;
}

function addName(into: Names, folded: string, name: string): void {
  const known = into.get(folded);
  if (known === undefined) into.set(folded, name);
  else if (!listOf(known).includes(name)) into.set(folded, [...listOf(known), name]);
}

function removeName(from: Names, name: string): void {
  const folded = foldName(toClientName(name));
  const rest = listOf(from.get(folded)).filter((one) => one !== name);
  const [only] = rest;
  if (only === undefined) from.delete(folded);
  else from.set(folded, rest.length === 1 ? only : rest);
}

function shortNamesOf(names: Names, shortOf: (name: string) => string): Map<string, string> {
  const shorts = new Map<string, string>();
  for (const equal of names.values()) {
    for (const name of listOf(equal)) {
      const short = shortOf(name);
      if (short !== "" && !shorts.has(short)) shorts.set(short, name);
    }
  }
  return shorts;
}

function keyOf(of: Statx): string {
  return `${of.deviceMajor}:${of.deviceMinor}:${of.inodeHigh}:${of.inodeLow}`;
}

function timestampsOf(of: Statx): string {
  return `${of.modifySeconds}.${of.modifyNanoseconds}.${of.changeSeconds}.${of.changeNanoseconds}`;
}

function changedMs(of: Statx): number {
  return of.changeSeconds * 1000 + of.changeNanoseconds / 1e6;
}

function tickMs(of: Statx): number {
  return of.changeNanoseconds === 0 && of.modifyNanoseconds === 0 ? COARSE_TICK_MS : FINE_TICK_MS;
}
