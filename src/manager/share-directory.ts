// Stats a share's directory without blocking the event loop: from the kernel's caches (openat2(2)
// RESOLVE_CACHED, statx(2) AT_STATX_DONT_SYNC), else in a worker of its own, so that a disk that hangs does
// not affect other shares.
import { Errno } from "../linux/errno.ts";
import { Resolve, openAt2 } from "../linux/open.ts";
import { statFdCached } from "../linux/stat.ts";
import { timers } from "../loop/timers.ts";
import { askWorker } from "./worker-question.ts";
import { type StatAnswer, walkDirectory } from "./directory-walk.ts";
import type { MaybePromise } from "../port/port.ts";

/**
 * EAGAIN: not cached. Kernels before 5.12 lack the flag, before 5.6 the call; a seccomp filter may refuse it.
 */
const UNCACHED: ReadonlySet<number> = new Set([-Errno.EAGAIN, -Errno.EINVAL, -Errno.ENOSYS, -Errno.EPERM]);

const pending = new Map<string, Promise<StatAnswer>>();

/** Stats what an absolute path leads to. On failure the errno's name, ETIMEDOUT after `timeoutMs`. */
export function statDirectory(path: string, timeoutMs: number): MaybePromise<StatAnswer> {
  const cached = statFromCache(path);
  if (cached !== undefined) return cached;
  let running = pending.get(path);
  if (running === undefined) {
    running = statInWorker(path).finally(() => pending.delete(path));
    pending.set(path, running);
  }
  return Promise.race([running, expire(timeoutMs)]);
}

/** Undefined: the kernel's caches do not have it all. */
function statFromCache(path: string): StatAnswer | undefined {
  let isCached = true;
  const found = walkDirectory(path, {
    open(directory, name, flags) {
      const fd = openAt2(directory, name, flags, 0, Resolve.CACHED);
      isCached &&= !UNCACHED.has(fd);
      return fd;
    },
    stat: statFdCached,
  });
  return isCached ? found : undefined;
}

async function statInWorker(path: string): Promise<StatAnswer> {
  const answer = await askWorker<StatAnswer>("manager/directory-worker.ts", path);
  return typeof answer === "string" ? { code: answer } : answer;
}

function expire(afterMs: number): Promise<StatAnswer> {
  return timers.sleep(afterMs).then(() => ({ code: "ETIMEDOUT" }));
}
