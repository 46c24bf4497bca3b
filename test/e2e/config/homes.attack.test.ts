// Users without an account on the machine, and users whose names differ from an account's by case alone, do not get what
// belongs to the account: [homes], `force user = %U`.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeDirectory, removeDirectory, TESTER, TESTER2, type User } from "../../peer/test-server.ts";
import { accessOf, serveFile, type Served, writeFiles } from "../client/config-rig.ts";

/** A user who has an account on every Debian. */
const GAMES: User = { user: "games", password: "Correct-Horse-9" };
const GAMES_UID = 5;
/** Another person, who has none. */
const NAMESAKE: User = { user: "Games", password: "Battery-Staple-7" };

const base = makeDirectory("minismbd-homes-attack");
let several: Served;
let namesakes: Served;

const CONFIGURATION = `[global]
[homes]
path = ${base}/%S
read only = no
[forced]
path = ${base}/games
force user = %U
read only = no
[relative]
path = %H
read only = no
`;

beforeAll(async () => {
  for (const name of ["games", TESTER.user]) {
    mkdirSync(join(base, name));
    chmodSync(join(base, name), 0o700);
    writeFileSync(join(base, name, "diary"), "private", { mode: 0o600 });
  }
  if (process.getuid?.() === 0) {
    chownSync(join(base, "games"), GAMES_UID, GAMES_UID);
    chownSync(join(base, TESTER.user), 1, 1);
  }
  // Each server has a password file of its own.
  writeFiles(base, { "several/smb.conf": CONFIGURATION, "namesakes/smb.conf": CONFIGURATION });
  several = await serveFile(join(base, "several"), "smb.conf", [TESTER, TESTER2, GAMES]);
  namesakes = await serveFile(join(base, "namesakes"), "smb.conf", [GAMES, NAMESAKE]);
});
afterAll(async () => {
  await several.stop();
  await namesakes.stop();
  removeDirectory(base);
});

describe.skipIf(process.getuid?.() !== 0)("the directory of a home", () => {
  test.each([
    ["a user without an account does not act as the owner of another's home", TESTER, "games", "nothing"],
    ["nor where that other one has no account either", TESTER2, TESTER.user, "nothing"],
    ["in his own home he acts as its owner", TESTER, TESTER.user, "write"],
    ["however the client spells its name", TESTER, TESTER.user.toUpperCase(), "write"],
    ["a user with an account acts as himself", GAMES, "games", "write"],
    ["also in another's home", GAMES, TESTER.user, "nothing"],
  ] as const)("%s", async (_, user, share, expected) => {
    expect(await accessOf(several, user, share)).toBe(expected);
  });
});

describe.skipIf(process.getuid?.() !== 0)("a user whose name differs from an account's by case alone", () => {
  test.each([
    ["does not get the account's home as his own", NAMESAKE, "homes", "absent"],
    ["does not act as the account in its home", NAMESAKE, "games", "nothing"],
    ["does not act as the account by `force user = %U`", NAMESAKE, "forced", "refused"],
    ["does not get the account's home by `path = %H`", NAMESAKE, "relative", "absent"],
    ["the account's own user keeps its home", GAMES, "homes", "write"],
    ["and `force user = %U`", GAMES, "forced", "write"],
  ] as const)("%s", async (_, user, share, expected) => {
    expect(await accessOf(namesakes, user, share)).toBe(expected);
  });
});
