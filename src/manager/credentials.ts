// uid, gid and groups of a session's file access; ksmbd.conf(5): force user, force group, guest account.
import type { NamedUsers } from "../port/directory.ts";
import type { Credentials } from "../port/port.ts";
import type { DirectoryStat } from "./directory-walk.ts";
import type { Share } from "./config/share.ts";
import type { Admission } from "./share-access.ts";
import { findSystemUser, supplementaryGroups, type SystemAccounts } from "./users/system-accounts.ts";
import { showName } from "./users/user-name.ts";
import { userSid } from "./users/user-sid.ts";

/** Of the user and of the group. */
const ROOT = 0;
/** Linux's overflow id, which owns nothing. */
const NOBODY = 65_534;
/** The system user for those who have none, where packages have made it. */
const OWN_ACCOUNT = "minismbd";

export interface Ids {
  readonly uid: number;
  readonly gid: number;
}

/** The owner of a share's directory, and those of the symbolic links that lead to it. */
export type DirectoryOwner = Pick<DirectoryStat, "uid" | "gid" | "linkOwners">;

/** The server's own ids, for users and guests without an account on the machine. */
export function ownIds(accounts: SystemAccounts): Ids {
  const { uid, gid } = accounts.users.get(OWN_ACCOUNT) ?? { uid: NOBODY, gid: NOBODY };
  return { uid, gid };
}

/**
 * The ids on a share of a user without an account: its directory's owner's, never root's or root's group. A
 * home belongs to one person: there only he has its owner's. Nor are they anybody's to whom a third person's
 * symbolic link leads, who would otherwise choose whose files the user gets.
 */
export function idsWithoutAccount(
  { homeOf }: Pick<Share, "homeOf">,
  user: string,
  owner: DirectoryOwner,
  accounts: SystemAccounts,
): Ids {
  const isAnothers = homeOf !== "" && homeOf !== user;
  if (isAnothers || owner.uid === ROOT || foreignLinkOwner(owner) !== undefined) return ownIds(accounts);
  const { uid, gid } = owner;
  return { uid, gid: gid === ROOT ? primaryGroupOf(uid, accounts) : gid };
}

/** Never root's: the server's own for an owner without an account, or with that of root's group. */
function primaryGroupOf(uid: number, accounts: SystemAccounts): number {
  for (const user of accounts.users.values()) if (user.uid === uid && user.gid !== ROOT) return user.gid;
  return ownIds(accounts).gid;
}

/** Who made a symbolic link on the way to the directory, if neither root nor the directory's owner did. */
function foreignLinkOwner({ uid, linkOwners }: DirectoryOwner): number | undefined {
  return linkOwners.find((owner) => owner !== ROOT && owner !== uid);
}

/**
 * Who chooses by a symbolic link which directory is reached with the rights of `uid`, though it is neither
 * his own link nor his own directory; undefined: nobody.
 */
function leaderInto(owner: DirectoryOwner, uid: number): number | undefined {
  return owner.linkOwners.find((leader) => leader !== ROOT && leader !== owner.uid && leader !== uid);
}

/**
 * What to tell the administrator about a user who acts as `ownIds` though the share has an owner, or is
 * root's; undefined: nothing.
 */
export function describeOwnIds(
  { name, path, forceUser }: Pick<Share, "name" | "path" | "forceUser">,
  user: string,
  directory: DirectoryStat,
  accounts: SystemAccounts,
  isExact = false,
): string | undefined {
  if (forceUser !== "" || findSystemUser(accounts, user, isExact)) return undefined;
  const { uid, gid } = ownIds(accounts);
  const stranger = foreignLinkOwner(directory);
  if (stranger !== undefined)
    return (
      `share [${name}]: ${path} leads through a symbolic link of uid ${stranger} to a directory of uid ` +
      `${directory.uid}, and '${showName(user)}' has no account on this machine, so the server acts as uid ${uid}; ` +
      "write the directory's own path, or run 'chown -h root' on the link"
    );
  if (directory.uid !== 0 || (directory.mode & 0o002) !== 0) return undefined;
  return (
    `share [${name}]: ${path} belongs to root and '${showName(user)}' has no account on this machine, so the server ` +
    `acts as uid ${uid}; to let such users write, run 'chown ${uid}:${gid} ${path}' or set 'force user'`
  );
}

/**
 * What the parameter names does not exist, is root, or would act in a directory that a third person
 * chooses, so connecting is refused.
 */
export interface CredentialFault {
  readonly parameter: "force user" | "force group" | "guest account" | "admin users";
  readonly fault: string;
}

/**
 * The ids for a server that runs as root: the forced user, else the system account with the user's name, else
 * the owner of the share's directory, but never for a guest and never root: then the server's own. `force
 * group` without `force user` changes the gid only. An administrator is root with those groups. `isExact`:
 * case tells the user from another one.
 */
export function credentialsFor(
  share: Share,
  user: string,
  { asGuest, isAdmin }: Admission,
  owner: DirectoryOwner,
  accounts: SystemAccounts,
  isExact = false,
): Credentials | CredentialFault {
  // By `force user = %U`.
  const isForcedExact = isExact && share.forceUser === user;
  const forced =
    share.forceUser === "" ? undefined : findSystemUser(accounts, share.forceUser, isForcedExact);
  if (share.forceUser !== "" && !forced)
    return {
      parameter: "force user",
      fault: `'force user' is '${share.forceUser}', which is not in /etc/passwd`,
    };
  const group = share.forceGroup === "" ? undefined : accounts.groups.get(share.forceGroup);
  if (share.forceGroup !== "" && !group)
    return {
      parameter: "force group",
      fault: `'force group' is '${share.forceGroup}', which is not in /etc/group`,
    };
  const account = forced ?? findSystemUser(accounts, user, isExact);
  if (asGuest && !forced && account?.uid === ROOT)
    return { parameter: "guest account", fault: `the guest account '${user}' is root by another name` };
  const leader = forced || isAdmin ? leaderInto(owner, isAdmin ? ROOT : (forced?.uid ?? ROOT)) : undefined;
  if (leader !== undefined)
    return {
      parameter: isAdmin ? "admin users" : "force user",
      fault:
        `its path leads through a symbolic link of uid ${leader}, who would choose what is reached as ` +
        `${isAdmin ? "root" : `'${share.forceUser}'`}; write the directory's own path, or run 'chown -h root' on the link`,
    };
  const fallback = asGuest ? ownIds(accounts) : idsWithoutAccount(share, user, owner, accounts);
  const { uid, gid } = account ?? fallback;
  const groups = account ? supplementaryGroups(accounts, account) : [];
  return Object.freeze({ uid: isAdmin ? ROOT : uid, gid: group?.gid ?? gid, groups: Object.freeze(groups) });
}

/**
 * How stored descriptors name the user if he has no account on the machine. `domain`: SID of the server's
 * users.
 */
export function namedUsersFor(
  share: Share,
  user: string,
  { asGuest, isAdmin }: Admission,
  owner: DirectoryOwner,
  accounts: SystemAccounts,
  isExact: boolean,
  domain: string,
): NamedUsers {
  const isNamed = !asGuest && !isAdmin && findSystemUser(accounts, user, isExact) === undefined;
  const sid = isNamed ? userSid(domain, user, isExact) : "";
  return Object.freeze({ domain, uid: idsWithoutAccount(share, user, owner, accounts).uid, sid });
}
