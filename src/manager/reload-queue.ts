// Reloads, one after the other: each takes turns of the event loop, and the next one may be asked for
// meanwhile.

export class ReloadQueue<T> {
  private readonly work: () => Promise<T>;
  private running: Promise<unknown> = Promise.resolve();
  private waiting: Promise<T> | undefined;

  constructor(work: () => Promise<T>) {
    this.work = work;
  }

  /** The outcome of a reload that begins from now on; all who ask before it begins share one. */
  ask(): Promise<T> {
    this.waiting ??= this.running.then(() => {
      this.waiting = undefined;
      const mine = this.work();
      this.running = mine.catch(() => undefined);
      return mine;
    });
    return this.waiting;
  }
}
