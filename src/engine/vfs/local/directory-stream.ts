// An enumeration of a directory: entry by entry on the event loop while the disk answers at once, else in
// batches of names and stats from the volume's worker. The order is the file system's, as [MS-FSA] 2.1.5.6.3
// allows.
import { DirentReader } from "../../../linux/dir.ts";
import { Errno } from "../../../linux/errno.ts";
import { Seek, seekFd } from "../../../linux/io.ts";
import type { MaybePromise } from "../../../port/port.ts";
import { emptyStat } from "../format/file-stat.ts";
import { EntryStats } from "../disk/listing.ts";
import type { OperationArgs } from "../disk/operations.ts";
import { andThen } from "../../and-then.ts";
import type { MountedVolume } from "../volume/mounted-volume.ts";
import { Pending } from "../volume/pending.ts";
import type { ShareDisk } from "./share-disk.ts";
import type { ListOptions, OnlyName } from "../listed.ts";
import {
  type DirectoryEntry,
  type DirectoryStream,
  type Failure,
  type FileStat,
  type NextEntry,
  SKIPPED,
} from "../store.ts";

const DOTS: readonly ("." | "..")[] = [".", ".."];
/**
 * Stats that the worker takes at a time: few at first, for clients that want one entry; doubled up to the
 * maximum.
 */
const FIRST_STATS = 16;
const MAX_STATS = 256;
/** How long a positive `isResponsive` counts; shorter than any wait for a disk. */
const RESPONSIVE_MS = 1;
/**
 * How long names that do not match, or are hidden, are skipped before the caller may give way; for the former
 * the time is read every few names.
 */
const SKIPPING_MS = 1;
const SKIPPED_NAMES = 16;

type Matches = (name: string) => boolean;

/**
 * A name that clients cannot be shown as it is, such as one that ends with a dot, is found by both of its
 * forms.
 */
function matchesEither(matches: Matches, clientName: string, diskName: string): boolean {
  return matches(clientName) || (clientName !== diskName && matches(diskName));
}

export class LocalDirectoryStream implements DirectoryStream {
  private readonly disk: ShareDisk;
  private readonly volume: MountedVolume;
  private readonly directory: number;
  private readonly directoryPending: Pending;
  private readonly path: string;
  private readonly only: OnlyName | undefined;
  private readonly withAppleFacts: boolean;
  private readonly pending = new Pending();
  private fd = -1;
  private reader: DirentReader | undefined;
  private stats: EntryStats | undefined;
  /** How many of `.` and `..` have been returned. */
  private dotsReturned = 0;
  private isEnd = false;
  private isClosed = false;
  private isUnread = false;
  private readonly entry: DirectoryEntry = { name: "", stat: emptyStat() };
  /** On-disk names without a stat yet; `ready` has the entries to return next, from index `readyAt`. */
  private names: string[] = [];
  /** Names from the worker that are not matched yet, from index `unmatchedAt`. */
  private unmatched: readonly string[] = [];
  private unmatchedAt = 0;
  private ready: { name: string; diskName: string; stat: FileStat }[] = [];
  private readyAt = 0;
  private statCount = FIRST_STATS;
  /** performance.now() of the last positive `isResponsive`. */
  private responsiveMs = Number.NEGATIVE_INFINITY;

  /**
   * `directory` is the caller's descriptor, which `directoryPending` keeps open during operations; `path` is
   * its on-disk path. With `only` in the options the name is looked up, and nothing is enumerated.
   */
  constructor(
    disk: ShareDisk,
    volume: MountedVolume,
    directory: number,
    directoryPending: Pending,
    path: string,
    { only, withAppleFacts = false }: ListOptions,
  ) {
    this.disk = disk;
    this.volume = volume;
    this.directory = directory;
    this.directoryPending = directoryPending;
    this.path = path;
    this.only = only;
    this.withAppleFacts = withAppleFacts;
  }

  next(matches: Matches): MaybePromise<NextEntry> {
    if (this.isUnread) {
      this.isUnread = false;
      return this.entry;
    }
    if (this.fd < 0) {
      return andThen(this.start(), (failure) => (failure < 0 ? failure : this.advance(matches)));
    }
    return this.advance(matches);
  }

  unread(): void {
    this.isUnread = true;
  }

