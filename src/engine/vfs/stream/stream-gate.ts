// Limits concurrent changes of streams per file system that wait for it: each holds a copy of the data being
// written in memory, and a client may send as many as it has credits.
import type { MaybePromise } from "../../../port/port.ts";
import type { FileNode } from "../store.ts";

/** One change is being written while the next is prepared. */
const MAX_AT_ONCE = 2;
/** Shorter writes need no limit. */
const SMALL_BYTES = 65_536;

interface Gate {
  active: number;
  readonly queue: (() => void)[];
}

const gates = new Map<number, Gate>();

/**
 * Runs `step`, which writes `bytes` bytes to a stream of `node`, in its turn. The queue is per device: a disk
 * that hangs delays no other.
 */
export function throughGate<T>(node: FileNode, bytes: number, step: () => MaybePromise<T>): MaybePromise<T> {
  if (bytes <= SMALL_BYTES) return step();
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
