// What disk functions need to know of a share and its user: the root's descriptor, the policy, the identity. Both the
// event loop and a volume's worker have one, each its own.
import { openBeneath } from "../../../linux/beneath.ts";
import { Errno } from "../../../linux/errno.ts";
import { readProcLink } from "../../../linux/directory-entries.ts";
import { Open, Resolve, closeFd } from "../../../linux/open.ts";
import type { ShareGrant } from "../../../port/port.ts";
import { UserIdentity } from "./user-identity.ts";
import type { DirectoryCache } from "./directory-cache.ts";
import { type LinkPolicy, openFollowing, openLink } from "./symlink-policy.ts";
import { isPosixView } from "./posix-view.ts";
import { ShareNames } from "../name/share-names.ts";
import type { Failure } from "../store.ts";
import { type Veto, compileVeto } from "../name/veto.ts";
import { isSidecarName } from "../name/own-names.ts";

export class ShareContext {
  readonly grant: ShareGrant;
  /** O_PATH descriptor of the share's directory; belongs to the loop's ShareRoot. */
  readonly rootFd: number;
  /** What this thread remembers of directories. */
  readonly directories: DirectoryCache;
  /** True in a volume's worker. */
  readonly isWorker: boolean;
  readonly identity: UserIdentity;
  readonly names: ShareNames;
  private readonly veto: Veto | undefined;
  /** Names are as they stand on the disk, and a symlink is opened itself: see posix-view.ts. */
  readonly isPosix: boolean;
  private readonly resolve: number;
  private readonly links: LinkPolicy;

  constructor(grant: ShareGrant, rootFd: number, directories: DirectoryCache, isElsewhere: boolean) {
    this.grant = grant;
    this.rootFd = rootFd;
    this.directories = directories;
    this.isWorker = isElsewhere;
    this.identity = new UserIdentity(grant.credentials);
    this.isPosix = isPosixView(grant);
    this.names = new ShareNames(grant, this.isPosix);
    this.veto = compileVeto(grant.vetoFiles);
    this.links = {
      path: grant.path,
      followSymlinks: grant.followSymlinks,
      wideLinks: grant.followSymlinks && grant.wideLinks,
    };
    this.resolve =
      (grant.followSymlinks ? 0 : Resolve.NO_SYMLINKS) | (grant.crossMounts ? 0 : Resolve.NO_XDEV);
  }

  /** Whether a name (in its on-disk form) does not exist for clients, by what is on disk or by what they see. */
  isVetoed(name: string): boolean {
    if (isSidecarName(name)) return true;
    if (this.veto === undefined) return false;
    if (this.veto(name)) return true;
    const shown = this.names.toClient(name);
    return shown !== name && this.veto(shown);
  }

  /**
   * An O_PATH descriptor for an on-disk path below the root ("" for the root), or a failure. A symlink at its end that
   * cannot be followed is opened itself; with `looksFurther` one that leads nowhere is not looked for.
   */
  openPath(path: string, looksFurther = false): number | Failure {
    const fd = this.openVisible(path, this.pathFlags);
    if (fd >= 0 || this.isPosix || (looksFurther && fd === -Errno.ENOENT)) return fd;
    return openLink(this.rootFd, path, this.resolve, fd);
  }

  /** Whether a path opens by what is in memory alone; false also where the kernel (before 5.12) cannot tell. */
  isInMemory(path: string): boolean {
    const fd = openBeneath(this.rootFd, path, this.pathFlags, 0, this.resolve | Resolve.CACHED);
    if (fd >= 0) closeFd(fd);
    return fd >= 0;
  }

  private get pathFlags(): number {
    return this.isPosix ? Open.PATH | Open.NOFOLLOW : Open.PATH;
  }

  openDirectoryPath(path: string): number | Failure {
    return this.openVisible(path, Open.PATH | Open.DIRECTORY);
  }

  /** The names on the way have been looked at; where a symlink leads is looked at here. */
  private openVisible(path: string, flags: number): number | Failure {
    const { rootFd, links, resolve } = this;
    if (links.followSymlinks) {
      const plain = openBeneath(rootFd, path, flags, 0, resolve | Resolve.NO_SYMLINKS);
      if (plain !== -Errno.ELOOP) return plain;
    }
    const fd = openFollowing(rootFd, links, path, flags, resolve);
    if (fd < 0 || !links.followSymlinks || !this.isBelowVetoed(fd)) return fd;
    closeFd(fd);
    return -Errno.ENOENT;
  }

  /** Whether an object lies where clients see nothing, by whatever way it was come to. */
  private isBelowVetoed(fd: number): boolean {
    const place = readProcLink(fd);
    // Without /proc nobody can tell.
    if (typeof place === "number") return this.veto !== undefined;
    const root = `${readProcLink(this.rootFd)}/`;
    const below = place.startsWith(root) ? place.slice(root.length) : place;
    return below.split("/").some((name) => this.isVetoed(name));
  }

  /** Calls `action` with the parent directory of a name, as the user, and closes it. `action` is synchronous. */
  inDirectory<T>(path: string, action: (directory: number) => T | Failure): T | Failure {
    const denied = this.identity.enter();
    if (denied < 0) return denied;
    try {
      const directory = this.openDirectoryPath(path);
      if (directory < 0) return directory;
      try {
        return action(directory);
      } finally {
        closeFd(directory);
      }
    } finally {
      this.identity.leave();
    }
  }

  /** Calls `action` as the user. `action` is synchronous. */
  asUser<T>(action: () => T | Failure): T | Failure {
    const denied = this.identity.enter();
    if (denied < 0) return denied;
    try {
      return action();
    } finally {
      this.identity.leave();
    }
  }
}
