// SET_INFO of a security descriptor ([MS-SMB2] 3.3.5.21.3, [MS-FSA] 2.1.5.17). With `acl = nt` the descriptor
// is stored unchanged and mapped to permissions on disk; otherwise it becomes only permissions on disk.
import { Errno } from "../../../linux/errno.ts";
import type { MaybePromise } from "../../../port/port.ts";
import { Access } from "../../../wire/security/access.ts";
import { CompletionFilter } from "../../../wire/command/change-notify.ts";
import { NotifyAction } from "../../../wire/fscc/notify.ts";
import { SecurityInformation } from "../../../wire/command/query-info.ts";
import { SecurityControl, type SecurityDescriptor } from "../../../wire/security/security-descriptor.ts";
import { type Sid, sameSid } from "../../../wire/security/sid.ts";
import { encodeSetInfoResponse, type SetInfoRequest } from "../../../wire/command/set-info.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { EngineContext } from "../../connection/context.ts";
import type { Exchange } from "../../connection/exchange.ts";
import { gidOfSid, hasSid, uidOfSid } from "../../security/token.ts";
import type { Tree } from "../../state/session.ts";
import type { Open } from "../../state/open.ts";
import { andThen } from "../../and-then.ts";
import type { FileNode, FileStat, SecurityChange } from "../../vfs/store.ts";
import { entryChanged } from "../open/cache-breaks.ts";
import { statusOf } from "../errno-status.ts";
import { descriptorOf, forgetDescriptor, tokenOf, uidOn } from "../open/descriptor.ts";
import { type MacChange, readMacChange, usesNfsAces } from "../open/nfs-aces.ts";
import { takeDescriptor, modeOf, rightsChange } from "../open/rights-change.ts";

const { OWNER, GROUP, DACL, SACL, LABEL, ATTRIBUTE, SCOPE, BACKUP } = SecurityInformation;
const SETTABLE = OWNER | GROUP | DACL | SACL;
const SACL_CONTROL =
  SecurityControl.SACL_DEFAULTED |
  SecurityControl.SACL_AUTO_INHERIT_REQ |
  SecurityControl.SACL_AUTO_INHERITED |
  SecurityControl.SACL_PROTECTED;
/** The uid or gid that leaves owner or group unchanged, as in chown(2). */
const UNCHANGED = -1;

export function setSecurity(
  exchange: Exchange,
  open: Open,
  node: FileNode,
  request: SetInfoRequest,
): MaybePromise<NtStatus> {
  const flags = request.additionalInformation;
  // As Windows and Samba: a request that names no part succeeds, whatever its descriptor holds.
  if (flags === 0) {
    encodeSetInfoResponse(exchange.reserve(2));
    return Status.SUCCESS;
  }
  const refusal = checkAccess(open, flags);
  if (refusal !== Status.SUCCESS) return refusal;
  const given = takeDescriptor(request.buffer);
  if (typeof given === "number") return given;
  return andThen(node.refresh(), (stat) => {
    if (typeof stat === "number") return statusOf(stat);
    return andThen(descriptorOf(open.tree, node), (current) => {
      if (typeof current === "number") return statusOf(current);
      const { descriptor, changesDacl, mode } = changeOf(open, given, current, stat, flags);
      const flagsToMerge = changesDacl ? flags : flags & ~DACL;
      if (flagsToMerge === 0 && mode === undefined) {
        encodeSetInfoResponse(exchange.reserve(2));
        return Status.SUCCESS;
      }
      const change = changeFor(open.tree, stat, current, descriptor, flagsToMerge);
      if (typeof change === "number") return change;
      if (mode === undefined || changesDacl) return apply(exchange, open, node, change, mode);
      return apply(exchange, open, node, { ...change, acl: undefined, descriptor: undefined }, mode);
    });
  });
}

/** A mode in the DACL of a client that is no Mac counts in the place of its other ACEs. */
function changeOf(
  open: Open,
  given: SecurityDescriptor,
  current: SecurityDescriptor,
  stat: FileStat,
  flags: number,
): MacChange {
  if ((flags & DACL) === 0) return { descriptor: given, changesDacl: false, mode: undefined };
  if (usesNfsAces(open.tree.session)) return readMacChange(given, current, stat);
  const mode = modeOf(given);
  return { descriptor: given, changesDacl: mode === undefined, mode };
}

