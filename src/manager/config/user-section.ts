// A section `[user:NAME]`: a user whose password the configuration has.
import { ntHash, passwordFault } from "../users/nt-hash.ts";
import { findSpelling, type PasswordTable, putUser } from "../users/password-file.ts";
import { showName, userNameFault } from "../users/user-name.ts";
import { ConfigError, type Entry, type Section } from "./parse.ts";

/** Reads `[user:NAME]` with `password` or `nt hash`. Messages never contain the values. */
export function readUser(section: Section, users: PasswordTable): void {
  const name = section.name.slice(section.name.indexOf(":") + 1).trim();
  const fault = userNameFault(name);
  if (fault !== undefined) throw new ConfigError(section.position, fault);
  let hash: string | undefined;
  let isOverride = false;
  for (const entry of section.entries) {
    if (entry.key === "comment") continue;
    const found = readSecret(entry);
    // Sections whose names differ by case only are one.
    if (hash !== undefined && found !== undefined && found !== hash && !isOverride)
      throw new ConfigError(
        entry.position,
        `user '${showName(name)}' has two passwords: names have no case here, take one out`,
      );
    if (hash === undefined) isOverride = entry.position.startsWith("--");
    hash ??= found;
  }
  if (hash === undefined)
    throw new ConfigError(
      section.position,
      `user '${name}' has no password, write 'password =' or 'nt hash ='`,
    );
  const same = findSpelling(users, name);
  if (same !== undefined && users.get(same) !== hash)
    throw new ConfigError(
      section.position,
      `'${showName(name)}' and '${showName(same)}' are one user with two passwords: ` +
        "names have no case here, take one out",
    );
  putUser(users, name, hash);
}

function readSecret({ key, value, position, comment }: Entry): string | undefined {
  if (key !== "password" && key !== "nt hash")
    throw new ConfigError(
      position,
      `'${key}' does not belong to a user, write 'password', 'nt hash' or 'comment'`,
    );
  if (comment !== "none" && key === "password")
    throw new ConfigError(
      position,
      "';' and '#' begin a comment, for a password with one write its 'nt hash'",
    );
  if (key === "nt hash") {
    const hash = /^[\da-f]{32}$/i.test(value) ? value.toLowerCase() : undefined;
    const decoded = /^[A-Za-z0-9+/]{22}==$/.test(value)
      ? Buffer.from(value, "base64").toString("hex")
      : undefined;
    if (hash === undefined && decoded === undefined)
      throw new ConfigError(position, "'nt hash' is 32 hexadecimal digits, or the base64 of ksmbdpwd.db");
    return hash ?? decoded;
  }
  const fault = passwordFault(value);
  if (fault !== undefined) throw new ConfigError(position, fault);
  return value === "" ? undefined : ntHash(value);
}
