// Security of a new file or directory: the access check on its parent directory, its initial owner and
// rights; [MS-FSA] 2.1.5.1.1, [MS-DTYP] 2.5.3.4, [MS-SMB2] 2.2.13.2.2.
import { Errno } from "../../../linux/errno.ts";
import type { MaybePromise } from "../../../port/port.ts";
import { Access } from "../../../wire/security/access.ts";
import { NotifyAction } from "../../../wire/fscc/notify.ts";
import type { SecurityDescriptor } from "../../../wire/security/security-descriptor.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import { grantedAccess } from "../../security/access-rights.ts";
import { initialDescriptorOf } from "../../security/inheritance.ts";
import { descriptorOfAcl } from "../../security/posix-rights.ts";
import { gidOfSid, hasSid, userSidOf, ownsOnDisk, sidOfUid, uidOfSid } from "../../security/token.ts";
import { nameFilter } from "../../state/notify.ts";
import { absolutePath } from "../../state/open-table.ts";
import { andThen } from "../../and-then.ts";
import { aclOfMode } from "../../security/posix-acl.ts";
import { type Failure, FileKind, type FileNode, type ObjectSecurity } from "../../vfs/store.ts";
import { loadRights } from "../open/access-check.ts";
import type { Creation } from "./creation.ts";
import { lookupStatusOf, statusOf } from "../errno-status.ts";
import { storedDescriptor, tokenOf, uidOn } from "../open/descriptor.ts";
import { modeOf, rightsChange, takeDescriptor } from "../open/rights-change.ts";

/**
 * Runs before the object is created: SUCCESS, or the status that the CREATE fails with. Sets
 * `creation.initialDescriptor` or `creation.permissions`.
 */
export function prepareSecurity(creation: Creation, isDirectory: boolean): MaybePromise<NtStatus> {
  const { request, tree } = creation;
  const isNt = tree.grant.security.acl === "nt";
  const data = request.contexts.securityDescriptor;
  if (data === undefined && !isNt) return Status.SUCCESS;
  const given = data === undefined ? undefined : takeDescriptor(data);
  if (typeof given === "number") return given;
  const refusal = given === undefined ? Status.SUCCESS : checkGivenDescriptor(creation, given);
  if (refusal !== Status.SUCCESS) return refusal;
  // A Linux client sends a mode as an ACE; the mode replaces the list.
  const mode = given === undefined ? undefined : modeOf(given);
  if (mode !== undefined) {
    creation.permissions = mode;
    return Status.SUCCESS;
  }
  if (!isNt) {
    creation.initialDescriptor = initialDescriptorOf({
      parent: undefined,
      creatorDescriptor: given,
      owner: undefined,
      token: tokenOf(tree),
      isDirectory,
    });
    return Status.SUCCESS;
  }
  return andThen(readParent(creation), (parent) => {
    if (typeof parent === "number") return lookupStatusOf(parent);
    const token = tokenOf(tree);
    const { descriptor, uid } = parent;
    if (descriptor !== undefined) {
      const needed = isDirectory ? Access.ADD_SUBDIRECTORY : Access.ADD_FILE;
      if ((grantedAccess(descriptor, token, ownsOnDisk(token, uid)) & needed) === 0)
        return Status.ACCESS_DENIED;
    }
    const owner = tree.grant.security.inheritOwnerName ? (descriptor?.owner ?? sidOfUid(uid)) : undefined;
    creation.initialDescriptor = initialDescriptorOf({
      parent: descriptor,
      creatorDescriptor: given,
      owner,
      token,
      isDirectory,
    });
    creation.recordsCreator = creation.initialDescriptor === undefined && token.isNamed;
    return Status.SUCCESS;
  });
}

/** Checks a client's descriptor for a new object: only root may set a foreign owner. */
function checkGivenDescriptor(creation: Creation, given: SecurityDescriptor): NtStatus {
  const { security, readOnly } = creation.tree.grant;
  if (!security.canChange || readOnly) return Status.ACCESS_DENIED;
  const token = tokenOf(creation.tree);
  const { owner, group } = given;
  const isNt = security.acl === "nt";
  if (owner !== undefined && !token.isRoot) {
    const isOwn = isNt ? hasSid(token, owner) : uidOfSid(owner) === token.uid;
    if (!isOwn) return Status.INVALID_OWNER;
  }
  if (!isNt && group !== undefined && !token.isRoot) {
    const gid = gidOfSid(group);
    if (gid === undefined || !token.groups.includes(gid)) return Status.INVALID_PRIMARY_GROUP;
  }
  return Status.SUCCESS;
}

interface Parent {
  /**
   * Undefined when the directory stores none: the kernel checks the rights on disk when the name is created.
   */
  readonly descriptor: SecurityDescriptor | undefined;
  readonly uid: number;
}

function readParent(creation: Creation): MaybePromise<Parent | Failure> {
  const { store, tree, components } = creation;
  return andThen(store.lookup(components.slice(0, -1)), (found) => {
    if (typeof found === "number") return found;
    const directory = found.node;
    if (directory === undefined) return -Errno.ENOENT;
    const { uid } = directory.stat;
    return andThen(storedDescriptor(tree, directory), (descriptor) => {
      directory.close();
      return typeof descriptor === "number" ? descriptor : { descriptor, uid };
    });
  });
}

