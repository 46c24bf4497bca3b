// Hides objects from listings: `hide unreadable`, `hide unwriteable files` and `hide special files` of
// smb.conf(5), and AppleDouble files. Hidden objects can still be opened by name, as far as the user's rights
// allow.
import { Open, closeFd, openAt } from "../../../linux/open.ts";
import { Access as PosixAccess } from "../../../linux/stat.ts";
import type { ShareGrant } from "../../../port/port.ts";
import { Access } from "../../../wire/security/access.ts";
import { grantedAccess } from "../../security/access-rights.ts";
import { tokenOfGrant } from "../../security/grant-token.ts";
import { ownsOnDisk } from "../../security/token.ts";
import { ownerName } from "../appledouble/companion.ts";
import { isHiddenCompanion } from "../appledouble/hidden.ts";
import { joinPath, splitPath } from "../name/names.ts";
import { nodeAccess } from "./node.ts";
import { readNodeDescriptor } from "../values/security.ts";
import type { ShareContext } from "../context/share-context.ts";
import { type Failure, FileKind, type FileStat } from "../store.ts";

/** True where the share hides entries from listings (other than vetoed ones). */
export function hidesEntries({ hiding }: ShareGrant): boolean {
  return hiding.unreadable || hiding.unwriteable || hiding.special;
}

/** True where listings show the object of `fd` (O_PATH) to the user; `path` is its on-disk path. */
export function showsObject(context: ShareContext, fd: number, path: string, stat: FileStat): boolean {
  const { hiding } = context.grant;
  const isDirectory = stat.kind === FileKind.DIRECTORY;
  if (hiding.special && stat.kind === FileKind.OTHER) return false;
  const writes = hiding.unwriteable && !isDirectory;
  if (!hiding.unreadable && !writes) return true;
  const { canRead: canRead, canWrite: canWrite } = readWriteRights(context, fd, path, stat);
  return (canRead || !hiding.unreadable) && (canWrite || !writes);
}

/** The same for an entry (not a symlink) of an open directory, whose on-disk path is `below`. */
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
  readonly canRead: boolean;
  readonly canWrite: boolean;
}

/** Rights by the stored security descriptor, where the share stores them, else by access(2). */
function readWriteRights(context: ShareContext, fd: number, path: string, stat: FileStat): Rights {
  if (context.grant.security.acl === "nt") {
    const descriptor = readNodeDescriptor(context, fd, path);
    if (typeof descriptor !== "number") {
      const token = tokenOfGrant(context.grant);
      const mask = grantedAccess(descriptor, token, ownsOnDisk(token, stat.uid));
      return { canRead: (mask & Access.READ_DATA) !== 0, canWrite: (mask & Access.WRITE_DATA) !== 0 };
    }
  }
  const bits = nodeAccess(context, fd, stat);
  return { canRead: (bits & PosixAccess.READ) !== 0, canWrite: (bits & PosixAccess.WRITE) !== 0 };
}

/** False for names of which `isHiddenAt` need not be asked. */
export function mayBeHidden(name: string): boolean {
  return ownerName(name) !== undefined;
}

/** True where listings do not have the AppleDouble file of that on-disk path. */
export function isHiddenAt(context: ShareContext, path: string): boolean | Failure {
  const { parent, name } = splitPath(path);
  return context.identity.asServer(() => {
    const directory = context.openDirectoryPath(parent);
    if (directory < 0) return directory;
    const isHidden = isHiddenCompanion(context, directory, name);
    closeFd(directory);
    return isHidden;
  });
}
