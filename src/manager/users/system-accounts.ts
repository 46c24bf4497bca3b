// Users and groups of the machine, from passwd(5) and group(5). NSS is not used: a share for users from LDAP
// or SSSD needs `force user`.
import { readFileSync } from "node:fs";
import { ConfigError } from "../config/parse.ts";
import { stampOf } from "./file-stamp.ts";

export interface SystemUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** Empty: none. */
  readonly home: string;
}

export interface SystemGroup {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/** Snapshot of both files. */
export interface SystemAccounts {
  readonly users: ReadonlyMap<string, SystemUser>;
  readonly groups: ReadonlyMap<string, SystemGroup>;
}

const MAX_ID = 0xffff_fffe;

/** Skips invalid lines, as libc does. */
export function parseSystemAccounts(passwd: string, group: string): SystemAccounts {
  const users = new Map<string, SystemUser>();
  for (const fields of splitLines(passwd)) {
    const [name = "", , uidText = "", gidText = "", , home = ""] = fields;
    const uid = parseId(uidText);
    const gid = parseId(gidText);
    if (name === "" || uid === undefined || gid === undefined || users.has(name)) continue;
    users.set(name, { name, uid, gid, home });
  }
  const groups = new Map<string, SystemGroup>();
  for (const fields of splitLines(group)) {
    const [name = "", , gidText = "", memberText = ""] = fields;
    const gid = parseId(gidText);
    if (name === "" || gid === undefined || groups.has(name)) continue;
    groups.set(name, { name, gid, members: memberText.split(",").filter((member) => member !== "") });
  }
  return { users, groups };
}

/** Finds the user of that name; else, unless case matters (`isExact`), of that name in lower case. */
export function findSystemUser(
  accounts: SystemAccounts,
  name: string,
  isExact = false,
): SystemUser | undefined {
  return accounts.users.get(name) ?? (isExact ? undefined : accounts.users.get(name.toLowerCase()));
}

export function groupNameOf(accounts: SystemAccounts, gid: number): string | undefined {
  for (const group of accounts.groups.values()) if (group.gid === gid) return group.name;
  return undefined;
}

/** gids of the user's supplementary groups, without the primary one. */
export function supplementaryGroups(accounts: SystemAccounts, user: SystemUser): number[] {
  const gids = new Set<number>();
  for (const group of accounts.groups.values()) if (group.members.includes(user.name)) gids.add(group.gid);
  gids.delete(user.gid);
  return [...gids];
}

/** Names of the group's members, including users whose primary group it is. Undefined: no such group. */
export function groupMembers(accounts: SystemAccounts, name: string): string[] | undefined {
  const group = accounts.groups.get(name);
  if (!group) return undefined;
  const names = new Set(group.members);
  for (const user of accounts.users.values()) if (user.gid === group.gid) names.add(user.name);
  return [...names];
}

/** Caches the files and reads them again when they have changed. */
export class SystemAccountFiles {
  private readonly passwdFile: string;
  private readonly groupFile: string;
  private stamp = "";
  private accounts: SystemAccounts | undefined;
  /** Told why the accounts stay as they were: at each `read` while a file cannot be read. */
  onFault: (text: string) => void = () => {};

  constructor(passwdFile = "/etc/passwd", groupFile = "/etc/group") {
    this.passwdFile = passwdFile;
    this.groupFile = groupFile;
  }

  /**
   * A missing file counts as empty. One that cannot be read does not, as lists that keep a group out would
   * let it in: the accounts stay as they were, and the next call tries again. Throws ConfigError if they were
   * never read.
   */
  read(): SystemAccounts {
    try {
      const stamp = `${stampOf(this.passwdFile)};${stampOf(this.groupFile)}`;
      if (this.accounts === undefined || stamp !== this.stamp) {
        this.accounts = parseSystemAccounts(readIfPresent(this.passwdFile), readIfPresent(this.groupFile));
        this.stamp = stamp;
      }
      return this.accounts;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === undefined) throw error;
      const text = `the accounts of ${this.passwdFile} and ${this.groupFile} cannot be read (${code})`;
      if (this.accounts === undefined) throw new ConfigError("", text);
      this.onFault(`${text}; they stay as they were`);
      return this.accounts;
    }
  }
}

function splitLines(text: string): string[][] {
  return text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#") && !/^[+-]/.test(line))
    .map((line) => line.split(":"));
}

function parseId(text: string): number | undefined {
  if (!/^\d{1,10}$/.test(text)) return undefined;
  const id = Number(text);
  return id <= MAX_ID ? id : undefined;
}

function readIfPresent(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}
