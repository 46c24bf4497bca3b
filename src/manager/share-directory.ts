// Stats a share's directory without blocking the event loop: from the kernel's caches (openat2(2)
// RESOLVE_CACHED, statx(2) AT_STATX_DONT_SYNC), else in a worker of its own, so that a disk that hangs does
// not affect other shares.
import { errnoName, Errno } from "../linux/errno.ts";
import { AT_FDCWD, Open, Resolve, closeFd, openAt2 } from "../linux/open.ts";
import { ModeType, emptyStatx, statFdCached } from "../linux/stat.ts";
import type { MaybePromise } from "../port/port.ts";

export interface DirectoryLook {
  readonly isDirectory: boolean;
  readonly isSymbolicLink: boolean;
  readonly uid: number;
  readonly gid: number;
}

export interface LookRequest {
  readonly path: string;
  readonly follows: boolean;
}

/** `code` is the name of an errno. */
export type LookAnswer = DirectoryLook | { readonly code: string };

const statx = emptyStatx();
const underWay = new Map<string, Promise<LookAnswer>>();

/**
 * Stats an absolute path; `follows`: the target of a symbolic link. On failure the errno's name, ETIMEDOUT
 * after `timeoutMs`.
 */
export function lookAtDirectory(path: string, follows: boolean, timeoutMs: number): MaybePromise<LookAnswer> {
  const cached = lookInMemory(path, follows);
  if (cached !== undefined) return cached;
  const key = `${follows} ${path}`;
  let asked = underWay.get(key);
  if (asked === undefined) {
    asked = askThread({ path, follows }).finally(() => underWay.delete(key));
    underWay.set(key, asked);
  }
  return Promise.race([asked, expire(timeoutMs)]);
}

function lookInMemory(path: string, follows: boolean): LookAnswer | undefined {
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
    uid: statx.uid,
    gid: statx.gid,
  };
}

function askThread(request: LookRequest): Promise<LookAnswer> {
  const worker = import.meta.url.includes("$bunfs")
    ? new Worker("./manager/directory-worker.ts")
    : new Worker(new URL("./directory-worker.ts", import.meta.url));
  worker.unref();
  return new Promise<LookAnswer>((resolve) => {
    worker.onmessage = (event: MessageEvent<LookAnswer>) => resolve(event.data);
    worker.onerror = () => resolve({ code: "EIO" });
    worker.postMessage(request);
  }).finally(() => worker.terminate());
}

function expire(afterMs: number): Promise<LookAnswer> {
  return new Promise((resolve) => {
    setTimeout(() => resolve({ code: "ETIMEDOUT" }), afterMs).unref();
  });
}
