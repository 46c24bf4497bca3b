// The ACEs by which a Mac sees and changes a mode: S-1-5-88-1-uid, S-1-5-88-2-gid and S-1-5-88-3-mode,
// denials of nothing that no access check regards; vfs_fruit(8), `fruit:nfs_aces`, and smbfs_security.c of
// Apple's SMBClient.
import { AppleCapability } from "../../../wire/context/apple-context.ts";
import { EMPTY } from "../../../wire/cursor.ts";
import { modeOfSid } from "../../../wire/posix.ts";
import { type Ace, type Acl, AceType } from "../../../wire/security/acl.ts";
import type { SecurityDescriptor } from "../../../wire/security/security-descriptor.ts";
import { appendRid, type Sid, sameSid, WellKnownSid } from "../../../wire/security/sid.ts";
import type { Session } from "../../state/session.ts";
import type { FileStat } from "../../vfs/store.ts";

const PERMISSIONS = 0o777;

export function usesNfsAces(session: Session): boolean {
  return (session.appleCapabilities & AppleCapability.NFS_ACE) !== 0;
}

/** Adds the ACEs to the DACL that a Mac reads. */
export function withNfsAces(descriptor: SecurityDescriptor, stat: FileStat): SecurityDescriptor {
  const { dacl } = descriptor;
  if (dacl === undefined || dacl === null) return descriptor;
  const facts: [Sid, number][] = [
    [WellKnownSid.NFS_USERS, stat.uid],
    [WellKnownSid.NFS_GROUPS, stat.gid],
    [WellKnownSid.NFS_MODE, stat.format | stat.mode],
  ];
  const aces = [
    ...dacl.aces.filter(({ sid }) => !isNfsSid(sid)),
    ...facts.map(([base, value]) => aceOf(appendRid(base, value))),
  ];
  return { ...descriptor, dacl: { ...dacl, aces } };
}

function aceOf(sid: Sid): Ace {
  return { type: AceType.ACCESS_DENIED, flags: 0, mask: 0, sid, applicationData: EMPTY };
}

function isNfsSid({ authority, subAuthorities }: Sid): boolean {
  return authority === 5 && subAuthorities.length === 3 && subAuthorities[0] === 88;
}

export interface MacChange {
  /** Without the ACEs. */
  readonly descriptor: SecurityDescriptor;
  readonly changesDacl: boolean;
  /** Undefined: it stays. */
  readonly mode: number | undefined;
}

/**
 * What a Mac's descriptor changes. macOS sends the ACEs back with every DACL that it sets, and to set a mode
 * the DACL that it has read, or the ACE of the mode alone: only what differs from `current` is a change.
 */
export function readMacChange(
  given: SecurityDescriptor,
  current: SecurityDescriptor,
  stat: FileStat,
): MacChange {
  const { dacl } = given;
  if (dacl === undefined || dacl === null) return { descriptor: given, changesDacl: true, mode: undefined };
  const aces = dacl.aces.filter(({ sid }) => !isNfsSid(sid));
  const isModeAlone = aces.length === 0 && dacl.aces.length > 0;
  const wanted = dacl.aces.map(({ sid }) => modeOfSid(sid)).find((mode) => mode !== undefined);
  const isSameMode = wanted === undefined || (wanted & PERMISSIONS) === (stat.mode & PERMISSIONS);
  return {
    descriptor: { ...given, dacl: { ...dacl, aces } },
    changesDacl: !isModeAlone && !isSameAcl(aces, current.dacl),
    mode: isSameMode ? undefined : (stat.mode & ~PERMISSIONS) | (wanted & PERMISSIONS),
  };
}

function isSameAcl(aces: readonly Ace[], acl: Acl | null | undefined): boolean {
  if (acl === undefined || acl === null || acl.aces.length !== aces.length) return false;
  return aces.every((ace, i) => {
    const other = acl.aces[i];
    if (other === undefined || ace.type !== other.type || ace.mask !== other.mask) return false;
    return ace.flags === other.flags && sameSid(ace.sid, other.sid);
  });
}
