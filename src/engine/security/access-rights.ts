// The access check of [MS-DTYP] 2.5.3.2: the rights that a security descriptor grants to a token. ACEs are
// evaluated in order: a later one neither denies a granted right nor grants a denied one.
import { Access, FileGeneric, mapGenericAccess } from "../../wire/security/access.ts";
import { type Ace, AceFlag, AceType } from "../../wire/security/acl.ts";
import type { SecurityDescriptor } from "../../wire/security/security-descriptor.ts";
import { type Sid, sameSid, WellKnownSid } from "../../wire/security/sid.ts";
import { hasSid, mayOwnAs, type SecurityToken } from "./token.ts";

/** Rights that the owner has whatever the DACL says, unless the DACL has ACEs for OWNER RIGHTS. */
const OWNER_IMPLICIT = Access.READ_CONTROL | Access.WRITE_DAC;

const ALLOWS: ReadonlySet<number> = new Set([AceType.ACCESS_ALLOWED, AceType.ACCESS_ALLOWED_OBJECT]);
const DENIES: ReadonlySet<number> = new Set([
  AceType.ACCESS_DENIED,
  AceType.ACCESS_DENIED_OBJECT,
  // The server does not evaluate conditions; a denial counts as if its condition were true.
  AceType.ACCESS_DENIED_CALLBACK,
  AceType.ACCESS_DENIED_CALLBACK_OBJECT,
]);

/**
 * Returns the access mask that `descriptor` grants to `token`. `isOwner`: the user is the object's owner for
 * a reason other than the descriptor's owner SID, such as the uid on disk.
 */
export function grantedAccess(descriptor: SecurityDescriptor, token: SecurityToken, isOwner = false): number {
  const { dacl, owner } = descriptor;
  // [MS-DTYP] 2.5.3.2: without a DACL everybody has full access.
  if (dacl === null || dacl === undefined) return FileGeneric.ALL;
  const owns = isOwner || (owner !== undefined && mayOwnAs(token, owner));
  const applies = (sid: Sid): boolean =>
    hasSid(token, sid) ||
    (owns && sameSid(sid, WellKnownSid.OWNER_RIGHTS)) ||
    (isOwner && owner !== undefined && sameSid(sid, owner));
  let granted = owns && !hasOwnerRights(dacl.aces) ? OWNER_IMPLICIT : 0;
  let denied = 0;
  for (const { type, flags, mask, sid } of dacl.aces) {
    if ((flags & AceFlag.INHERIT_ONLY) !== 0) continue;
    const allows = ALLOWS.has(type);
    if ((!allows && !DENIES.has(type)) || !applies(sid)) continue;
    const rights = mapGenericAccess(mask);
    if (allows) granted |= rights & ~denied;
    else denied |= rights & ~granted;
  }
  return (granted & FileGeneric.ALL) >>> 0;
}

function hasOwnerRights(aces: readonly Ace[]): boolean {
  return aces.some(
    ({ flags, sid }) => (flags & AceFlag.INHERIT_ONLY) === 0 && sameSid(sid, WellKnownSid.OWNER_RIGHTS),
  );
}
