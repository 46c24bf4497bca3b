// Turns of the event loop: a connection whose requests have used up their time waits here, and the event loop
// serves other sockets before each turn. One turn at a time, in the order in which they were asked for, so
// that no connection's work delays another's by more than the turns of those before it.
import { eventLoop } from "../loop/event-loop.ts";

/** Milliseconds that a connection's requests may keep the event loop at a stretch. */
export const TURN_MS = 4;

export interface TurnTaker {
  takeTurn(): void;
}

export class Turns {
  /** Set in tests to measure the pieces of work; see loop-guard.ts. */
  around: ((name: string, work: () => void) => void) | undefined;
  private readonly queue: TurnTaker[] = [];
  private isArmed = false;

  /** Calls `taker.takeTurn` once, after the sockets were served and those before it had their turns. */
  enqueue(taker: TurnTaker): void {
    this.queue.push(taker);
    if (this.isArmed) return;
    this.isArmed = true;
    eventLoop.soon(this.run);
  }

  /** Resolves at its turn; for work that belongs to no connection. */
  next(): Promise<void> {
    return new Promise((resolve) => this.enqueue({ takeTurn: resolve }));
  }

  /** Runs `work`, which the event loop has called; `name` says what called it. */
  enter(name: string, work: () => void): void {
    if (this.around === undefined) work();
    else this.around(name, work);
  }

  private readonly run = (): void => {
    try {
      const next = this.queue.shift();
      if (next !== undefined) this.enter("a turn", () => next.takeTurn());
    } finally {
      this.isArmed = this.queue.length > 0;
      if (this.isArmed) eventLoop.soon(this.run);
    }
  };
}

/** The turns of all connections and of the work that belongs to none. */
export const turns = new Turns();
