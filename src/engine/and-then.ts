// Continues with a value or a promise of it; a value costs no promise and no microtask.
import type { MaybePromise } from "../port/port.ts";

/** Calls `next` with the value: at once, or when the promise resolves. */
export function andThen<T, R>(value: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}
