// Finds the share that a client names: one of the configuration, with the variables of user and client
// replaced, or the home of a user by [homes]; smb.conf(5).
import type { Identity } from "../port/port.ts";
import { type Configuration, foldShareName } from "./config/load.ts";
import type { Share } from "./config/share.ts";
import { machineName } from "./config/client-paths.ts";
import { fillAll, fillPath, type VariableValues } from "./config/variables.ts";
import {
  findSystemUser,
  groupNameOf,
  type SystemAccounts,
  type SystemUser,
} from "./users/system-accounts.ts";

export interface ShareFinderSource {
  configuration(): Configuration;
  accounts(): SystemAccounts;
  /** The user of that name who can log on, as the user is written. */
  userOf(name: string): string | undefined;
  /** Case tells this user from another one. */
  hasNamesake(name: string): boolean;
}

const HOMES = "homes";

export class ShareFinder {
  private readonly source: ShareFinderSource;

  constructor(source: ShareFinderSource) {
    this.source = source;
  }

  /** Undefined: there is no such share for this client. */
  find(name: string, identity: Identity): Share | undefined {
    const { shares, homes } = this.source.configuration();
    const folded = foldShareName(name);
    const share = shares.get(folded);
    if (share) return this.fill(share, identity, {});
    if (!homes) return undefined;
    if (folded !== HOMES) return this.homeOf(homes, name, identity);
    return isNamed(identity) ? this.homeOf(homes, identity.user, identity) : undefined;
  }

  /**
   * The shares that a list may show the user: those of the configuration, [homes], and the user's own home.
   */
  list(identity: Identity): Share[] {
    const { shares, homes } = this.source.configuration();
    const listed = [...shares.values()].map((share) => this.fill(share, identity, {}));
    if (homes && isNamed(identity)) {
      if (homes.browseable) listed.push(homes);
      const own = this.homeOf(homes, identity.user, identity);
      if (own && !shares.has(foldShareName(own.name))) listed.push({ ...own, browseable: true });
    }
    return listed.filter((share) => share !== undefined);
  }

  private homeOf(homes: Share, name: string, identity: Identity): Share | undefined {
    const account = this.accountOf(name);
    const owner = account?.name ?? this.source.userOf(name);
    if (owner === undefined) return undefined;
    const isOwnPath = homes.path !== "";
    // A system account such as `sync` has no home of its own.
    const home = account?.home === "/" ? undefined : account?.home;
    if (!isOwnPath && home === undefined) return undefined;
    const template = { ...homes, name: owner, path: isOwnPath ? homes.path : "%H" };
    const share = this.fill(template, identity, { S: owner, ...(!isOwnPath && { H: home }) });
    const comment = homes.comment === "" ? `Home directory of ${owner}` : share?.comment;
    return share && { ...share, homeOf: owner, comment: comment ?? "" };
  }

  private fill(share: Share, identity: Identity, more: VariableValues): Share | undefined {
    if (!share.isPersonal) return share;
    const values = { ...this.valuesFor(share, identity), ...more };
    const path = fillPath(share.path, values);
    const forceUser = fillAll(share.forceUser, values);
    const forceGroup = fillAll(share.forceGroup, values);
    if (path === undefined || forceUser === undefined || forceGroup === undefined) return undefined;
    const fill = (word: string): string => fillAll(word, values) ?? word;
    return Object.freeze({
      ...share,
      path,
      forceUser,
      forceGroup,
      comment: fill(share.comment),
      validUsers: share.validUsers && share.validUsers.map(fill),
      invalidUsers: share.invalidUsers.map(fill),
      readList: share.readList.map(fill),
      writeList: share.writeList.map(fill),
      adminUsers: share.adminUsers.map(fill),
    });
  }

  /** The account of that user, not of one whose name differs by case. */
  private accountOf(user: string): SystemUser | undefined {
    return findSystemUser(this.source.accounts(), user, this.source.hasNamesake(user));
  }

  private valuesFor(share: Share, identity: Identity): VariableValues {
    const accounts = this.source.accounts();
    const { guestAccount } = this.source.configuration();
    const user = isNamed(identity) ? identity.user : share.guestAccount || guestAccount;
    const account = this.accountOf(user);
    const group = account && groupNameOf(accounts, account.gid);
    const { remoteAddress, localAddress, claimed } = identity;
    return {
      ...{ U: user, u: user, G: group, g: group, H: account?.home },
      ...{ I: remoteAddress, M: remoteAddress, i: localAddress },
      m: machineName(claimed?.workstation ?? "", remoteAddress),
    };
  }
}

/** The user has proved a name; false for guests and anonymous users. */
export function isNamed({ user, isGuest, isAnonymous }: Identity): boolean {
  return !isGuest && !isAnonymous && user !== "";
}
