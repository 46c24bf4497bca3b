// A list of users and groups, such as `valid users`; ksmbd.conf(5).
import { groupMembers, type SystemAccounts } from "../users/system-accounts.ts";
import { foldUserName } from "../users/user-name.ts";

export class UserList {
  private readonly all: readonly string[];
  private readonly words: ReadonlySet<string>;
  private readonly names: ReadonlySet<string>;
  private readonly groups: readonly string[];

  /**
   * Words as written: NAME, @GROUP and Samba's +GROUP. `&GROUP` is a NIS group and matches nobody; with
   * `&+GROUP` the Unix group counts.
   */
  constructor(words: readonly string[]) {
    const names = words.filter((word) => !/^[@+&]/.test(word));
    this.all = words;
    this.words = new Set(names);
    this.names = new Set(names.map(foldUserName));
    this.groups = words.filter((word) => /^&?[@+]/.test(word)).map((word) => word.replace(/^[@+&]+/, ""));
  }

  /**
   * A list that takes rights away. The domain of `DOMAIN\NAME` is not compared there, and NAME may be a
   * group: a word that this server knows by another name must not leave the right.
   */
  static ofDenied(words: readonly string[]): UserList {
    const bare = words.flatMap((word) => {
      const [, mark = "", name] = /^([@+&]*).*\\(.+)$/.exec(word) ?? [];
      if (name === undefined) return [];
      return mark === "" ? [name, `@${name}`] : [`${mark}${name}`];
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

  /** The list names the user itself, not only a group. */
  lists(user: string): boolean {
    return this.names.has(foldUserName(user));
  }

  /**
   * Looks groups up at each call, so that members added later count. `isExact`: case matters, since another
   * user's name differs by nothing else.
   */
  has(user: string, accounts: SystemAccounts, isExact = false): boolean {
    const folded = foldUserName(user);
    if (isExact ? this.words.has(user) : this.names.has(folded)) return true;
    const isUser = (name: string): boolean => (isExact ? name === user : foldUserName(name) === folded);
    return this.groups.some((group) => (groupMembers(accounts, group) ?? []).some(isUser));
  }
}
