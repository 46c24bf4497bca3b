// The access mask of a user on an object: by its stored descriptor or its mode bits, limited by the share and
// by DOS attributes; [MS-FSA] 2.1.5.1.2.1, [MS-SMB2] 3.3.5.9.
import { Errno } from "../../../linux/errno.ts";
import { Access, FileGeneric } from "../../../wire/security/access.ts";
import { FileAttribute } from "../../../wire/fscc/attributes.ts";
import { type NtStatus, type NumberOf, Status } from "../../../wire/status.ts";
import type { MaybePromise } from "../../../port/port.ts";
import { grantedAccess } from "../../security/access-rights.ts";
import { ownsOnDisk } from "../../security/token.ts";
import type { Open } from "../../state/open.ts";
import type { Tree } from "../../state/session.ts";
import { andThen } from "../../and-then.ts";
import {
  type Failure,
  FileKind,
  type FileNode,
  type FileStat,
  type FileStore,
  isFailure,
  OWNERLESS,
} from "../../vfs/store.ts";
import { lookupStatusOf, statusOf } from "../errno-status.ts";
import { storedDescriptor, tokenOf } from "./descriptor.ts";

/** Granted to every user that can reach the object. */
export const ALWAYS = Access.READ_ATTRIBUTES | Access.READ_CONTROL | Access.SYNCHRONIZE;
// EXECUTE comes with READ_DATA: the client runs what it has read.
const BY_READ = Access.READ_DATA | Access.READ_EA | Access.EXECUTE;
const BY_WRITE =
  Access.WRITE_DATA |
  Access.APPEND_DATA |
  Access.WRITE_EA |
  Access.WRITE_ATTRIBUTES |
  Access.DELETE_CHILD |
  Access.DELETE;
/** The owner may change mode and times whatever the mode bits are, as with chmod(2) and utime(2). */
const BY_OWNING =
  Access.WRITE_ATTRIBUTES | Access.WRITE_EA | Access.WRITE_DAC | Access.WRITE_OWNER | Access.DELETE;

/** An access mask of specific rights; not negative. */
export type AccessMask = NumberOf<"access mask">;

/** Maximal access to a read-only share. */
export const READ_ONLY_ACCESS = FileGeneric.READ | FileGeneric.EXECUTE;

const CHANGING_ACCESS = FileGeneric.ALL & ~READ_ONLY_ACCESS;

/**
 * Takes the rights from an open that a read-only share does not give. A delete-on-close that is due is
 * revoked.
 */
export function makeReadOnly(open: Open): void {
  open.grantedAccess = (open.grantedAccess & ~CHANGING_ACCESS) >>> 0;
  open.deleteOnClose = false;
}

/** The rights of a node by its descriptor, its mode or its directory, as of the last `loadRights`. */
const loadedRights = new WeakMap<FileNode, AccessMask>();
/** Nodes in `loadedRights` that store no descriptor. */
const withoutDescriptor = new WeakSet<FileNode>();
/** The rights of owners that a user has who may read, write and execute: only the open is granted. */
const BY_EVERYTHING = Access.WRITE_DAC | Access.WRITE_OWNER;
/** `FileNode.access`: reads, writes and executes. */
const EVERYTHING = 7;

/** The maximal access of the tree's user on `node`; call `loadRights` first. */
export function maximalAccessOf(tree: Tree, node: FileNode): AccessMask {
  const rights = loadedRights.get(node);
  return rights === undefined ? accessByMode(tree, node) : (rights & tree.maximalAccess) >>> 0;
}

/**
 * The rights of the tree's user on `node` as far as `wanted` needs them, without asking the kernel where
 * everybody has those; call `loadRights` first.
 */
export function accessFor(tree: Tree, node: FileNode, wanted: number): AccessMask {
  const isForEverybody = (wanted & ~ALWAYS) === 0 && !loadedRights.has(node);
  return isForEverybody ? (ALWAYS & tree.maximalAccess) >>> 0 : maximalAccessOf(tree, node);
}

function accessByMode(tree: Tree, node: FileNode, onDisk = node.access()): AccessMask {
  return accessByRights(tree, onDisk, node.stat.uid);
}

/**
 * True where `loadRights` and the checks after it need to know what the disk lets the user do, which
 * `Found.rights` tells.
 */
