// Looks up the components that a client sent: first exactly as spelled, then case-insensitively.
import { Errno } from "../../../linux/errno.ts";
import { closeFd } from "../../../linux/open.ts";
import { emptyStatx, statFd } from "../../../linux/stat.ts";
import { upcase } from "../../../wire/fscc/upcase.ts";
import { deviceOf } from "../format/file-stat.ts";
import { NOT_READ } from "../context/directory-cache.ts";
import { type FolderAnswer, isUnread, orUnread, type UnreadFolder } from "../context/unread-folder.ts";
import { traitsOf } from "../context/disk-traits.ts";
import { joinPath } from "../name/names.ts";
import { type NodeFacts, describeNode, rightsInForce } from "./node.ts";
import { healSpecial, keepSystem } from "../values/ntfs-attributes.ts";
import type { ShareContext } from "../context/share-context.ts";
import type { DfsLink } from "../name/dfs-target.ts";
import type { Failure } from "../store.ts";
import { findsOtherSpellings, listedNames } from "./true-spelling.ts";

/**
 * Result of a look-up. `fd` is O_PATH, the caller closes it; -1, and `facts` undefined, for a missing last
 * name.
 */
export interface FoundPath {
  readonly path: string;
  readonly name: string;
  readonly fd: number;
  readonly facts: NodeFacts | undefined;
}

/**
 * Converts a client's components to on-disk names. -EILSEQ for a name that cannot exist; for a vetoed name
 * -ENOENT in a parent component, and -ENOKEY in the last, to tell it from a missing parent.
 */
export function diskNamesOf(context: ShareContext, components: readonly string[]): string[] | Failure {
  const names: string[] = [];
  for (const component of components) {
    const name = context.names.toDisk(component);
    if (name === undefined) return -Errno.EILSEQ;
    names.push(name);
    if (!context.isVetoed(name)) continue;
    return names.length === components.length ? -Errno.ENOKEY : -Errno.ENOENT;
  }
  return names;
}

/**
 * `FileStore.lookup` for on-disk names; `anyForm` is `FileStore.isForMac`, and `asksRights` fills
 * `facts.rights`. A directory that is too large to be read at once is returned: the caller looks into it and
 * calls again with the answer.
 */
export function findPath(
  context: ShareContext,
  names: readonly string[],
  anyForm: boolean,
  answers: readonly FolderAnswer[] = [],
  asksRights = false,
): FoundPath | UnreadFolder | Failure {
  return orUnread(context.directories, answers, () => findAtOnce(context, names, anyForm, asksRights));
}

/** `FileStore.dfsLink` for on-disk names; the other parameters are those of `findPath`. */
export function findDfsLink(
  context: ShareContext,
  names: readonly string[],
  anyForm: boolean,
  answers: readonly FolderAnswer[] = [],
): DfsLink | undefined | UnreadFolder | Failure {
  const found = findPath(context, names, anyForm, answers);
  if (typeof found === "number") return found === -Errno.EREMOTE ? context.dfsLink : found;
  if (isUnread(found)) return found;
  if (found.fd >= 0) closeFd(found.fd);
  return undefined;
}

function findAtOnce(
  context: ShareContext,
  names: readonly string[],
  anyForm: boolean,
  asksRights: boolean,
): FoundPath | Failure {
  const first = findObject(context, names, anyForm, asksRights);
  if (typeof first === "number" || first.facts === undefined) return first;
  if (!healSpecial(context, first.fd, first.facts.stat)) return first;
  closeFd(first.fd);
  const healed = findObject(context, names, anyForm, false);
  if (typeof healed === "number" || healed.facts === undefined) return healed;
  keepSystem(context, healed.fd, healed.path);
  return found(healed, describeNode(context, healed.fd, healed.path));
}

function findObject(
  context: ShareContext,
  names: readonly string[],
  anyForm: boolean,
  asksRights: boolean,
): FoundPath | Failure {
  let bits = -1;
  const located = context.asUser(() => {
    const at = resolve(context, names, anyForm);
    // A switch of the user costs more than these calls.
    if (asksRights && typeof at !== "number" && at.fd >= 0) bits = rightsInForce(at.fd);
    return at;
  });
  if (typeof located === "number") return located;
  if (located.fd < 0) return missing(located);
  // As the server: the user need not have any right to the object itself.
  const facts = describeNode(context, located.fd, located.path, undefined, bits);
  const mayDiffer = located.isAsSpelled === true && typeof facts !== "number";
  if (mayDiffer && traitsOf(context, facts.stat.device, located.fd).hasAliases) {
    closeFd(located.fd);
    const listed = context.asUser(() => resolveListed(context, names, anyForm));
    if (typeof listed === "number") return listed;
    return listed.fd < 0 ? missing(listed) : found(listed, describeNode(context, listed.fd, listed.path));
  }
  return found(located, facts);
}

function missing({ path, name }: Located): FoundPath {
  return { path, name, fd: -1, facts: undefined };
}

function found({ fd, path, name }: Located, facts: NodeFacts | Failure): FoundPath | Failure {
  if (typeof facts !== "number") return { path, name, fd, facts };
  closeFd(fd);
  return facts;
}

/** An object that was found, or a missing last name: `fd` is -1 then. */
interface Located {
  readonly fd: number;
  readonly path: string;
  readonly name: string;
  /**
   * It opened as the client spelled it; on a disk that finds other spellings it may be listed under another
   * name.
   */
  readonly isAsSpelled?: boolean;
}

