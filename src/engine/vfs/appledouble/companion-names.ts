// Which objects of a directory have an AppleDouble file beside them, for listings: its names are read once
// for many entries, and piece by piece where the event loop reads them.
import type { DirentReader } from "../../../linux/dir.ts";
import { Open, openAt } from "../../../linux/open.ts";
import { emptyStatx, statAt, statFd } from "../../../linux/stat.ts";
import { upcase } from "../../../wire/fscc/upcase.ts";
import { FolderVersion } from "../context/folder-version.ts";
import { NameReading } from "../context/name-reading.ts";
import { identityOf } from "../format/file-stat.ts";
import { companionName } from "./companion.ts";

const DOT = 0x2e;
const UNDERSCORE = 0x5f;
/** How long names count after a look at the folder's ctime. */
const UNCHANGED_MS = 20;

const facts = emptyStatx();

/** The names of one directory, in upper case, and until when they count. */
interface Known {
  readonly identity: string;
  readonly names: WeakRef<Set<string>>;
  readonly version: FolderVersion;
  readonly untilMs: number;
}

/** Of the last directory that was read: a worker lists a large one in many batches. */
let last: Known | undefined;

export class CompanionNames {
  private readonly directory: number;
  /** The few names that are asked for are looked up. */
  private readonly isForFew: boolean;
  private names: Set<string> | undefined;
  private untilMs = Number.NEGATIVE_INFINITY;
  /** Of the folder, before `names` were read. */
  private version: FolderVersion | undefined;
  private reading: NameReading | undefined;

  /** The caller closes `directory`. */
  constructor(directory: number, isForFew: boolean) {
    this.directory = directory;
    this.isForFew = isForFew;
  }

  /** Reads a piece; true where `has` answers without reading more. */
  prepare(): boolean {
    const startMs = performance.now();
    if (this.isForFew || this.isKnown(startMs)) return true;
    if (this.reading === undefined && this.takeLast(startMs)) return true;
    this.reading ??= this.begin();
    const { reading } = this;
    const untilMs = reading.advance(startMs);
    if (untilMs === undefined) return false;
    this.reading = undefined;
    this.names = reading.names;
    this.untilMs = untilMs;
    const identity = identityOfDirectory(this.directory);
    const { version } = this;
    if (version !== undefined) last = { identity, names: new WeakRef(reading.names), version, untilMs };
    return true;
  }

  /** Large folders seldom change: names are kept as long as the folder's ctime tells of no change. */
  private isKnown(now: number): boolean {
    if (this.names === undefined || this.reading !== undefined) return false;
    if (now < this.untilMs) return true;
    if (this.version?.isUnchanged(this.directory) !== true) return false;
    this.untilMs = now + UNCHANGED_MS;
    return true;
  }

  /** True where the object of that name may have an AppleDouble file. */
  has(name: string): boolean {
    if (this.isForFew) return statAt(this.directory, companionName(name), facts) === 0;
    // `prepare` reads again what has expired; here that would be at a stretch.
    while (this.names === undefined && !this.prepare());
    const { names } = this;
    return names !== undefined && names.size > 0 && names.has(upcase(companionName(name)));
  }

  /** Ends a reading that is under way. */
  close(): void {
    this.reading?.close();
    this.reading = undefined;
  }

  private takeLast(now: number): boolean {
    const names = last?.names.deref();
    if (last === undefined || names === undefined) return false;
    if (identityOfDirectory(this.directory) !== last.identity) return false;
    const { version, untilMs } = last;
    if (now >= untilMs && !version.isUnchanged(this.directory)) return false;
    this.names = names;
    this.version = version;
    this.untilMs = untilMs;
    return true;
  }

  private begin(): NameReading {
    this.version = new FolderVersion(this.directory);
    const fd = openAt(this.directory, ".", Open.RDONLY | Open.DIRECTORY);
    return new NameReading(fd, isCompanionName);
  }
}

function isCompanionName({ nameBytes }: DirentReader): boolean {
  return nameBytes[0] === DOT && nameBytes[1] === UNDERSCORE;
}

function identityOfDirectory(directory: number): string {
  return statFd(directory, facts) === 0 ? identityOf(facts) : "";
}
