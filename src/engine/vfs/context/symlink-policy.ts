// Follows symlinks by the share's policy: below the share, or anywhere with `wide links`. A symlink that may
// not be followed or is dangling is an object itself. Only the kernel resolves paths: openat2(2).
import { openBeneath, openWide } from "../../../linux/beneath.ts";
import { Errno } from "../../../linux/errno.ts";
import { readLinkAt } from "../../../linux/directory-entries.ts";
import { Open, closeFd } from "../../../linux/open.ts";
import { ModeType, emptyStatx, statFd } from "../../../linux/stat.ts";
import { splitPath } from "../name/names.ts";
import type { Failure } from "../store.ts";

/** The kernel's limit of symlinks in one path. */
const MAX_LINKS = 40;

export interface LinkPolicy {
  /** The share's path as configured, absolute; an absolute symlink to a path below it is followed. */
  readonly path: string;
  readonly followSymlinks: boolean;
  readonly wideLinks: boolean;
}

const statx = emptyStatx();

/**
 * Opens an on-disk path below `root` ("" for the root) for O_PATH or a directory: a descriptor or -errno,
 * -ELOOP or -EXDEV where a symlink on the way may not be followed.
 */
export function openFollowing(
  root: number,
  policy: LinkPolicy,
  path: string,
  flags: number,
  resolve: number,
): number | Failure {
  if (policy.wideLinks) return openWide(root, path, flags, 0, resolve);
  const fd = openBeneath(root, path, flags, 0, resolve);
  if (fd !== -Errno.EXDEV || !policy.followSymlinks) return fd;
  const other = expandAbsoluteLinks(root, policy, path, resolve);
  return other === undefined ? fd : openBeneath(root, other, flags, 0, resolve);
}

/** Opens the symlink at `path` itself (O_PATH); returns `failure` where there is none. */
export function openLink(root: number, path: string, resolve: number, failure: Failure): number | Failure {
  if (failure !== -Errno.ELOOP && failure !== -Errno.EXDEV && failure !== -Errno.ENOENT) return failure;
  const fd = openBeneath(root, path, Open.PATH | Open.NOFOLLOW, 0, resolve);
  if (fd < 0) return failure;
  if (statFd(fd, statx) === 0 && (statx.mode & ModeType.MASK) === ModeType.SYMLINK) return fd;
  closeFd(fd);
  return failure;
}

/**
 * Replaces every absolute symlink to a path below the share by its target; undefined where one leads
 * elsewhere. This only edits the text of the path: the result is opened below the root like any other path.
 */
function expandAbsoluteLinks(
  root: number,
  policy: LinkPolicy,
  path: string,
  resolve: number,
): string | undefined {
  let names = path.split("/");
  let done = 0;
  for (let links = 0; done < names.length;) {
    const prefix = names.slice(0, done + 1).join("/");
    const fd = openBeneath(root, prefix, Open.PATH, 0, resolve);
    if (fd >= 0) {
      closeFd(fd);
      done++;
      continue;
    }
    // Any other error also applies to the whole path.
    if (fd !== -Errno.EXDEV) break;
    if (++links > MAX_LINKS) return undefined;
    const target = readLinkOf(root, prefix, resolve);
    const below = target === undefined ? undefined : belowShare(policy, splitPath(prefix).parent, target);
    if (below === undefined) return undefined;
    names = [...below.split("/").filter((name) => name !== ""), ...names.slice(done + 1)];
    done = 0;
  }
  return names.join("/");
}

function readLinkOf(root: number, path: string, resolve: number): string | undefined {
  const fd = openBeneath(root, path, Open.PATH | Open.NOFOLLOW, 0, resolve);
  if (fd < 0) return undefined;
  const target = readLinkAt(fd, "");
  closeFd(fd);
  return typeof target === "string" ? target : undefined;
}

/**
 * A link's target as a path from the root. A relative one may contain `..` that leads out; the kernel refuses
 * that.
 */
function belowShare(policy: LinkPolicy, parent: string, target: string): string | undefined {
  if (!target.startsWith("/")) return `${parent}/${target}`;
  const share = policy.path.replace(/\/+$/, "");
  if (target === share) return "";
  return target.startsWith(`${share}/`) ? target.slice(share.length) : undefined;
}
