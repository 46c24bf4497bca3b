// The users that may log on: ksmbdpwd.db and the configuration's own, found by name without case.
import { statSync } from "node:fs";
import type { Account } from "../../port/port.ts";
import { readPasswordFile } from "./password-file.ts";
import { foldUserName } from "./user-name.ts";

export class UserDirectory {
  private readonly file: string | null;
  private inline: ReadonlyMap<string, string>;
  private stamp: string;
  private accounts: ReadonlyMap<string, Account>;

  /** Throws ConfigError where the file cannot be read or understood. */
  constructor(file: string | null, inline: ReadonlyMap<string, string>) {
    this.file = file;
    this.inline = inline;
    this.stamp = this.readStamp();
    this.accounts = this.load();
  }

  /** Number of users. */
  get size(): number {
    return this.accounts.size;
  }

  find(user: string): Account | null {
    return this.accounts.get(foldUserName(user)) ?? null;
  }

  /** Takes other inline users and reads the file again. Throws ConfigError and changes nothing then. */
  reload(inline: ReadonlyMap<string, string>): void {
    const before = this.inline;
    this.inline = inline;
    try {
      const stamp = this.readStamp();
      this.accounts = this.load();
      this.stamp = stamp;
    } catch (error) {
      this.inline = before;
      throw error;
    }
  }

  /** Whether the file is another one than at the last look; each change is told once. */
  hasChanged(): boolean {
    const stamp = this.readStamp();
    if (stamp === this.stamp) return false;
    this.stamp = stamp;
    return true;
  }

  private load(): ReadonlyMap<string, Account> {
    const accounts = new Map<string, Account>();
    const stored = this.file === null ? [] : readPasswordFile(this.file);
    // The configuration's users come last: they replace the file's.
    for (const [name, ntHash] of [...stored, ...this.inline])
      accounts.set(foldUserName(name), Object.freeze({ name, ntHash, isGuest: false }));
    return accounts;
  }

  private readStamp(): string {
    const found =
      this.file === null ? undefined : statSync(this.file, { throwIfNoEntry: false, bigint: true });
    return found ? `${found.dev}.${found.ino}.${found.size}.${found.mtimeNs}` : "";
  }
}
