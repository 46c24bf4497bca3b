// The users that can log on, from ksmbdpwd.db and the configuration; names are compared without case.
import { statSync } from "node:fs";
import type { Account } from "../../port/port.ts";
import { readPasswordFile } from "./password-file.ts";
import { foldUserName } from "./user-name.ts";

export class UserDirectory {
  private readonly file: string | null;
  private inline: ReadonlyMap<string, string>;
  private stamp: string;
  private accounts: ReadonlyMap<string, Account> = new Map();
  private lastVersion = 0;

  /** Throws ConfigError if the file cannot be read or parsed. */
  constructor(file: string | null, inline: ReadonlyMap<string, string>) {
    this.file = file;
    this.inline = inline;
    this.stamp = this.readStamp();
    this.accounts = this.load();
  }

  get size(): number {
    return this.accounts.size;
  }

  find(user: string): Account | null {
    return this.accounts.get(foldUserName(user)) ?? null;
  }

  /**
   * Replaces the configuration's users and reads the file again. Throws ConfigError; then nothing has
   * changed.
   */
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

  /** True once for each change of the file. */
  hasChanged(): boolean {
    const stamp = this.readStamp();
    if (stamp === this.stamp) return false;
    this.stamp = stamp;
    return true;
  }

  private load(): ReadonlyMap<string, Account> {
    const accounts = new Map<string, Account>();
    const stored = this.file === null ? [] : readPasswordFile(this.file);
    // Last, so that the configuration's users replace the file's.
    for (const [name, ntHash] of [...stored, ...this.inline]) {
      const key = foldUserName(name);
      const known = this.accounts.get(key);
      const version = known?.ntHash === ntHash ? known.version : ++this.lastVersion;
      accounts.set(key, Object.freeze({ name, ntHash, isGuest: false, version }));
    }
    return accounts;
  }

  private readStamp(): string {
    const found =
      this.file === null ? undefined : statSync(this.file, { throwIfNoEntry: false, bigint: true });
    return found ? `${found.dev}.${found.ino}.${found.size}.${found.mtimeNs}` : "";
  }
}
