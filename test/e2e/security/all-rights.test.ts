// Users who may read, write and execute what they do not own: a client that asks for all rights gets in, and
// SET_INFO refuses what is the owner's to change. On a disk that keeps no owners every such user is the owner.
// [MS-SMB2] 2.2.13.1, 3.3.5.21.3.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CreateDisposition } from "../../../src/wire/command/create.ts";
import { SecurityInformation } from "../../../src/wire/command/query-info.ts";
import { Access, FileGeneric } from "../../../src/wire/security/access.ts";
import { statusName } from "../../../src/wire/status.ts";
import { canMakePluggedDisk, makePluggedDisk, type PluggedDisk } from "../../peer/plugged-disk.ts";
import { makeDirectory, removeDirectory, type TestServer, type User } from "../../peer/test-server.ts";
import { closeFile, type Mount, mountShare, openFile } from "../client/raw-files.ts";
import { type DescriptorText, securityOf, setSecurity } from "../client/security-calls.ts";
import { startServer } from "../client/server.ts";
import { tryCreate } from "../client/stream-calls.ts";

const { OWNER, DACL } = SecurityInformation;
// Accounts that every Debian has: uid 1 and 5. The plugged disks are uid 1's.
const FIRST: User = { user: "daemon", password: "first-1" };
const SECOND: User = { user: "games", password: "second-2" };
const SECOND_SID = "S-1-22-1-5";
const WORLD_READS: DescriptorText = { aces: [["A", 0, FileGeneric.READ, "S-1-1-0"]] };

async function maximalAccess(mount: Mount, name: string): Promise<number | undefined> {
  const opened = await openFile(mount, name, { contexts: { maximalAccess: { timestamp: undefined } } });
  await closeFile(mount, opened.fileId);
  return opened.contexts.maximalAccess?.maximalAccess;
}

/** Opens with `desiredAccess` and sets a part of the descriptor; returns the status of SET_INFO. */
async function change(mount: Mount, name: string, text: DescriptorText, part: number): Promise<string> {
  const desiredAccess = Access.GENERIC_ALL;
  const { fileId } = await openFile(mount, name, { desiredAccess });
  const status = await setSecurity(mount, fileId, text, part);
  await closeFile(mount, fileId);
  return statusName(status);
}

// Only root can serve users with different uids.
describe.skipIf(process.getuid?.() !== 0)("a disk that keeps owners", () => {
  let server: TestServer;
  let parent = "";
  const mounts = new Map<string, Mount>();
  const mountOf = (share: string): Mount => mounts.get(share) ?? expect.unreachable();
  const at = (name: string): string => join(parent, "files", name);

  beforeAll(async () => {
    parent = makeDirectory("all-rights");
    chmodSync(parent, 0o755);
    const path = join(parent, "files");
    mkdirSync(path);
    mkdirSync(at("folder"));
    for (const [name, mode] of [
      ["all", 0o777],
      ["data", 0o666],
      ["read", 0o755],
    ] as const) {
      writeFileSync(at(name), "");
      chmodSync(at(name), mode);
    }
    for (const name of ["", "folder"]) chmodSync(at(name), 0o777);
    const shares = [
      { name: "posix", path },
      { name: "nt", path, parameters: { acl: "nt" } },
      { name: "writers", path, parameters: { "dos filemode": "yes" } },
      { name: "closed", path, parameters: { "read only": "yes" } },
    ];
    server = await startServer({ users: [SECOND], shares });
    for (const { name } of shares) mounts.set(name, await mountShare(server, SECOND, name));
  });
  afterAll(async () => {
    for (const mount of mounts.values()) mount.client.close();
    await server.stop();
    removeDirectory(parent);
  });

  test.each(["posix", "nt"])(
    "a user with rwx on another's file or folder has all rights, acl = %s",
    async (share) => {
      const mount = mountOf(share);
      for (const name of ["all", "folder"]) {
        expect([name, await maximalAccess(mount, name)]).toEqual([name, FileGeneric.ALL]);
        expect(await tryCreate(mount, name, { desiredAccess: Access.GENERIC_ALL })).toBe("STATUS_SUCCESS");
      }
    },
  );

  test.each(["posix", "nt"])(
    "who is not the owner changes neither mode nor owner, acl = %s",
    async (share) => {
      const mount = mountOf(share);
      for (const name of ["all", "folder"]) {
        expect(await change(mount, name, WORLD_READS, DACL)).toBe("STATUS_ACCESS_DENIED");
        expect(await change(mount, name, { owner: SECOND_SID }, OWNER)).toBe("STATUS_ACCESS_DENIED");
        const { mode, uid } = statSync(at(name));
        expect([mode & 0o777, uid]).toEqual([0o777, 0]);
      }
    },
  );

  test("`dos filemode` lets a writer change the mode, not the owner", async () => {
    writeFileSync(at("shared"), "");
    chmodSync(at("shared"), 0o777);
    const mount = mountOf("writers");
    expect(await change(mount, "shared", { owner: SECOND_SID }, OWNER)).toBe("STATUS_ACCESS_DENIED");
    expect(await change(mount, "shared", WORLD_READS, DACL)).toBe("STATUS_SUCCESS");
    expect(statSync(at("shared")).mode & 0o007).toBe(4);
  });

  test("the maker of a file changes its mode through the open that made it, whoever owns it then", async () => {
    const mount = mountOf("posix");
    const { fileId } = await openFile(mount, "made", {
      desiredAccess: FileGeneric.ALL,
      createDisposition: CreateDisposition.CREATE,
    });
    chownSync(at("made"), 0, 0);
    expect(statusName(await setSecurity(mount, fileId, WORLD_READS, DACL))).toBe("STATUS_SUCCESS");
    await closeFile(mount, fileId);
  });

  test("a user who lacks one of rwx gets no more than before", async () => {
    const mount = mountOf("posix");
    const owners = Access.WRITE_DAC | Access.WRITE_OWNER;
    expect((await maximalAccess(mount, "data")) ?? owners).toBe(FileGeneric.ALL & ~owners);
    expect(await tryCreate(mount, "data", { desiredAccess: Access.WRITE_DAC })).toBe("STATUS_ACCESS_DENIED");
    expect(await tryCreate(mount, "read", { desiredAccess: Access.GENERIC_ALL })).toBe(
      "STATUS_ACCESS_DENIED",
    );
    expect(await maximalAccess(mountOf("closed"), "all")).toBe(FileGeneric.READ | FileGeneric.EXECUTE);
    expect(await tryCreate(mountOf("closed"), "all", { desiredAccess: Access.WRITE_DAC })).toBe(
      "STATUS_ACCESS_DENIED",
    );
  });
});

