// Rows of long tables in slices, so that neither a command nor its answer keeps the event loop.
import { eventLoop } from "../../loop/event-loop.ts";

/** Rows are looked at for this long before other work has its turn. */
const SLICE_MS = 3;

/** The same rows; the consumer may stop between two of them. */
export async function* inSlices<T>(rows: Iterable<T> | AsyncIterable<T>): AsyncGenerator<T> {
  let began = performance.now();
  for await (const row of rows) {
    yield row;
    if (performance.now() - began < SLICE_MS) continue;
    await eventLoop.pause();
    began = performance.now();
  }
}
