// DFS links: symlinks to other servers' shares in a share with `msdfs root`. A look-up that meets one fails
// with -EREMOTE: as on smbd, no path leads through a link, and no client opens, changes or removes one.
import { readLinkAt } from "../../../linux/directory-entries.ts";
import { closeFd, Open } from "../../../linux/open.ts";
import { emptyStatx, ModeType, statFd } from "../../../linux/stat.ts";
import { FileAttribute } from "../../../wire/fscc/attributes.ts";
import { type DfsLink, isDfsTarget } from "../name/dfs-target.ts";
import { type Failure, FileKind, type FileStat } from "../store.ts";

const statx = emptyStatx();

/** Opens a path by the share's policy of symlinks: a descriptor or -errno. */
type OpenPath = (path: string, flags: number) => number | Failure;

/** The DFS link on `path`, which cannot be opened; undefined where another reason prevents that. */
export function dfsLinkOn(open: OpenPath, path: string): DfsLink | undefined {
  const names = path.split("/");
  // If a part of the path can be opened, so can all shorter ones: the link is the first that cannot.
  let opened = 0;
  let failed = names.length;
  while (failed - opened > 1) {
    const middle = (opened + failed) >> 1;
    const fd = open(names.slice(0, middle).join("/"), Open.PATH);
    if (fd < 0) failed = middle;
    else {
      closeFd(fd);
      opened = middle;
    }
  }
  const fd = open(names.slice(0, failed).join("/"), Open.PATH | Open.NOFOLLOW);
  if (fd < 0) return undefined;
  const target = dfsTargetAt(fd);
  closeFd(fd);
  return target === undefined ? undefined : { depth: failed, target };
}

/** The target of the DFS link that the O_PATH descriptor is; undefined for any other object. */
export function dfsTargetAt(fd: number): string | undefined {
  if (statFd(fd, statx) < 0 || (statx.mode & ModeType.MASK) !== ModeType.SYMLINK) return undefined;
  const target = readLinkAt(fd, "");
  return typeof target === "string" && isDfsTarget(target) ? target : undefined;
}

/** Makes the stat of a symlink that of a DFS link: clients see a directory with a reparse tag. */
export function showAsDfsLink(stat: FileStat): void {
  stat.kind = FileKind.DFS_LINK;
  stat.attributes |= FileAttribute.DIRECTORY | FileAttribute.REPARSE_POINT;
  stat.size = 0;
  stat.allocated = 0;
}
