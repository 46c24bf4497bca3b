// The object that an AppleDouble file belongs to, whose descriptor counts for the file, too.
import { Errno } from "../../../linux/errno.ts";
import { closeFd } from "../../../linux/open.ts";
import { emptyStatx, statFd } from "../../../linux/stat.ts";
import { companionName, openCompanion, ownerName } from "../appledouble/companion.ts";
import type { ShareContext } from "../context/share-context.ts";
import { identityOf } from "../format/file-stat.ts";
import { joinPath, splitPath } from "../name/names.ts";
import type { Failure } from "../store.ts";
import { besideObject } from "./in-sidecar.ts";

const stat = emptyStatx();

/**
 * Calls `action` with the object (O_PATH) whose AppleDouble file `fd` is, and its on-disk path; -ENODATA
 * where it is none. `path` is that of the file.
 */
export function withObjectOf<T>(
  context: ShareContext,
  fd: number,
  path: string,
  action: (fd: number, path: string) => T | Failure,
): T | Failure {
  const { parent, name } = splitPath(path);
  const of = ownerName(name);
  if (of === undefined || !context.grant.streams) return -Errno.ENODATA;
  const objectPath = joinPath(parent, of);
  const object = context.identity.asServer(() => context.openPath(objectPath));
  if (object < 0) return -Errno.ENODATA;
  try {
    return isCompanionOf(context, object, objectPath, fd) ? action(object, objectPath) : -Errno.ENODATA;
  } finally {
    closeFd(object);
  }
}

function isCompanionOf(context: ShareContext, object: number, path: string, fd: number): boolean {
  if (statFd(fd, stat) < 0) return false;
  const identity = identityOf(stat);
  const found = besideObject<boolean | Failure>(context, object, path, (folder, { name, stat: of }) => {
    const companion = openCompanion(folder, name, of, null);
    if (typeof companion === "number") return false;
    const isSame = statFd(companion.fd, stat) === 0 && identityOf(stat) === identity;
    closeFd(companion.fd);
    return isSame;
  });
  return found === true;
}

export function companionPath(path: string): string {
  const { parent, name } = splitPath(path);
  return joinPath(parent, companionName(name));
}
