// Who may do what in a share, and which lists of names say so. Pure.
import { UserList } from "../config/user-list.ts";
import type { Share } from "../config/share.ts";
import { admit, localIdentity } from "../share-access.ts";
import type { SystemAccounts } from "../users/system-accounts.ts";
import { foldUserName } from "../users/user-name.ts";
import { Refusal } from "../refusal.ts";

export const ACCESS = ["none", "read", "write", "admin"] as const;
export type Access = (typeof ACCESS)[number];

export interface AccessRow {
  readonly user: string;
  /** By the configuration; the rights on the disk may allow less. `admin`: writes, and acts as root. */
  readonly access: Access;
}

/** Whom the lists are about. */
export interface Accounts {
  /** The users who can log on. */
  readonly users: readonly string[];
  readonly groups: SystemAccounts;
  readonly guestAccount: string;
  hasNamesake(user: string): boolean;
}

export function matrixOf(share: Share, accounts: Accounts): AccessRow[] {
  return accounts.users.map((user) => ({ user, access: accessOf(share, user, accounts) }));
}

function accessOf(share: Share, user: string, accounts: Accounts): Access {
  const guest = share.guestAccount || accounts.guestAccount;
  const admission = admit(share, localIdentity(user), guest, accounts.groups, accounts.hasNamesake(user));
  if (admission === undefined) return "none";
  if (admission.readOnly) return "read";
  return admission.isAdmin ? "admin" : "write";
}

/** What guests may do; for the comparison of two shares. */
export function guestAccessOf(share: Share, accounts: Accounts): Access {
  const identity = { ...localIdentity(""), isGuest: true };
  const guest = share.guestAccount || accounts.guestAccount;
  const admission = admit(share, identity, guest, accounts.groups);
  return admission === undefined ? "none" : admission.readOnly ? "read" : "write";
}

/** The words of the lists of a share, as they are written; null: everybody is valid. */
export interface AccessLists {
  readonly "valid users": readonly string[] | null;
  readonly "invalid users": readonly string[];
  readonly "read list": readonly string[];
  readonly "write list": readonly string[];
  readonly "admin users": readonly string[];
}

/**
 * The lists by which the users named in `wanted` get that access and all others keep theirs. Throws Refusal
 * where lists cannot say that.
 */
export function planLists(
  share: Share,
  before: AccessLists,
  wanted: ReadonlyMap<string, Access>,
  accounts: Accounts,
): AccessLists {
  const plan = new ListPlan(share, before, accounts);
  const now = new Map(matrixOf(share, accounts).map(({ user, access }) => [user, access]));
  for (const user of wanted.keys())
    if (!now.has(user)) throw new Refusal("not-found", `there is no user '${user}'`);
  const changed = [...wanted].filter(([user, access]) => now.get(user) !== access);
  if (changed.some(([, access]) => access === "none"))
    plan.closeToOthers(accounts.users.filter((user) => (wanted.get(user) ?? now.get(user)) !== "none"));
  for (const [user, access] of changed) plan.set(user, access);
  const after = plan.share();
  for (const { user, access } of matrixOf(after, accounts)) {
    const expected = wanted.get(user) ?? now.get(user);
    if (access !== expected)
      throw new Refusal(
        "refused",
        `'${user}' would get '${access}' by a group in the lists of the share: change the configuration file`,
      );
  }
  if (guestAccessOf(after, accounts) !== guestAccessOf(share, accounts))
    throw new Refusal("refused", "guests would get another access by that: change 'guest ok' first");
  return plan.lists;
}

class ListPlan {
  private readonly base: Share;
  private readonly accounts: Accounts;
  private valid: readonly string[] | null;
  private invalid: readonly string[];
  private read: readonly string[];
  private write: readonly string[];
  private admin: readonly string[];

  constructor(share: Share, lists: AccessLists, accounts: Accounts) {
    this.base = share;
    this.accounts = accounts;
    this.valid = lists["valid users"];
    this.invalid = lists["invalid users"];
    this.read = lists["read list"];
    this.write = lists["write list"];
    this.admin = lists["admin users"];
  }

  get lists(): AccessLists {
    return {
      "valid users": this.valid,
      "invalid users": this.invalid,
      "read list": this.read,
      "write list": this.write,
      "admin users": this.admin,
    };
  }

  /** Names all valid users, so that a user who is made later does not get in. Guests keep what they have. */
  closeToOthers(valid: readonly string[]): void {
    if (this.base.guestOk) return;
    // An empty list would admit everybody, or nobody by another server.
    if (valid.length === 0)
      throw new Refusal("refused", "nobody could connect then: set 'available = no', or remove the share");
    this.valid ??= valid;
  }

  set(user: string, access: Access): void {
    const isOwn = this.namer(user);
    if (access === "none") return this.shutOut(user, isOwn);
    this.invalid = without(this.invalid, isOwn);
    if (this.valid !== null && !this.has(this.valid, user)) this.valid = [...this.valid, user];
    if (access !== "admin") this.admin = without(this.admin, isOwn);
    else if (!this.has(this.admin, user)) this.admin = [...this.admin, user];
    if (access === "read") {
      this.write = without(this.write, isOwn);
      const isReadOnly = this.base.readOnly && !this.has(this.write, user);
      if (!isReadOnly && !this.has(this.read, user)) this.read = [...this.read, user];
      return;
    }
    this.read = without(this.read, isOwn);
    if (this.base.readOnly && !this.has(this.write, user)) this.write = [...this.write, user];
  }

  private shutOut(user: string, isOwn: (word: string) => boolean): void {
    if (this.valid !== null) {
      this.valid = without(this.valid, isOwn);
      if (this.valid.length === 0)
        throw new Refusal("refused", "nobody could connect then: set 'available = no', or remove the share");
    }
    this.read = without(this.read, isOwn);
    this.write = without(this.write, isOwn);
    this.admin = without(this.admin, isOwn);
    if (this.valid === null || this.has(this.valid, user)) this.invalid = [...this.invalid, user];
  }

  share(): Share {
    return {
      ...this.base,
      validUsers: this.valid && new UserList(this.valid),
      invalidUsers: UserList.ofDenied(this.invalid),
      readList: UserList.ofDenied(this.read),
      writeList: new UserList(this.write),
      adminUsers: new UserList(this.admin),
    };
  }

  private has(words: readonly string[], user: string): boolean {
    return new UserList(words).has(user, this.accounts.groups, this.accounts.hasNamesake(user));
  }

  private namer(user: string): (word: string) => boolean {
    if (this.accounts.hasNamesake(user)) return (word) => word === user;
    return (word) => foldUserName(word) === foldUserName(user);
  }
}

function without(words: readonly string[], isOwn: (word: string) => boolean): readonly string[] {
  return words.filter((word) => !isOwn(word));
}

/** The words as a value; undefined where a list cannot hold one of them. */
export function formatList(words: readonly string[]): string | undefined {
  const written = words.map(formatWord);
  return written.includes(undefined) ? undefined : written.join(", ");
}

function formatWord(word: string): string | undefined {
  if (!/[\s,"]/.test(word)) return word;
  const [, mark = "", name = ""] = /^([@+&]?)(.*)$/s.exec(word) ?? [];
  return name.includes('"') || name !== name.trim() ? undefined : `${mark}"${name}"`;
}
