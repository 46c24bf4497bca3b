// Reads the engine's tables for a reply, in turns with the work of others.
import { eventLoop } from "../../loop/event-loop.ts";

/** Rows that one call looks at; the tables may be longer. */
const MAX_ROWS = 10_000;
/** Rows after which others have their turn: a few milliseconds. */
const ROWS_AT_ONCE = 250;

/** The rows that `keep` wants, read in turns with others' work. */
export async function collect<T>(rows: Iterable<T>, keep: (row: T) => boolean): Promise<T[]> {
  const kept: T[] = [];
  let seen = 0;
  for (const row of rows) {
    if (++seen > MAX_ROWS) break;
    if (keep(row)) kept.push(row);
    if (seen % ROWS_AT_ONCE === 0) await eventLoop.pause();
  }
  return kept;
}