  restart(): void {
    this.isUnread = false;
    this.isEnd = false;
    this.dotsReturned = 0;
    this.reader?.reset();
    this.names = [];
    this.unmatched = [];
    this.unmatchedAt = 0;
    this.ready = [];
    this.readyAt = 0;
    this.statCount = FIRST_STATS;
    if (this.fd >= 0) seekFd(this.fd, 0, Seek.SET);
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    const { fd } = this;
    this.fd = -1;
    this.finish();
    if (fd >= 0) this.pending.afterAll(() => this.disk.closeFd(this.volume, fd));
  }

  private start(): MaybePromise<0 | Failure> {
    if (this.isClosed || this.directory < 0) return -Errno.EBADF;
    const opened = this.disk.runOn(this.volume, this.directoryPending, "openStream", [this.directory]);
    return andThen(opened, (fd) => {
      if (fd < 0) return fd;
      if (this.isClosed) {
        this.disk.closeFd(this.volume, fd);
        return -Errno.EBADF;
      }
      this.fd = fd;
      this.stats = new EntryStats(this.disk.context, fd, this.path, "stream", this.withAppleFacts);
      return 0;
    });
  }

  private advance(matches: Matches): MaybePromise<NextEntry> {
    if (this.fd < 0) return -Errno.EBADF;
    const waiting = this.takeReady(matches);
    if (waiting !== undefined) return waiting;
    if (this.only !== undefined) return this.nextOnly(this.only, matches);
    const now = performance.now();
    const isAtEventLoop = this.names.length === 0 && this.unmatchedAt === this.unmatched.length;
    if (isAtEventLoop && (now - this.responsiveMs < RESPONSIVE_MS || this.volume.isResponsive(now)))
      return this.nextOnEventLoop(matches, now);
    return this.nextByWorker(matches);
  }

  private nextOnly({ name, anyForm }: OnlyName, matches: Matches): MaybePromise<NextEntry> {
    if (this.isEnd) return undefined;
    this.isEnd = true;
    const { disk, volume, fd, path, withAppleFacts } = this;
    const onDisk = disk.context.names.toDisk(name);
    if (onDisk === undefined) return undefined;
    const entries = disk.withFolders((answers) =>
      disk.runOn(volume, this.pending, "findNamed", [fd, path, onDisk, anyForm, withAppleFacts, answers]),
    );
    return andThen(entries, (found): NextEntry => {
      if (this.fd < 0) return -Errno.EBADF;
      if (typeof found === "number") return found;
      this.ready = found.map((one) => ({ ...one, diskName: one.name, name: this.clientName(one.name) }));
      this.readyAt = 0;
      return this.takeReady(matches);
    });
  }

  private takeReady(matches: Matches): DirectoryEntry | undefined {
    while (this.readyAt < this.ready.length) {
      const one = this.ready[this.readyAt++];
      if (one === undefined || !matchesEither(matches, one.name, one.diskName)) continue;
      this.entry.name = one.name;
      this.entry.stat = one.stat;
      return this.entry;
    }
    return undefined;
  }

  private nextOnEventLoop(matches: Matches, startMs: number): MaybePromise<NextEntry> {
    if (this.isEnd) return undefined;
    if (startMs - this.responsiveMs >= RESPONSIVE_MS) this.responsiveMs = startMs;
    const { volume, stats } = this;
    const { context } = this.disk;
    this.reader ??= new DirentReader();
    const { reader } = this;
    while (stats?.prepare() === false) if (performance.now() - startMs >= SKIPPING_MS) return SKIPPED;
    let skipped = 0;
    for (let now = startMs; ;) {
      const dot = DOTS[this.dotsReturned];
      const name = dot ?? this.nextName(reader);
      if (typeof name === "number") return name;
      if (name === undefined) {
        this.finish();
        return undefined;
      }
      if (dot !== undefined) this.dotsReturned++;
      const clientName = dot ?? this.clientName(name);
      const isMatch = matchesEither(matches, clientName, name);
      if (!isMatch || (dot === undefined && context.isVetoed(name))) {
        if (++skipped % SKIPPED_NAMES === 0 && performance.now() - startMs >= SKIPPING_MS) return SKIPPED;
        continue;
      }
      const { stat } = this.entry;
      const waits = volume.countWaits(now, true);
      const exists =
        dot === undefined ? stats?.take(reader.nameBytes, name, stat) : stats?.takeDots(dot, stat);
      now = volume.noteCall(now, waits);
      if (exists) {
        this.entry.name = clientName;
        return this.entry;
      }
      if (now - this.responsiveMs >= RESPONSIVE_MS && !volume.isResponsive(now))
        return this.nextByWorker(matches);
      if (now - startMs >= SKIPPING_MS) return SKIPPED;
    }
  }

