// Checks of a CREATE request that need no file; [MS-SMB2] 3.3.5.9, [MS-FSA] 2.1.5.1 phase 1.
import { Access, ACCESS_RESERVED, mapGenericAccess } from "../../../wire/security/access.ts";
import {
  CreateDisposition,
  CreateOption,
  type CreateRequest,
  ImpersonationLevel,
} from "../../../wire/command/create.ts";
import { FileAttribute } from "../../../wire/fscc/attributes.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Tree } from "../../state/session.ts";
import { checkCreateAttributes } from "./extended-attributes.ts";

const SHARE_BITS = 0x7;
// [MS-SMB2] 2.2.13 defines no option above 0x00ffffff.
const UNKNOWN_OPTIONS = 0xff00_0000;
const REFUSED_OPTIONS =
  CreateOption.CREATE_TREE_CONNECTION | CreateOption.OPEN_BY_FILE_ID | CreateOption.RESERVE_OPFILTER;
// FILE_ATTRIBUTE_ENCRYPTED: the server has no encrypting file system, and must not make a plain file instead.
const REFUSED_ATTRIBUTES = 0x0000_4000;

/**
 * Returns SUCCESS, or the status that the request fails with whatever its file is: invalid or unsupported
 * options, disposition, sharing or attributes, access beyond the tree's maximal access, and malformed
 * extended attributes.
 */
export function checkCreateRequest(request: CreateRequest, tree: Tree): NtStatus {
  const { createOptions, createDisposition, desiredAccess, shareAccess, fileAttributes } = request;
  if (request.impersonationLevel > ImpersonationLevel.DELEGATE) return Status.BAD_IMPERSONATION_LEVEL;
  // [MS-FSA] 2.1.5.1 phase 1 begins with the access mask.
  if (desiredAccess === 0 || (desiredAccess & ACCESS_RESERVED) !== 0) return Status.ACCESS_DENIED;
  if ((createOptions & REFUSED_OPTIONS) !== 0) return Status.NOT_SUPPORTED;
  if ((createOptions & UNKNOWN_OPTIONS) !== 0) return Status.INVALID_PARAMETER;
  if (createDisposition > CreateDisposition.OVERWRITE_IF) return Status.INVALID_PARAMETER;
  if ((shareAccess & ~SHARE_BITS) !== 0) return Status.INVALID_PARAMETER;
  // Other attributes that this server does not store (PINNED, RECALL_ON_OPEN, …) are left out, as by smbd:
  // [MS-FSCC] 2.6 gains new ones, and Windows refuses only those of its time (smb2.create.gentest).
  if (createDisposition !== CreateDisposition.OPEN && (fileAttributes & REFUSED_ATTRIBUTES) !== 0)
    return Status.ACCESS_DENIED;
  const status = checkKind(createOptions, createDisposition, fileAttributes);
  if (status !== Status.SUCCESS) return status;
  const system = Access.ACCESS_SYSTEM_SECURITY;
  if ((desiredAccess & system) !== 0 && !hasSecurityPrivilege(tree)) return Status.PRIVILEGE_NOT_HELD;
  const mapped = mapGenericAccess(desiredAccess & ~system);
  if ((createOptions & CreateOption.DELETE_ON_CLOSE) !== 0) {
    if ((mapped & Access.DELETE) === 0) return Status.INVALID_PARAMETER;
    if (tree.grant.readOnly) return Status.ACCESS_DENIED;
  }
  if ((mapped & ~Access.MAXIMUM_ALLOWED & ~tree.maximalAccess) !== 0) return Status.ACCESS_DENIED;
  return checkCreateAttributes(request, tree);
}

/**
 * SeSecurityPrivilege, by which a SACL is read and set: administrators have it where descriptors are stored.
 */
function hasSecurityPrivilege({ grant }: Tree): boolean {
  return grant.isAdmin && grant.security.acl === "nt";
}

function checkKind(options: number, disposition: number, attributes: number): NtStatus {
  const isDirectory = (options & CreateOption.DIRECTORY_FILE) !== 0;
  if (!isDirectory) return Status.SUCCESS;
  if ((attributes & FileAttribute.TEMPORARY) !== 0) return Status.INVALID_PARAMETER;
  if ((options & CreateOption.NON_DIRECTORY_FILE) !== 0) return Status.INVALID_PARAMETER;
  const fits =
    disposition === CreateDisposition.OPEN ||
    disposition === CreateDisposition.CREATE ||
    disposition === CreateDisposition.OPEN_IF;
  return fits ? Status.SUCCESS : Status.INVALID_PARAMETER;
}
