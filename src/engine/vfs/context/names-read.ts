// The names of a large directory while it is read: all of them as long as the cache could keep them; of more
// names the hashes, and of still more only the names that somebody looks for. So a folder of any size is read
// with a bounded memory.
import { foldDiskName } from "../name/names.ts";
import { NameHashes } from "./name-hashes.ts";
import { NameTable, type ShortNames } from "./name-table.ts";

/** Milliseconds that a step of `dropNames` may take. */
const STEP_MS = 1;
/** Names for which a set of hashes has room at first, as a multiple of those that a table has taken. */
const EXPECTED_GROWTH = 2;

/** What a cache of `cacheBytes` keeps of one directory: others need room as well. */
export function mostBytes(names: NameTable | NameHashes, cacheBytes: number): number {
  return names instanceof NameTable ? cacheBytes / 2 : (cacheBytes * 3) / 4;
}

/** What a look-up wants: names with this folded form or, where there are `rules`, this short name. */
export interface Sought {
  readonly name: string;
  readonly rules: ShortNames | undefined;
}

interface Wanted extends Sought {
  readonly found: string[];
}

interface WantedShort {
  readonly rules: ShortNames;
  readonly byName: Map<string, Wanted>;
}

export class NamesRead {
  /** For the cache; undefined where it cannot keep as much. */
  kept: NameTable | NameHashes | undefined = new NameTable();
  private readonly cacheBytes: number;
  private readonly wanted = new Map<string, Wanted>();
  /** The short names among them by rule, so that each name's short name is made once. */
  private readonly wantedShort = new Map<string, WantedShort>();

  constructor(cacheBytes: number) {
    this.cacheBytes = cacheBytes;
  }

  /** Call before `find`; false where names that are sought may have been passed already. */
  want(sought: Sought): boolean {
    const { kept, wanted } = this;
    const { name, rules } = sought;
    const key = keyOf(sought);
    if (wanted.has(key)) return true;
    const isShort = rules !== undefined;
    if (!(kept instanceof NameTable) && (isShort || kept?.find(name) === undefined)) return false;
    const entry = { ...sought, found: [] };
    wanted.set(key, entry);
    if (!isShort) return true;
    const ofRule = this.wantedShort.get(rules.rule) ?? { rules, byName: new Map() };
    this.wantedShort.set(rules.rule, ofRule);
    ofRule.byName.set(name, entry);
    return true;
  }

  /** True where `dropNames` has to be called. */
  get hasTooMany(): boolean {
    const { kept } = this;
    return kept instanceof NameTable && kept.bytes > mostBytes(kept, this.cacheBytes);
  }

  /** Keeps the hashes in the names' place; in steps, between which nothing may be added. */
  *dropNames(): Generator<undefined, void> {
    const table = this.kept;
    if (!(table instanceof NameTable)) return;
    const hashes = new NameHashes(table.count * EXPECTED_GROWTH);
    yield* table.copyHashes(hashes);
    // What is wanted between two steps comes last in the map.
    for (const { name, rules, found } of this.wanted.values()) {
      if (rules === undefined) found.push(...table.find(name));
      else {
        while (!table.prepareShort(rules, STEP_MS)) yield;
        const first = table.findShort(name);
        if (first !== undefined) found.push(first);
      }
    }
    this.kept = hashes;
    this.checkHashes();
  }

  add(name: string): void {
    const folded = foldDiskName(name);
    const { kept } = this;
    if (kept instanceof NameTable) {
      kept.add(name, folded);
      return;
    }
    const found = this.wanted.get(folded)?.found;
    if (found !== undefined && !found.includes(name)) found.push(name);
    for (const found of this.shortsOf(name)) if (found.length === 0) found.push(name);
    if (kept === undefined) return;
    kept.add(name, folded);
    this.checkHashes();
  }

  /** The name has been removed from the directory, after or before it was read. */
  remove(name: string): void {
    const { kept } = this;
    if (kept instanceof NameTable) {
      kept.remove(name);
      return;
    }
    // Whether its hash is here is not known, another name can have it: it stays, and costs at most a reading.
    for (const found of [this.wanted.get(foldDiskName(name))?.found, ...this.shortsOf(name)]) {
      const at = found?.indexOf(name) ?? -1;
      if (at >= 0) found?.splice(at, 1);
    }
  }

  /** What has been found of the wanted short names that stand for that name. */
  private shortsOf(name: string): string[][] {
    const all: string[][] = [];
    for (const { rules, byName } of this.wantedShort.values()) {
      const found = byName.get(rules.shortOf(name))?.found;
      if (found !== undefined) all.push(found);
    }
    return all;
  }

  /** The names on disk that `want` was called for, when all are read. A table in `kept` tells short names. */
  find(sought: Sought): readonly string[] {
    const { kept } = this;
    if (kept instanceof NameTable && sought.rules === undefined) return kept.find(sought.name);
    return this.wanted.get(keyOf(sought))?.found ?? [];
  }

  private checkHashes(): void {
    const { kept } = this;
    if (kept === undefined) return;
    if (kept.isWasteful || kept.bytes > mostBytes(kept, this.cacheBytes)) this.kept = undefined;
  }
}

/** No name contains a slash. */
function keyOf({ name, rules }: Sought): string {
  return rules === undefined ? name : `${rules.rule}/${name}`;
}
