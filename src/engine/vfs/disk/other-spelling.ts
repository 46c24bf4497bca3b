// Guards new names on shares that ignore case: between the look-up and the creation another client may have
// made a name that differs in case only. A second one would hide a file from its owner.
import { Errno } from "../../../linux/errno.ts";
import { closeFd } from "../../../linux/open.ts";
import type { ShareContext } from "../context/share-context.ts";
import { joinPath } from "../name/names.ts";

/**
 * True where the directory, at the on-disk path `parent`, is cached and has another spelling of `name` that a
 * look-up finds. Reads nothing.
 */
export function hasOtherSpelling(
  context: ShareContext,
  directory: number,
  parent: string,
  name: string,
): boolean {
  const { names, directories } = context;
  if (!names.mayDiffer(name, false)) return false;
  const known = directories.known(directory, name);
  if (known.length === 0) return false;
  const others = known.filter((one) => one !== name && !context.isVetoed(one));
  const chosen = others.length === 0 ? undefined : names.choose(others, name, false);
  if (chosen === undefined) return false;
  // As the look-up does: what it does not find must not refuse the name for ever.
  const fd = context.openPath(joinPath(parent, chosen));
  if (fd >= 0) closeFd(fd);
  return fd !== -Errno.ENOENT;
}
