// SET_INFO of a security descriptor; [MS-SMB2] 3.3.5.21.3, [MS-FSA] 2.1.5.17. With `acl = nt` it is kept as it came and
// mapped to the rights on disk; else the rights on disk are all that becomes of it.
import { Errno } from "../../../linux/errno.ts";
import type { MaybePromise } from "../../../port/port.ts";
import { Access } from "../../../wire/security/access.ts";
import { CompletionFilter } from "../../../wire/command/change-notify.ts";
import { NotifyAction } from "../../../wire/fscc/notify.ts";
import { SecurityInformation } from "../../../wire/command/query-info.ts";
import type { SecurityDescriptor } from "../../../wire/security/security-descriptor.ts";
import { type Sid, sameSid } from "../../../wire/security/sid.ts";
import { encodeSetInfoResponse, type SetInfoRequest } from "../../../wire/command/set-info.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { EngineContext } from "../../connection/context.ts";
import type { Exchange } from "../../connection/exchange.ts";
import { isExpressible } from "../../security/posix-rights.ts";
import { gidOfSid, holds, uidOfSid } from "../../security/token.ts";
import type { Tree } from "../../state/session.ts";
import type { Open } from "../../state/open.ts";
import { andThen } from "../../and-then.ts";
import type { FileNode, FileStat, SecurityChange } from "../../vfs/store.ts";
import { entryChanged } from "../open/cache-breaks.ts";
import { statusOf } from "../errno-status.ts";
import { descriptorOf, forgetDescriptor, tokenOf, uidOn } from "../open/descriptor.ts";
import { takeDescriptor, modeOf, rightsChange } from "../open/rights-change.ts";

const { OWNER, GROUP, DACL, SACL, LABEL, ATTRIBUTE, SCOPE, BACKUP } = SecurityInformation;
const SETTABLE = OWNER | GROUP | DACL;
export function setSecurity(
  exchange: Exchange,
  open: Open,
  node: FileNode,
  request: SetInfoRequest,
): MaybePromise<NtStatus> {
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

/** 3.3.5.21.3: what each part asks of the handle. */
function checkAccess(open: Open, flags: number): NtStatus {
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
): MaybePromise<NtStatus> {
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
    if (result === -Errno.EPERM) logMissingPrivilege(context);
    if (result < 0) return statusOf(result);
    encodeSetInfoResponse(exchange.reserve(2));
    return Status.SUCCESS;
  });
  return open.file === undefined ? done : context.notify.during(done, open.file.path);
}

let hasLogged = false;

/** It is not the client's fault, and the client cannot tell its user why. */
function logMissingPrivilege({ log }: EngineContext): void {
  if (hasLogged) return;
  hasLogged = true;
  log.warn?.("rights cannot be set: that needs root, and CAP_SYS_ADMIN for a share with 'acl = nt'");
}

/** What `given` changes of `current`, for the parts in `flags`, or the status that refuses it. */
function changeFor(
  tree: Tree,
  stat: FileStat,
  current: SecurityDescriptor,
  given: SecurityDescriptor,
  flags: number,
): SecurityChange | NtStatus {
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
