// From a client's security descriptor to the rights that are set on disk.
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
import { aclOfDescriptor } from "../../security/posix-rights.ts";
import type { Tree } from "../../state/session.ts";
import { aclOfMode } from "../../security/posix-acl.ts";
import { FileKind, type FileStat, type SecurityChange } from "../../vfs/store.ts";
import { uidOn } from "./descriptor.ts";

/** With what is stored around it, it must fit an extended attribute (64 KiB). */
const MAX_DESCRIPTOR_BYTES = 65_000;

/** A client's descriptor as it is kept, or the status that refuses it. */
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

/** The mode that a Linux client means by a list with S-1-5-88-3-mode, and nothing else of that list. */
export function modeOf({ dacl }: SecurityDescriptor): number | undefined {
  for (const { sid } of dacl?.aces ?? []) {
    const mode = modeOfSid(sid);
    if (mode !== undefined) return mode;
  }
  return undefined;
}

/** What is done on disk for a descriptor; -1 for owner or group: as they are. */
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
  // With `posix` a change of owner alone leaves the rights: they are the owner's, whoever that is.
  if (kind === "posix" && !hasDacl) {
    return { uid, gid, acl: undefined, inherited: undefined, descriptor: undefined };
  }
  const [user, group] = [uid < 0 ? stat.uid : uid, gid < 0 ? stat.gid : gid];
  const uidOf = (sid: Sid): number | undefined => uidOn(tree, sid);
  const acl = aclOfDescriptor(descriptor, user, group, isDirectory, uidOf);
  const inherited = isDirectory ? defaultAclOf(descriptor, uidOf) : undefined;
  return { uid, gid, acl, inherited, descriptor: kind === "nt" ? descriptor : undefined };
}
