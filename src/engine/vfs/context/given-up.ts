// Whether anybody still waits for a job that a worker has, told through memory that loop and worker share: what was
// answered with a time-out must not be done later, over what the client has done since.

/** What a slot says of its job. */
const JobState = { WAITING: 0, BEGUN: 1, GIVEN_UP: 2 } as const;

/** Of one worker: a slot for each job that it may have at once. */
export type JobSlots = Int32Array<SharedArrayBuffer>;

export function makeSlots(count: number): JobSlots {
  return new Int32Array(new SharedArrayBuffer(count * Int32Array.BYTES_PER_ELEMENT));
}

/** On the loop, before the job is posted. */
export function waitInSlot(slots: JobSlots, slot: number): void {
  Atomics.store(slots, slot, JobState.WAITING);
}

/** On the loop: nobody waits any more. A job that is not begun never is; one that is stops where it still can. */
export function giveUp(slots: JobSlots, slot: number): void {
  Atomics.store(slots, slot, JobState.GIVEN_UP);
}

// Of the job that this thread is at; the loop has none, and nobody gives up what it does itself.
let current: { readonly slots: JobSlots; readonly slot: number } | undefined;

/** In the worker: false where the job is not to be begun. */
export function beginJob(slots: JobSlots, slot: number): boolean {
  current = { slots, slot };
  return Atomics.compareExchange(slots, slot, JobState.WAITING, JobState.BEGUN) === JobState.WAITING;
}

/** To be asked by an operation of several steps before one that changes something for good. */
export function isGivenUp(): boolean {
  return current !== undefined && Atomics.load(current.slots, current.slot) === JobState.GIVEN_UP;
}
