// Limits concurrent changes of streams per file system where streams may be large: each change holds the old
// data, the new data and the buffer being written in memory, and a client may send as many as it has credits.
import type { MaybePromise } from "../../../port/port.ts";
import type { FileNode } from "../store.ts";

/** One change is being written while the next is prepared. */
const MAX_AT_ONCE = 2;
/** XATTR_SIZE_MAX: values up to this size need no limit. */
const SMALL_VALUE_BYTES = 65_536;

interface Gate {
  active: number;
  readonly queue: (() => void)[];
}

const gates = new Map<number, Gate>();

/**
 * Runs `step`, a change of a stream of `node`, in its turn. The queue is per device: a disk that hangs delays
 * no other.
 */
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

/** Runs `step`; then the next waiting change takes over its slot. */
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
