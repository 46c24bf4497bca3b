// The users and groups as RPC shows them, indexed by name and by identifier: one call may look a thousand of
// them up.
import type { Account } from "../../port/port.ts";
import type { Configuration } from "../config/load.ts";
import { findSystemUser, type SystemAccounts } from "../users/system-accounts.ts";
import { foldUserName } from "../users/user-name.ts";
import { userRid } from "../users/user-sid.ts";
import type { RpcAccounts, RpcUser } from "./interface.ts";

/** What a snapshot is made of; each is another object once something in it has changed. */
export interface AccountSources {
  readonly configuration: Configuration;
  readonly machineSid: string;
  readonly system: SystemAccounts;
  /** The users that can log on, by folded name; several where only case tells them apart. */
  readonly users: ReadonlyMap<string, readonly Account[]>;
}

export class AccountSnapshot implements RpcAccounts {
  private readonly sources: AccountSources;
  private readonly sorted: RpcUser[] = [];
  private readonly byRid = new Map<number, RpcUser>();
  private readonly byName = new Map<string, RpcUser[]>();
  private readonly unixUsers = new Map<number, string>();
  private readonly unixGroups = new Map<number, string>();

  constructor(sources: AccountSources) {
    this.sources = sources;
    const { system, users, configuration } = sources;
    for (const [folded, namesakes] of users) {
      const isExact = namesakes.length > 1;
      const listed = namesakes.map(({ name }) => ({
        name,
        rid: userRid(name, isExact, system),
        uid: findSystemUser(system, name, isExact)?.uid,
        isAdministrator: configuration.administrators.has(name, system, isExact),
      }));
      this.byName.set(folded, listed);
      for (const user of listed) this.byRid.set(user.rid, user);
      this.sorted.push(...listed);
    }
    this.sorted.sort((a, b) => a.rid - b.rid);
    // The first name of an id counts, as for getpwuid(3).
    for (const { uid, name } of system.users.values())
      if (!this.unixUsers.has(uid)) this.unixUsers.set(uid, name);
    for (const { gid, name } of system.groups.values())
      if (!this.unixGroups.has(gid)) this.unixGroups.set(gid, name);
  }

  /** Whether it is still made of the same. */
  isOf(sources: AccountSources): boolean {
    const { configuration, machineSid, system, users } = this.sources;
    return (
      sources.configuration === configuration &&
      sources.machineSid === machineSid &&
      sources.system === system &&
      sources.users === users
    );
  }

  get serverName(): string {
    return this.sources.configuration.settings.serverName;
  }
  get workgroup(): string {
    return this.sources.configuration.settings.domain;
  }
  get machineSid(): string {
    return this.sources.machineSid;
  }
  get guestName(): string {
    return this.sources.configuration.guestAccount;
  }

  users(): readonly RpcUser[] {
    return this.sorted;
  }
  userOfRid(rid: number): RpcUser | undefined {
    return this.byRid.get(rid);
  }
  usersNamed(name: string): readonly RpcUser[] {
    return this.byName.get(foldUserName(name)) ?? [];
  }
  unixUser(uid: number): string | undefined {
    return this.unixUsers.get(uid);
  }
  unixGroup(gid: number): string | undefined {
    return this.unixGroups.get(gid);
  }
  uidOf(name: string): number | undefined {
    return findSystemUser(this.sources.system, name)?.uid;
  }
  gidOf(name: string): number | undefined {
    const { groups } = this.sources.system;
    return (groups.get(name) ?? groups.get(name.toLowerCase()))?.gid;
  }
}