for (const kind of ["exFAT by FUSE", "NTFS by FUSE"] as const) {
  describe.skipIf(!canMakePluggedDisk(kind))(`${kind}, mounted for another user`, () => {
    let disk: PluggedDisk;
    let server: TestServer;
    const mounts = new Map<string, Mount>();
    const mountOf = (share: string): Mount => mounts.get(share) ?? expect.unreachable();

    beforeAll(async () => {
      disk = makePluggedDisk(kind);
      const { path } = disk;
      const shares = [
        { name: "posix", path },
        { name: "nt", path, parameters: { acl: "nt" } },
        { name: "closed", path, parameters: { "read only": "yes" } },
      ];
      server = await startServer({ users: [FIRST, SECOND], shares });
      for (const { name } of shares) mounts.set(name, await mountShare(server, SECOND, name));
      writeFileSync(join(path, "file"), "");
    });
    afterAll(async () => {
      try {
        for (const mount of mounts.values()) mount.client.close();
        await server?.stop();
      } finally {
        disk?.remove();
      }
    });

    test.each(["posix", "nt"])(
      "a user has all rights on all files and their streams, acl = %s",
      async (share) => {
        const mount = mountOf(share);
        expect(await maximalAccess(mount, "file")).toBe(FileGeneric.ALL);
        for (const name of ["file", "file:stream"]) {
          const createDisposition = CreateDisposition.OPEN_IF;
          const options = { desiredAccess: Access.GENERIC_ALL, createDisposition };
          expect([name, await tryCreate(mount, name, options)]).toEqual([name, "STATUS_SUCCESS"]);
        }
      },
    );

    test("a file belongs to its maker, who sets the descriptor that `acl = nt` stores", async () => {
      const mount = mountOf("nt");
      const made = { desiredAccess: FileGeneric.ALL, createDisposition: CreateDisposition.CREATE };
      expect(await tryCreate(mount, "own", made)).toBe("STATUS_SUCCESS");
      expect((await securityOf(mount, "own")).owner).toBe(SECOND_SID);
      expect(await change(mount, "own", { owner: SECOND_SID }, OWNER)).toBe("STATUS_SUCCESS");
      const mine: DescriptorText = { aces: [["A", 0, FileGeneric.ALL, SECOND_SID]] };
      expect(await change(mount, "own", mine, DACL)).toBe("STATUS_SUCCESS");
      expect((await securityOf(mount, "own")).aces).toEqual([["A", 0, FileGeneric.ALL, SECOND_SID]]);
    });

    test("a read-only share stays closed", async () => {
      expect(await maximalAccess(mountOf("closed"), "file")).toBe(FileGeneric.READ | FileGeneric.EXECUTE);
    });
  });
}
