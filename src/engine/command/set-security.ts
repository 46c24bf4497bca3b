// SET_INFO of a security descriptor; [MS-SMB2] 3.3.5.21.3, [MS-FSA] 2.1.5.17. With `acl = nt` it is kept as it came and
// mapped to the rights on disk; else the rights on disk are all that becomes of it.
import type { MaybePromise } from "../../port/port.ts";
import { Access } from "../../wire/access.ts";
import { CompletionFilter } from "../../wire/change-notify.ts";
import { WireError } from "../../wire/cursor.ts";
import { NotifyAction } from "../../wire/fscc/notify.ts";
import { modeOfSid } from "../../wire/posix.ts";
import { SecurityInformation } from "../../wire/query-info.ts";
import {
  decodeSecurityDescriptor,
  type SecurityDescriptor,
  securityDescriptorSize,
} from "../../wire/security/security-descriptor.ts";
import { type Sid, sameSid } from "../../wire/security/sid.ts";
import { encodeSetInfoResponse, type SetInfoRequest } from "../../wire/set-info.ts";
import { Status } from "../../wire/status.ts";
import type { EngineContext } from "../connection/context.ts";
import type { Exchange } from "../connection/exchange.ts";
import { normalize } from "../security/inheritance.ts";
import { inheritedAclOf } from "../security/posix-inheritance.ts";
import { aclOfDescriptor, isExpressible } from "../security/posix-rights.ts";
import { gidOfSid, holds, uidOfSid } from "../security/token.ts";
import type { Tree } from "../session/session.ts";
import type { Open } from "../state/open.ts";
import { andThen } from "../vfs/maybe-promise.ts";
import { aclOfMode } from "../vfs/posix-acl.ts";
import { FileKind, type FileNode, type FileStat, type SecurityChange } from "../vfs/store.ts";
import { entryChanged } from "./caching.ts";
import { statusOf } from "./errno-status.ts";
import { descriptorOf, forgetDescriptor, tokenOf, uidOn } from "./node-descriptor.ts";

const EPERM = -1;
const { OWNER, GROUP, DACL, SACL, LABEL, ATTRIBUTE, SCOPE, BACKUP } = SecurityInformation;
const SETTABLE = OWNER | GROUP | DACL;
/** With what is stored around it, it must fit an extended attribute (64 KiB). */
const MAX_DESCRIPTOR_BYTES = 65_000;

/** A client's descriptor as it is kept, or the status that refuses it. */
export function takeDescriptor(data: Uint8Array): SecurityDescriptor | number {
  try {
    const descriptor = normalize(decodeSecurityDescriptor(data));
    if (securityDescriptorSize(descriptor) > MAX_DESCRIPTOR_BYTES) return Status.INVALID_ACL;
    return descriptor;
  } catch (error) {
    if (error instanceof WireError) return Status.INVALID_SECURITY_DESCR;
    throw error;
  }
}

export function setSecurity(
  exchange: Exchange,
  open: Open,
  node: FileNode,
  request: SetInfoRequest,
): MaybePromise<number> {
  const flags = request.additionalInformation;
  const refusal = checkAccess(open, flags);
  if (refusal !== Status.SUCCESS) return refusal;
  const given = takeDescriptor(request.buffer);
  if (typeof given === "number") return given;
  return andThen(node.refresh(), (stat) => {
    if (typeof stat === "number") return statusOf(stat);
    return andThen(descriptorOf(open.tree, node), (current) => {
      if (typeof current === "number") return statusOf(current);
      const mode = (flags & DACL) === 0 ? undefined : modeOf(given);
      const others = mode === undefined ? flags : flags & ~DACL;
      const change = changeFor(open.tree, stat, current, given, others);
      if (typeof change === "number") return change;
      if (mode === undefined) return apply(exchange, open, node, change);
      return apply(exchange, open, node, { ...change, acl: undefined, descriptor: undefined }, mode);
    });
  });
}

/** The mode that a Linux client means by a list with S-1-5-88-3-mode, and nothing else of that list. */
export function modeOf({ dacl }: SecurityDescriptor): number | undefined {
  for (const { sid } of dacl?.aces ?? []) {
    const mode = modeOfSid(sid);
    if (mode !== undefined) return mode;
  }
  return undefined;
}

/** 3.3.5.21.3: what each part asks of the handle. */
function checkAccess(open: Open, flags: number): number {
  let needed = 0;
  if ((flags & (OWNER | GROUP | LABEL | BACKUP)) !== 0) needed |= Access.WRITE_OWNER;
  if ((flags & (DACL | BACKUP)) !== 0) needed |= Access.WRITE_DAC;
  if ((flags & (SACL | ATTRIBUTE | SCOPE | BACKUP)) !== 0) needed |= Access.ACCESS_SYSTEM_SECURITY;
  if (needed === 0) return Status.INVALID_PARAMETER;
  if ((open.grantedAccess & needed) !== needed >>> 0) return Status.ACCESS_DENIED;
  const { grant } = open.tree;
  if (!grant.security.canChange || grant.readOnly) return Status.ACCESS_DENIED;
  // Integrity labels are not kept.
  return (flags & SETTABLE) === 0 ? Status.NOT_SUPPORTED : Status.SUCCESS;
}

