// Long computations in steps, so that whoever holds the event loop can let other work have its turn between
// two of them.
import { eventLoop } from "./event-loop.ts";

/** A computation that stops after each step. */
export type Steps<T> = Generator<void, T, void>;

/** Steps are taken for this long before other work has its turn. */
const TURN_MS = 3;

/** For workers, tools and the start of the server, whom nobody waits for. */
export function doAtOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** In turns of the event loop. */
export async function doInTurns<T>(steps: Steps<T>): Promise<T> {
  for (let began = performance.now(); ;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (performance.now() - began < TURN_MS) continue;
    await eventLoop.pause();
    began = performance.now();
  }
}
