// Maps a client's security descriptor to the rights that are set on disk.
import { WireError } from "../../../wire/cursor.ts";
import { modeOfSid } from "../../../wire/posix.ts";
import {
  decodeSecurityDescriptor,
  type SecurityDescriptor,
  securityDescriptorSize,
} from "../../../wire/security/security-descriptor.ts";
import type { Sid } from "../../../wire/security/sid.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import { normalizeDescriptor } from "../../security/inheritance.ts";
import { defaultAclOf } from "../../security/posix-inheritance.ts";
import { aclOfDescriptor, isExpressible, keepingOwner } from "../../security/posix-rights.ts";
import type { Tree } from "../../state/session.ts";
import { aclOfMode } from "../../security/posix-acl.ts";
import { FileKind, type FileStat, type SecurityChange } from "../../vfs/store.ts";
import { uidOn } from "./descriptor.ts";

/** The stored form adds a header and must fit an extended attribute (64 KiB). */
const MAX_DESCRIPTOR_BYTES = 65_000;

/** Decodes a client's descriptor; INVALID_ACL if too large, INVALID_SECURITY_DESCR if malformed. */
export function takeDescriptor(data: Uint8Array): SecurityDescriptor | NtStatus {
  try {
    const descriptor = normalizeDescriptor(decodeSecurityDescriptor(data));
    if (securityDescriptorSize(descriptor) > MAX_DESCRIPTOR_BYTES) return Status.INVALID_ACL;
    return descriptor;
  } catch (error) {
    if (error instanceof WireError) return Status.INVALID_SECURITY_DESCR;
    throw error;
  }
}

/** The mode in an S-1-5-88-3-mode ACE, by which Linux clients set a mode; other ACEs do not count then. */
export function modeOf({ dacl }: SecurityDescriptor): number | undefined {
  for (const { sid } of dacl?.aces ?? []) {
    const mode = modeOfSid(sid);
    if (mode !== undefined) return mode;
  }
  return undefined;
}

/** The change on disk for a client's descriptor; a `uid` or `gid` of -1 leaves owner or group as they are. */
export function rightsChange(
  tree: Tree,
  stat: FileStat,
  descriptor: SecurityDescriptor,
  uid: number,
  gid: number,
  hasDacl: boolean,
): SecurityChange {
  const { acl: kind, ignoreSystemAcls } = tree.grant.security;
  const isDirectory = stat.kind === FileKind.DIRECTORY;
  if (ignoreSystemAcls) {
    const open = isDirectory ? 0o777 : 0o666;
    return { uid, gid, acl: aclOfMode(stat.mode | open), inherited: undefined, descriptor };
  }
  const uidOf = (sid: Sid): number | undefined => uidOn(tree, sid);
  // With POSIX rights a change of owner alone leaves the mode: its owner bits apply to the new owner. So
  // does, as with smbd, a DACL for accounts of Windows alone, which any file of a Windows profile has.
  if (kind === "posix" && (!hasDacl || !isExpressible(descriptor, uidOf))) {
    return { uid, gid, acl: undefined, inherited: undefined, descriptor: undefined };
  }
  const [user, group] = [uid < 0 ? stat.uid : uid, gid < 0 ? stat.gid : gid];
  const mapped = aclOfDescriptor(descriptor, user, group, isDirectory, uidOf);
  const acl =
    kind === "posix" ? keepingOwner(mapped, descriptor, user, stat.mode, isDirectory, uidOf) : mapped;
  const inherited = isDirectory ? defaultAclOf(descriptor, uidOf) : undefined;
  return { uid, gid, acl, inherited, descriptor: kind === "nt" ? descriptor : undefined };
}
