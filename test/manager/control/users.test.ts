// The commands on users, two at once.
import { afterAll, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfiguration } from "../../../src/manager/config/load.ts";
import { removeUser, type UserHost } from "../../../src/manager/control/users.ts";
import { ntHash } from "../../../src/manager/users/nt-hash.ts";
import { putUser, readPasswordFile, updatePasswordFile } from "../../../src/manager/users/password-file.ts";

const NOBODY = 65_534;
const directory = mkdtempSync(join(tmpdir(), "minismbd-control-users-"));
chmodSync(directory, 0o711);
const passwordFile = join(directory, "ksmbdpwd.db");
afterAll(() => rmSync(directory, { recursive: true }));

const configuration = loadConfiguration({ file: null });

/** All users are administrators. */
function hostOf(file: string, users: () => readonly string[], reload: () => void): UserHost {
  return {
    files: { file: null, overrides: [], passwordFile: file },
    configuration: () => configuration,
    userNames: users,
    isAdministrator: (user) => users().includes(user),
    reload: () => Promise.resolve(reload()).then(() => undefined),
    note: () => undefined,
  };
}

test("a user whose removal is written, though its directory cannot be synced, is none from then on", async () => {
  const folder = join(directory, "unsynced");
  const file = join(folder, "ksmbdpwd.db");
  mkdirSync(folder);
  for (const name of ["ann", "bob"]) updatePasswordFile(file, (table) => putUser(table, name, ntHash(name)));
  const isRoot = process.geteuid?.() === 0;
  for (const path of isRoot ? [file, folder] : []) chownSync(path, NOBODY, NOBODY);
  // Its owner may create and rename files there, but cannot open it, which fsync needs.
  chmodSync(folder, 0o300);
  let users: readonly string[] = ["ann", "bob"];
  const host = hostOf(
    file,
    () => users,
    () => (users = [...readPasswordFile(file).keys()]),
  );
  if (isRoot) process.seteuid?.(NOBODY);
  try {
    await expect(removeUser(host, { name: "ann" })).rejects.toThrow("is written, but its directory");
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
  expect(users).toEqual(["bob"]);
});

test("of two administrators that are removed at once one stays", async () => {
  updatePasswordFile(passwordFile, (table) => {
    for (const name of ["ann", "bob"]) putUser(table, name, ntHash(name));
  });
  const users = (): readonly string[] => [...readPasswordFile(passwordFile).keys()];
  const host = hostOf(passwordFile, users, () => undefined);
  const done = await Promise.allSettled([
    removeUser(host, { name: "ann" }),
    removeUser(host, { name: "bob" }),
  ]);
  expect(done.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
  expect([...readPasswordFile(passwordFile).keys()]).toEqual(["bob"]);
});
