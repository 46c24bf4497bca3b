// What disk functions know about a share and its user: the root's descriptor, the policy, the identity. The
// event loop and each volume's worker have their own.
import { openBeneath } from "../../../linux/beneath.ts";
import { Errno } from "../../../linux/errno.ts";
import { readProcLink } from "../../../linux/directory-entries.ts";
import { Open, Resolve, closeFd } from "../../../linux/open.ts";
import type { ShareGrant } from "../../../port/port.ts";
import { UserIdentity } from "./user-identity.ts";
import type { DirectoryCache } from "./directory-cache.ts";
import { type LinkPolicy, openFollowing, openLink } from "./symlink-policy.ts";
import { dfsLinkOn, dfsTargetAt } from "./dfs-links.ts";
import { isPosixView } from "./posix-view.ts";
import { ShareNames } from "../name/share-names.ts";
import type { DfsLink } from "../name/dfs-target.ts";
import type { Failure } from "../store.ts";
import { type Veto, compileVeto } from "../name/veto.ts";
import { isSidecarName } from "../name/own-names.ts";

export class ShareContext {
  readonly grant: ShareGrant;
  /** O_PATH descriptor of the share's directory; belongs to the event loop's ShareRoot. */
  readonly rootFd: number;
  /** This thread's cache of directories. */
  readonly directories: DirectoryCache;
  /** True in a volume's worker. */
  readonly isWorker: boolean;
  readonly identity: UserIdentity;
  readonly names: ShareNames;
  private readonly veto: Veto | undefined;
  /** The link at which the last look-up that failed with -EREMOTE ended. */
  dfsLink: DfsLink | undefined;
  /** Names are not mapped, and a symlink is opened itself: see posix-view.ts. */
  readonly isPosix: boolean;
  private readonly resolve: number;
  private readonly links: LinkPolicy;

  constructor(grant: ShareGrant, rootFd: number, directories: DirectoryCache, isWorker: boolean) {
    this.grant = grant;
    this.rootFd = rootFd;
    this.directories = directories;
    this.isWorker = isWorker;
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

  /**
   * True for a name (on-disk form) that is vetoed, as it is on disk or as clients see it, or is a sidecar's.
   */
  isVetoed(name: string): boolean {
    if (isSidecarName(name)) return true;
    if (this.veto === undefined) return false;
    if (this.veto(name)) return true;
    const shown = this.names.toClient(name);
    return shown !== name && this.veto(shown);
  }

  /**
   * Returns an O_PATH descriptor for an on-disk path below the root ("" for the root). A symlink at its end
   * that cannot be followed is opened itself; with `reportsMissing` a missing target or name gives -ENOENT.
   */
  openPath(path: string, reportsMissing = false): number | Failure {
    const fd = this.openVisible(path, this.pathFlags);
    if (fd >= 0 && this.isPosix && this.grant.dfs.isRoot) return this.refuseDfsLink(path, fd);
    if (fd >= 0 || this.isPosix || (reportsMissing && fd === -Errno.ENOENT)) return fd;
    return openLink(this.rootFd, path, this.resolve, fd);
  }

  /**
   * True where a path can be opened without disk access; false also on kernels before 5.12, which cannot
   * tell.
   */
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

  /** The caller has checked the names in `path` for vetoes; this checks the targets of symlinks. */
  private openVisible(path: string, flags: number): number | Failure {
    const { rootFd, links, resolve } = this;
    const { isRoot: isDfsRoot } = this.grant.dfs;
    if (links.followSymlinks || isDfsRoot) {
      const plain = openBeneath(rootFd, path, flags, 0, resolve | Resolve.NO_SYMLINKS);
      if (plain !== -Errno.ELOOP) return plain;
    }
    const open = (part: string, how: number) => openFollowing(rootFd, links, part, how, resolve);
    const fd = open(path, flags);
    if (fd < 0 && isDfsRoot) {
      this.dfsLink = dfsLinkOn(open, path);
      if (this.dfsLink !== undefined) return -Errno.EREMOTE;
    }
    if (fd < 0 || !links.followSymlinks || !this.isBelowVetoed(fd)) return fd;
    closeFd(fd);
    return -Errno.ENOENT;
  }

  /** In the POSIX view a symlink is opened itself. */
  private refuseDfsLink(path: string, fd: number): number | Failure {
    const target = dfsTargetAt(fd);
    if (target === undefined) return fd;
    closeFd(fd);
    this.dfsLink = { depth: path.split("/").length, target };
    return -Errno.EREMOTE;
  }

  /** True where any component of the object's real path is vetoed. */
  private isBelowVetoed(fd: number): boolean {
    const path = readProcLink(fd);
    // Without /proc the real path is unknown.
    if (typeof path === "number") return this.veto !== undefined;
    const root = `${readProcLink(this.rootFd)}/`;
    const below = path.startsWith(root) ? path.slice(root.length) : path;
    return below.split("/").some((name) => this.isVetoed(name));
  }

  /**
   * Opens the directory `path` as the user and calls `action` with it, still as the user. `action` is
   * synchronous.
   */
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

  /** Calls `action`, which must be synchronous, as the user. */
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