const parentFacts = emptyStatx();

function resolve(context: ShareContext, names: readonly string[], anyForm: boolean): Located | Failure {
  if (rootFindsOtherSpellings(context)) return resolveListed(context, names, anyForm);
  const path = names.join("/");
  const name = names.at(-1) ?? "";
  // Where the directory must be searched anyway, that search finds a dangling symlink.
  const reportsMissing = names.length > 0 && context.names.mayDiffer(name, anyForm);
  const fd = context.openPath(path, reportsMissing);
  if (fd >= 0) return { fd, path, name, isAsSpelled: true };
  if (fd !== -Errno.ENOENT || names.length === 0) return fd;
  const parent = openParent(context, names.slice(0, -1), anyForm);
  if (typeof parent === "number") return parent;
  try {
    const isKnown = statFd(parent.fd, parentFacts) === 0;
    if (isKnown && traitsOf(context, deviceOf(parentFacts), parent.fd).hasAliases)
      return resolveListed(context, names, anyForm);
    // The parent has another spelling than requested, and may contain the last name exactly as spelled.
    const isOtherPath = joinPath(parent.path, name) !== path;
    return (
      (isOtherPath ? openBelow(context, parent, name, name) : undefined) ??
      resolveLast(context, parent, name, anyForm)
    );
  } finally {
    closeFd(parent.fd);
  }
}

const ofRoots = new WeakMap<ShareContext, boolean>();

function rootFindsOtherSpellings(context: ShareContext): boolean {
  let finds = ofRoots.get(context);
  if (finds === undefined) ofRoots.set(context, (finds = findsOtherSpellings(context, context.rootFd)));
  return finds;
}

/** The same on a disk that finds other spellings: only names that the directory lists are valid. */
function resolveListed(context: ShareContext, names: readonly string[], anyForm: boolean): Located | Failure {
  const listed = listedNames(context, names, anyForm);
  const name = names.at(-1) ?? "";
  if (listed.length === names.length) {
    const path = listed.join("/");
    const fd = context.openPath(path);
    if (fd !== -Errno.ENOENT) return fd < 0 ? fd : { fd, path, name };
  }
  if (listed.length < names.length - 1) return -Errno.ENOENT;
  const path = listed.slice(0, names.length - 1).join("/");
  const fd = context.openDirectoryPath(path);
  if (fd < 0) return fd;
  try {
    return resolveLast(context, { fd, path }, name, anyForm);
  } finally {
    closeFd(fd);
  }
}

function resolveLast(
  context: ShareContext,
  parent: Directory,
  name: string,
  anyForm: boolean,
): Located | Failure {
  const real = findName(context, parent.fd, name, anyForm);
  const found = real === undefined ? undefined : openBelow(context, parent, real, name);
  if (found !== undefined) return found;
  const spelled = context.names.spellNew(name);
  return { fd: -1, path: joinPath(parent.path, spelled), name: spelled };
}

/** Undefined where the name does not exist any more. */
function openBelow(
  context: ShareContext,
  parent: Directory,
  real: string,
  name: string,
): Located | Failure | undefined {
  const path = joinPath(parent.path, real);
  const fd = context.openPath(path);
  if (fd === -Errno.ENOENT) return undefined;
  return fd < 0 ? fd : { fd, path, name };
}

/** The name in a directory that `name`, which does not exist as spelled, stands for; never a vetoed one. */
function findName(
  context: ShareContext,
  directory: number,
  name: string,
  anyForm: boolean,
): string | undefined {
  const { directories, names } = context;
  if (!names.mayDiffer(name, anyForm)) return undefined;
  const listed = directories.find(directory, name);
  // A user who may not list a directory finds exact names only.
  if (listed === NOT_READ) return name;
  const equal = listed.length === 0 ? listed : listed.filter((candidate) => !context.isVetoed(candidate));
  const chosen = names.choose(equal, name, anyForm);
  if (chosen !== undefined || !names.mayBeShort(name)) return chosen;
  const found = directories.findShort(directory, upcase(name), names.shortNames);
  return found === undefined || context.isVetoed(found) ? undefined : found;
}

interface Directory {
  /** The caller closes it. */
  readonly fd: number;
  /** The on-disk path. */
  readonly path: string;
}

function openParent(context: ShareContext, names: readonly string[], anyForm: boolean): Directory | Failure {
  const path = names.join("/");
  const fd = context.openDirectoryPath(path);
  if (fd >= 0) return { fd, path };
  if (fd !== -Errno.ENOENT || !names.some((name) => context.names.mayDiffer(name, anyForm))) return fd;
  return walkFolded(context, names, anyForm);
}

/** Walks one component at a time, each by the name that its directory contains. */
function walkFolded(context: ShareContext, names: readonly string[], anyForm: boolean): Directory | Failure {
  let path = "";
  let fd = context.openDirectoryPath(path);
  for (const name of names) {
    if (fd < 0) return fd;
    let next = context.openDirectoryPath(joinPath(path, name));
    let real: string | undefined = name;
    try {
      if (next === -Errno.ENOENT) {
        real = findName(context, fd, name, anyForm);
        if (real !== undefined) next = context.openDirectoryPath(joinPath(path, real));
      }
    } finally {
      closeFd(fd);
    }
    fd = next;
    path = joinPath(path, real ?? name);
  }
  return fd < 0 ? fd : { fd, path };
}
