// An enumeration of a directory. On a disk that answers at once entry by entry; else names and their stats come in
// batches from the volume's worker. The order is the file system's, as [MS-FSA] 2.1.5.6.3 allows.
import { DirentReader } from "../../../linux/dir.ts";
import { Errno } from "../../../linux/errno.ts";
import { Seek, seekFd } from "../../../linux/io.ts";
import type { MaybePromise } from "../../../port/port.ts";
import { emptyStat } from "../format/file-stat.ts";
import { EntryStats } from "../disk/listing.ts";
import { andThen } from "../../and-then.ts";
import type { MountedVolume } from "../volume/mounted-volume.ts";
import { Pending } from "../volume/pending.ts";
import type { ShareDisk } from "./share-disk.ts";
import type { DirectoryEntry, DirectoryStream, Failure, FileStat } from "../store.ts";

const DOTS: readonly ("." | "..")[] = [".", ".."];
/** Stats that the worker takes at a time: few at first, for clients that want one entry. */
const FIRST_STATS = 16;
const MAX_STATS = 256;
/** Less than a call must take to have waited for a disk. */
const LIVELY_MS = 1;

type Matches = (name: string) => boolean;
type Answer = DirectoryEntry | undefined | Failure;

export class LocalDirectoryStream implements DirectoryStream {
  private readonly disk: ShareDisk;
  private readonly volume: MountedVolume;
  private readonly directory: number;
  private readonly directoryHold: Pending;
  private readonly path: string;
  private readonly pending = new Pending();
  private fd = -1;
  private reader: DirentReader | undefined;
  private stats: EntryStats | undefined;
  /** Dots given out. */
  private dots = 0;
  private isEnd = false;
  private isClosed = false;
  private isUnread = false;
  private readonly entry: DirectoryEntry = { name: "", stat: emptyStat() };
  /** On-disk names without a stat yet, and entries that wait to be given out. */
  private names: string[] = [];
  private ready: { name: string; stat: FileStat }[] = [];
  private readyAt = 0;
  private statCount = FIRST_STATS;
  /** When the disk was last found lively. */
  private livelyMs = Number.NEGATIVE_INFINITY;

  /** `directory` stays the caller's, held open by `directoryHold`; `path` is its on-disk path. */
  constructor(
    disk: ShareDisk,
    volume: MountedVolume,
    directory: number,
    directoryHold: Pending,
    path: string,
  ) {
    this.disk = disk;
    this.volume = volume;
    this.directory = directory;
    this.directoryHold = directoryHold;
    this.path = path;
  }

