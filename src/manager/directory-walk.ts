// Resolves a share's path one component at a time, so that the owners of the symbolic links on the way are
// known, and the answer is about the very directory that those links led to, whatever is renamed meanwhile.
import { readLinkAt } from "../linux/directory-entries.ts";
import { Errno, errnoName } from "../linux/errno.ts";
import { AT_FDCWD, closeFd, Open, openAt } from "../linux/open.ts";
import type { DirectoryIdentity } from "../port/directory.ts";
import { emptyStatx, ModeType, statFd } from "../linux/stat.ts";

export interface DirectoryStat {
  readonly identity: DirectoryIdentity;
  readonly isDirectory: boolean;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** The owner of the symbolic link that the path itself is; undefined: it is none. */
  readonly ownerOfLink: number | undefined;
  /** The owners of all symbolic links on the way. */
  readonly linkOwners: readonly number[];
}

/** `code` is the name of an errno. */
export type StatAnswer = DirectoryStat | { readonly code: string };

/** How the walk asks the kernel. */
export interface WalkCalls {
  readonly open: typeof openAt;
  readonly stat: typeof statFd;
}

const WAITING: WalkCalls = { open: openAt, stat: statFd };
// The kernel's MAXSYMLINKS.
const MAX_LINKS = 40;

const statx = emptyStatx();

/** Stats what an absolute path leads to. By default it waits for the disk. */
export function walkDirectory(path: string, calls: WalkCalls = WAITING): StatAnswer {
  const answer = new DirectoryWalk(path, calls).end();
  return typeof answer === "number" ? { code: errnoName(answer) } : answer;
}

/** Why what the path leads to cannot be served; undefined: it can. */
export function describeFault(found: StatAnswer): string | undefined {
  if ("code" in found)
    return found.code === "ENOENT" ? "does not exist" : `cannot be reached (${found.code})`;
  const { isDirectory, ownerOfLink } = found;
  // Otherwise a user who may write to the parent directory could choose what is shared.
  if (ownerOfLink !== undefined && ownerOfLink !== 0 && ownerOfLink !== process.geteuid?.())
    return "is a symbolic link of another user";
  return isDirectory ? undefined : "is not a directory";
}

class DirectoryWalk {
  private readonly calls: WalkCalls;
  /** Components that are not resolved yet; the next one is the last. */
  private readonly rest: string[];
  private readonly linkOwners: number[] = [];
  private ownerOfLink: number | undefined;
  private fd = -1;

  constructor(path: string, calls: WalkCalls) {
    this.calls = calls;
    this.rest = componentsOf(path);
  }

  end(): DirectoryStat | number {
    let failure = this.enter(AT_FDCWD, "/");
    for (let name = this.rest.pop(); failure === 0 && name !== undefined; name = this.rest.pop())
      failure = this.step(name);
    if (failure === 0) failure = this.calls.stat(this.fd, statx);
    this.leave();
    if (failure < 0) return failure;
    return {
      identity: {
        device: statx.deviceMajor * 0x10_0000 + statx.deviceMinor,
        inodeHigh: statx.inodeHigh,
        inodeLow: statx.inodeLow,
      },
      isDirectory: (statx.mode & ModeType.MASK) === ModeType.DIRECTORY,
      mode: statx.mode & 0o7777,
      uid: statx.uid,
      gid: statx.gid,
      ownerOfLink: this.ownerOfLink,
      linkOwners: this.linkOwners,
    };
  }

  private step(name: string): number {
    // O_DIRECTORY mounts an automount point, which O_PATH alone does not.
    const failure = this.enter(this.fd, name, Open.DIRECTORY);
    if (failure !== -Errno.ENOTDIR && failure !== -Errno.ELOOP) return failure;
    const fd = this.calls.open(this.fd, name, Open.PATH | Open.NOFOLLOW);
    if (fd < 0) return fd;
    const unread = this.calls.stat(fd, statx);
    if (unread < 0 || (statx.mode & ModeType.MASK) !== ModeType.SYMLINK) {
      this.leave();
      this.fd = fd;
      return unread;
    }
    const target = readLinkAt(fd, "");
    closeFd(fd);
    return typeof target === "number" ? target : this.follow(target, statx.uid);
  }

  private follow(target: string, owner: number): number {
    this.linkOwners.push(owner);
    if (this.rest.length === 0) this.ownerOfLink ??= owner;
    if (this.linkOwners.length > MAX_LINKS) return -Errno.ELOOP;
    this.rest.push(...componentsOf(target));
    return target.startsWith("/") ? this.enter(AT_FDCWD, "/") : 0;
  }

  private enter(directory: number, name: string, flags = 0): number {
    const fd = this.calls.open(directory, name, Open.PATH | Open.NOFOLLOW | flags);
    if (fd < 0) return fd;
    this.leave();
    this.fd = fd;
    return 0;
  }

  private leave(): void {
    if (this.fd >= 0) closeFd(this.fd);
    this.fd = -1;
  }
}

/** In the order in which `DirectoryWalk.rest` has them. */
function componentsOf(path: string): string[] {
  return path
    .split("/")
    .filter((name) => name !== "")
    .reverse();
}
