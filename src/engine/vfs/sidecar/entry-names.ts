// The names of a sidecar's entries, for listings: read once for many files, and piece by piece where the
// event loop reads them.
import { Open, openAt } from "../../../linux/open.ts";
import { upcase } from "../../../wire/fscc/upcase.ts";
import { NameReading } from "../context/name-reading.ts";
import { SIDECAR_DIRECTORY } from "../name/own-names.ts";
import { entriesPutSince, sidecarChanges } from "./entry.ts";
import { entryNameOf, nextNameOf } from "./entry-name.ts";

/** A reading that is under way. */
interface Started {
  readonly reading: NameReading;
  /** `sidecarChanges` as of its beginning. */
  readonly changes: number;
}

export class EntryNames {
  /** Upper-case names. */
  private names = new Set<string>();
  private hasRead = false;
  private validUntilMs = Number.NEGATIVE_INFINITY;
  /** `sidecarChanges` as of `names`. */
  private changes = 0;
  private started: Started | undefined;

  /**
   * Reads a piece of the names of the sidecar of `directory`, about a millisecond's worth, where they are not
   * known or not new enough. True when they are: `mayHave` answers then.
   */
  prepare(directory: number): boolean {
    const startMs = performance.now();
    if (this.hasRead && startMs < this.validUntilMs && this.takeOwnChanges()) return true;
    this.started ??= start(directory);
    const { reading, changes } = this.started;
    const untilMs = reading.advance(startMs);
    if (untilMs === undefined) return false;
    this.started = undefined;
    this.hasRead = true;
    this.names = reading.names;
    this.changes = changes;
    this.validUntilMs = untilMs;
    // Where too much has changed meanwhile, the next call reads anew: each reading answers for one entry at
    // least.
    this.takeOwnChanges();
    return true;
  }

  /** True where `mayHave` answers, with names that may have expired since `prepare`. */
  get isKnown(): boolean {
    return this.hasRead;
  }

  /** False where the file has no entry, nor one prepared for its name. */
  mayHave(name: string): boolean {
    const { names } = this;
    return names.size > 0 && (names.has(upcase(entryNameOf(name))) || names.has(upcase(nextNameOf(name))));
  }

  /** Ends a reading that is under way. */
  close(): void {
    this.started?.reading.close();
    this.started = undefined;
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

function start(directory: number): Started {
  const fd = openAt(directory, SIDECAR_DIRECTORY, Open.RDONLY | Open.DIRECTORY | Open.NOFOLLOW);
  return { reading: new NameReading(fd, (reader) => !reader.isDots), changes: sidecarChanges() };
}
