// The AppleDouble file of an object goes where the object goes. It follows it, as on macOS: a server that is
// killed in between leaves it under its old name, where it is listed because its object is missing.
import { linkAt, renameAt, unlinkAt } from "../../../linux/directory-entries.ts";
import { Errno } from "../../../linux/errno.ts";
import { ModeType, type Statx, emptyStatx, statAt } from "../../../linux/stat.ts";
import { identityOf } from "../format/file-stat.ts";
import type { Failure } from "../store.ts";
import { companionName, findCompanion, hasCompanion, removeCompanion, renameToFree } from "./companion.ts";

interface Name {
  readonly directory: number;
  readonly name: string;
}

const MAX_ASIDE = 9;
const MAX_NAME_BYTES = 255;
const stat = emptyStatx();
const other = emptyStatx();
const file = emptyStatx();
const encoder = new TextEncoder();

/** True where a file has the name of the object's AppleDouble file; costs one look-up. */
export function mayHaveCompanion({ directory, name }: Name): boolean {
  return statAt(directory, companionName(name), file) === 0;
}

/** True where `unlinkCompanion` is to follow the removal of the object; a failure as of `findCompanion`. */
export function isToUnlink({ directory, name }: Name): boolean | Failure {
  return statAt(directory, name, stat) === 0 && findCompanion(directory, name, stat);
}

export function unlinkCompanion({ directory, name }: Name): void {
  removeCompanion(directory, name);
}

/** What has to follow a rename; found before it. */
export interface Following {
  readonly source: boolean;
  /** The AppleDouble file of the object that the rename replaces. */
  readonly replaced: boolean;
}

/**
 * Undefined where neither object has such a file that the server understands; a failure as of
 * `findCompanion`: the object must not lose the file. `keepsReplaced`: programs that write a file anew and
 * rename it over the old one keep the metadata, where both have one owner.
 */
export function followingOf(from: Name, to: Name, keepsReplaced: boolean): Following | undefined | Failure {
  if (statAt(from.directory, from.name, stat) < 0) return undefined;
  const source = findCompanion(from.directory, from.name, stat);
  if (typeof source === "number") return source;
  const isThere = statAt(to.directory, to.name, other) === 0;
  const isOther = isThere && identityOf(other) !== identityOf(stat);
  const isKept = keepsReplaced && !source && isFile(stat) && isFile(other) && stat.uid === other.uid;
  const replaced = isOther && !isKept && findCompanion(to.directory, to.name, other);
  if (typeof replaced === "number") return replaced;
  return source || replaced ? { source, replaced } : undefined;
}

function isFile({ mode }: Statx): boolean {
  return (mode & ModeType.MASK) === ModeType.REGULAR;
}

/** After the rename. */
export function followRename(from: Name, to: Name, { source, replaced }: Following): void {
  if (!source) {
    if (replaced) removeCompanion(to.directory, to.name);
    return;
  }
  const isSame = isSameCompanion(from, to);
  // rename(2) leaves two names of one file as they are.
  if (isSame && stat.links > 1) return void unlinkAt(from.directory, companionName(from.name), false);
  // Another file under that name is not the server's to replace.
  if (!replaced && !isSame && mayHaveCompanion(to) && !setAside(to)) return;
  renameAt(from.directory, companionName(from.name), to.directory, companionName(to.name), 0);
}

function isSameCompanion(from: Name, to: Name): boolean {
  if (statAt(from.directory, companionName(from.name), stat) < 0) return false;
  return statAt(to.directory, companionName(to.name), other) === 0 && identityOf(stat) === identityOf(other);
}

/** False where it has found no free name: then the file and the AppleDouble file keep their names. */
function setAside({ directory, name }: Name): boolean {
  for (let i = 1; i <= MAX_ASIDE; i++) {
    const suffix = `.${i}`;
    let aside = companionName(name);
    while (encoder.encode(aside + suffix).length > MAX_NAME_BYTES) aside = aside.slice(0, -1);
    if (renameToFree(directory, companionName(name), aside + suffix) === 0) return true;
  }
  return false;
}

/** Gives the AppleDouble file of a hard-linked object the new name, too. */
export function followLink(from: Name, to: Name, of: Statx): void {
  if (!hasCompanion(from.directory, from.name, of)) return;
  const linked: 0 | Failure = linkAt(
    from.directory,
    companionName(from.name),
    to.directory,
    companionName(to.name),
  );
  if (linked !== -Errno.EEXIST || isSameCompanion(from, to)) return;
  setAside(to);
  linkAt(from.directory, companionName(from.name), to.directory, companionName(to.name));
}
