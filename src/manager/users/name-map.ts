// `username map` of smb.conf(5): lines `USER = NAME NAME`, the names by which clients may log on as USER.
import { parseList } from "../config/values.ts";
import { groupMembers, type SystemAccounts } from "./system-accounts.ts";
import { foldUserName } from "./user-name.ts";

interface Row {
  readonly user: string;
  /** Names, `@group`s, or `*` for every name. */
  readonly names: readonly string[];
  /** The line began with `!`: a match ends the search. */
  readonly isLast: boolean;
}

export type NameMap = readonly Row[];

/** Skips lines that are none, as smbd does. */
export function parseNameMap(text: string): NameMap {
  const rows: Row[] = [];
  for (const raw of text.split("\n")) {
    const line = raw.trim();
    const [, mark, user = "", names = ""] = /^(!?)\s*([^=;#]+?)\s*=\s*(.*)$/.exec(line) ?? [];
    if (user !== "" && !/^[;#]/.test(line))
      rows.push({ user, names: parseList(names), isLast: mark === "!" });
  }
  return rows;
}

/** The user for a client's name; each line sees what those above it made of it. */
export function mapName(map: NameMap, name: string, accounts: SystemAccounts): string {
  let mapped = name;
  for (const { user, names, isLast } of map) {
    if (!names.some((word) => matches(word, mapped, accounts))) continue;
    mapped = user;
    if (isLast) break;
  }
  return mapped;
}

function matches(word: string, name: string, accounts: SystemAccounts): boolean {
  if (word === "*") return true;
  const folded = foldUserName(name);
  const [, group] = /^[@+&]+(.+)$/.exec(word) ?? [];
  if (group === undefined) return foldUserName(word) === folded;
  return (groupMembers(accounts, group) ?? []).some((member) => foldUserName(member) === folded);
}