/** Runs after the object is created: stores its initial rights. On failure it removes the object again. */
export function finishSecurity(creation: Creation, node: FileNode, path: string): MaybePromise<NtStatus> {
  const { initialDescriptor, tree } = creation;
  if (initialDescriptor === undefined && !creation.recordsCreator) return loadNewRights(creation, node);
  const { security } = node;
  if (security === undefined) return loadNewRights(creation, node);
  if (initialDescriptor === undefined) return recordCreator(creation, node, security, path);
  // With `inherit owner` the store has already given the file its owner.
  const owner = tree.grant.inheritOwner ? undefined : initialDescriptor.owner;
  const uid = idChange(owner && uidOn(tree, owner), node.stat.uid);
  const gid = idChange(initialDescriptor.group && gidOfSid(initialDescriptor.group), node.stat.gid);
  const change = rightsChange(tree, node.stat, initialDescriptor, uid, gid, true);
  return andThen(change.acl === undefined ? 0 : openNewDirectory(creation, node), (opened) => {
    if (opened < 0) return removeCreated(creation, node, path, opened);
    return andThen(security.write(change), (result) => {
      suppressWriteEvent(creation, path);
      // A container without CAP_SYS_ADMIN cannot store security.NTACL: the uid and the mode must do.
      if (result < 0 && result !== -Errno.EPERM && result !== -Errno.EOPNOTSUPP) {
        return removeCreated(creation, node, path, result);
      }
      return loadNewRights(creation, node);
    });
  });
}

/** Stores the creator's SID as owner: all users without an account share one uid on disk. */
function recordCreator(
  creation: Creation,
  node: FileNode,
  security: ObjectSecurity,
  path: string,
): MaybePromise<NtStatus> {
  const { uid, gid } = node.stat;
  return andThen(security.readRights(), (rights) => {
    if (typeof rights === "number") return removeCreated(creation, node, path, rights);
    const descriptor = descriptorOfAcl(rights.access, uid, gid, true, userSidOf(tokenOf(creation.tree)));
    const change = { uid: -1, gid: -1, acl: undefined, inherited: undefined, descriptor };
    return andThen(security.write(change), (result) => {
      suppressWriteEvent(creation, path);
      return result < 0 ? removeCreated(creation, node, path, result) : loadNewRights(creation, node);
    });
  });
}

function idChange(wanted: number | undefined, current: number): number {
  return wanted === undefined || wanted === current ? -1 : wanted;
}

/** Opens a new directory for listing before its rights are set: they may deny its creator a later open. */
function openNewDirectory(creation: Creation, node: FileNode): MaybePromise<0 | Failure> {
  const isDirectory = node.stat.kind === FileKind.DIRECTORY;
  const reads = (creation.granted & Access.LIST_DIRECTORY) !== 0;
  if (!isDirectory || !reads || creation.handle !== undefined) return 0;
  return andThen(openToRead(creation, node), (opened) => {
    if (opened !== -Errno.EACCES) return opened;
    // An inherited default ACL may deny the owner: mode 0700 serves until the real rights are set.
    const ownerOnly = {
      uid: -1,
      gid: -1,
      acl: aclOfMode(0o700),
      inherited: undefined,
      descriptor: undefined,
    };
    return andThen(node.security?.write(ownerOnly) ?? -Errno.EACCES, (written) =>
      written < 0 ? written : openToRead(creation, node),
    );
  });
}

function openToRead(creation: Creation, node: FileNode): MaybePromise<0 | Failure> {
  return andThen(node.open({ read: true, write: false, writeThrough: false }), (handle) => {
    if (typeof handle === "number") return handle;
    creation.handle = handle;
    return 0;
  });
}

/** Loads the rights for an SMB2_CREATE_QUERY_MAXIMAL_ACCESS response, if the request has that context. */
function loadNewRights(creation: Creation, node: FileNode): MaybePromise<NtStatus> {
  const { tree, store, components, request } = creation;
  if (request.contexts.maximalAccess === undefined) return Status.SUCCESS;
  return loadRights(tree, store, components, node, -1);
}

/** The inotify event duplicates the ADDED already reported; suppress it. */
function suppressWriteEvent(creation: Creation, path: string): void {
  const { notify } = creation.exchange.context;
  if (notify.count > 0) {
    notify.changed(NotifyAction.MODIFIED, absolutePath(creation.tree.grant.path, path), 0);
  }
}

function removeCreated(
  creation: Creation,
  node: FileNode,
  path: string,
  failure: Failure,
): MaybePromise<NtStatus> {
  const isDirectory = node.stat.kind === FileKind.DIRECTORY;
  return andThen(creation.store.remove(path, node.identity, isDirectory), (removed) => {
    const { notify } = creation.exchange.context;
    if (removed === 0 && notify.count > 0) {
      const absolute = absolutePath(creation.tree.grant.path, path);
      notify.changed(NotifyAction.REMOVED, absolute, nameFilter(isDirectory));
    }
    return statusOf(failure);
  });
}
