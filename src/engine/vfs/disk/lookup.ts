// From the components that a client sent to an object on disk: exactly as spelled first, then without case.
import { Errno } from "../../../linux/errno.ts";
import { closeFd } from "../../../linux/open.ts";
import { emptyStatx, statFd } from "../../../linux/stat.ts";
import { upcase } from "../../../wire/fscc/upcase.ts";
import { deviceOf } from "../format/file-stat.ts";
import { NOT_READ } from "../context/directory-cache.ts";
import { traitsOf } from "../context/disk-traits.ts";
import { joinPath } from "../name/names.ts";
import { type NodeFacts, describeNode } from "./node.ts";
import type { ShareContext } from "../context/share-context.ts";
import type { Failure } from "../store.ts";
import { findsOtherSpellings, listedNames } from "./true-spelling.ts";

/** What a look-up finds: `fd` (O_PATH, the caller's) is -1 and `facts` undefined where the last name is missing. */
export interface FoundPath {
  readonly path: string;
  readonly name: string;
  readonly fd: number;
  readonly facts: NodeFacts | undefined;
}

/**
 * The names on disk of what a client sent. -EILSEQ: such a name cannot be; vetoed ones: -ENOENT on the way, -ENOKEY
 * at its end, so that nobody takes the directory for missing.
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

/** `FileStore.lookup` for on-disk names; `anyForm` as `FileStore.findsAnyForm`. */
export function findPath(
  context: ShareContext,
  names: readonly string[],
  anyForm: boolean,
): FoundPath | Failure {
  const located = resolveAsUser(context, names, anyForm);
  if (typeof located === "number") return located;
  if (located.fd < 0) return missing(located);
  // What the object is like is the server's to see, whatever the user may read of it.
  const facts = describeNode(context, located.fd, located.path);
  const mayDiffer = located.isAsSpelled === true && typeof facts !== "number";
  if (mayDiffer && traitsOf(context, facts.stat.device, located.fd).hasAliases) {
    closeFd(located.fd);
    const listed = context.asUser(() => resolveListed(context, names, anyForm));
    if (typeof listed === "number") return listed;
    return listed.fd < 0 ? missing(listed) : found(listed, describeNode(context, listed.fd, listed.path));
  }
  return found(located, facts);
}

function resolveAsUser(context: ShareContext, names: readonly string[], anyForm: boolean): Located | Failure {
  const denied = context.identity.enter();
  if (denied < 0) return denied;
  try {
    return resolve(context, names, anyForm);
  } finally {
    context.identity.leave();
  }
}

function missing({ path, name }: Located): FoundPath {
  return { path, name, fd: -1, facts: undefined };
}

function found({ fd, path, name }: Located, facts: NodeFacts | Failure): FoundPath | Failure {
  if (typeof facts !== "number") return { path, name, fd, facts };
  closeFd(fd);
  return facts;
}

/** An object found, or the place where one is missing: `fd` is -1 then. */
interface Located {
  readonly fd: number;
  readonly path: string;
  readonly name: string;
  /** It opened as the client spelled it: where the disk finds other spellings too, that may be none of its names. */
  readonly isAsSpelled?: boolean;
}

const parentFacts = emptyStatx();

function resolve(context: ShareContext, names: readonly string[], anyForm: boolean): Located | Failure {
  if (rootFindsOtherSpellings(context)) return resolveListed(context, names, anyForm);
  const path = names.join("/");
  const name = names.at(-1) ?? "";
  // A symlink that leads nowhere is found with the names of its directory, where those are to be looked at anyway.
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
    // Below a directory of another spelling than the one asked for, the name may be there as it is spelled.
    const isElsewhere = joinPath(parent.path, name) !== path;
    return (
      (isElsewhere ? openBelow(context, parent, name, name) : undefined) ??
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

/** The same where a disk finds more names than it lists: those alone count that it lists. */
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
  const located = resolveLast(context, { fd, path }, name, anyForm);
  closeFd(fd);
  return located;
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

/** Undefined where it is not there, or gone since. */
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

/** The name in a directory that is meant by one that is not there as spelled. What is vetoed is not there. */
function findName(
  context: ShareContext,
  directory: number,
  name: string,
  anyForm: boolean,
): string | undefined {
  const { directories, names } = context;
  if (!names.mayDiffer(name, anyForm)) return undefined;
  const listed = directories.find(directory, name);
  // Who may not list a directory finds what he can name.
  if (listed === NOT_READ) return name;
  const equal = listed.length === 0 ? listed : listed.filter((candidate) => !context.isVetoed(candidate));
  const chosen = names.choose(equal, name, anyForm);
  if (chosen !== undefined || !names.mayBeShort(name)) return chosen;
  const found = directories.findShort(directory, upcase(name), names.shortNameRule, (candidate) =>
    names.shortNameOf(names.toClient(candidate)),
  );
  return found === undefined || context.isVetoed(found) ? undefined : found;
}

interface Directory {
  /** To be closed by who asked. */
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

/** One component at a time, each by the name that the directory really has. */
function walkFolded(context: ShareContext, names: readonly string[], anyForm: boolean): Directory | Failure {
  let path = "";
  let fd = context.openDirectoryPath(path);
  for (const name of names) {
    if (fd < 0) return fd;
    let next = context.openDirectoryPath(joinPath(path, name));
    let real: string | undefined = name;
    if (next === -Errno.ENOENT) {
      real = findName(context, fd, name, anyForm);
      if (real !== undefined) next = context.openDirectoryPath(joinPath(path, real));
    }
    closeFd(fd);
    fd = next;
    path = joinPath(path, real ?? name);
  }
  return fd < 0 ? fd : { fd, path };
}
