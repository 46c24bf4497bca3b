// The changes of a file's data that one handle has under way.
import type { MaybePromise } from "../../port/port.ts";

export class ChangesUnderWay {
  private count = 0;
  private last: PromiseWithResolvers<void> | undefined;

  /** Counts `change` until it has ended. */
  track<T>(change: MaybePromise<T>): MaybePromise<T> {
    if (!(change instanceof Promise)) return change;
    this.count++;
    return change.finally(() => {
      if (--this.count > 0) return;
      this.last?.resolve();
      this.last = undefined;
    });
  }

  /** Settles when none is under way any more; undefined where none is. */
  get end(): Promise<void> | undefined {
    if (this.count === 0) return undefined;
    this.last ??= Promise.withResolvers<void>();
    return this.last.promise;
  }
}
