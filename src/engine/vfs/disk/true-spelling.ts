// Finds names as the directory lists them, on disks that also find a file by other spellings: in another
// case, by a short name, with trailing dots. Otherwise one file could have two entries in the tables of locks
// and share modes, and a vetoed file or the sidecar could be reached by another spelling. On FUSE each
// spelling may even have an inode of its own for a while, so a name is looked up in the listing before it is
// opened.
import { closeFd } from "../../../linux/open.ts";
import { emptyStatx, statFd } from "../../../linux/stat.ts";
import { deviceOf } from "../format/file-stat.ts";
import { traitsOf } from "../context/disk-traits.ts";
import { joinPath } from "../name/names.ts";
import type { ShareContext } from "../context/share-context.ts";

const stat = emptyStatx();

/** True where the disk of `fd` finds names by other spellings. */
export function findsOtherSpellings(context: ShareContext, fd: number): boolean {
  return statFd(fd, stat) === 0 && traitsOf(context, deviceOf(stat), fd).hasAliases;
}

/**
 * The components of a path as their directories list them, up to the first that is not listed or is vetoed.
 */
export function listedNames(context: ShareContext, names: readonly string[], anyForm: boolean): string[] {
  return context.identity.asServer(() => {
    const listed: string[] = [];
    let path = "";
    for (const name of names) {
      const directory = context.openDirectoryPath(path);
      if (directory < 0) break;
      let real: string | undefined;
      try {
        real = listedName(context, directory, name, anyForm);
      } finally {
        closeFd(directory);
      }
      if (real === undefined || context.isVetoed(real)) break;
      listed.push(real);
      path = joinPath(path, real);
    }
    return listed;
  });
}

/** From the directory cache; a name that it does not have, from the directory itself. */
function listedName(
  context: ShareContext,
  directory: number,
  name: string,
  anyForm: boolean,
): string | undefined {
  const { directories } = context;
  const known = choose(context, directories.find(directory, name), name, anyForm);
  return known ?? choose(context, directories.find(directory, name, true), name, anyForm);
}

function choose(
  context: ShareContext,
  candidates: readonly string[],
  name: string,
  anyForm: boolean,
): string | undefined {
  return candidates.includes(name) ? name : context.names.choose(candidates, name, anyForm);
}
