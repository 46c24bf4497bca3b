// The users that can log on, from ksmbdpwd.db and the configuration. Clients send names in any case (NTLM
// hashes them in upper case), so case matters only between users whose names differ by nothing else.
import type { Account } from "../../port/port.ts";
import { stampOf } from "./file-stamp.ts";
import { findSpelling, readPasswordFile, UnreadableFile } from "./password-file.ts";
import { foldUserName } from "./user-name.ts";

export class UserDirectory {
  private readonly file: string | null;
  private inline: ReadonlyMap<string, string>;
  /** Of the file that was read last; undefined: that could not be told. */
  private stamp: string | undefined;
  /** By folded name, the users of that name: almost always one. */
  private accounts: ReadonlyMap<string, readonly Account[]> = new Map();
  private count = 0;
  private lastVersion = 0;

  /** Throws ConfigError if the file cannot be read or parsed. */
  constructor(file: string | null, inline: ReadonlyMap<string, string>) {
    this.file = file;
    this.inline = inline;
    this.stamp = this.readStamp();
    this.accounts = this.load();
  }

  get size(): number {
    return this.count;
  }

  *all(): Iterable<Account> {
    for (const accounts of this.accounts.values()) yield* accounts;
  }

  /** By folded name; several users where only case tells them apart. Another map after a change. */
  get table(): ReadonlyMap<string, readonly Account[]> {
    return this.accounts;
  }

  /** The user of that very name, else the only one whose name differs from it by case. */
  find(user: string): Account | null {
    const found = this.accounts.get(foldUserName(user)) ?? [];
    return found.find(({ name }) => name === user) ?? (found.length === 1 ? (found[0] ?? null) : null);
  }

  /** Another user's name differs from this one by case only, so that case tells whom a name means. */
  hasNamesake(user: string): boolean {
    return (this.accounts.get(foldUserName(user))?.length ?? 0) > 1;
  }

  /**
   * Replaces the configuration's users and reads the file again. Throws ConfigError; then nothing has
   * changed.
   */
  reload(inline: ReadonlyMap<string, string>): void {
    const before = this.inline;
    const stamp = this.readStamp();
    this.inline = inline;
    try {
      this.accounts = this.load();
      this.stamp = stamp;
    } catch (error) {
      this.inline = before;
      // A file with a fault is read again when it is changed, one that could not be read at the next log-on.
      if (!(error instanceof UnreadableFile)) this.stamp = stamp;
      throw error;
    }
  }

  /** The file is not the one that `reload` read last, or that cannot be told. */
  hasChanged(): boolean {
    const stamp = this.readStamp();
    return stamp === undefined || stamp !== this.stamp;
  }

  private load(): ReadonlyMap<string, readonly Account[]> {
    const hashes = new Map(this.file === null ? [] : readPasswordFile(this.file));
    // The configuration's users replace the file's.
    for (const [name, ntHash] of this.inline) hashes.set(findSpelling(hashes, name) ?? name, ntHash);
    const accounts = new Map<string, Account[]>();
    for (const [name, ntHash] of hashes) {
      const key = foldUserName(name);
      const known = this.accounts.get(key)?.find((account) => account.name === name);
      const version = known?.ntHash === ntHash ? known.version : ++this.lastVersion;
      const account = Object.freeze({ name, ntHash, isGuest: false, version });
      accounts.set(key, [...(accounts.get(key) ?? []), account]);
    }
    this.count = hashes.size;
    return accounts;
  }

  private readStamp(): string | undefined {
    if (this.file === null) return "";
    try {
      return stampOf(this.file);
    } catch {
      return undefined;
    }
  }
}
