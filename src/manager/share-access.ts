// Who may connect to a share, and may they change things. users.md, 2.3 (16): ksmbd's order.
import type { Identity } from "../port/port.ts";
import type { Share } from "./config/share.ts";
import type { SystemAccounts } from "./users/system-accounts.ts";

export interface Admission {
  readonly readOnly: boolean;
  /** The session counts as the guest here, though it may have a name. */
  readonly asGuest: boolean;
}

/**
 * Guest first, then invalid users, read list, write list, valid users; members of the read and write list need not
 * be valid users. A user whom `valid users` leaves out may still come as the guest where guests may. Undefined: no.
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
