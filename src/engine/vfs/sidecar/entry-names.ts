// The names of a sidecar's entries, for listings: read once for many files, and piece by piece where the
// event loop reads them.
import { DirentReader } from "../../../linux/dir.ts";
import { Open, closeFd, openAt } from "../../../linux/open.ts";
import { upcase } from "../../../wire/fscc/upcase.ts";
import { SIDECAR_DIRECTORY } from "../name/own-names.ts";
import { entriesPutSince, sidecarChanges } from "./entry.ts";
import { entryNameOf, nextNameOf } from "./entry-name.ts";

// Changes of other threads and programs show after SETTLE_MS, or later, so that reading takes at most a tenth
// of the time.
const SETTLE_MS = 20;
const SETTLE_READINGS = 10;

/** A reading that is under way. */
interface Reading {
  readonly fd: number;
  readonly reader: DirentReader;
  readonly names: Set<string>;
  readonly changes: number;
  spentMs: number;
}

export class EntryNames {
  /** Upper-case names. */
  private names = new Set<string>();
  private isKnown = false;
  private validUntilMs = Number.NEGATIVE_INFINITY;
  /** `sidecarChanges` as of `names`. */
  private changes = 0;
  private reading: Reading | undefined;

  /**
   * Reads a piece of the names of the sidecar of `directory`, about a millisecond's worth, where they are not
   * known or not new enough. True when they are: `mayHave` answers then.
   */
  prepare(directory: number): boolean {
    const startMs = performance.now();
    if (this.isKnown && startMs < this.validUntilMs && this.takeOwnChanges()) return true;
    this.reading ??= beginReading(directory);
    const { reading } = this;
    const isComplete = readPiece(reading);
    const now = performance.now();
    reading.spentMs += now - startMs;
    if (!isComplete) return false;
    this.close();
    this.isKnown = true;
    this.names = reading.names;
    this.changes = reading.changes;
    this.validUntilMs = now + Math.max(SETTLE_MS, SETTLE_READINGS * reading.spentMs);
    // Where too much has changed meanwhile, the next call reads anew: each reading answers for one entry at
    // least.
    this.takeOwnChanges();
    return true;
  }

  /** False where the file has no entry, nor one prepared for its name. */
  mayHave(name: string): boolean {
    const { names } = this;
    return names.size > 0 && (names.has(upcase(entryNameOf(name))) || names.has(upcase(nextNameOf(name))));
  }

  /** Ends a reading that is under way. */
  close(): void {
    if (this.reading === undefined) return;
    this.reading.reader.release();
    if (this.reading.fd >= 0) closeFd(this.reading.fd);
    this.reading = undefined;
  }

  /** Adds what this thread has put into any sidecar meanwhile; false where that is not known any more. */
  private takeOwnChanges(): boolean {
    const put = entriesPutSince(this.changes);
    if (put === undefined) return false;
    for (const name of put) this.names.add(upcase(name));
    this.changes = sidecarChanges();
    return true;
  }
}

function beginReading(directory: number): Reading {
  const flags = Open.RDONLY | Open.DIRECTORY | Open.NOFOLLOW;
  const fd = openAt(directory, SIDECAR_DIRECTORY, flags);
  return { fd, reader: new DirentReader(), names: new Set(), changes: sidecarChanges(), spentMs: 0 };
}

/** Reads one batch of the kernel; true at the end. */
function readPiece({ fd, reader, names }: Reading): boolean {
  if (fd < 0) return true;
  let result = reader.advance(fd);
  for (; result > 0; result = reader.advance(fd)) {
    if (!reader.isDots) names.add(upcase(reader.name));
    if (!reader.hasMore) return false;
  }
  return true;
}
