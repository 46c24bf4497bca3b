// The identifier of an object on its volume, as clients get it.
import type { InternalInformation } from "../../../wire/fscc/file-information.ts";
import type { Open } from "../../state/open.ts";

const NONE: InternalInformation = { inodeLow: 0, inodeHigh: 0 };

/**
 * The inode number; 0 where a Mac is to make its own identifiers. It takes one for a Catalog Node ID of HFS+,
 * which is given to one file only, and keeps what it knows of a removed file for the next one of the same
 * number; vfs_fruit(8), zero_file_id.
 */
export function diskIdOf({ tree }: Pick<Open, "tree">, stat: InternalInformation): InternalInformation {
  return tree.session.hidesFileIds ? NONE : stat;
}
