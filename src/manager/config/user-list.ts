// A list of users and groups, such as `valid users`; ksmbd.conf(5).
import { groupMembers, type SystemAccounts } from "../users/system-accounts.ts";
import { foldUserName } from "../users/user-name.ts";

export class UserList {
  private readonly names: ReadonlySet<string>;
  private readonly groups: readonly string[];

  /** Words as written: NAME, @GROUP and Samba's +GROUP. `&GROUP` is a NIS group and matches nobody. */
  constructor(words: readonly string[]) {
    const names = words.filter((word) => !/^[@+&]/.test(word));
    this.names = new Set(names.map(foldUserName));
    this.groups = words.filter((word) => /^[@+]/.test(word)).map((word) => word.replace(/^[@+]&?/, ""));
  }

  /** Looks groups up at each call, so that members added later count. */
  has(user: string, accounts: SystemAccounts): boolean {
    const folded = foldUserName(user);
    if (this.names.has(folded)) return true;
    return this.groups.some((group) =>
      (groupMembers(accounts, group) ?? []).some((member) => foldUserName(member) === folded),
    );
  }
}
