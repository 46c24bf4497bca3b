// Decides whether a user may connect to a share, and whether read-only; the lists in ksmbd's order.
import type { Identity } from "../port/port.ts";
import type { Share } from "./config/share.ts";
import type { SystemAccounts } from "./users/system-accounts.ts";

export interface Admission {
  readonly readOnly: boolean;
  /** The session is treated as the guest in this share, even if it has a name. */
  readonly asGuest: boolean;
}

/**
 * Checks guests first, then invalid users, read list, write list, valid users; members of the read and write
 * list need not be valid users. A user whom `valid users` leaves out connects as the guest if `guest ok` is
 * set. Undefined: refused.
 */
export function admit(
  share: Share,
  identity: Identity,
  guestName: string,
  accounts: SystemAccounts,
): Admission | undefined {
  if (identity.isGuest || identity.isAnonymous)
    return share.guestOk ? admitGuest(share, guestName, accounts) : undefined;
  const { user } = identity;
  if (user === "" || share.invalidUsers.has(user, accounts)) return undefined;
  if (share.readList.has(user, accounts)) return { readOnly: true, asGuest: false };
  if (share.writeList.has(user, accounts)) return { readOnly: false, asGuest: false };
  if (share.validUsers === null || share.validUsers.has(user, accounts))
    return { readOnly: share.readOnly, asGuest: false };
  return share.guestOk ? admitGuest(share, guestName, accounts) : undefined;
}

function admitGuest(share: Share, guestName: string, accounts: SystemAccounts): Admission | undefined {
  if (share.invalidUsers.has(guestName, accounts)) return undefined;
  if (share.readList.has(guestName, accounts)) return { readOnly: true, asGuest: true };
  if (share.writeList.has(guestName, accounts)) return { readOnly: false, asGuest: true };
  return { readOnly: share.readOnly, asGuest: true };
}
