// Changes of users in the password file, for commands and for the control socket: what must be there before a
// change, and who names a user that is to be deleted.
import type { Configuration } from "../config/load.ts";
import type { Share } from "../config/share.ts";
import { Refusal } from "../refusal.ts";
import { findSpelling, type PasswordTable, updatePasswordFile } from "./password-file.ts";
import { showName } from "./user-name.ts";

/** Returns the user's name as the table spells it. */
export type FindUser = (table: PasswordTable, name: string) => string | undefined;

/** Whether the user must exist before the change. */
export type Expectation = "absent" | "present" | "either";

/** Throws Refusal. */
export function checkExpectation(
  spelling: string | undefined,
  name: string,
  expected: Expectation,
  file: string,
): void {
  const isThere = spelling !== undefined;
  if (expected === "absent" && isThere) {
    const as = spelling === name ? "" : ` as '${showName(spelling)}': names have no case`;
    throw new Refusal(
      "exists",
      `user '${showName(name)}' is in ${file} already${as}, use passwd to change the password`,
    );
  }
  if (expected === "present" && !isThere)
    throw new Refusal("not-found", `there is no user '${showName(name)}' in ${file}, use adduser to add one`);
}

/**
 * Sets the hash of a user, or deletes him without one. Returns his name as it was spelt before. Throws
 * Refusal where the expectation fails, ConfigError for errors of the file.
 */
export function changeUserInFile(
  file: string,
  name: string,
  hash: string | undefined,
  expected: Expectation,
  find: FindUser = findSpelling,
): string | undefined {
  let before: string | undefined;
  updatePasswordFile(file, (table) => {
    before = find(table, name);
    checkExpectation(before, name, expected, file);
    if (hash === undefined) table.delete(before ?? name);
    else table.set(before ?? name, hash);
  });
  return before;
}

/**
 * Throws Refusal if the configuration names the user: a share would stay closed to all others for one that is
 * gone.
 */
export function refuseNamedUser(configuration: Configuration, name: string, file: string): void {
  const { diskShares, guestAccount, homes, shares, volumes } = configuration;
  const all: Share[] = [...shares.values(), ...diskShares];
  for (const share of [homes, volumes]) if (share !== null) all.push(share);
  if ([guestAccount, ...all.map((share) => share.guestAccount)].includes(name))
    throw new Refusal("refused", `'${name}' is a guest account of ${file}, change that first`);
  for (const { name: share, validUsers, readList, writeList } of all) {
    const lists = { "valid users": validUsers, "read list": readList, "write list": writeList };
    const found = Object.entries(lists).find(([, list]) => list?.lists(name));
    if (found)
      throw new Refusal(
        "refused",
        `'${name}' is in '${found[0]}' of share [${share}] in ${file}, take the name out there first`,
      );
  }
}
