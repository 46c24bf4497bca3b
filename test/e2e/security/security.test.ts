// Security descriptors: queries and changes, access granted at open, inheritance, and the permissions on
// disk. [MS-SMB2] 3.3.5.20.3, 3.3.5.21.3; [MS-DTYP] 2.5.3.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decodeBufferResponse } from "../../../src/wire/command/buffer-response.ts";
import { Access, FileGeneric } from "../../../src/wire/security/access.ts";
import { CreateDisposition, CreateOption } from "../../../src/wire/command/create.ts";
import { FsInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { InfoType, SecurityInformation } from "../../../src/wire/command/query-info.ts";
import { AceFlag } from "../../../src/wire/security/acl.ts";
import { Status, statusName } from "../../../src/wire/status.ts";
import { makeDirectory, removeDirectory, type TestServer, type User } from "../../peer/test-server.ts";
import {
  closeFile,
  createCall,
  type Mount,
  mountShare,
  openFile,
  queryInfoCall,
  readFile,
  renameCall,
} from "../client/raw-files.ts";
import {
  type DescriptorText,
  descriptorOf,
  encodeDescriptor,
  makeDirectoryAll,
  openAll,
  querySecurityCall,
  readSecurity,
  securityOf,
  setSecurity,
} from "../client/security-calls.ts";
import { startServer } from "../client/server.ts";

const { OWNER, GROUP, DACL, SACL, LABEL } = SecurityInformation;
const { OBJECT_INHERIT, CONTAINER_INHERIT } = AceFlag;
// Accounts that every Debian has: uid 1 and 5.
const FIRST: User = { user: "daemon", password: "first-1" };
const SECOND: User = { user: "games", password: "second-2" };
// Two users without an account on the machine.
const ANNA: User = { user: "anna-without-account", password: "third-3" };
const BERT: User = { user: "bert-without-account", password: "fourth-4" };
const FIRST_SID = "S-1-22-1-1";
const SECOND_SID = "S-1-22-1-5";

// Only root can serve users with different uids.
describe.skipIf(process.getuid?.() !== 0)("security descriptors", () => {
  let server: TestServer;
  let parent = "";
  let first: Mount;
  let second: Mount;
  const at = (share: string, name: string): string => join(parent, share, name);

  beforeAll(async () => {
    parent = makeDirectory("security");
    chmodSync(parent, 0o755);
    const shares = [
      { name: "nt", parameters: { acl: "nt" } },
      { name: "posix" },
      { name: "fixed", parameters: { "nt acl support": "no" } },
      { name: "readonly", parameters: { acl: "nt", "read only": "yes" } },
    ].map(({ name, parameters = {} }) => ({ name, path: join(parent, name), parameters }));
    for (const { path } of shares) {
      mkdirSync(path);
      chmodSync(path, 0o777);
    }
    writeFileSync(at("readonly", "file"), "");
    server = await startServer({ users: [FIRST, SECOND, ANNA, BERT], shares });
    first = await mountShare(server, FIRST, "nt");
    second = await mountShare(server, SECOND, "nt");
  });
  afterAll(async () => {
    for (const mount of [first, second]) mount.client.close();
    await server.stop();
    removeDirectory(parent);
  });

  async function outcomeOf(on: Mount, name: string, desiredAccess: number, options = {}): Promise<string> {
    const reply = await on.client.request(createCall(on, name, { desiredAccess, ...options }));
    if (reply.status !== Status.SUCCESS) return statusName(reply.status);
    const opened = await openFile(on, name, { desiredAccess });
    await closeFile(on, opened.fileId);
    return "STATUS_SUCCESS";
  }

  async function give(on: Mount, name: string, text: DescriptorText): Promise<void> {
    const opened = await openFile(on, name, { desiredAccess: Access.WRITE_DAC });
    expect(statusName(await setSecurity(on, opened.fileId, text, DACL))).toBe("STATUS_SUCCESS");
    await closeFile(on, opened.fileId);
  }

  describe("queries and changes, by the access of the handle", () => {
    test.each([
      [Access.READ_DATA, OWNER, "STATUS_ACCESS_DENIED"],
      [Access.READ_CONTROL, OWNER | GROUP | DACL, "STATUS_SUCCESS"],
      [Access.READ_CONTROL, LABEL, "STATUS_SUCCESS"],
      [FileGeneric.ALL, SACL, "STATUS_ACCESS_DENIED"],
    ])("query with access %p of parts %p returns %s", async (desiredAccess, parts, expected) => {
      await closeFile(first, await openAll(first, "asked"));
      const { fileId } = await openFile(first, "asked", { desiredAccess });
      const reply = await first.client.request(querySecurityCall(first, fileId, parts));
      expect(statusName(reply.status)).toBe(expected);
      await closeFile(first, fileId);
    });

    test.each([
      [Access.WRITE_OWNER, DACL, "STATUS_ACCESS_DENIED"],
      [Access.WRITE_DAC, OWNER, "STATUS_ACCESS_DENIED"],
      [Access.WRITE_DAC, GROUP, "STATUS_ACCESS_DENIED"],
      [Access.WRITE_DAC, DACL | SACL, "STATUS_ACCESS_DENIED"],
      [Access.WRITE_OWNER, LABEL, "STATUS_NOT_SUPPORTED"],
      [Access.WRITE_DAC, 0, "STATUS_SUCCESS"],
      [Access.WRITE_DAC, DACL, "STATUS_SUCCESS"],
      [Access.WRITE_OWNER, OWNER, "STATUS_SUCCESS"],
    ])("set with access %p of parts %p returns %s", async (desiredAccess, parts, expected) => {
      await closeFile(first, await openAll(first, "set"));
      const { fileId } = await openFile(first, "set", { desiredAccess });
      const text: DescriptorText = { owner: FIRST_SID, aces: [["A", 0, FileGeneric.ALL, FIRST_SID]] };
      expect(statusName(await setSecurity(first, fileId, text, parts))).toBe(expected);
      await closeFile(first, fileId);
    });

    test("CREATE with ACCESS_SYSTEM_SECURITY fails with STATUS_PRIVILEGE_NOT_HELD", async () => {
      expect(await outcomeOf(first, "asked", Access.ACCESS_SYSTEM_SECURITY)).toBe(
        "STATUS_PRIVILEGE_NOT_HELD",
      );
    });

    test("a query with too little room fails with STATUS_BUFFER_TOO_SMALL", async () => {
      const fileId = await openAll(first, "small");
      const reply = await first.client.request(querySecurityCall(first, fileId, DACL, 8));
      expect(statusName(reply.status)).toBe("STATUS_BUFFER_TOO_SMALL");
      await closeFile(first, fileId);
    });

    test("a volume has FILE_PERSISTENT_ACLS unless the share has `nt acl support = no`", async () => {
      for (const [share, keeps] of [
        ["nt", true],
        ["posix", true],
        ["fixed", false],
      ] as const) {
        const on = await mountShare(server, FIRST, share);
        const { fileId } = await openFile(on, "", { desiredAccess: Access.READ_ATTRIBUTES });
        const call = queryInfoCall(on, fileId, InfoType.FILESYSTEM, FsInfoClass.ATTRIBUTE);
        const { buffer } = decodeBufferResponse((await on.client.demand("QUERY_INFO", call)).message);
        const attributes = new DataView(buffer.buffer, buffer.byteOffset).getUint32(0, true);
        // FILE_PERSISTENT_ACLS, [MS-FSCC] 2.5.1.
        expect((attributes & 0x8) !== 0).toBe(keeps);
        on.client.close();
      }
    });

    test("a DACL is not set on a read-only share, nor with `nt acl support = no`", async () => {
      for (const share of ["readonly", "fixed"]) {
        const on = await mountShare(server, FIRST, share);
        const text: DescriptorText = { aces: [["A", 0, FileGeneric.ALL, "S-1-1-0"]] };
        if (share === "readonly") {
          expect(await outcomeOf(on, "file", Access.WRITE_DAC)).toBe("STATUS_ACCESS_DENIED");
        } else {
          const fileId = await openAll(on, "file");
          expect(statusName(await setSecurity(on, fileId, text, DACL))).toBe("STATUS_ACCESS_DENIED");
        }
        on.client.close();
      }
    });
  });

  describe("access", () => {
    test("is granted to each user by the DACL, entry by entry", async () => {
      await closeFile(first, await openAll(first, "granted"));
      await give(first, "granted", {
        aces: [
          ["D", 0, Access.WRITE_DATA | Access.APPEND_DATA, SECOND_SID],
          ["A", 0, FileGeneric.READ | FileGeneric.WRITE, "S-1-5-11"],
        ],
      });
      expect(await outcomeOf(second, "granted", Access.READ_DATA)).toBe("STATUS_SUCCESS");
      expect(await outcomeOf(second, "granted", Access.WRITE_DATA)).toBe("STATUS_ACCESS_DENIED");
      expect(await outcomeOf(second, "granted", Access.WRITE_DAC)).toBe("STATUS_ACCESS_DENIED");
      expect(await outcomeOf(first, "granted", Access.WRITE_DATA | Access.WRITE_DAC)).toBe("STATUS_SUCCESS");
      expect(await outcomeOf(first, "granted", Access.EXECUTE)).toBe("STATUS_ACCESS_DENIED");
      const opened = await openFile(second, "granted", {
        desiredAccess: Access.READ_DATA,
        contexts: { maximalAccess: { timestamp: undefined } },
      });
      const most = FileGeneric.READ | (FileGeneric.WRITE & ~(Access.WRITE_DATA | Access.APPEND_DATA));
      // The directory, which everybody may write to, grants DELETE.
      expect(opened.contexts.maximalAccess?.maximalAccess).toBe(most | Access.DELETE);
      await closeFile(second, opened.fileId);
    });

    test("stays with an open when the DACL changes", async () => {
      const fileId = await openAll(first, "kept");
      await closeFile(first, fileId);
      writeFileSync(at("nt", "kept"), "words");
      await give(first, "kept", { aces: [["A", 0, FileGeneric.READ, "S-1-5-11"]] });
      const reading = await openFile(second, "kept", { desiredAccess: Access.READ_DATA });
      await give(first, "kept", { aces: [["A", 0, FileGeneric.ALL, FIRST_SID]] });
      expect(Buffer.from(await readFile(second, reading.fileId, 0, 5)).toString()).toBe("words");
      await closeFile(second, reading.fileId);
      expect(await outcomeOf(second, "kept", Access.READ_DATA)).toBe("STATUS_ACCESS_DENIED");
    });

    test("to a directory decides who creates and removes files in it and renames into it", async () => {
      await closeFile(first, await makeDirectoryAll(first, "shut"));
      await closeFile(first, await openAll(first, "shut\\inside"));
      const look = FileGeneric.READ | FileGeneric.EXECUTE;
      await give(first, "shut", {
        aces: [
          ["A", 0, FileGeneric.ALL, FIRST_SID],
          ["A", 0, look | Access.ADD_FILE, SECOND_SID],
        ],
      });
      const create = { createDisposition: CreateDisposition.CREATE };
      const folder = { ...create, createOptions: CreateOption.DIRECTORY_FILE };
      expect(await outcomeOf(second, "shut\\new", FileGeneric.READ, create)).toBe("STATUS_SUCCESS");
      expect(await outcomeOf(second, "shut\\dir", FileGeneric.READ, folder)).toBe("STATUS_ACCESS_DENIED");
      expect(await outcomeOf(second, "shut\\inside", Access.DELETE)).toBe("STATUS_ACCESS_DENIED");
      const moved = await openFile(second, "movable", {
        desiredAccess: FileGeneric.ALL,
        createDisposition: CreateDisposition.CREATE,
        createOptions: CreateOption.DIRECTORY_FILE,
      });
      const reply = await second.client.request(renameCall(second, moved.fileId, "shut\\movable", false));
      expect(statusName(reply.status)).toBe("STATUS_ACCESS_DENIED");
      await closeFile(second, moved.fileId);
    });

    test("WRITE_OWNER lets a user take ownership, not give it to another", async () => {
      await closeFile(first, await openAll(first, "owned"));
      await give(first, "owned", { aces: [["A", 0, FileGeneric.ALL, "S-1-5-11"]] });
      const mine = await openFile(first, "owned", { desiredAccess: Access.WRITE_OWNER });
      const given = await setSecurity(first, mine.fileId, { owner: SECOND_SID }, OWNER);
      expect(statusName(given)).toBe("STATUS_INVALID_OWNER");
      await closeFile(first, mine.fileId);
      const theirs = await openFile(second, "owned", { desiredAccess: Access.WRITE_OWNER });
      const taken = await setSecurity(second, theirs.fileId, { owner: SECOND_SID }, OWNER);
      expect(statusName(taken)).toBe("STATUS_SUCCESS");
      await closeFile(second, theirs.fileId);
      expect((await securityOf(second, "owned")).owner).toBe(SECOND_SID);
      expect(statSync(at("nt", "owned")).uid).toBe(5);
    });
  });

  describe("a new object", () => {
    test("inherits entries from its directory", async () => {
      await closeFile(first, await makeDirectoryAll(first, "heir"));
      const below = OBJECT_INHERIT | CONTAINER_INHERIT;
      await give(first, "heir", {
        aces: [
          ["A", below, FileGeneric.ALL, "S-1-3-0"],
          ["A", below, FileGeneric.ALL, "S-1-1-0"],
        ],
      });
      await closeFile(second, await makeDirectoryAll(second, "heir\\folder"));
      await closeFile(second, await openAll(second, "heir\\folder\\file"));
      expect((await securityOf(second, "heir\\folder\\file")).aces).toEqual([
        ["A", 0, FileGeneric.ALL, SECOND_SID],
        ["A", 0, FileGeneric.ALL, "S-1-1-0"],
      ]);
      expect(statSync(at("nt", "heir/folder/file")).mode & 0o777).toBe(0o777);
    });

    test("has the descriptor given with CREATE, which fails when that names another owner", async () => {
      const text: DescriptorText = { aces: [["A", 0, FileGeneric.ALL, FIRST_SID]] };
      const securityDescriptor = encodeDescriptor(descriptorOf(text));
      await closeFile(first, await openAll(first, "given", { contexts: { securityDescriptor } }));
      const { owner, aces } = await securityOf(first, "given");
      expect(owner).toBe(FIRST_SID);
      expect(aces).toEqual(text.aces ?? []);
      expect(statSync(at("nt", "given")).mode & 0o777).toBe(0o700);
      const foreign = encodeDescriptor(descriptorOf({ ...text, owner: SECOND_SID }));
      const reply = await first.client.request(
        createCall(first, "not given", {
          desiredAccess: FileGeneric.ALL,
          createDisposition: CreateDisposition.CREATE,
          contexts: { securityDescriptor: foreign },
        }),
      );
      expect(statusName(reply.status)).toBe("STATUS_INVALID_OWNER");
      expect(() => statSync(at("nt", "not given"))).toThrow("ENOENT");
    });
  });

  test("users without an account share a uid, and descriptors still tell them apart", async () => {
    const anna = await mountShare(server, ANNA, "nt");
    const bert = await mountShare(server, BERT, "nt");
    await closeFile(anna, await openAll(anna, "hers"));
    const { owner, aces } = await securityOf(bert, "hers");
    expect(owner).toMatch(/^S-1-5-21-\d+-\d+-\d+-\d{10}$/);
    expect(aces?.[0]?.[3]).toBe(owner ?? "");
    // A file that only she may open is closed to another user with the same uid.
    await give(anna, "hers", { aces: [["A", 0, FileGeneric.ALL, owner ?? ""]] });
    expect(await outcomeOf(anna, "hers", FileGeneric.READ | FileGeneric.WRITE)).toBe("STATUS_SUCCESS");
    expect(await outcomeOf(bert, "hers", Access.READ_DATA)).toBe("STATUS_ACCESS_DENIED");
    await closeFile(bert, await openAll(bert, "his"));
    expect(statSync(at("nt", "hers")).uid).toBe(statSync(at("nt", "his")).uid);
    const his = (await securityOf(bert, "his")).owner ?? "";
    expect(his).not.toBe(owner ?? "");
    await give(anna, "hers", {
      aces: [
        ["A", 0, FileGeneric.READ, owner ?? ""],
        ["A", 0, FileGeneric.READ | FileGeneric.WRITE, his],
      ],
    });
    expect(await outcomeOf(bert, "hers", FileGeneric.READ | FileGeneric.WRITE)).toBe("STATUS_SUCCESS");
    expect(await outcomeOf(anna, "hers", Access.WRITE_DATA)).toBe("STATUS_ACCESS_DENIED");
    for (const mount of [anna, bert]) mount.client.close();
  });

  describe("permissions on disk alone", () => {
    let on: Mount;
    beforeAll(async () => {
      on = await mountShare(server, FIRST, "posix");
    });
    afterAll(() => on.client.close());

    test("are set and shown with entries for other users", async () => {
      const fileId = await openAll(on, "file");
      const text: DescriptorText = {
        aces: [
          ["A", 0, FileGeneric.ALL, FIRST_SID],
          ["A", 0, FileGeneric.READ, SECOND_SID],
        ],
      };
      expect(statusName(await setSecurity(on, fileId, text, DACL))).toBe("STATUS_SUCCESS");
      const { aces } = await readSecurity(on, fileId);
      expect(aces?.find(([, , , sid]) => sid === SECOND_SID)?.[2]).toBe(FileGeneric.READ);
      expect(aces?.find(([, , , sid]) => sid === FIRST_SID)?.[2]).toBe(FileGeneric.ALL);
      await closeFile(on, fileId);
      expect(statSync(at("posix", "file")).mode & 0o707).toBe(0o700);
      const others = await mountShare(server, SECOND, "posix");
      expect(await outcomeOf(others, "file", Access.READ_DATA)).toBe("STATUS_SUCCESS");
      expect(await outcomeOf(others, "file", Access.WRITE_DATA)).toBe("STATUS_ACCESS_DENIED");
      others.client.close();
    });

    test("are inherited from a directory by files that other users create in it", async () => {
      const others = await mountShare(server, SECOND, "posix");
      const folder = await makeDirectoryAll(on, "shared");
      const below = OBJECT_INHERIT | CONTAINER_INHERIT;
      const text: DescriptorText = {
        aces: [
          ["A", below, FileGeneric.ALL, FIRST_SID],
          ["A", below, FileGeneric.ALL, SECOND_SID],
        ],
      };
      expect(statusName(await setSecurity(on, folder, text, DACL))).toBe("STATUS_SUCCESS");
      const { aces } = await readSecurity(on, folder);
      expect(aces?.find(([, , , sid]) => sid === SECOND_SID)?.[1]).toBe(below);
      await closeFile(on, folder);
      for (const [maker, user] of [
        [on, others],
        [others, on],
      ] as const) {
        const name = maker === on ? "shared\\first" : "shared\\second";
        await closeFile(maker, await openAll(maker, name));
        expect(await outcomeOf(user, name, Access.READ_DATA | Access.WRITE_DATA)).toBe("STATUS_SUCCESS");
      }
      expect(statSync(at("posix", "shared/first")).mode & 0o007).toBe(0);
      others.client.close();
    });

    test("take no other owner or group", async () => {
      const fileId = await openAll(on, "narrow");
      const outcome = async (text: DescriptorText, parts: number): Promise<string> =>
        statusName(await setSecurity(on, fileId, text, parts));
      expect(await outcome({ owner: SECOND_SID }, OWNER)).toBe("STATUS_INVALID_OWNER");
      expect(await outcome({ group: "S-1-22-2-0" }, GROUP)).toBe("STATUS_INVALID_PRIMARY_GROUP");
      await closeFile(on, fileId);
    });

    test("a stored descriptor no longer counts after chown and chmod", async () => {
      const nt = await openAll(first, "left");
      await setSecurity(first, nt, { aces: [["A", 0, FileGeneric.ALL, "S-1-5-21-1-2-3-4"]] }, DACL);
      await closeFile(first, nt);
      chownSync(at("nt", "left"), 1, 1);
      chmodSync(at("nt", "left"), 0o644);
      expect(await outcomeOf(second, "left", Access.READ_DATA)).toBe("STATUS_SUCCESS");
    });
  });
});
