// The timers of a thread, in one heap: the event loop waits until the earliest is due, and without limit when
// there is none. Where no event loop of ours runs (a worker, a test), one timer of the runtime drives them.

export interface Timer {
  readonly dueMs: number;
  /** The place in the heap; -1 once it has run or was cleared. */
  place: number;
  readonly run: () => void;
}

/** Calls the function once after the delay, by a timer of the runtime; returns how to cancel that. */
export type Arm = (delayMs: number, run: () => void) => () => void;

/** The longest delay that epoll_wait(2) and setTimeout take. */
const MAX_DELAY_MS = 0x7fff_ffff;

export class Timers {
  private readonly now: () => number;
  private readonly arm: Arm;
  /** A binary heap by `dueMs`. */
  private readonly heap: Timer[] = [];
  private disarm: (() => void) | undefined;
  private armedForMs = Infinity;
  private isDriven = false;

  constructor(now: () => number, arm: Arm) {
    this.now = now;
    this.arm = arm;
  }

  /** Calls `run` once, `delayMs` from now or as soon after as the event loop gets to it. */
  set(delayMs: number, run: () => void): Timer {
    const timer: Timer = { dueMs: this.now() + Math.max(0, delayMs), place: this.heap.length, run };
    this.heap.push(timer);
    this.rise(timer);
    this.rearm();
    return timer;
  }

  clear(timer: Timer | undefined): void {
    if (timer === undefined || timer.place < 0) return;
    this.remove(timer);
    this.rearm();
  }

  /** Resolves after `delayMs`. */
  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.set(delayMs, resolve));
  }

  get count(): number {
    return this.heap.length;
  }

  /** Whole milliseconds until the earliest timer is due, rounded up; -1 without one. */
  delayMs(): number {
    const first = this.heap[0];
    if (first === undefined) return -1;
    return Math.min(MAX_DELAY_MS, Math.max(0, Math.ceil(first.dueMs - this.now())));
  }

  /** Runs the timers that are due; those that they set wait for the next call. */
  runDue(): void {
    if (this.heap.length === 0) return;
    const now = this.now();
    for (let count = this.heap.length; count > 0; count--) {
      const first = this.heap[0];
      if (first === undefined || first.dueMs > now) break;
      this.remove(first);
      try {
        first.run();
      } catch (error) {
        throwLater(error);
      }
    }
    this.rearm();
  }

  /** From now on an event loop calls `runDue`; with false the runtime's timers do. */
  setDriven(isDriven: boolean): void {
    this.isDriven = isDriven;
    this.rearm();
  }

  private rearm(): void {
    const dueMs = this.isDriven ? Infinity : (this.heap[0]?.dueMs ?? Infinity);
    if (dueMs === this.armedForMs) return;
    this.disarm?.();
    this.disarm = undefined;
    this.armedForMs = dueMs;
    if (dueMs === Infinity) return;
    this.disarm = this.arm(this.delayMs(), () => {
      this.armedForMs = Infinity;
      this.runDue();
    });
  }

  private remove(timer: Timer): void {
    const last = this.heap.pop();
    const { place } = timer;
    timer.place = -1;
    if (last === undefined || last === timer) return;
    this.heap[place] = last;
    last.place = place;
    this.rise(last);
    this.sink(last);
  }

  private rise(timer: Timer): void {
    while (timer.place > 0) {
      const parent = this.heap[(timer.place - 1) >> 1];
      if (parent === undefined || parent.dueMs <= timer.dueMs) return;
      this.swap(parent, timer);
    }
  }

  private sink(timer: Timer): void {
    for (;;) {
      const left = this.heap[2 * timer.place + 1];
      const right = this.heap[2 * timer.place + 2];
      const child = right !== undefined && left !== undefined && right.dueMs < left.dueMs ? right : left;
      if (child === undefined || child.dueMs >= timer.dueMs) return;
      this.swap(timer, child);
    }
  }

  private swap(above: Timer, below: Timer): void {
    const { place } = above;
    above.place = below.place;
    below.place = place;
    this.heap[above.place] = above;
    this.heap[below.place] = below;
  }
}

/** Reports an error like an uncaught one, without disturbing the caller. */
export function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

function armRuntimeTimer(delayMs: number, run: () => void): () => void {
  const timer = setTimeout(run, delayMs);
  return () => clearTimeout(timer);
}

/** The timers of this thread. */
export const timers = new Timers(() => performance.now(), armRuntimeTimer);
