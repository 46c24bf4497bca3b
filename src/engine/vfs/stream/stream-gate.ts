// How many streams of one disk are changed at a time, where they may be large: each takes the old data, the new data
// and what is on its way to the disk, and clients may ask for as many as they have credits.
import type { MaybePromise } from "../../../port/port.ts";
import type { FileNode } from "../store.ts";

/** One at the disk, one that is made ready. */
const MAX_AT_ONCE = 2;
/** What an extended attribute can hold: smaller values need no gate. */
const SMALL_VALUE_BYTES = 65_536;

interface Gate {
  active: number;
  readonly queue: (() => void)[];
}

const gates = new Map<number, Gate>();

/** Calls `step`, a change of a stream of `node`, when it is its turn. One disk that hangs keeps no other waiting. */
export function throughGate<T>(node: FileNode, step: () => MaybePromise<T>): MaybePromise<T> {
  if (node.values.maxValueBytes <= SMALL_VALUE_BYTES) return step();
  const { device } = node.stat;
  const gate = gates.get(device) ?? { active: 0, queue: [] };
  if (gate.active >= MAX_AT_ONCE) {
    return new Promise<void>((resolve) => gate.queue.push(resolve)).then(() => hold(device, gate, step));
  }
  gate.active++;
  gates.set(device, gate);
  return hold(device, gate, step);
}

/** Whoever waits takes over the place of the one that is done. */
function hold<T>(device: number, gate: Gate, step: () => MaybePromise<T>): MaybePromise<T> {
  const leave = (): void => {
    const next = gate.queue.shift();
    if (next !== undefined) return next();
    if (--gate.active === 0) gates.delete(device);
  };
  let outcome: MaybePromise<T> | undefined;
  try {
    outcome = step();
  } finally {
    if (!(outcome instanceof Promise)) leave();
  }
  return outcome instanceof Promise ? outcome.finally(leave) : outcome;
}
