// The commands on users, two at once.
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfiguration } from "../../../src/manager/config/load.ts";
import { removeUser, type UserHost } from "../../../src/manager/control/users.ts";
import { ntHash } from "../../../src/manager/users/nt-hash.ts";
import { putUser, readPasswordFile, updatePasswordFile } from "../../../src/manager/users/password-file.ts";

const directory = mkdtempSync(join(tmpdir(), "minismbd-control-users-"));
const passwordFile = join(directory, "ksmbdpwd.db");
afterAll(() => rmSync(directory, { recursive: true }));

test("of two administrators that are removed at once one stays", async () => {
  updatePasswordFile(passwordFile, (table) => {
    for (const name of ["ann", "bob"]) putUser(table, name, ntHash(name));
  });
  const configuration = loadConfiguration({ file: null });
  const host: UserHost = {
    files: { file: null, overrides: [], passwordFile },
    configuration: () => configuration,
    userNames: () => readPasswordFile(passwordFile).keys(),
    isAdministrator: (user) => readPasswordFile(passwordFile).has(user),
    reload: () => Promise.resolve(undefined),
    note: () => undefined,
  };
  const done = await Promise.allSettled([
    removeUser(host, { name: "ann" }),
    removeUser(host, { name: "bob" }),
  ]);
  expect(done.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
  expect([...readPasswordFile(passwordFile).keys()]).toEqual(["bob"]);
});
