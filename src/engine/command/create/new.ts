// CREATE of a name that does not exist; [MS-FSA] 2.1.5.1.1, [MS-SMB2] 3.3.5.9.
import { Errno } from "../../../linux/errno.ts";
import type { MaybePromise } from "../../../port/port.ts";
import { Access, mapGenericAccess } from "../../../wire/security/access.ts";
import { CreateAction, CreateDisposition, CreateOption } from "../../../wire/command/create.ts";
import { FileAttribute, SETTABLE_ATTRIBUTES } from "../../../wire/fscc/attributes.ts";
import { NotifyAction } from "../../../wire/fscc/notify.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import { nameFilter } from "../../state/notify.ts";
import { absolutePath } from "../../state/open-table.ts";
import { andThen } from "../../and-then.ts";
import { isFailure, type FileNode, type Found, type Failure } from "../../vfs/store.ts";
import { register, openData } from "./register.ts";
import { finishSecurity, prepareSecurity } from "./initial-security.ts";
import { registerNewStream } from "./stream.ts";
import type { Creation } from "./creation.ts";
import { statusOf } from "../errno-status.ts";

/** Creates the file or directory if the disposition and the share allow it; [MS-FSA] 2.1.5.1.1. */
export function createNew(creation: Creation, found: Found): MaybePromise<NtStatus> {
  const { createDisposition, createOptions, fileAttributes, desiredAccess } = creation.request;
  if (createDisposition === CreateDisposition.OPEN || createDisposition === CreateDisposition.OVERWRITE) {
    return Status.OBJECT_NAME_NOT_FOUND;
  }
  const { tree } = creation;
  if (tree.grant.readOnly) {
    creation.exchange.connection.reportRefusal(tree, "the share is read-only for this user");
    return Status.ACCESS_DENIED;
  }
  const isReadOnly = (fileAttributes & FileAttribute.READONLY) !== 0;
  if (isReadOnly && (createOptions & CreateOption.DELETE_ON_CLOSE) !== 0) return Status.CANNOT_DELETE;
  // [MS-SMB2] 3.3.5.9.8: the lease key already belongs to another file.
  if (creation.leaseHolder() !== undefined) return Status.INVALID_PARAMETER;
  // 2.1.5.1.1: the creator gets the access it requests; MAXIMUM_ALLOWED means all that the share allows.
  const mapped = mapGenericAccess(desiredAccess);
  const all = creation.tree.maximalAccess;
  creation.unusable = 0;
  creation.granted =
    ((mapped & Access.MAXIMUM_ALLOWED) !== 0 ? mapped | all : mapped) & ~Access.MAXIMUM_ALLOWED;
  creation.action = CreateAction.CREATED;
  const wantsDirectory = (createOptions & CreateOption.DIRECTORY_FILE) !== 0;
  return andThen(prepareSecurity(creation, wantsDirectory), (status) => {
    if (status !== Status.SUCCESS) return status;
    return wantsDirectory ? makeDirectory(creation, found) : makeFile(creation, found);
  });
}

function makeDirectory(creation: Creation, found: Found): MaybePromise<NtStatus> {
  const attributes = creation.request.fileAttributes & SETTABLE_ATTRIBUTES;
  const created = andThen(creation.store.createDirectory(found, attributes, creation.permissions), (node) =>
    typeof node === "number" ? node : secureNewObject(creation, found, node, true),
  );
  return afterCreation(creation, found, created, (node) => openData(creation, found, node));
}

function makeFile(creation: Creation, found: Found): MaybePromise<NtStatus> {
  const attributes = (creation.request.fileAttributes & SETTABLE_ATTRIBUTES) | FileAttribute.ARCHIVE;
  const mode = { read: true, write: true, writeThrough: creation.isWriteThrough };
  const created = andThen(
    creation.store.createFile(found, mode, attributes, creation.permissions),
    (file) => {
      if (typeof file === "number") return file;
      creation.handle = file.handle;
      return secureNewObject(creation, found, file.node, false);
    },
  );
  return afterCreation(creation, found, created, (node) =>
    creation.path.stream === undefined
      ? register(creation, found, node)
      : registerNewStream(creation, found, node, creation.path.stream),
  );
}

/** Reports the new object to CHANGE_NOTIFY and sets its initial rights. */
function secureNewObject(
  creation: Creation,
  found: Found,
  node: FileNode,
  isDirectory: boolean,
): MaybePromise<NtStatus> {
  creation.node = node;
  const { notify } = creation.exchange.context;
  if (notify.count > 0) notify.changed(NotifyAction.ADDED, pathOf(creation, found), nameFilter(isDirectory));
  return finishSecurity(creation, node, found.path);
}

/** Continues with `next` once the object exists; -EEXIST repeats the look-up. */
function afterCreation(
  creation: Creation,
  found: Found,
  created: MaybePromise<NtStatus | Failure>,
  next: (node: FileNode) => MaybePromise<NtStatus>,
): MaybePromise<NtStatus> {
  const { notify } = creation.exchange.context;
  const reported = notify.count > 0 ? notify.during(created, pathOf(creation, found)) : created;
  return andThen(reported, (result) => {
    if (result === -Errno.EEXIST) return creation.restart(creation);
    if (isFailure(result)) return statusOf(result);
    const { node } = creation;
    return result === Status.SUCCESS && node !== undefined ? next(node) : result;
  });
}

function pathOf(creation: Creation, found: Found): string {
  return absolutePath(creation.tree.grant.path, found.path);
}
