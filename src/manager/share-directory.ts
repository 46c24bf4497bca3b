// Stats a share's directory without blocking the event loop: from the kernel's caches (openat2(2)
// RESOLVE_CACHED, statx(2) AT_STATX_DONT_SYNC), else in a worker of its own, so that a disk that hangs does
// not affect other shares.
import { errnoName, Errno } from "../linux/errno.ts";
import { AT_FDCWD, Open, Resolve, closeFd, openAt2 } from "../linux/open.ts";
import { ModeType, emptyStatx, statFdCached } from "../linux/stat.ts";
import { timers } from "../loop/timers.ts";
import { askWorker } from "./ask-worker.ts";
import type { MaybePromise } from "../port/port.ts";

export interface DirectoryStat {
  readonly isDirectory: boolean;
  readonly isSymbolicLink: boolean;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

export interface StatRequest {
  readonly path: string;
  readonly follows: boolean;
}

/** `code` is the name of an errno. */
export type StatAnswer = DirectoryStat | { readonly code: string };

const statx = emptyStatx();
const pending = new Map<string, Promise<StatAnswer>>();

/**
 * Stats an absolute path; `follows`: the target of a symbolic link. On failure the errno's name, ETIMEDOUT
 * after `timeoutMs`.
 */
export function statDirectory(path: string, follows: boolean, timeoutMs: number): MaybePromise<StatAnswer> {
  const cached = statFromCache(path, follows);
  if (cached !== undefined) return cached;
  const key = `${follows} ${path}`;
  let running = pending.get(key);
  if (running === undefined) {
    running = statInWorker({ path, follows }).finally(() => pending.delete(key));
    pending.set(key, running);
  }
  return Promise.race([running, expire(timeoutMs)]);
}

function statFromCache(path: string, follows: boolean): StatAnswer | undefined {
  const flags = Open.PATH | (follows ? 0 : Open.NOFOLLOW);
  const fd = openAt2(AT_FDCWD, path, flags, 0, Resolve.CACHED);
  // EAGAIN: not cached. Kernels before 5.12 lack the flag, before 5.6 the call; a seccomp filter may refuse
  // it.
  if (fd === -Errno.EAGAIN || fd === -Errno.EINVAL || fd === -Errno.ENOSYS || fd === -Errno.EPERM)
    return undefined;
  if (fd < 0) return { code: errnoName(fd) };
  const failure = statFdCached(fd, statx);
  closeFd(fd);
  if (failure < 0) return { code: errnoName(failure) };
  const type = statx.mode & ModeType.MASK;
  return {
    isDirectory: type === ModeType.DIRECTORY,
    isSymbolicLink: type === ModeType.SYMLINK,
    mode: statx.mode & 0o7777,
    uid: statx.uid,
    gid: statx.gid,
  };
}

async function statInWorker(request: StatRequest): Promise<StatAnswer> {
  const answer = await askWorker<StatAnswer>(startWorker, request);
  return typeof answer === "string" ? { code: answer } : answer;
}

/** The compiled executable has the worker's file under its path below src. */
function startWorker(): Worker {
  return import.meta.url.includes("$bunfs")
    ? new Worker("./manager/directory-worker.ts")
    : new Worker(new URL("./directory-worker.ts", import.meta.url));
}

function expire(afterMs: number): Promise<StatAnswer> {
  return timers.sleep(afterMs).then(() => ({ code: "ETIMEDOUT" }));
}
