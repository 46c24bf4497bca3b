// SIGTERM, SIGINT and SIGQUIT. They may come while the server is still starting: it stops when it has
// started, so that it leaves to the next server what it has taken over from the one before.

export class StopSignals {
  private stop: (() => void) | undefined;
  private isWanted = false;

  constructor() {
    for (const signal of ["SIGTERM", "SIGINT", "SIGQUIT"] as const) process.on(signal, () => this.ask());
  }

  /** Calls `stop` at each signal, and at once if there was one. */
  follow(stop: () => void): void {
    this.stop = stop;
    if (this.isWanted) stop();
  }

  private ask(): void {
    this.isWanted = true;
    this.stop?.();
  }
}
