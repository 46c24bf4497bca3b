// Enforces the age and size limits of a recycle bin: walks through its repositories in small steps as the
// store's user. Every file is looked up again before it is deleted, and no symlink is followed.
import type { RecycleRules } from "../../../port/port.ts";
import { FileKind, type FileNode, type FileStat, type FileStore, SKIPPED } from "../store.ts";

const DAY_SECONDS = 86_400;
const MAX_DEPTH = 64;
/** Entries handled between two calls of `pause`. */
const STEP_ENTRIES = 64;
/** Number of oldest files remembered in one walk. */
const MAX_CANDIDATES = 4096;
const MAX_WALKS = 64;

export interface SweepTerms {
  /** A store that shows every name and follows no symlink. */
  readonly store: FileStore;
  readonly rules: RecycleRules;
  /** Paths below the share; the limit of size is for all of them together. */
  readonly repositories: readonly string[];
  /** Seconds since 1970. */
  readonly nowSeconds: number;
  /** Called between steps; false ends the sweep. */
  readonly pause: () => Promise<boolean>;
}

interface Candidate {
  readonly path: readonly string[];
  readonly seconds: number;
  readonly bytes: number;
}

/**
 * Deletes files that are too old, then the oldest until the rest fits. Returns the number of deleted files.
 */
export async function sweepRepositories(terms: SweepTerms): Promise<number> {
  let removed = 0;
  for (let walk = 0; walk < MAX_WALKS; walk++) {
    const sweep = new Sweep(terms);
    await sweep.run();
    removed += sweep.removed;
    if (sweep.isEnded || !sweep.mustGoOn) break;
  }
  return removed;
}

class Sweep {
  removed = 0;
  isEnded = false;
  /** The bin is still too large, and one walk could not remember all files: another walk is needed. */
  mustGoOn = false;
  private readonly terms: SweepTerms;
  private readonly oldest: number;
  private candidates: Candidate[] = [];
  private isCut = false;
  private total = 0;
  private sinceStep = 0;

  constructor(terms: SweepTerms) {
    this.terms = terms;
    const { maxAgeDays } = terms.rules;
    this.oldest = maxAgeDays === 0 ? -Infinity : terms.nowSeconds - maxAgeDays * DAY_SECONDS;
  }

  async run(): Promise<void> {
    const { rules, repositories } = this.terms;
    for (const repository of repositories) await this.walk(repository.split("/"), 0);
    if (this.isEnded || rules.limitBytes === 0 || this.total <= rules.limitBytes) return;
    this.candidates.sort((a, b) => a.seconds - b.seconds);
    const before = this.removed;
    for (const { path, seconds, bytes } of this.candidates) {
      if (this.total <= rules.limitBytes || (await this.isStopped())) break;
      if (await this.delete(path, seconds)) this.total -= bytes;
    }
    this.mustGoOn = this.total > rules.limitBytes && this.isCut && this.removed > before;
  }

  /** Sweeps a directory. Returns true if it is empty then. */
  private async walk(path: readonly string[], depth: number): Promise<boolean> {
    const node = await this.find(path);
    if (node === undefined) return false;
    const handle = node.stat.kind === FileKind.DIRECTORY ? await node.open(LISTING) : -1;
    node.close();
    if (typeof handle === "number") return false;
    const stream = handle.list();
    let isEmpty = true;
    for (;;) {
      const entry = await stream.next((name) => name !== "." && name !== "..");
      if (entry === SKIPPED) continue;
      if (entry === undefined) break;
      if (typeof entry === "number" || (await this.isStopped())) {
        isEmpty = false;
        break;
      }
      const goes = await this.takeEntry([...path, entry.name], { ...entry.stat }, depth);
      isEmpty &&= goes;
    }
    stream.close();
    handle.close();
    return isEmpty;
  }

  /** Returns true if the entry was deleted. */
  private async takeEntry(path: readonly string[], stat: FileStat, depth: number): Promise<boolean> {
    if (stat.kind === FileKind.DIRECTORY) {
      if (depth >= MAX_DEPTH || !(await this.walk(path, depth + 1))) return false;
      return this.deleteDirectory(path);
    }
    if (stat.kind !== FileKind.FILE) return false;
    const seconds = discardedAt(stat);
    if (seconds < this.oldest) return this.delete(path, seconds);
    this.total += stat.allocated;
    if (this.terms.rules.limitBytes > 0) this.remember({ path, seconds, bytes: stat.allocated });
    return false;
  }

  private remember(candidate: Candidate): void {
    this.candidates.push(candidate);
    if (this.candidates.length < 2 * MAX_CANDIDATES) return;
    this.candidates.sort((a, b) => a.seconds - b.seconds);
    this.candidates.length = MAX_CANDIDATES;
    this.isCut = true;
  }

  /**
   * Deletes a file if `discardedAt` is unchanged, so that one replaced, changed or read since its listing
   * stays.
   */
  private async delete(path: readonly string[], seconds: number): Promise<boolean> {
    const { store } = this.terms;
    const found = await store.lookup(path);
    if (typeof found === "number" || found.node === undefined) return false;
    const { node } = found;
    node.close();
    if (node.stat.kind !== FileKind.FILE || discardedAt(node.stat) !== seconds) return false;
    const isGone = (await store.remove(found.path, node.identity, false)) === 0;
    if (isGone) this.removed++;
    return isGone;
  }

  private async deleteDirectory(path: readonly string[]): Promise<boolean> {
    const { store } = this.terms;
    const found = await store.lookup(path);
    if (typeof found === "number" || found.node === undefined) return false;
    found.node.close();
    // A directory that is no longer empty is not removed: -ENOTEMPTY.
    return (await store.remove(found.path, found.node.identity, true)) === 0;
  }

  private async find(path: readonly string[]): Promise<FileNode | undefined> {
    const found = await this.terms.store.lookup(path);
    return typeof found === "number" ? undefined : found.node;
  }

  private async isStopped(): Promise<boolean> {
    if (!this.isEnded && ++this.sinceStep >= STEP_ENTRIES) {
      this.sinceStep = 0;
      this.isEnded = !(await this.terms.pause());
    }
    return this.isEnded;
  }
}

const LISTING = { read: true, write: false, writeThrough: false } as const;

/**
 * Returns when a file was deleted: its move set the change time, the bin the access time; the later one
 * counts.
 */
function discardedAt(stat: FileStat): number {
  return Math.max(stat.accessSeconds, stat.changeSeconds);
}
