// The names of a directory, in upper case, read piece by piece where the event loop reads them.
import { DirentReader } from "../../../linux/dir.ts";
import { closeFd } from "../../../linux/open.ts";
import { upcase } from "../../../wire/fscc/upcase.ts";

// Changes of other threads and programs show after SETTLE_MS, or later, so that reading takes at most a tenth
// of the time.
const SETTLE_MS = 20;
const SETTLE_READINGS = 10;
/** How long a piece takes; the time is read every few names. */
const PIECE_MS = 1;
const PIECE_NAMES = 64;

export class NameReading {
  readonly names = new Set<string>();
  private readonly fd: number;
  private readonly takes: (reader: DirentReader) => boolean;
  private readonly reader = new DirentReader();
  private spentMs = 0;

  /** Closes `fd`, which is negative for a directory that is not there. `takes` selects the names. */
  constructor(fd: number, takes: (reader: DirentReader) => boolean) {
    this.fd = fd;
    this.takes = takes;
  }

  /**
   * Reads a piece, about a millisecond's worth, which the caller began at `startMs`. At the end closes itself
   * and returns until when the names count; undefined before.
   */
  advance(startMs: number): number | undefined {
    const isComplete = this.readPiece(startMs + PIECE_MS);
    const now = performance.now();
    this.spentMs += now - startMs;
    if (!isComplete) return undefined;
    this.close();
    return now + Math.max(SETTLE_MS, SETTLE_READINGS * this.spentMs);
  }

  close(): void {
    this.reader.release();
    if (this.fd >= 0) closeFd(this.fd);
  }

  /** True at the end of the directory. */
  private readPiece(untilMs: number): boolean {
    const { fd, reader, names } = this;
    if (fd < 0) return true;
    for (let count = 1; reader.advance(fd) > 0; count++) {
      if (this.takes(reader)) names.add(upcase(reader.name));
      if (!reader.hasMore || (count % PIECE_NAMES === 0 && performance.now() >= untilMs)) return false;
    }
    return true;
  }
}
