// Long work in steps: the event loop serves other requests between steps, the client gets an interim response
// and may cancel. [MS-SMB2] 3.3.4.2 (interim responses), 3.3.5.16 (cancel).
import type { MaybePromise } from "../../../port/port.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { LateChanges } from "../../state/late-changes.ts";
import type { Open, SharedFile } from "../../state/open.ts";

/** Returned by a step that is not the last; not an NTSTATUS. Any other result is the final status. */
export const MORE = 0x1_0000_0001;

type Step = NtStatus | typeof MORE;

/** How long steps run before the event loop serves other requests. */
const TURN_MS = 3;
/** The client gets an interim response when the work takes longer than this. */
const INTERIM_AFTER_MS = 200;

/**
 * Calls `step` until it returns a status. A step is a bounded piece of work and checks itself that its opens
 * are still valid. CANCELLED when the client cancels or disconnects: the descriptors of the request's open
 * and of `source` are then kept until the step has ended, of which a half would be neither old nor new data.
 */
export function workInSteps(
  exchange: Exchange,
  step: () => MaybePromise<Step>,
  source?: Open,
): MaybePromise<NtStatus> {
  return afterLate(exchange, exchange.open?.file, () => runSteps(exchange, step, source));
}

/**
 * Calls `change`, which changes the file's data, after what it must not be overtaken by; see `LateChanges`.
 */
export function afterLate<T>(
  exchange: Exchange,
  file: SharedFile | undefined,
  change: () => MaybePromise<T>,
): MaybePromise<T> {
  const late = file && exchange.context.opens.late.of(file);
  return late === undefined ? change() : late.then(() => afterLate(exchange, file, change));
}

function runSteps(
  exchange: Exchange,
  step: () => MaybePromise<Step>,
  source: Open | undefined,
): MaybePromise<NtStatus> {
  const { clock } = exchange.context;
  const started = clock.now();
  for (;;) {
    const outcome = step();
    if (outcome instanceof Promise) return continueInSteps(exchange, step, source, started, outcome);
    if (outcome !== MORE) return outcome;
    if (clock.now() - started >= TURN_MS) return continueInSteps(exchange, step, source, started, MORE);
  }
}

async function continueInSteps(
  exchange: Exchange,
  step: () => MaybePromise<Step>,
  source: Open | undefined,
  started: number,
  first: MaybePromise<Step>,
): Promise<NtStatus> {
  const { clock } = exchange.context;
  const wait = new StepWait(exchange.context.opens.late, exchange.open, source);
  exchange.cancel = () => wait.end();
  const endTimer = interimLater(exchange, started, () => exchange.connection.sendInterim(exchange));
  try {
    let status = await wait.awaitStep(first);
    while (status === MORE) {
      await exchange.connection.nextTurn();
      if (exchange.connection.isClosed) wait.end();
      const turn = clock.now();
      do status = await wait.awaitStep(wait.hasEnded ? Status.CANCELLED : step());
      while (status === MORE && clock.now() - turn < TURN_MS);
    }
    return status;
  } finally {
    endTimer();
    exchange.cancel = undefined;
  }
}

/** Calls `send` when the work that began at `started` takes long. Returns a function that ends the timer. */
function interimLater({ context: { clock } }: Exchange, started: number, send: () => void): () => void {
  const timer = clock.setTimer(Math.max(0, started + INTERIM_AFTER_MS - clock.now()), send);
  return () => clock.clearTimer(timer);
}

/** Calls `sendInterim` when `work`, which begins now, takes long. */
export function withInterim<T>(exchange: Exchange, sendInterim: () => void, work: Promise<T>): Promise<T> {
  return work.finally(interimLater(exchange, exchange.context.clock.now(), sendInterim));
}

/** Waits for the step in progress until the client cancels or disconnects. */
class StepWait {
  hasEnded = false;
  private readonly late: LateChanges;
  /** The open whose file the work changes. */
  private readonly target: Open | undefined;
  private readonly source: Open | undefined;
  private inProgress: Promise<Step> | undefined;
  private stopWaiting: ((status: NtStatus) => void) | undefined;

  constructor(late: LateChanges, target: Open | undefined, source: Open | undefined) {
    this.late = late;
    this.target = target;
    this.source = source;
  }

  end(): void {
    this.hasEnded = true;
    const { inProgress, source, target } = this;
    if (target?.file !== undefined) this.late.keep(target.file, inProgress);
    if (inProgress !== undefined)
      for (const open of [source, target]) if (open !== undefined) useUntil(open, inProgress);
    this.stopWaiting?.(Status.CANCELLED);
  }

  awaitStep(outcome: MaybePromise<Step>): MaybePromise<Step> {
    this.inProgress = undefined;
    if (typeof outcome === "number") return outcome;
    this.inProgress = outcome;
    return new Promise((resolve, reject) => {
      this.stopWaiting = resolve;
      outcome.then(resolve, reject);
    });
  }
}

function useUntil(open: Open, work: Promise<unknown>): void {
  open.beginUse();
  const end = (): void => open.endUse();
  work.then(end, end);
}

/** Runs `work` and keeps the descriptors of `open` until it ends, even if the client closes the open. */
export function whileUsed(open: Open, work: () => MaybePromise<NtStatus>): MaybePromise<NtStatus> {
  open.beginUse();
  let outcome: MaybePromise<NtStatus>;
  try {
    outcome = work();
  } catch (error) {
    open.endUse();
    throw error;
  }
  if (outcome instanceof Promise) return outcome.finally(() => open.endUse());
  open.endUse();
  return outcome;
}
