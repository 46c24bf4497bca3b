// uid, gid and groups that a session's file access runs with. ksmbd.conf(5): force user, force group, guest account.
import type { Credentials } from "../port/port.ts";
import type { Share } from "./config/share.ts";
import { findSystemUser, supplementaryGroups, type SystemAccounts } from "./users/system-accounts.ts";

/** Where the machine has no such account: Linux's overflow id, which owns nothing. */
const NOBODY = 65_534;

/** `force user` or `force group` names nobody: the share cannot be connected to. */
export interface CredentialFault {
  readonly fault: string;
}

/**
 * For a server that runs as root. The forced user, else the system account of the user's name, else the owner of
 * the share's directory; a guest never becomes the owner. `force group` alone keeps the uid.
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
