// Shared-memory flags that tell a worker its job timed out, so that it is not carried out late, over later
// changes of the client.

/** The value of a slot. */
const JobState = { WAITING: 0, BEGUN: 1, GIVEN_UP: 2 } as const;

/** The flags of one worker: a slot for each job that it may have at once. */
export type JobSlots = Int32Array<SharedArrayBuffer>;

export function makeSlots(count: number): JobSlots {
  return new Int32Array(new SharedArrayBuffer(count * Int32Array.BYTES_PER_ELEMENT));
}

/** Called on the event loop, before the job is posted. */
export function waitInSlot(slots: JobSlots, slot: number): void {
  Atomics.store(slots, slot, JobState.WAITING);
}

/**
 * Called on the event loop at a time-out. Returns true for a job that was not begun: it never is. A running
 * one stops where it still can.
 */
export function giveUp(slots: JobSlots, slot: number): boolean {
  return Atomics.exchange(slots, slot, JobState.GIVEN_UP) === JobState.WAITING;
}

// The job that this thread runs. The event loop has none: its own calls are never given up.
let current: { readonly slots: JobSlots; readonly slot: number } | undefined;

/** Called in the worker; false where the job has been given up and must not be begun. */
export function beginJob(slots: JobSlots, slot: number): boolean {
  current = { slots, slot };
  return Atomics.compareExchange(slots, slot, JobState.WAITING, JobState.BEGUN) === JobState.WAITING;
}

/** An operation of several steps checks this before each step that cannot be undone. */
export function isGivenUp(): boolean {
  return current !== undefined && Atomics.load(current.slots, current.slot) === JobState.GIVEN_UP;
}
