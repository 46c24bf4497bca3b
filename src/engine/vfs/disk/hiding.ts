// What is there and does not show in listings; smb.conf(5): hide unreadable, hide unwriteable files, hide special
// files. It still opens by its name, as far as the user's rights go.
import { Open, closeFd, openAt } from "../../../linux/open.ts";
import { Access as PosixAccess } from "../../../linux/stat.ts";
import type { ShareGrant } from "../../../port/port.ts";
import { Access } from "../../../wire/security/access.ts";
import { grantedAccess } from "../../security/access-rights.ts";
import { tokenOfGrant } from "../../security/grant-token.ts";
import { ownsOnDisk } from "../../security/token.ts";
import { joinPath } from "../name/names.ts";
import { nodeAccess } from "./node.ts";
import { readNodeDescriptor } from "../values/security.ts";
import type { ShareContext } from "../context/share-context.ts";
import { FileKind, type FileStat } from "../store.ts";

/** Whether anything but a veto keeps entries of this share out of listings. */
export function hidesEntries({ hiding }: ShareGrant): boolean {
  return hiding.unreadable || hiding.unwriteable || hiding.special;
}

/** Whether an object shows to the user in listings; `fd` holds it (O_PATH), `path` is its on-disk path. */
export function showsObject(context: ShareContext, fd: number, path: string, stat: FileStat): boolean {
  const { hiding } = context.grant;
  const isDirectory = stat.kind === FileKind.DIRECTORY;
  if (hiding.special && stat.kind === FileKind.OTHER) return false;
  const writes = hiding.unwriteable && !isDirectory;
  if (!hiding.unreadable && !writes) return true;
  const { reads: canRead, writes: canWrite } = rightsIn(context, fd, path, stat);
  return (canRead || !hiding.unreadable) && (canWrite || !writes);
}

/** The same for an entry, no symlink, of an open directory, whose on-disk path is `below`. */
export function showsEntry(
  context: ShareContext,
  directory: number,
  below: string,
  name: string,
  stat: FileStat,
): boolean {
  const fd = openAt(directory, name, Open.PATH | Open.NOFOLLOW);
  if (fd < 0) return false;
  const shows = showsObject(context, fd, joinPath(below, name), stat);
  closeFd(fd);
  return shows;
}

interface Rights {
  readonly reads: boolean;
  readonly writes: boolean;
}

/** By the descriptor that is kept, where the share keeps them, else by POSIX. */
function rightsIn(context: ShareContext, fd: number, path: string, stat: FileStat): Rights {
  if (context.grant.security.acl === "nt") {
    const descriptor = readNodeDescriptor(context, fd, path);
    if (typeof descriptor !== "number") {
      const token = tokenOfGrant(context.grant);
      const mask = grantedAccess(descriptor, token, ownsOnDisk(token, stat.uid));
      return { reads: (mask & Access.READ_DATA) !== 0, writes: (mask & Access.WRITE_DATA) !== 0 };
    }
  }
  const bits = nodeAccess(context, fd, stat);
  return { reads: (bits & PosixAccess.READ) !== 0, writes: (bits & PosixAccess.WRITE) !== 0 };
}
