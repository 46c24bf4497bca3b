// Turns of the event loop: a connection whose requests have used up their time waits here, and the event loop
// serves other sockets before each turn. One turn at a time, in the order in which they were asked for, so that
// no connection's work delays another's by more than the turns of those before it.

/** Milliseconds that a connection's requests may keep the event loop at a stretch. */
export const TURN_MS = 4;

export interface TurnTaker {
  takeTurn(): void;
}

export class Turns {
  private readonly queue: TurnTaker[] = [];
  private isArmed = false;

  /** Calls `taker.takeTurn` once, after the sockets were served and those before it had their turns. */
  enqueue(taker: TurnTaker): void {
    this.queue.push(taker);
    if (this.isArmed) return;
    this.isArmed = true;
    setImmediate(this.run);
  }

  /** Resolves at its turn; for work that belongs to no connection. */
  next(): Promise<void> {
    return new Promise((resolve) => this.enqueue({ takeTurn: resolve }));
  }

  private readonly run = (): void => {
    try {
      this.queue.shift()?.takeTurn();
    } finally {
      this.isArmed = this.queue.length > 0;
      if (this.isArmed) setImmediate(this.run);
    }
  };
}

/** The turns of all connections and of the work that belongs to none. */
export const turns = new Turns();
