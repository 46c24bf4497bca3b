// Opens paths that must not leave a directory: by openat2(2), or one component at a time with O_NOFOLLOW if
// the kernel (before 5.6), an emulator or a seccomp filter lacks openat2. Never builds an absolute path.
import { Errno } from "./errno.ts";
import { readLinkAt } from "./directory-entries.ts";
import { Open, Resolve, closeFd, hasOpenAt2, openAt, openAt2, reopen } from "./open.ts";
import { ModeType, emptyStatx, statFd } from "./stat.ts";

// openat2 fails with EAGAIN, and is repeated, when a concurrent rename makes a `..` untrustworthy.
const MAX_RETRIES = 8;
// The kernel's MAXSYMLINKS.
const MAX_LINKS = 40;

/**
 * Opens `path` (relative, components separated by `/`, "" or "." for the directory itself) below `root`.
 * Returns a descriptor or -errno: -EXDEV when the path leads outside `root`, -ELOOP for a symlink under
 * Resolve.NO_SYMLINKS. Resolve.BENEATH and Resolve.NO_MAGICLINKS are always added.
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
 * Opens `path` relative to `root` without confining it: symlinks may lead anywhere, except through magic
 * links of /proc. Without openat2 magic links are followed as well. Returns a descriptor or -errno.
 */
export function openWide(root: number, path: string, flags: number, mode: number, resolve: number): number {
  const name = path === "" ? "." : path;
  if (!hasOpenAt2()) return openAt(root, name, flags, mode);
  return openAt2(root, name, flags, mode, resolve | Resolve.NO_MAGICLINKS);
}

const seen = emptyStatx();

/** Descriptors of the directories from the root to the current one. It closes all of them but the root. */
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

  /** Closes the current directory and returns to its parent; false at the root. */
  pop(): boolean {
    if (this.fds.length === 1) return false;
    closeFd(this.fds.pop() ?? -1);
    return true;
  }

  close(): void {
    while (this.pop());
  }
}

/** `openBeneath` without openat2; exported so that tests can compare the two. */
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

/** Result for a symlink as the last component under O_NOFOLLOW: the O_PATH descriptor itself, or -errno. */
function heldLink(fd: number, flags: number): number {
  if ((flags & Open.PATH) !== 0 && (flags & Open.DIRECTORY) === 0) return fd;
  closeFd(fd);
  return (flags & Open.PATH) !== 0 ? -Errno.ENOTDIR : -Errno.ELOOP;
}

/** Reopens the O_PATH descriptor of the last component with the requested flags. */
function finish(parent: number, name: string, fd: number, type: number, flags: number): number {
  if ((flags & Open.DIRECTORY) !== 0 && type !== ModeType.DIRECTORY) {
    closeFd(fd);
    return -Errno.ENOTDIR;
  }
  if ((flags & Open.PATH) !== 0) return fd;
  const wanted = flags & ~(Open.NOFOLLOW | Open.CREAT);
  const again = reopen(fd, wanted);
  closeFd(fd);
  // Without /proc the name itself is opened again; O_NOFOLLOW rejects a symlink that was put there meanwhile.
  return again === -Errno.ENOENT ? openAt(parent, name, wanted | Open.NOFOLLOW) : again;
}

/** Mount ID and device number of a descriptor's object, as one key. */
function placeOf(fd: number): string {
  statFd(fd, seen);
  return `${seen.mountId}:${seen.deviceMajor}:${seen.deviceMinor}`;
}
