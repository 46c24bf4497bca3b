// Security descriptors on one folder that Samba's smbd (acl_xattr) and this server serve: a descriptor set on
// one shows on the other, and both discard it when the mode on disk is changed behind them. vfs_acl_xattr(8).
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FileGeneric } from "../../../src/wire/security/access.ts";
import { SecurityInformation } from "../../../src/wire/command/query-info.ts";
import { AceFlag } from "../../../src/wire/security/acl.ts";
import { SecurityControl } from "../../../src/wire/security/security-descriptor.ts";
import { Status } from "../../../src/wire/status.ts";
import { type TestServer, TESTER_UID, type User } from "../../peer/test-server.ts";
import { closeFile, type Mount, mountShare } from "../client/raw-files.ts";
import { canPair, mountFolder, type Pair, startPair } from "./samba-server.ts";
import {
  type AceText,
  type DescriptorText,
  makeDirectoryAll,
  openAll,
  securityOf,
  setSecurity,
} from "../client/security-calls.ts";

/** The account that smbd maps its first user to, so that both servers use the same uid. */
const OWNER: User = { user: "daemon", password: "owner-1" };

const { OBJECT_INHERIT, CONTAINER_INHERIT, INHERIT_ONLY, INHERITED } = AceFlag;
const { DACL_PROTECTED, DACL_AUTO_INHERITED, DACL_AUTO_INHERIT_REQ } = SecurityControl;
const BELOW = OBJECT_INHERIT | CONTAINER_INHERIT;

const ENTRIES: readonly AceText[] = [
  ["D", 0, 0x2, "S-1-22-1-4321"],
  ["A", 0, FileGeneric.ALL, "S-1-22-1-1"],
  ["A", 0, FileGeneric.READ | FileGeneric.WRITE, "S-1-22-2-77"],
  ["A", 0, FileGeneric.READ, "S-1-5-21-100-200-300-1234"],
  ["A", 0, FileGeneric.READ | FileGeneric.EXECUTE, "S-1-1-0"],
];
const HANDED_DOWN: readonly AceText[] = [
  ["A", BELOW, FileGeneric.ALL, "S-1-22-1-1"],
  ["A", BELOW | INHERIT_ONLY, FileGeneric.ALL, "S-1-3-0"],
  ["A", OBJECT_INHERIT | INHERIT_ONLY, FileGeneric.READ, "S-1-5-11"],
];

/** Leaves out owner and group, which each server names in its own way. The DACL is as the client set it. */
function listOf({ control = 0, aces }: DescriptorText): DescriptorText {
  return { control, ...(aces === undefined ? {} : { aces }) };
}

