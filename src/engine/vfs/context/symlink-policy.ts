// Symlinks by the share's policy: followed below the share, or anywhere with `wide links`; what may not be followed, or
// leads nowhere, is an object of its own. The kernel alone decides where a path ends: openat2(2).
import { openBeneath, openWide } from "../../../linux/beneath.ts";
import { Errno } from "../../../linux/errno.ts";
import { readLinkAt } from "../../../linux/directory-entries.ts";
import { Open, closeFd } from "../../../linux/open.ts";
import { ModeType, emptyStatx, statFd } from "../../../linux/stat.ts";
import { splitPath } from "../name/names.ts";
import type { Failure } from "../store.ts";

/** As many as the kernel follows in one path. */
const MAX_LINKS = 40;

export interface LinkPolicy {
  /** Absolute, as configured: absolute symlinks to below it lead there. */
  readonly path: string;
  readonly followSymlinks: boolean;
  readonly wideLinks: boolean;
}

const statx = emptyStatx();

/**
 * Opens an on-disk path below `root` ("" for the root) for O_PATH or a directory: a descriptor or -errno, -ELOOP or
 * -EXDEV where a symlink on the way may not be followed.
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

/** The symlink at `path` itself, O_PATH; `failure` where there is none. */
export function openLink(root: number, path: string, resolve: number, failure: Failure): number | Failure {
  if (failure !== -Errno.ELOOP && failure !== -Errno.EXDEV && failure !== -Errno.ENOENT) return failure;
  const fd = openBeneath(root, path, Open.PATH | Open.NOFOLLOW, 0, resolve);
  if (fd < 0) return failure;
  if (statFd(fd, statx) === 0 && (statx.mode & ModeType.MASK) === ModeType.SYMLINK) return fd;
  closeFd(fd);
  return failure;
}

/**
 * The same path with every absolute symlink to below the share replaced by where it leads; undefined where one leads
 * elsewhere. Only words are changed: what comes of it is opened below the root as any path.
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
    // What else is in the way is so for the whole path.
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

/** Where a target leads, as a path from the root; a relative one may still name its way out, which is not gone. */
function belowShare(policy: LinkPolicy, parent: string, target: string): string | undefined {
  if (!target.startsWith("/")) return `${parent}/${target}`;
  const share = policy.path.replace(/\/+$/, "");
  if (target === share) return "";
  return target.startsWith(`${share}/`) ? target.slice(share.length) : undefined;
}
