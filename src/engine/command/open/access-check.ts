// Which access mask a user gets on an object: the share's limit, the descriptor that is kept or the file system's mode
// bits, DOS attributes; [MS-FSA] 2.1.5.1.2.1, [MS-SMB2] 3.3.5.9.
import { Errno } from "../../../linux/errno.ts";
import { Access, FileGeneric } from "../../../wire/security/access.ts";
import { FileAttribute } from "../../../wire/fscc/attributes.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { MaybePromise } from "../../../port/port.ts";
import { grantedAccess } from "../../security/access-rights.ts";
import { ownsOnDisk } from "../../security/token.ts";
import type { Tree } from "../../state/session.ts";
import { andThen } from "../../and-then.ts";
import { FileKind, type FileNode, type FileStore } from "../../vfs/store.ts";
import { statusOf } from "../errno-status.ts";
import { storedDescriptor, tokenOf } from "./descriptor.ts";

/** What everybody who may reach an object may do with it. */
const ALWAYS = Access.READ_ATTRIBUTES | Access.READ_CONTROL | Access.SYNCHRONIZE;
// Reading a program is running it: a client cannot be kept from executing what it read.
const BY_READ = Access.READ_DATA | Access.READ_EA | Access.EXECUTE;
const BY_WRITE =
  Access.WRITE_DATA |
  Access.APPEND_DATA |
  Access.WRITE_EA |
  Access.WRITE_ATTRIBUTES |
  Access.DELETE_CHILD |
  Access.DELETE;
/** The owner may change mode and times whatever the bits say, as chmod(2) and utime(2) have it. */
const BY_OWNING =
  Access.WRITE_ATTRIBUTES | Access.WRITE_EA | Access.WRITE_DAC | Access.WRITE_OWNER | Access.DELETE;

/** The rights of a share that may only be read. */
export const READ_ONLY_ACCESS = FileGeneric.READ | FileGeneric.EXECUTE;

/** What kept descriptors grant: as of the last `learnRights`. */
const learned = new WeakMap<FileNode, number>();

/** Everything that the user of `tree` could be granted on `node`. */
export function maximalAccessOf(tree: Tree, node: FileNode): number {
  const kept = learned.get(node);
  return kept === undefined ? accessByMode(tree, node) : (kept & tree.maximalAccess) >>> 0;
}

function accessByMode(tree: Tree, node: FileNode): number {
  const bits = node.access();
  let mask: number = ALWAYS;
  if ((bits & 4) !== 0) mask |= BY_READ;
  if ((bits & 2) !== 0) mask |= BY_WRITE;
  // A directory that can only be searched can still be passed through.
  if ((bits & 1) !== 0) mask |= Access.EXECUTE;
  const { credentials } = tree.grant;
  if (credentials === null || credentials.uid === 0 || credentials.uid === node.stat.uid) mask |= BY_OWNING;
  if (tree.grant.security.writersMayChange && (bits & 2) !== 0) mask |= Access.WRITE_DAC;
  return (mask & tree.maximalAccess) >>> 0;
}

/** Rights that the directory may give where the object does not; [MS-FSA] 2.1.5.1.2.1. */
const BY_DIRECTORY = Access.DELETE | Access.READ_ATTRIBUTES;

/**
 * Reads what descriptors say, with a share that keeps them: `maximalAccessOf(tree, node)` is true then. `wanted` are
 * the rights that matter; `components` is the path of `node`. SUCCESS, or the status that refuses to go on.
 */
export function learnRights(
  tree: Tree,
  store: FileStore,
  components: readonly string[],
  node: FileNode,
  wanted: number,
): MaybePromise<NtStatus> {
  if (tree.grant.security.acl !== "nt") return Status.SUCCESS;
  return andThen(rightsOn(tree, node), (own) => {
    if (own < 0) return statusOf(own);
    const missing = wanted & BY_DIRECTORY & ~own;
    if (missing === 0 || components.length === 0) {
      learned.set(node, own);
      return Status.SUCCESS;
    }
    return andThen(rightsOnParent(tree, store, components), (above) => {
      let rights = own;
      if (above >= 0 && (above & Access.DELETE_CHILD) !== 0) rights |= Access.DELETE;
      if (above >= 0 && (above & Access.LIST_DIRECTORY) !== 0) rights |= Access.READ_ATTRIBUTES;
      learned.set(node, rights);
      return Status.SUCCESS;
    });
  });
}

/** What the user of `tree` may do with `node` by the descriptor that is kept, else by mode; or a negative errno. */
export function rightsOn(tree: Tree, node: FileNode): MaybePromise<number> {
  return andThen(storedDescriptor(tree, node), (kept) => {
    if (typeof kept === "number") return kept;
    if (kept === undefined) return accessByMode(tree, node);
    const token = tokenOf(tree);
    // Another server's name for the owner is the uid that the disk has.
    return grantedAccess(kept, token, ownsOnDisk(token, node.stat.uid));
  });
}

/** The same for the directory that a path's last component is in. */
export function rightsOnParent(
  tree: Tree,
  store: FileStore,
  components: readonly string[],
): MaybePromise<number> {
  return andThen(store.lookup(components.slice(0, -1)), (found) => {
    if (typeof found === "number") return found;
    const directory = found.node;
    if (directory === undefined) return -Errno.ENOENT;
    return andThen(rightsOn(tree, directory), (rights) => {
      directory.close();
      return rights;
    });
  });
}

/**
 * Whether descriptors let `node` get another name: its new directory must take it, and what has the name now must be
 * free to go. [MS-FSA] 2.1.5.15.11, 2.1.5.15.6. The rights on disk are asked when it is done.
 */
export function mayTakeName(
  tree: Tree,
  store: FileStore,
  components: readonly string[],
  node: FileNode,
  replaced: FileNode | undefined,
): MaybePromise<NtStatus> {
  if (tree.grant.security.acl !== "nt") return Status.SUCCESS;
  const isDirectory = node.stat.kind === FileKind.DIRECTORY;
  const needed = isDirectory ? Access.ADD_SUBDIRECTORY : Access.ADD_FILE;
  return andThen(rightsOnParent(tree, store, components), (above) => {
    if (above < 0) return statusOf(above);
    if ((above & needed) === 0) return Status.ACCESS_DENIED;
    if (replaced === undefined || replaced.identity === node.identity) return Status.SUCCESS;
    if ((above & Access.DELETE_CHILD) !== 0) return Status.SUCCESS;
    return andThen(rightsOn(tree, replaced), (rights) => {
      if (rights < 0) return statusOf(rights);
      return (rights & Access.DELETE) === 0 ? Status.ACCESS_DENIED : Status.SUCCESS;
    });
  });
}

/** The part of `access` that a READONLY file refuses. */
export function refusedByReadOnly(node: FileNode, access: number): boolean {
  if ((node.stat.attributes & FileAttribute.READONLY) === 0 || node.stat.kind === FileKind.DIRECTORY)
    return false;
  return (access & (Access.WRITE_DATA | Access.APPEND_DATA)) !== 0;
}
