// Cache of directories' names by folded form, for case-insensitive look-ups. An entry is valid while the
// directory has the inode and times that it was read with; the server's own creations and removals update it
// without a new reading.
import { totalmem } from "node:os";
import { DirentReader } from "../../../linux/dir.ts";
import { Open, closeFd, openAt } from "../../../linux/open.ts";
import { type Statx, emptyStatx, statFd } from "../../../linux/stat.ts";
import { foldName, toClientName } from "../name/names.ts";

const MAX_DIRECTORIES = 256;
/** Names in all entries together, about 120 bytes each: at most a thirtieth of the machine's memory. */
const MAX_NAMES = Math.min(500_000, Math.max(10_000, Math.floor(totalmem() / 4096)));
// A change within the same tick of the file system's clock does not change the times. So a directory that
// changed just before it was read is read anew after SETTLE_MS, until its times are older than a tick; a huge
// directory later, so that reading takes at most a tenth of the time.
const SETTLE_MS = 20;
const SETTLE_READINGS = 10;
const FINE_TICK_MS = 20;
// FAT has a resolution of two seconds, ext3 of one.
const COARSE_TICK_MS = 2_000;

interface Entry {
  key: string;
  timestamps: string;
  /** Wall clock time of the reading. */
  readMs: number;
  settleMs: number;
  /** The directory's times were so recent at the reading that a later change may not have changed them. */
  isRacy: boolean;
  /** On-disk names by folded form; an array where several have the same folded form. */
  names: Names;
  /** On-disk names by short name; made at the first look-up of a short name. */
  shortNames: { readonly rule: string; readonly names: ReadonlyMap<string, string> } | undefined;
}

type Names = Map<string, string | readonly string[]>;

const stat = emptyStatx();

/** Returned instead of names where the user may not read the directory. */
export const NOT_READ: readonly string[] = [];

/** Passed from `begin` to `commit`. */
export interface PendingChange {
  readonly entry: Entry;
}

export class DirectoryCache {
  // Least recently used first.
  private readonly entries = new Map<string, Entry>();
  private totalNames = 0;
  private trustedFromMs = 0;
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
   * (on-disk form); NOT_READ where the user may not read the directory.
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
   * Returns the on-disk name whose short name is `short`, if any. `rule` is the key of the rules that
   * `shortOf` follows: a directory's short names are made once for each change of the rule.
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

  /** The valid entry of the directory, if any. Leaves the directory's statx in `stat`. */
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

  /** Call before the server changes the directory. Undefined where there is no valid entry to update. */
  begin(directory: number): PendingChange | undefined {
    this.changes++;
    this.changedMs = Date.now();
    if (this.entries.size === 0 || statFd(directory, stat) < 0) return undefined;
    const entry = this.entries.get(keyOf(stat));
    return entry !== undefined && entry.timestamps === timestampsOf(stat) ? { entry } : undefined;
  }

  /** Call after that change: adds and removes the names in the entry. */
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
    // readMs stays: the entry is no more recent than its reading.
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
    const nowMs = Date.now();
    // The clock was set back: what was noted by it lies in the future.
    if (this.trustedFromMs > nowMs) this.trustedFromMs = nowMs;
    const ageMs = nowMs - entry.readMs;
    return ageMs >= 0 && ageMs < entry.settleMs && entry.readMs > this.trustedFromMs;
  }

  /**
   * Reads the directory, whose statx is in `stat`, and caches its names unless there are too many. False
   * where the user may not read it.
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
