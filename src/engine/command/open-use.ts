// Work that needs an open besides the one its request names.
import type { MaybePromise } from "../../port/port.ts";
import type { Open } from "../state/open.ts";

/** Keeps the descriptors of `open` until `work` is done, whatever its client does meanwhile. */
export function whileUsed(open: Open, work: () => MaybePromise<number>): MaybePromise<number> {
  open.beginUse();
  let outcome: MaybePromise<number>;
  try {
    outcome = work();
  } catch (error) {
    open.endUse();
    throw error;
  }
  if (outcome instanceof Promise) return outcome.finally(() => open.endUse());
  open.endUse();
  return outcome;
}
