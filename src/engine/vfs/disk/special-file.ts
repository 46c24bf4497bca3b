// Replaces an empty file by a symlink, FIFO or socket: a client creates one by CREATE and
// FSCTL_SET_REPARSE_POINT, [MS-FSA] 2.1.5.10.37.
import { Errno } from "../../../linux/errno.ts";
import { makeNodeAt, renameAt, symlinkAt, unlinkAt } from "../../../linux/directory-entries.ts";
import { closeFd, Open, openAt } from "../../../linux/open.ts";
import { emptyStatx, ModeType, statAt } from "../../../linux/stat.ts";
import { identityOf } from "../format/file-stat.ts";
import type { CreatedNode } from "./create.ts";
import { splitPath } from "../name/names.ts";
import { describeNode } from "./node.ts";
import type { ShareContext } from "../context/share-context.ts";
import type { Failure, SpecialFile } from "../store.ts";
import { temporaryName } from "../name/own-names.ts";

const statx = emptyStatx();

/**
 * Replaces `path` by `special`, if it still is the empty file `identity`: -ENOENT where it is another object,
 * -EEXIST where it is not empty or has other names. The name exists at all times.
 */
export function replaceBySpecial(
  context: ShareContext,
  path: string,
  identity: string,
  special: SpecialFile,
): CreatedNode | Failure {
  const { parent, name } = splitPath(path);
  const fd = context.inDirectory(parent, (directory) => {
    const failure = statAt(directory, name, statx);
    if (failure < 0) return failure;
    if (identityOf(statx) !== identity) return -Errno.ENOENT;
    const isPlain = (statx.mode & ModeType.MASK) === ModeType.REGULAR && statx.size === 0;
    if (!isPlain || statx.links !== 1) return -Errno.EEXIST;
    const { directories } = context;
    const change = directories.begin(directory);
    const temporary = temporaryName();
    const made = makeSpecial(directory, temporary, special, statx.mode & 0o777);
    if (made < 0) return made;
    const renamed = renameAt(directory, temporary, directory, name, 0);
    if (renamed < 0) {
      unlinkAt(directory, temporary, false);
      return renamed;
    }
    directories.commit(change, directory, name, name);
    return openAt(directory, name, Open.PATH | Open.NOFOLLOW);
  });
  if (fd < 0) return fd;
  const facts = describeNode(context, fd, path);
  if (typeof facts !== "number") return { fd, ...facts };
  closeFd(fd);
  return facts;
}

function makeSpecial(directory: number, name: string, special: SpecialFile, mode: number): 0 | Failure {
  if (special.kind === "symlink") return symlinkAt(special.target, directory, name);
  return makeNodeAt(directory, name, (special.kind === "fifo" ? ModeType.FIFO : ModeType.SOCKET) | mode);
}
