// CREATE of an object that exists: checks of its kind, attributes, access and deletion; [MS-FSA] 2.1.5.1.2,
// [MS-SMB2] 3.3.5.9.
import { Access, mapGenericAccess } from "../../../wire/security/access.ts";
import { CreateDisposition, CreateOption, type CreateRequest } from "../../../wire/command/create.ts";
import { FileAttribute } from "../../../wire/fscc/attributes.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Tree } from "../../state/session.ts";
import { FileKind, type FileNode } from "../../vfs/store.ts";
import { accessFor, refusedByReadOnly } from "../open/access-check.ts";
import { isHiddenByName } from "../../vfs/name/veto.ts";
import { overwrites } from "./creation.ts";

/**
 * Returns SUCCESS, or the status when the kind or the attributes of `node` do not allow the request's options
 * and disposition. `components` is the path of `node`. [MS-FSA] 2.1.5.1.2.
 */
export function checkExisting(
  request: CreateRequest,
  tree: Tree,
  components: readonly string[],
  node: FileNode,
): NtStatus {
  const { createDisposition, createOptions, fileAttributes } = request;
  const { kind, attributes } = node.stat;
  if (createDisposition === CreateDisposition.CREATE) return Status.OBJECT_NAME_COLLISION;
  if (kind === FileKind.DIRECTORY) {
    if ((createOptions & CreateOption.NON_DIRECTORY_FILE) !== 0) return Status.FILE_IS_A_DIRECTORY;
    if (overwrites(request)) return Status.INVALID_PARAMETER;
  } else {
    if ((createOptions & CreateOption.DIRECTORY_FILE) !== 0) return Status.NOT_A_DIRECTORY;
    // Data written to a FIFO or a device would reach the program or driver behind it.
    if (kind !== FileKind.FILE && overwrites(request)) return Status.ACCESS_DENIED;
  }
  if (!overwrites(request)) return Status.SUCCESS;
  if (tree.grant.readOnly || (attributes & FileAttribute.READONLY) !== 0) return Status.ACCESS_DENIED;
  // 2.1.5.1.2.1: an overwrite must name the HIDDEN and SYSTEM attributes that the file has.
  const protectedAttributes = attributes & (FileAttribute.HIDDEN | FileAttribute.SYSTEM);
  const isHidden = isHiddenByName(components.at(-1) ?? "", tree.grant);
  const requested = fileAttributes | (isHidden ? FileAttribute.HIDDEN : 0);
  return (protectedAttributes & ~requested) !== 0 ? Status.ACCESS_DENIED : Status.SUCCESS;
}

/**
 * Decides the access to an existing object: SUCCESS with the granted mask, else ACCESS_DENIED, or
 * CANNOT_DELETE for delete-on-close of a READONLY file. [MS-FSA] 2.1.5.1.2.1.
 */
export function decideAccess(
  request: CreateRequest,
  tree: Tree,
  node: FileNode,
): { readonly status: NtStatus; readonly granted: number } {
  const mapped = mapGenericAccess(request.desiredAccess);
  const maximal = accessFor(tree, node, overwrites(request) ? mapped | Access.WRITE_DATA : mapped);
  let granted = mapped & ~Access.MAXIMUM_ALLOWED;
  const refused = { status: Status.ACCESS_DENIED, granted: 0 };
  // ACCESS_SYSTEM_SECURITY is a privilege, which check-request.ts has found.
  if ((granted & ~maximal & ~Access.ACCESS_SYSTEM_SECURITY) !== 0) return refused;
  if (refusedByReadOnly(node, granted)) return refused;
  if ((mapped & Access.MAXIMUM_ALLOWED) !== 0) {
    granted |= maximal;
    // 2.1.5.1.2.1: MAXIMUM_ALLOWED on a READONLY file grants no write access.
    if (refusedByReadOnly(node, granted)) {
      granted &= ~(Access.WRITE_DATA | Access.APPEND_DATA | Access.DELETE_CHILD);
    }
  }
  if (overwrites(request) && (maximal & Access.WRITE_DATA) === 0) return refused;
  if ((request.createOptions & CreateOption.DELETE_ON_CLOSE) !== 0) {
    if ((granted & Access.DELETE) === 0 || node.stat.isPinned === true) return refused;
    if ((node.stat.attributes & FileAttribute.READONLY) !== 0) {
      return { status: Status.CANNOT_DELETE, granted: 0 };
    }
  }
  return { status: Status.SUCCESS, granted: granted >>> 0 };
}
