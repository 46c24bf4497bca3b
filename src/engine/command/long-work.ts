// Work that may take long, done in steps: others have their turn between them, the client is told to wait, and may
// take its request back. [MS-SMB2] 3.3.4.2 (interim responses), 3.3.5.16 (cancel).
import type { MaybePromise } from "../../port/port.ts";
import { Status } from "../../wire/status.ts";
import type { Exchange } from "../connection/exchange.ts";

/** What a step answers that is not the last one; anything else is the status of the whole. */
export const MORE = -1;

/** Steps go on at once for so long before others have their turn. */
const TURN_MS = 3;
/** A client is told to wait when its answer takes longer than this. */
const INTERIM_AFTER_MS = 200;

/**
 * Calls `step` until it answers a status. A step is a bounded piece of work and looks itself whether its opens are
 * still there; CANCELLED where the client does not want the rest.
 */
export function workInSteps(exchange: Exchange, step: () => MaybePromise<number>): MaybePromise<number> {
  const { clock } = exchange.context;
  const started = clock.now();
  for (;;) {
    const outcome = step();
    if (outcome instanceof Promise) return goOn(exchange, step, started, outcome);
    if (outcome !== MORE) return outcome;
    if (clock.now() - started >= TURN_MS) return goOn(exchange, step, started, MORE);
  }
}

async function goOn(
  exchange: Exchange,
  step: () => MaybePromise<number>,
  started: number,
  first: MaybePromise<number>,
): Promise<number> {
  const { clock } = exchange.context;
  let isCancelled = false;
  exchange.cancel = () => {
    isCancelled = true;
  };
  let status = await first;
  while (status === MORE) {
    await new Promise(setImmediate);
    if (isCancelled || exchange.connection.isClosed) return Status.CANCELLED;
    const turn = clock.now();
    if (turn - started >= INTERIM_AFTER_MS) exchange.connection.sendInterim(exchange);
    do {
      const outcome = step();
      status = typeof outcome === "number" ? outcome : await outcome;
    } while (status === MORE && clock.now() - turn < TURN_MS);
  }
  return status;
}