function apply(
  exchange: Exchange,
  open: Open,
  node: FileNode,
  change: SecurityChange,
  mode?: number,
): MaybePromise<number> {
  const { security } = node;
  if (security === undefined) return Status.NOT_SUPPORTED;
  // A new owner costs a program its set-user-id bit: the mode comes last.
  const written = andThen(security.write(change), (result) =>
    result < 0 || mode === undefined ? result : node.setMode(mode),
  );
  const { context } = exchange;
  const done = andThen(written, (result) => {
    forgetDescriptor(node);
    entryChanged(context, open);
    if (context.notify.count > 0 && open.file !== undefined) {
      context.notify.changed(NotifyAction.MODIFIED, open.file.path, CompletionFilter.SECURITY);
    }
    if (result === EPERM) tellWhatIsMissing(context);
    if (result < 0) return statusOf(result);
    encodeSetInfoResponse(exchange.reserve(2));
    return Status.SUCCESS;
  });
  return open.file === undefined ? done : context.notify.during(done, open.file.path);
}

let hasTold = false;

/** It is not the client's fault, and the client cannot tell its user why. */
function tellWhatIsMissing({ log }: EngineContext): void {
  if (hasTold) return;
  hasTold = true;
  log.warn?.("rights cannot be set: that needs root, and CAP_SYS_ADMIN for a share with 'acl = nt'");
}

/** What `given` changes of `current`, for the parts in `flags`, or the status that refuses it. */
function changeFor(
  tree: Tree,
  stat: FileStat,
  current: SecurityDescriptor,
  given: SecurityDescriptor,
  flags: number,
): SecurityChange | number {
  const owner = (flags & OWNER) !== 0 ? given.owner : undefined;
  const group = (flags & GROUP) !== 0 ? given.group : undefined;
  const hasDacl = (flags & DACL) !== 0;
  const uid = owner === undefined ? -1 : newUid(tree, stat, current, owner);
  if (uid === undefined) return Status.INVALID_OWNER;
  const gid = group === undefined ? -1 : newGid(tree, stat, current, group);
  if (gid === undefined) return Status.INVALID_PRIMARY_GROUP;
  const merged: SecurityDescriptor = {
    control: hasDacl ? given.control : current.control,
    owner: owner ?? current.owner,
    group: group ?? current.group,
    // A descriptor without a list takes the list away, as on Windows: everybody may do everything then.
    dacl: hasDacl ? (given.dacl ?? null) : current.dacl,
    sacl: current.sacl,
  };
  if (hasDacl && tree.grant.security.acl === "posix" && !isExpressible(merged)) return Status.INVALID_ACL;
  return rightsChange(tree, stat, merged, uid, gid, hasDacl);
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
  const inherited = isDirectory ? inheritedAclOf(descriptor, uidOf) : undefined;
  return { uid, gid, acl, inherited, descriptor: kind === "nt" ? descriptor : undefined };
}

/**
 * -1: the uid stays; undefined: the client may not name this owner. One's own SIDs may be named, as a user without the
 * restore privilege may, and what is owner already.
 */
function newUid(tree: Tree, stat: FileStat, current: SecurityDescriptor, owner: Sid): number | undefined {
  const token = tokenOf(tree);
  const uid = uidOn(tree, owner);
  if (current.owner !== undefined && sameSid(owner, current.owner)) return -1;
  // The disk's own name for who owns it now; who shares the uid with others is not meant by it.
  if (uidOfSid(owner) === stat.uid && !token.isNamed) return -1;
  const isNt = tree.grant.security.acl === "nt";
  if (!token.isRoot && !(isNt && holds(token, owner))) return undefined;
  if (uid !== undefined) return uid === stat.uid ? -1 : uid;
  return isNt ? -1 : undefined;
}

function newGid(tree: Tree, stat: FileStat, current: SecurityDescriptor, group: Sid): number | undefined {
  const token = tokenOf(tree);
  const gid = gidOfSid(group);
  if (gid === stat.gid || (current.group !== undefined && sameSid(group, current.group))) return -1;
  const isNt = tree.grant.security.acl === "nt";
  if (gid === undefined) return isNt ? -1 : undefined;
  if (token.isRoot || (token.uid === stat.uid && token.groups.includes(gid))) return gid;
  // Kept as it is named; on disk only one's own groups can be given.
  return isNt ? -1 : undefined;
}
