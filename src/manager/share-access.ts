// Decides whether a user may connect to a share, and whether read-only.
import type { Identity } from "../port/port.ts";
import type { DomainMembership } from "../port/ticket.ts";
import type { Share } from "./config/share.ts";
import type { UserList } from "./config/user-list.ts";
import type { SystemAccounts } from "./users/system-accounts.ts";

export interface Admission {
  readonly readOnly: boolean;
  /** The session is treated as the guest in this share, even if it has a name. */
  readonly asGuest: boolean;
  /** Named in `admin users`: acts as root. */
  readonly isAdmin: boolean;
}

/**
 * `valid users` closes a share to everybody else, as in Samba: to guests, who have the guest account's name,
 * and to members of the read and write list (ksmbd lets both in). `invalid users` overrides it; the read list
 * overrides the write list. With `guest only` everybody is the guest, whose name the lists are compared with.
 * `isExact`: case tells the user from another one. Undefined: refused.
 */
export function admit(
  share: Share,
  identity: Identity,
  guestName: string,
  accounts: SystemAccounts,
  isExact = false,
): Admission | undefined {
  if (identity.isGuest || identity.isAnonymous)
    return share.guestOk ? admitAs(share, guestName, true, accounts) : undefined;
  if (share.guestOk && share.guestOnly) return admitAs(share, guestName, true, accounts);
  const { user, membership } = identity;
  return user === "" ? undefined : admitAs(share, user, false, accounts, isExact, membership);
}

function admitAs(
  share: Share,
  user: string,
  asGuest: boolean,
  accounts: SystemAccounts,
  isExact = false,
  membership?: DomainMembership,
): Admission | undefined {
  const isIn = (list: UserList): boolean => list.has(user, accounts, isExact, membership);
  if (isIn(share.invalidUsers)) return undefined;
  if (share.validUsers !== null && !isIn(share.validUsers)) return undefined;
  const isAdmin = !asGuest && isIn(share.adminUsers);
  if (isIn(share.readList)) return { readOnly: true, asGuest, isAdmin };
  if (isIn(share.writeList)) return { readOnly: false, asGuest, isAdmin };
  return { readOnly: share.readOnly, asGuest, isAdmin };
}

/** A user of this server, for questions about the configuration: nobody has logged on. */
export function localIdentity(user: string): Identity {
  return {
    user,
    domain: "",
    isGuest: false,
    isAnonymous: false,
    accountVersion: 0,
    remoteAddress: "127.0.0.1",
  };
}

/** The parameter by which `admit` refuses. */
export function refusedBy(
  share: Share,
  identity: Identity,
  guestName: string,
  accounts: SystemAccounts,
  isExact: boolean,
): "guest ok" | "invalid users" | "valid users" {
  const isUnnamed = identity.isGuest || identity.isAnonymous;
  if (isUnnamed && !share.guestOk) return "guest ok";
  const asGuest = isUnnamed || share.guestOnly;
  const user = asGuest ? guestName : identity.user;
  const membership = asGuest ? undefined : identity.membership;
  return share.invalidUsers.has(user, accounts, !asGuest && isExact, membership)
    ? "invalid users"
    : "valid users";
}

/** Why `admit` refuses, for the log. */
export function whyRefused(
  share: Share,
  identity: Identity,
  guestName: string,
  accounts: SystemAccounts,
  isExact: boolean,
): string {
  const parameter = refusedBy(share, identity, guestName, accounts, isExact);
  if (parameter === "guest ok") return "'guest ok' is off";
  const asGuest = identity.isGuest || identity.isAnonymous || share.guestOnly;
  const name = asGuest ? `the guest account '${guestName}'` : "the user";
  return parameter === "invalid users"
    ? `'invalid users' names ${name}`
    : `'valid users' does not name ${name}`;
}
