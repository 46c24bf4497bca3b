// The snapshot of users and groups that RPC looks names and SIDs up in.
import { expect, test } from "bun:test";
import { loadConfiguration } from "../../../src/manager/config/load.ts";
import { AccountSnapshot } from "../../../src/manager/rpc/account-snapshot.ts";
import { findByName, findBySid } from "../../../src/manager/rpc/principals.ts";
import { parseSystemAccounts } from "../../../src/manager/users/system-accounts.ts";
import { foldUserName } from "../../../src/manager/users/user-name.ts";
import type { Account } from "../../../src/port/port.ts";
import { formatSid, parseSid } from "../../../src/wire/security/sid.ts";

const MACHINE = "S-1-5-21-1-2-3";
const configuration = loadConfiguration({
  file: null,
  overrides: [
    { section: "global", key: "netbios name", value: "NAS", position: "test" },
    { section: "global", key: "admin users", value: "anna @wheel", position: "test" },
  ],
});
const system = parseSystemAccounts(
  "root:x:0:0::/:\nanna:x:1000:100::/:\nroot2:x:0:0::/:\ncarl:x:1001:100::/:\n",
  "wheel:x:10:carl\nusers:x:100:\n",
);

function snapshotOf(...names: string[]): AccountSnapshot {
  const accounts = names.map((name): Account => ({ name, ntHash: "", isGuest: false, version: 1 }));
  const users = Map.groupBy(accounts, ({ name }) => foldUserName(name));
  return new AccountSnapshot({ configuration, machineSid: MACHINE, system, users });
}

test("users have the identifiers of their uids, or of their names, and the rights of the configuration", () => {
  const [anna, carl, zoe] = snapshotOf("zoe", "carl", "anna").users();
  expect(anna).toEqual({ name: "anna", rid: 3000, uid: 1000, isAdministrator: true });
  expect(carl).toEqual({ name: "carl", rid: 3002, uid: 1001, isAdministrator: true });
  expect(zoe).toMatchObject({ name: "zoe", uid: undefined, isAdministrator: false });
});

test("names and SIDs lead to each other", () => {
  const accounts = snapshotOf("Anna", "zoe");
  const nameOf = (sid: string): string | undefined => {
    const found = findBySid(accounts, parseSid(sid));
    return found && `${found.domain.name}\\${found.name}`;
  };
  const sidOf = (name: string): string | undefined => {
    const found = findByName(accounts, name);
    return found && formatSid(found.sid);
  };
  expect(nameOf("S-1-22-1-0")).toBe("Unix User\\root");
  expect(nameOf("S-1-22-1-77")).toBe("Unix User\\77");
  expect(nameOf("S-1-22-2-100")).toBe("Unix Group\\users");
  expect(nameOf(`${MACHINE}-3000`)).toBe("NAS\\Anna");
  expect(nameOf(`${MACHINE}-513`)).toBe("NAS\\None");
  expect(nameOf(MACHINE)).toBe("NAS\\");
  expect(nameOf(`${MACHINE}-9`)).toBeUndefined();
  expect(nameOf("S-1-5-21-9-9-9-3000")).toBeUndefined();
  expect(nameOf("S-1-5-32-544")).toBe("BUILTIN\\Administrators");
  for (const name of ["anna", "NAS\\ANNA", "WORKGROUP\\anna", "Unix User\\anna"])
    expect(sidOf(name)).toBe("S-1-22-1-1000");
  const zoe = sidOf("zoe");
  expect(zoe).toMatch(/^S-1-5-21-1-2-3-\d{10}$/);
  expect(nameOf(zoe ?? "")).toBe("NAS\\zoe");
  expect(sidOf("Unix Group\\wheel")).toBe("S-1-22-2-10");
  expect(sidOf("OTHER\\zoe")).toBeUndefined();
  expect(sidOf("BUILTIN\\users")).toBe("S-1-5-32-545");
});

test("users whose names differ by case only are told apart", () => {
  const accounts = snapshotOf("zoe", "ZOE");
  expect(findByName(accounts, "zoe")?.name).toBe("zoe");
  expect(findByName(accounts, "ZOE")?.name).toBe("ZOE");
  expect(findByName(accounts, "Zoe")).toBeUndefined();
  expect(new Set(accounts.users().map(({ rid }) => rid)).size).toBe(2);
});

test("a thousand names and SIDs of five thousand users are found in milliseconds", () => {
  const names = Array.from({ length: 5_000 }, (_, i) => `user${i}`);
  const accounts = snapshotOf(...names);
  const start = process.cpuUsage();
  for (const name of names.slice(-1_000)) {
    const found = findByName(accounts, name);
    expect(found && findBySid(accounts, found.sid)?.name).toBe(name);
  }
  const { user, system: kernel } = process.cpuUsage(start);
  // 20 here; a search through all users for each name takes more than a second.
  expect((user + kernel) / 1000).toBeLessThan(400);
});
