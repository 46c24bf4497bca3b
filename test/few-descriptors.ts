// A process that is short of descriptors.
import { openFileLimit, setOpenFileLimit } from "../src/linux/limits.ts";
import { AT_FDCWD, Open, closeFd, openAt } from "../src/linux/open.ts";

/**
 * Calls `action` while only `available` descriptors can be opened, and until its promise ends where it returns
 * one.
 */
export function withFewDescriptors<T>(available: number, action: () => T): T {
  const limit = openFileLimit();
  if (typeof limit === "number") throw new Error("the limit of descriptors is unknown");
  const firstFree = openAt(AT_FDCWD, "/", Open.PATH);
  closeFd(firstFree);
  const restore = (): void => void setOpenFileLimit(limit);
  if (setOpenFileLimit({ ...limit, soft: firstFree + available }) !== 0)
    throw new Error("the limit of descriptors cannot be changed");
  let result: T | undefined;
  try {
    result = action();
    return result instanceof Promise ? (result.finally(restore) as T) : result;
  } finally {
    if (!(result instanceof Promise)) restore();
  }
}