/** What of an open decides if it may change the descriptor. */
interface AccessToCheck {
  readonly grantedAccess: number;
  readonly unusableAccess: number;
  readonly tree: {
    readonly grant: { readonly readOnly: boolean; readonly security: { readonly canChange: boolean } };
  };
}

/** 3.3.5.21.3: checks the access that each part needs. `flags` has SecurityInformation bits. */
export function checkAccess(open: AccessToCheck, flags: number): NtStatus {
  let needed = 0;
  if ((flags & (OWNER | GROUP | LABEL | BACKUP)) !== 0) needed |= Access.WRITE_OWNER;
  if ((flags & (DACL | ATTRIBUTE | BACKUP)) !== 0) needed |= Access.WRITE_DAC;
  if ((flags & (SACL | SCOPE | BACKUP)) !== 0) needed |= Access.ACCESS_SYSTEM_SECURITY;
  if (needed === 0) return Status.INVALID_PARAMETER;
  const usable = open.grantedAccess & ~open.unusableAccess;
  if ((usable & needed) !== needed >>> 0) return Status.ACCESS_DENIED;
  const { grant } = open.tree;
  if (!grant.security.canChange || grant.readOnly) return Status.ACCESS_DENIED;
  // Integrity labels cannot be stored.
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
  // chown(2) clears set-user-id bits, so the mode is set last.
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

/** Logged once: the client sees only STATUS_ACCESS_DENIED, and the cause is in the server's setup. */
function logMissingPrivilege({ log }: EngineContext): void {
  if (hasLogged) return;
  hasLogged = true;
  log.warn?.(
    "cannot set owner or permissions: that needs root, and CAP_SYS_ADMIN for a share with 'acl = nt'",
  );
}

/**
 * Merges the parts of `given` in `flags` into `current`. Returns the change on disk, or the status that
 * refuses it.
 */
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
  const hasSacl = (flags & SACL) !== 0;
  const uid = owner === undefined ? UNCHANGED : newUid(tree, stat, current, owner);
  if (uid === undefined) return Status.INVALID_OWNER;
  const gid = group === undefined ? UNCHANGED : newGid(tree, stat, current, group);
  if (gid === undefined) return Status.INVALID_PRIMARY_GROUP;
  const merged: SecurityDescriptor = {
    control:
      ((hasDacl ? given.control : current.control) & ~SACL_CONTROL) |
      ((hasSacl ? given.control : current.control) & SACL_CONTROL),
    owner: owner ?? current.owner,
    group: group ?? current.group,
    // As on Windows, a descriptor without a DACL sets a NULL DACL, which grants everybody full access.
    dacl: hasDacl ? (given.dacl ?? null) : current.dacl,
    sacl: hasSacl ? given.sacl : current.sacl,
  };
  return rightsChange(tree, stat, merged, uid, gid, hasDacl);
}

/**
 * Returns the new uid or UNCHANGED; undefined if the client may not set this owner. As without
 * SeRestorePrivilege on Windows, a user may set their own SIDs and the present owner.
 */
function newUid(tree: Tree, stat: FileStat, current: SecurityDescriptor, owner: Sid): number | undefined {
  const token = tokenOf(tree);
  const uid = uidOn(tree, owner);
  if (current.owner !== undefined && sameSid(owner, current.owner)) return UNCHANGED;
  // The Unix-user SID of the present owner. It does not mean a user who shares this uid with others.
  if (uidOfSid(owner) === stat.uid && !token.isNamed) return UNCHANGED;
  const isNt = tree.grant.security.acl === "nt";
  if (!token.isRoot && !(isNt && hasSid(token, owner))) return undefined;
  if (uid !== undefined) return uid === stat.uid ? UNCHANGED : uid;
  return isNt ? UNCHANGED : undefined;
}

/** The same for the group. */
function newGid(tree: Tree, stat: FileStat, current: SecurityDescriptor, group: Sid): number | undefined {
  const token = tokenOf(tree);
  const gid = gidOfSid(group);
  if (gid === stat.gid || (current.group !== undefined && sameSid(group, current.group))) return UNCHANGED;
  const isNt = tree.grant.security.acl === "nt";
  if (gid === undefined) return isNt ? UNCHANGED : undefined;
  if (token.isRoot || (token.uid === stat.uid && token.groups.includes(gid))) return gid;
  // With `acl = nt` the descriptor stores the group; on disk a user can set only their own groups.
  return isNt ? UNCHANGED : undefined;
}
