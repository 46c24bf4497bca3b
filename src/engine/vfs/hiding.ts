// What is there and does not show in listings; smb.conf(5): hide unreadable, hide unwriteable files, hide special
// files. It still opens by its name.
import { Open, closeFd, openAt } from "../../linux/open.ts";
import { Access } from "../../linux/stat.ts";
import type { ShareGrant } from "../../port/port.ts";
import { nodeAccess } from "./node-operations.ts";
import type { ShareContext } from "./share-context.ts";
import { FileKind, type FileStat } from "./store.ts";

/** Whether anything but a veto keeps entries of this share out of listings. */
export function hidesEntries({ hiding }: ShareGrant): boolean {
  return hiding.unreadable || hiding.unwriteable || hiding.special;
}

/** Whether an object shows to the user in listings; `fd` holds it (O_PATH). */
export function showsObject(context: ShareContext, fd: number, stat: FileStat): boolean {
  const { hiding } = context.grant;
  const isDirectory = stat.kind === FileKind.DIRECTORY;
  if (hiding.special && stat.kind === FileKind.OTHER) return false;
  const needed =
    (hiding.unreadable ? Access.READ : 0) | (hiding.unwriteable && !isDirectory ? Access.WRITE : 0);
  return needed === 0 || (nodeAccess(context, fd, stat) & needed) === needed;
}

/** The same for an entry, no symlink, of an open directory. */
export function showsEntry(context: ShareContext, directory: number, name: string, stat: FileStat): boolean {
  const fd = openAt(directory, name, Open.PATH | Open.NOFOLLOW);
  if (fd < 0) return false;
  const shows = showsObject(context, fd, stat);
  closeFd(fd);
  return shows;
}