describe.skipIf(!canPair).each([["yes"], ["no"]])("ignore system acls = %s", (ignores) => {
  let pair: Pair;
  const mounts = new Map<TestServer, Mount>();
  const on = (server: TestServer): Mount => mounts.get(server) as Mount;
  beforeAll(async () => {
    const option = { "acl_xattr:ignore system acls": ignores };
    const ours = { "vfs objects": "acl_xattr", ...option };
    pair = await startPair({ ours, samba: option, users: [OWNER] });
    mounts.set(pair.samba, await mountFolder(pair.samba));
    mounts.set(pair.ours, await mountShare(pair.ours, OWNER, "test"));
  });
  afterAll(async () => {
    for (const mount of mounts.values()) mount.client.close();
    await pair.stop();
  });

  const ways = [
    ["samba-to-here", () => [pair.samba, pair.ours] as const],
    ["here-to-samba", () => [pair.ours, pair.samba] as const],
  ] as const;

  for (const [way, ends] of ways) {
    test(`a file's DACL set on one server shows on the other, ${way}`, async () => {
      const [from, to] = ends();
      const name = `file-${way}`;
      const fileId = await openAll(on(from), name);
      const given = { control: DACL_PROTECTED, aces: ENTRIES };
      expect(await setSecurity(on(from), fileId, given, SecurityInformation.DACL)).toBe(Status.SUCCESS);
      await closeFile(on(from), fileId);
      const [theirs, ours] = [await securityOf(on(from), name), await securityOf(on(to), name)];
      expect(listOf(ours).aces).toEqual([...ENTRIES]);
      expect((ours.control ?? 0) & DACL_PROTECTED).toBe(DACL_PROTECTED);
      // The stored descriptor, not one made from the mode: owner and group are the other server's too.
      expect(ours).toEqual(theirs);
    });

    test(`a file made on one server inherits the DACL that the other set on the directory, ${way}`, async () => {
      const [from, to] = ends();
      const name = `folder-${way}`;
      const fileId = await makeDirectoryAll(on(from), name);
      const given = { control: DACL_AUTO_INHERITED | DACL_AUTO_INHERIT_REQ, aces: HANDED_DOWN };
      expect(await setSecurity(on(from), fileId, given, SecurityInformation.DACL)).toBe(Status.SUCCESS);
      await closeFile(on(from), fileId);
      expect(listOf(await securityOf(on(to), name)).aces).toEqual([...HANDED_DOWN]);
      await closeFile(on(to), await openAll(on(to), `${name}\\made`));
      const made = await securityOf(on(from), `${name}\\made`);
      expect((made.control ?? 0) & DACL_AUTO_INHERITED).toBe(DACL_AUTO_INHERITED);
      expect(made.aces?.map(([, flags, mask]) => [flags, mask])).toEqual([
        [INHERITED, FileGeneric.ALL],
        [INHERITED, FileGeneric.ALL],
        [INHERITED, FileGeneric.READ],
      ]);
      expect(made.aces?.[2]?.[3]).toBe("S-1-5-11");
    });

    if (ignores === "yes") continue;
    test(`both servers discard a stored DACL after chmod, ${way}`, async () => {
      const [from, to] = ends();
      const name = `chmod-${way}`;
      const fileId = await openAll(on(from), name);
      const given = { aces: ENTRIES };
      expect(await setSecurity(on(from), fileId, given, SecurityInformation.DACL)).toBe(Status.SUCCESS);
      await closeFile(on(from), fileId);
      chmodSync(join(pair.folder, name), 0o600);
      for (const server of [from, to]) {
        const { aces } = await securityOf(on(server), name);
        expect(aces?.some(([kind]) => kind === "D")).toBe(false);
        expect(aces?.some(([, , , sid]) => sid === "S-1-5-21-100-200-300-1234")).toBe(false);
      }
    });
  }

  if (ignores === "no") {
    test("both servers derive the same mode from a DACL, but for the group's digit", async () => {
      const modes: number[] = [];
      for (const server of [pair.samba, pair.ours]) {
        const name = `mode-${server.name}`;
        const fileId = await openAll(on(server), name);
        const given: DescriptorText = {
          aces: [
            ["A", 0, FileGeneric.ALL, "S-1-22-1-1"],
            ["A", 0, FileGeneric.READ, "S-1-22-2-1"],
          ],
        };
        expect(await setSecurity(on(server), fileId, given, SecurityInformation.DACL)).toBe(Status.SUCCESS);
        await closeFile(on(server), fileId);
        // Where a POSIX ACL has more than the three base entries, the group's digit of the mode is its mask.
        modes.push(statSync(join(pair.folder, name)).mode & 0o707);
      }
      expect(modes[1]).toBe(modes[0] ?? -1);
    });
  }

  test("a file without a stored descriptor shows entries made from its mode", async () => {
    const path = join(pair.folder, "plain");
    writeFileSync(path, "");
    chownSync(path, TESTER_UID, TESTER_UID);
    chmodSync(path, 0o640);
    const { owner, aces } = await securityOf(on(pair.ours), "plain");
    expect(owner).toBe(`S-1-22-1-${TESTER_UID}`);
    expect(aces?.map(([kind, , , sid]) => `${kind} ${sid}`)).toEqual([
      `A S-1-22-1-${TESTER_UID}`,
      `A S-1-22-2-${TESTER_UID}`,
      "A S-1-1-0",
    ]);
  });
});
