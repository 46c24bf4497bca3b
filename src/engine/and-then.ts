// Going on with an answer that may be at hand: without a promise, a microtask or a copy when it is.
import type { MaybePromise } from "../port/port.ts";

/** `next(value)`, now or when the value arrives. */
export function andThen<T, R>(value: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}
