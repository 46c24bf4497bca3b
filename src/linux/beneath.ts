// Resolving a path below a directory descriptor: openat2(2), or a walk one component at a time with O_NOFOLLOW where
// the kernel (before 5.6), an emulator or a seccomp filter lacks it. Never by joining onto an absolute path.
import { Errno } from "./errno.ts";
import { readLinkAt } from "./directory-entries.ts";
import { Open, Resolve, closeFd, hasOpenAt2, openAt, openAt2, reopen } from "./open.ts";
import { ModeType, emptyStatx, statFd } from "./stat.ts";

// A rename of a directory on the way makes the kernel answer EAGAIN, so that it need not trust a `..`.
const MAX_RETRIES = 8;
// MAXSYMLINKS of the kernel.
const MAX_LINKS = 40;

/**
 * Opens `path` (relative, `/` between components, "" or "." for the directory itself) below `root`: a descriptor
 * or -errno; -EXDEV for what leads outside, -ELOOP for a symlink under Resolve.NO_SYMLINKS. Resolve.BENEATH and
 * NO_MAGICLINKS always hold.
 */
export function openBeneath(
  root: number,
  path: string,
  flags: number,
  mode: number,
  resolve: number,
): number {
  if (!hasOpenAt2()) return walkBeneath(root, path, flags, mode, resolve);
  const name = path === "" ? "." : path;
  const bounds = resolve | Resolve.BENEATH | Resolve.NO_MAGICLINKS;
  for (let attempt = 0; ; attempt++) {
    const fd = openAt2(root, name, flags, mode, bounds);
    if (fd !== -Errno.EAGAIN || attempt === MAX_RETRIES || (resolve & Resolve.CACHED) !== 0) return fd;
  }
}

/**
 * The same without bounds: symlinks may lead anywhere, but for those of /proc. Where the kernel lacks openat2 these
 * are followed as well.
 */
export function openWide(root: number, path: string, flags: number, mode: number, resolve: number): number {
  const name = path === "" ? "." : path;
  if (!hasOpenAt2()) return openAt(root, name, flags, mode);
  return openAt2(root, name, flags, mode, resolve | Resolve.NO_MAGICLINKS);
}

const seen = emptyStatx();

/** The directories from the root to where the walk stands; all but the root are owned. */
class Trail {
  private readonly fds: number[];

  constructor(root: number) {
    this.fds = [root];
  }

  get top(): number {
    return this.fds.at(-1) ?? -1;
  }

  push(fd: number): void {
    this.fds.push(fd);
  }

  /** One directory up; false at the root. */
  pop(): boolean {
    if (this.fds.length === 1) return false;
    closeFd(this.fds.pop() ?? -1);
    return true;
  }

  close(): void {
    while (this.pop());
  }
}

/** The same as `openBeneath`, without openat2. */
export function walkBeneath(
  root: number,
  path: string,
  flags: number,
  mode: number,
  resolve: number,
): number {
  if (path.startsWith("/")) return -Errno.EXDEV;
  const trail = new Trail(root);
  try {
    return walk(trail, path.split("/").reverse(), flags, mode, resolve);
  } finally {
    trail.close();
  }
}

function walk(trail: Trail, pending: string[], flags: number, mode: number, resolve: number): number {
  const noCrossing = (resolve & Resolve.NO_XDEV) !== 0;
  const home = noCrossing ? placeOf(trail.top) : "";
  let links = 0;
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (name === "" || name === ".") continue;
    if (name === "..") {
      if (!trail.pop()) return -Errno.EXDEV;
      continue;
    }
    const isLast = pending.every((rest) => rest === "" || rest === ".");
    if (isLast && (flags & Open.EXCL) !== 0) return openAt(trail.top, name, flags | Open.NOFOLLOW, mode);
    const fd = openAt(trail.top, name, Open.PATH | Open.NOFOLLOW);
    if (fd < 0) return fd;
    const failure = statFd(fd, seen);
    const type = seen.mode & ModeType.MASK;
    if (failure < 0 || (noCrossing && placeOf(fd) !== home)) {
      closeFd(fd);
      return failure < 0 ? failure : -Errno.EXDEV;
    }
    if (type === ModeType.SYMLINK) {
      if (isLast && (flags & Open.NOFOLLOW) !== 0) return heldLink(fd, flags);
      const target = readLinkAt(fd, "");
      closeFd(fd);
      if ((resolve & Resolve.NO_SYMLINKS) !== 0 || ++links > MAX_LINKS) return -Errno.ELOOP;
      if (typeof target === "number") return target;
      if (target.startsWith("/")) return -Errno.EXDEV;
      pending.push(...target.split("/").reverse());
      continue;
    }
    if (isLast) return finish(trail.top, name, fd, type, flags);
    if (type !== ModeType.DIRECTORY) {
      closeFd(fd);
      return -Errno.ENOTDIR;
    }
    trail.push(fd);
  }
  return openAt(trail.top, ".", flags);
}

function heldLink(fd: number, flags: number): number {
  if ((flags & Open.PATH) !== 0 && (flags & Open.DIRECTORY) === 0) return fd;
  closeFd(fd);
  return (flags & Open.PATH) !== 0 ? -Errno.ENOTDIR : -Errno.ELOOP;
}

/** Turns the O_PATH descriptor of the last component into one with the flags that were asked for. */
function finish(parent: number, name: string, fd: number, type: number, flags: number): number {
  if ((flags & Open.DIRECTORY) !== 0 && type !== ModeType.DIRECTORY) {
    closeFd(fd);
    return -Errno.ENOTDIR;
  }
  if ((flags & Open.PATH) !== 0) return fd;
  const wanted = flags & ~(Open.NOFOLLOW | Open.CREAT);
  const again = reopen(fd, wanted);
  closeFd(fd);
  // Without /proc the name is opened once more; O_NOFOLLOW keeps a swapped symlink out.
  return again === -Errno.ENOENT ? openAt(parent, name, wanted | Open.NOFOLLOW) : again;
}

/** Mount and device of a descriptor's object, as one key. */
function placeOf(fd: number): string {
  statFd(fd, seen);
  return `${seen.mountId}:${seen.deviceMajor}:${seen.deviceMinor}`;
}