  /** Returns the next name, from the reader's buffer or by getdents64(2); undefined at the end. */
  private nextName(reader: DirentReader): string | undefined | Failure {
    for (;;) {
      const result = reader.advance(this.fd);
      if (result <= 0) return result < 0 ? result : undefined;
      if (!reader.isDots) return reader.name;
    }
  }

  private async nextByWorker(matches: Matches): Promise<NextEntry> {
    this.drainReader();
    for (;;) {
      const waiting = this.takeReady(matches);
      if (waiting !== undefined) return waiting;
      if (this.names.length === 0) {
        if (this.unmatchedAt < this.unmatched.length) {
          if (!this.matchNames(matches)) return SKIPPED;
          continue;
        }
        if (this.isEnd) return undefined;
        const failure = await this.fetchNames(matches);
        if (failure < 0) return failure;
        continue;
      }
      const failure = await this.fetchStats();
      if (failure < 0) return failure;
    }
  }

  /** Moves the names that the reader has buffered on the event loop into `names`, for the worker to stat. */
  private drainReader(): void {
    const { reader } = this;
    if (reader === undefined) return;
    const { context } = this.disk;
    while (reader.hasMore && reader.advance(this.fd) > 0) {
      if (!reader.isDots && !context.isVetoed(reader.name)) this.names.push(reader.name);
    }
    reader.release();
    this.reader = undefined;
  }

  private async fetchNames(matches: Matches): Promise<0 | Failure> {
    if (this.dotsReturned < DOTS.length) {
      this.names = DOTS.slice(this.dotsReturned).filter(matches);
      this.dotsReturned = DOTS.length;
    }
    const batch = await this.disk.runOn(this.volume, this.pending, "readNames", [this.fd]);
    if (this.fd < 0) return -Errno.EBADF;
    if (typeof batch === "number") return batch;
    this.isEnd = batch.isEnd;
    this.unmatched = batch.names;
    this.unmatchedAt = 0;
    return 0;
  }

  /** Moves the unmatched names that match into `names`; false where the time is up without one. */
  private matchNames(matches: Matches): boolean {
    const { context } = this.disk;
    const startMs = performance.now();
    while (this.unmatchedAt < this.unmatched.length) {
      const name = this.unmatched[this.unmatchedAt++];
      if (name === undefined) continue;
      const isMatch = matchesEither(matches, this.clientName(name), name);
      if (isMatch && !context.isVetoed(name)) this.names.push(name);
      const isTimeUp = this.unmatchedAt % SKIPPED_NAMES === 0 && performance.now() - startMs >= SKIPPING_MS;
      if (isTimeUp) return this.names.length > 0;
    }
    return true;
  }

  private async fetchStats(): Promise<0 | Failure> {
    const names = this.names.splice(0, this.statCount);
    this.statCount = Math.min(this.statCount * 2, MAX_STATS);
    const args: OperationArgs<"statNames"> = [this.fd, this.path, names, this.withAppleFacts];
    const stats = await this.disk.runOn(this.volume, this.pending, "statNames", args);
    if (this.fd < 0) return -Errno.EBADF;
    if (typeof stats === "number") return stats;
    this.ready = [];
    this.readyAt = 0;
    for (const [at, name] of names.entries()) {
      const stat = stats[at];
      if (stat === undefined) continue;
      this.ready.push({ diskName: name, name: isDots(name) ? name : this.clientName(name), stat });
    }
    return 0;
  }

  private clientName(name: string): string {
    return this.disk.context.names.toClient(name);
  }

  /** Gives back the reader's buffer; the descriptor stays open for a restart. */
  private finish(): void {
    this.isEnd = true;
    this.reader?.release();
    this.reader = undefined;
    this.stats?.close();
  }
}

function isDots(name: string): boolean {
  return name === "." || name === "..";
}
