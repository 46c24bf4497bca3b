// The access check: what a security descriptor grants to a token; [MS-DTYP] 2.5.3.2. Entries count in their order:
// what was granted is not taken back by a later denial, nor the other way round.
import { Access, FileGeneric, mapGenericAccess } from "../../wire/security/access.ts";
import { type Ace, AceFlag, AceType } from "../../wire/security/acl.ts";
import type { SecurityDescriptor } from "../../wire/security/security-descriptor.ts";
import { type Sid, sameSid, WellKnownSid } from "../../wire/security/sid.ts";
import { hasSid, mayOwnAs, type SecurityToken } from "./token.ts";

/** What the owner may do whatever the list says, unless it has entries for OWNER RIGHTS. */
const OWNER_IMPLICIT = Access.READ_CONTROL | Access.WRITE_DAC;

const ALLOWS: ReadonlySet<number> = new Set([AceType.ACCESS_ALLOWED, AceType.ACCESS_ALLOWED_OBJECT]);
const DENIES: ReadonlySet<number> = new Set([
  AceType.ACCESS_DENIED,
  AceType.ACCESS_DENIED_OBJECT,
  // Its condition is unknown here: it counts as met where that takes rights away.
  AceType.ACCESS_DENIED_CALLBACK,
  AceType.ACCESS_DENIED_CALLBACK_OBJECT,
]);

/**
 * All rights that `descriptor` grants. `isOwner`: the token is that of the object's owner by other knowledge than the
 * descriptor's SID, such as the uid on disk.
 */
export function grantedAccess(descriptor: SecurityDescriptor, token: SecurityToken, isOwner = false): number {
  const { dacl, owner } = descriptor;
  // No list at all protects nothing.
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