  next(matches: Matches): MaybePromise<Answer> {
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
    this.dots = 0;
    this.reader?.reset();
    this.names = [];
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

  private start(): MaybePromise<number> {
    if (this.isClosed || this.directory < 0) return -Errno.EBADF;
    const opened = this.disk.runOn(this.volume, this.directoryHold, "openStream", [this.directory]);
    return andThen(opened, (fd) => {
      if (fd < 0) return fd;
      if (this.isClosed) {
        this.disk.closeFd(this.volume, fd);
        return -Errno.EBADF;
      }
      this.fd = fd;
      this.stats = new EntryStats(this.disk.context, fd, this.path);
      return 0;
    });
  }

  private advance(matches: Matches): MaybePromise<Answer> {
    if (this.fd < 0) return -Errno.EBADF;
    const waiting = this.takeReady(matches);
    if (waiting !== undefined) return waiting;
    const now = performance.now();
    // Entry by entry: asked anew when the last answer is not just from now.
    if (this.names.length === 0 && (now - this.livelyMs < LIVELY_MS || this.volume.isLively(now)))
      return this.nextHere(matches, now);
    return this.nextElsewhere(matches);
  }

  private takeReady(matches: Matches): DirectoryEntry | undefined {
    while (this.readyAt < this.ready.length) {
      const one = this.ready[this.readyAt++];
      if (one === undefined || !matches(one.name)) continue;
      this.entry.name = one.name;
      this.entry.stat = one.stat;
      return this.entry;
    }
    return undefined;
  }

  private nextHere(matches: Matches, startMs: number): MaybePromise<Answer> {
    if (this.isEnd) return undefined;
    if (startMs - this.livelyMs >= LIVELY_MS) this.livelyMs = startMs;
    const { volume, stats } = this;
    const { context } = this.disk;
    this.reader ??= new DirentReader();
    const { reader } = this;
    for (let now = startMs; ;) {
      const dot = DOTS[this.dots];
      const name = dot ?? this.nextName(reader);
      if (typeof name === "number") return name;
      if (name === undefined) {
        this.finish();
        return undefined;
      }
      if (dot !== undefined) this.dots++;
      const clientName = dot ?? this.clientName(name);
      if ((dot === undefined && context.isVetoed(name)) || !matches(clientName)) continue;
      const { stat } = this.entry;
      const waits = volume.countWaits(now, true);
      const isThere =
        dot === undefined ? stats?.take(reader.nameBytes, name, stat) : stats?.takeDots(dot, stat);
      now = volume.noteCall(now, waits);
      if (isThere) {
        this.entry.name = clientName;
        return this.entry;
      }
      if (now - this.livelyMs >= LIVELY_MS && !volume.isLively(now)) return this.nextElsewhere(matches);
    }
  }

  /** The next name from the buffer or the disk; undefined at the end. */
  private nextName(reader: DirentReader): string | undefined | Failure {
    for (;;) {
      const result = reader.advance(this.fd);
      if (result <= 0) return result < 0 ? result : undefined;
      if (!reader.isDots) return reader.name;
    }
  }

  private async nextElsewhere(matches: Matches): Promise<Answer> {
    this.drainReader();
    for (;;) {
      const waiting = this.takeReady(matches);
      if (waiting !== undefined) return waiting;
      if (this.names.length === 0) {
        if (this.isEnd) return undefined;
        const failure = await this.fetchNames(matches);
        if (failure < 0) return failure;
        continue;
      }
      const failure = await this.fetchStats();
      if (failure < 0) return failure;
    }
  }

  /** What was read on the loop goes on elsewhere. */
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

  private async fetchNames(matches: Matches): Promise<number> {
    const { context } = this.disk;
    if (this.dots < DOTS.length) {
      this.names = DOTS.slice(this.dots).filter(matches);
      this.dots = DOTS.length;
    }
    const batch = await this.disk.runOn(this.volume, this.pending, "readNames", [this.fd]);
    if (this.fd < 0) return -Errno.EBADF;
    if (typeof batch === "number") return batch;
    this.isEnd = batch.isEnd;
    for (const name of batch.names) {
      if (!context.isVetoed(name) && matches(this.clientName(name))) this.names.push(name);
    }
    return 0;
  }

  private async fetchStats(): Promise<number> {
    const names = this.names.splice(0, this.statCount);
    this.statCount = Math.min(this.statCount * 2, MAX_STATS);
    const stats = await this.disk.runOn(this.volume, this.pending, "statNames", [this.fd, this.path, names]);
    if (this.fd < 0) return -Errno.EBADF;
    if (typeof stats === "number") return stats;
    this.ready = [];
    this.readyAt = 0;
    for (const [at, name] of names.entries()) {
      const stat = stats[at];
      if (stat === undefined) continue;
      this.ready.push({ name: isDots(name) ? name : this.clientName(name), stat });
    }
    return 0;
  }

  private clientName(name: string): string {
    return this.disk.context.names.toClient(name);
  }

  /** At the end: the buffer goes back, the descriptor stays for a restart. */
  private finish(): void {
    this.isEnd = true;
    this.reader?.release();
    this.reader = undefined;
  }
}

function isDots(name: string): boolean {
  return name === "." || name === "..";
}
