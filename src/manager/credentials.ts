// uid, gid and groups of a session's file access; ksmbd.conf(5): force user, force group, guest account.
import type { Credentials } from "../port/port.ts";
import type { Share } from "./config/share.ts";
import { findSystemUser, supplementaryGroups, type SystemAccounts } from "./users/system-accounts.ts";

/** For guests without an account on the machine: Linux's overflow id, which owns nothing. */
const NOBODY = 65_534;

/** `force user` or `force group` does not exist, so connecting to the share is refused. */
export interface CredentialFault {
  readonly fault: string;
}

/**
 * The ids for a server that runs as root: the forced user, else the system account with the user's name, else
 * the owner of the share's directory, but never for a guest. `force group` without `force user` changes the
 * gid only.
 */
export function credentialsFor(
  share: Share,
  user: string,
  isGuest: boolean,
  owner: { readonly uid: number; readonly gid: number },
  accounts: SystemAccounts,
): Credentials | CredentialFault {
  const forced = share.forceUser === "" ? undefined : findSystemUser(accounts, share.forceUser);
  if (share.forceUser !== "" && !forced)
    return { fault: `'force user' is '${share.forceUser}', which is not in /etc/passwd` };
  const group = share.forceGroup === "" ? undefined : accounts.groups.get(share.forceGroup);
  if (share.forceGroup !== "" && !group)
    return { fault: `'force group' is '${share.forceGroup}', which is not in /etc/group` };
  const account = forced ?? findSystemUser(accounts, user);
  const fallback = isGuest ? { uid: NOBODY, gid: NOBODY } : owner;
  const { uid, gid } = account ?? fallback;
  const groups = account ? supplementaryGroups(accounts, account) : [];
  return Object.freeze({ uid, gid: group?.gid ?? gid, groups: Object.freeze(groups) });
}
