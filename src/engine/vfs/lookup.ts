// From the components that a client sent to an object on disk: exactly as spelled first, then without case.
import { Errno } from "../../linux/errno.ts";
import { closeFd } from "../../linux/open.ts";
import { joinPath, toDiskName } from "./names.ts";
import { type NodeFacts, describeNode } from "./node-operations.ts";
import type { ShareContext } from "./share-context.ts";
import type { Failure } from "./store.ts";

/** What a look-up finds: `fd` (O_PATH, the caller's) is -1 and `facts` undefined where the last name is missing. */
export interface FoundPath {
  readonly path: string;
  readonly name: string;
  readonly fd: number;
  readonly facts: NodeFacts | undefined;
}

/** The names on disk of what a client sent; undefined where there can be no such object. */
export function diskNamesOf(context: ShareContext, components: readonly string[]): string[] | undefined {
  const names: string[] = [];
  for (const component of components) {
    const name = toDiskName(component);
    if (name === undefined || context.veto?.(component)) return undefined;
    names.push(name);
  }
  return names;
}

/** `FileStore.lookup` for on-disk names. */
export function findPath(context: ShareContext, names: readonly string[]): FoundPath | Failure {
  const located = context.asUser(() => resolve(context, names));
  if (typeof located === "number") return located;
  const { fd, path, name } = located;
  if (fd < 0) return { path, name, fd, facts: undefined };
  // What the object is like is the server's to see, whatever the user may read of it.
  const facts = describeNode(context, fd, path);
  if (typeof facts !== "number") return { path, name, fd, facts };
  closeFd(fd);
  return facts;
}

/** An object found, or the place where one is missing: `fd` is -1 then. */
interface Located {
  readonly fd: number;
  readonly path: string;
  readonly name: string;
}

function resolve(context: ShareContext, names: readonly string[]): Located | Failure {
  const path = names.join("/");
  const name = names.at(-1) ?? "";
  const fd = context.openPath(path);
  if (fd >= 0) return { fd, path, name };
  if (fd !== -Errno.ENOENT || names.length === 0) return fd;
  const parent = openParent(context, names.slice(0, -1));
  if (typeof parent === "number") return parent;
  try {
    return resolveLast(context, parent, name);
  } finally {
    closeFd(parent.fd);
  }
}

function resolveLast(context: ShareContext, parent: Directory, name: string): Located | Failure {
  const real = context.grant.caseSensitive ? undefined : context.directories.find(parent.fd, name);
  if (real !== undefined) {
    const path = joinPath(parent.path, real);
    const fd = context.openPath(path);
    // Gone since: as good as not there.
    if (fd !== -Errno.ENOENT) return fd < 0 ? fd : { fd, path, name };
  }
  return { fd: -1, path: joinPath(parent.path, name), name };
}

interface Directory {
  /** To be closed by who asked. */
  readonly fd: number;
  /** The on-disk path. */
  readonly path: string;
}

function openParent(context: ShareContext, names: readonly string[]): Directory | Failure {
  const path = names.join("/");
  const fd = context.openDirectoryPath(path);
  if (fd >= 0) return { fd, path };
  if (fd !== -Errno.ENOENT || context.grant.caseSensitive) return fd;
  return walkFolded(context, names);
}

/** One component at a time, each by the name that the directory really has. */
function walkFolded(context: ShareContext, names: readonly string[]): Directory | Failure {
  let path = "";
  let fd = context.openDirectoryPath(path);
  for (const name of names) {
    if (fd < 0) return fd;
    let next = context.openDirectoryPath(joinPath(path, name));
    let real: string | undefined = name;
    if (next === -Errno.ENOENT) {
      real = context.directories.find(fd, name);
      if (real !== undefined) next = context.openDirectoryPath(joinPath(path, real));
    }
    closeFd(fd);
    fd = next;
    path = joinPath(path, real ?? name);
  }
  return fd < 0 ? fd : { fd, path };
}