export function needsRightsOnDisk(tree: Tree, wanted: number): boolean {
  return tree.grant.security.acl !== "nt" && (wanted & ~ALWAYS) !== 0;
}

/** The rights of the tree's user on an object with the owner `uid`, by what `FileNode.access` says of it. */
export function accessByRights(tree: Tree, bits: number, uid: number): AccessMask {
  let mask: number = ALWAYS;
  if ((bits & 4) !== 0) mask |= BY_READ;
  if ((bits & 2) !== 0) mask |= BY_WRITE;
  // The x bit alone grants TRAVERSE (the same bit as EXECUTE).
  if ((bits & 1) !== 0) mask |= Access.EXECUTE;
  if ((bits & OWNERLESS) !== 0) mask |= FileGeneric.ALL;
  // As smbd: the clients that ask for all rights get in; SET_INFO refuses what is the owner's to change.
  if ((bits & EVERYTHING) === EVERYTHING) mask |= BY_EVERYTHING;
  if (ownsByMode(tree, uid)) mask |= BY_OWNING;
  if (tree.grant.security.writersMayChange && (bits & 2) !== 0) mask |= Access.WRITE_DAC;
  return (mask & tree.maximalAccess) >>> 0;
}

function ownsByMode({ grant: { credentials } }: Tree, uid: number): boolean {
  return credentials === null || credentials.uid === 0 || credentials.uid === uid;
}

/**
 * The rights of `granted` that an open of `node` may have, but not use: the user is not the owner, who alone
 * may change mode and owner.
 */
export function unusableAccessOf(tree: Tree, node: FileNode, granted: number): number {
  const asked = granted & BY_EVERYTHING;
  if (asked === 0) return 0;
  if (loadedRights.has(node) && !withoutDescriptor.has(node)) return 0;
  const bits = node.access();
  if ((bits & OWNERLESS) !== 0 || ownsByMode(tree, node.stat.uid)) return 0;
  const mayChangeMode = tree.grant.security.writersMayChange && (bits & 2) !== 0;
  return mayChangeMode ? asked & Access.WRITE_OWNER : asked;
}

/** Rights that the parent directory may grant in place of the object; [MS-FSA] 2.1.5.1.2.1. */
const BY_DIRECTORY = Access.DELETE | Access.READ_ATTRIBUTES;

/**
 * Loads the rights by stored descriptors for `maximalAccessOf(tree, node)`, on shares that store them, and
 * those that the parent directory grants. It is read only if `wanted` has rights that it may grant;
 * `components` is the path of `node`, `onDisk` its `Found.rights`. SUCCESS, or the status of a failed read.
 */
export function loadRights(
  tree: Tree,
  store: FileStore,
  components: readonly string[],
  node: FileNode,
  wanted: number,
  onDisk?: number,
): MaybePromise<NtStatus> {
  if (tree.grant.security.acl !== "nt") return loadByMode(tree, store, components, node, wanted, onDisk);
  return andThen(rightsOn(tree, node), (ownRights) => {
    if (isFailure(ownRights)) return statusOf(ownRights);
    const missing = wanted & BY_DIRECTORY & ~ownRights;
    if (missing === 0 || components.length === 0) {
      loadedRights.set(node, ownRights);
      return Status.SUCCESS;
    }
    return andThen(rightsOnParent(tree, store, components), (parentRights) => {
      let rights = ownRights;
      if (!isFailure(parentRights)) {
        if ((parentRights & Access.DELETE_CHILD) !== 0) rights |= Access.DELETE;
        if ((parentRights & Access.LIST_DIRECTORY) !== 0) rights |= Access.READ_ATTRIBUTES;
      }
      loadedRights.set(node, rights);
      return Status.SUCCESS;
    });
  });
}

/**
 * Without stored descriptors, who may remove names in a directory may delete and rename every object in it,
 * as with unlink(2) and rename(2).
 */
function loadByMode(
  tree: Tree,
  store: FileStore,
  components: readonly string[],
  node: FileNode,
  wanted: number,
  onDisk: number | undefined,
): MaybePromise<NtStatus> {
  const isDeletion = (wanted & Access.DELETE & tree.maximalAccess) !== 0 && components.length > 0;
  if (!isDeletion && onDisk === undefined) return Status.SUCCESS;
  const ownRights = accessByMode(tree, node, onDisk);
  keepRights(node, ownRights);
  if (!isDeletion || (ownRights & Access.DELETE) !== 0) return Status.SUCCESS;
  return andThen(mayRemove(store, tree, components, node), (status) => {
    if (status === Status.SUCCESS) keepRights(node, ownRights | Access.DELETE);
    return Status.SUCCESS;
  });
}

