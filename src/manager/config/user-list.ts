// A list of users and groups, such as `valid users`; ksmbd.conf(5).
import type { DomainMembership } from "../../port/ticket.ts";
import { groupMembers, type SystemAccounts } from "../users/system-accounts.ts";
import { foldUserName } from "../users/user-name.ts";

/** The groups that every domain has, by relative identifier; [MS-DTYP] 2.4.2.4. */
const DOMAIN_GROUPS: ReadonlyMap<string, number> = new Map([
  ["domain admins", 512],
  ["domain users", 513],
  ["domain guests", 514],
  ["domain computers", 515],
  ["domain controllers", 516],
  ["schema admins", 518],
  ["enterprise admins", 519],
  ["group policy creator owners", 520],
  ["protected users", 525],
]);

const MARKS = /^[@+&]+/;
const SID = /^s-1-5-21(?:-\d+)+$/i;
/** `DOMAIN\GROUP`; in a list of denied users the domain is `*`, any. */
const DOMAIN_NAME = /^(.*)\\(.+)$/;

/** The parameters of a share that are lists of users. */
export const USER_LISTS = ["valid users", "invalid users", "read list", "write list", "admin users"] as const;

/** The value of a list that names nobody; without a value, the list would be that of [global]. */
export const NOBODY = ",";

export class UserList {
  private readonly all: readonly string[];
  private readonly words: ReadonlySet<string>;
  private readonly names: ReadonlySet<string>;
  private readonly groups: readonly string[];
  /** SIDs, and groups of a domain by `DOMAIN\GROUP`. */
  private readonly domainWords: readonly string[];

  /**
   * Words as written: NAME, @GROUP and Samba's +GROUP. `&GROUP` is a NIS group and matches nobody; with
   * `&+GROUP` the Unix group counts. A SID is that of a user or group of a domain, as with smbd.
   */
  constructor(words: readonly string[]) {
    const names = words.filter((word) => !MARKS.test(word));
    this.all = words;
    this.words = new Set(names);
    this.names = new Set(names.map(foldUserName));
    this.domainWords = words.filter(isOfDomain).map((word) => word.replace(MARKS, "").toLowerCase());
    this.groups = words.filter((word) => /^&?[@+]/.test(word)).map((word) => word.replace(MARKS, ""));
  }

  /**
   * A list that takes rights away. The domain of `DOMAIN\NAME` is not compared there, and NAME may be a
   * group: a word that this server knows by another name must not leave the right.
   */
  static ofDenied(words: readonly string[]): UserList {
    const bare = words.flatMap((word) => {
      const [, mark = "", name] = /^([@+&]*).*\\(.+)$/.exec(word) ?? [];
      if (name === undefined) return MARKS.test(word) ? [`@*\\${word.replace(MARKS, "")}`] : [];
      const group = `@*\\${name}`;
      return mark === "" ? [name, `@${name}`, group] : [`${mark}${name}`, group];
    });
    return new UserList([...words, ...bare]);
  }

  /** The list with other words; itself where none changes. */
  map(change: (word: string) => string): UserList {
    const changed = this.all.map(change);
    return changed.every((word, index) => word === this.all[index]) ? this : new UserList(changed);
  }

  /** The users and groups that the list names, as written. */
  get written(): readonly string[] {
    return this.all;
  }

  /** The list may name users by what only their tickets say. */
  get namesDomain(): boolean {
    return this.domainWords.length > 0;
  }

  /** The list names the user itself, not only a group. */
  lists(user: string): boolean {
    return this.names.has(foldUserName(user));
  }

  /**
   * Looks groups up at each call, so that members added later count. `isExact`: case matters, since another
   * user's name differs by nothing else. `membership`: the user's groups by a ticket.
   */
  has(
    user: string,
    accounts: SystemAccounts,
    isExact = false,
    membership: DomainMembership | undefined = undefined,
  ): boolean {
    if (membership !== undefined && this.hasMember(membership)) return true;
    const folded = foldUserName(user);
    if (isExact ? this.words.has(user) : this.names.has(folded)) return true;
    const isUser = (name: string): boolean => (isExact ? name === user : foldUserName(name) === folded);
    return this.groups.some((group) => (groupMembers(accounts, group) ?? []).some(isUser));
  }

  private hasMember({ domain, domainSid, sids }: DomainMembership): boolean {
    return this.domainWords.some((word) => {
      if (SID.test(word)) return sids.includes(word.toUpperCase());
      const [, of = "", name = ""] = DOMAIN_NAME.exec(word) ?? [];
      const rid = of === "*" || of === domain.toLowerCase() ? DOMAIN_GROUPS.get(name) : undefined;
      return rid !== undefined && sids.includes(`${domainSid}-${rid}`);
    });
  }
}

/** True for a word that can name members of a domain: a SID, or one of every domain's groups. */
export function isOfDomain(word: string): boolean {
  const name = word.replace(MARKS, "");
  if (SID.test(name)) return true;
  const [, , group = ""] = DOMAIN_NAME.exec(name.toLowerCase()) ?? [];
  return name !== word && DOMAIN_GROUPS.has(group);
}