function keepRights(node: FileNode, rights: number): void {
  withoutDescriptor.add(node);
  loadedRights.set(node, rights >>> 0);
}

/**
 * Returns SUCCESS if the directory's mode allows removing or renaming `node`: write and search access, and
 * ownership in a sticky directory. Checked at CREATE because few clients show the status of a CLOSE.
 */
export function mayRemove(
  store: FileStore,
  tree: Tree,
  components: readonly string[],
  node: FileNode,
): MaybePromise<NtStatus> {
  const parent = store.lookup(components.slice(0, -1), true);
  return andThen(parent, (found) => {
    if (typeof found === "number") return lookupStatusOf(found);
    const directory = found.node;
    if (directory === undefined) return Status.OBJECT_PATH_NOT_FOUND;
    const mayWrite = mayChangeNames(directory, found.rights);
    const allowed = mayWrite && mayRemoveOf(tree, directory.stat, node.stat.uid);
    directory.close();
    return allowed ? Status.SUCCESS : Status.ACCESS_DENIED;
  });
}

/** True where the directory's rights on disk let the store's user add and remove names. */
export function mayChangeNames(directory: FileNode, onDisk = directory.access()): boolean {
  return (onDisk & 3) === 3;
}

/** True where who may change names in the directory may remove one of an object with the owner `uid`. */
export function mayRemoveOf(tree: Tree, directory: FileStat, uid: number): boolean {
  const isSticky = (directory.mode & 0o1000) !== 0;
  return !isSticky || ownsByMode(tree, uid) || ownsByMode(tree, directory.uid);
}

/** The rights of the tree's user on `node` by its stored descriptor, else by its mode; -errno on failure. */
export function rightsOn(tree: Tree, node: FileNode): MaybePromise<AccessMask | Failure> {
  // As smbd with the uid of root.
  if (tree.grant.isAdmin) return FileGeneric.ALL;
  return andThen(storedDescriptor(tree, node), (stored) => {
    if (typeof stored === "number") return stored;
    if (stored === undefined) {
      withoutDescriptor.add(node);
      return accessByMode(tree, node);
    }
    withoutDescriptor.delete(node);
    const token = tokenOf(tree);
    // The uid on disk decides ownership when the descriptor names an owner of another server.
    return grantedAccess(stored, token, ownsOnDisk(token, node.stat.uid));
  });
}

/** `rightsOn` the parent directory of the path `components`; -ENOENT when it does not exist. */
export function rightsOnParent(
  tree: Tree,
  store: FileStore,
  components: readonly string[],
): MaybePromise<AccessMask | Failure> {
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
 * Checks by stored descriptors whether `node` may get the name `components`: the new parent must allow adding
 * it, and `replaced` must be deletable. SUCCESS, ACCESS_DENIED or a failed read. The kernel checks the mode
 * bits at the rename. [MS-FSA] 2.1.5.15.11, 2.1.5.15.6.
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
  return andThen(rightsOnParent(tree, store, components), (parentRights) => {
    if (isFailure(parentRights)) return statusOf(parentRights);
    if ((parentRights & needed) === 0) return Status.ACCESS_DENIED;
    if (replaced === undefined || replaced.identity === node.identity) return Status.SUCCESS;
    if ((parentRights & Access.DELETE_CHILD) !== 0) return Status.SUCCESS;
    return andThen(rightsOn(tree, replaced), (rights) => {
      if (isFailure(rights)) return statusOf(rights);
      return (rights & Access.DELETE) === 0 ? Status.ACCESS_DENIED : Status.SUCCESS;
    });
  });
}

/** True if `node` is a READONLY file and `access` includes writing data. Directories ignore READONLY. */
export function refusedByReadOnly(node: FileNode, access: number): boolean {
  if ((node.stat.attributes & FileAttribute.READONLY) === 0 || node.stat.kind === FileKind.DIRECTORY)
    return false;
  return (access & (Access.WRITE_DATA | Access.APPEND_DATA)) !== 0;
}
