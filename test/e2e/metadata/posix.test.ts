// The SMB3 POSIX extensions as cifs.ko's `posix` mounts use them: negotiation, modes, information level 100.
// "SMB3 POSIX Extensions"; "POSIX Extensions to MS-FSCC".
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { chmodSync, linkSync, lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Access } from "../../../src/wire/security/access.ts";
import { decodeBufferResponse } from "../../../src/wire/command/buffer-response.ts";
import { CreateDisposition, CreateOption } from "../../../src/wire/command/create.ts";
import { FileAttribute, ReparseTag } from "../../../src/wire/fscc/attributes.ts";
import {
  decodeFsPosixInformation,
  PosixFileType,
  POSIX_EXTENSIONS_ID,
  POSIX_INFO_CLASS,
  unixGroupSid,
  unixUserSid,
} from "../../../src/wire/posix.ts";
import { InfoType, SecurityInformation } from "../../../src/wire/command/query-info.ts";
import { AceType, ACL_REVISION, simpleAce } from "../../../src/wire/security/acl.ts";
import { SecurityControl } from "../../../src/wire/security/security-descriptor.ts";
import { parseSid } from "../../../src/wire/security/sid.ts";
import { Status } from "../../../src/wire/status.ts";
import { type TestServer } from "../../peer/test-server.ts";
import { contextsOf, negotiateCall } from "../client/raw-calls.ts";
import { RawClient } from "../client/raw-client.ts";
import { decodeNegotiateResponse } from "../../../src/wire/command/negotiate.ts";
import { mountTest } from "../client/attack-rig.ts";
import { listPosix, lstat, makeFile, mountPosix, openPosix, posixly } from "../client/posix-calls.ts";
import {
  closeFile,
  createCall,
  deleteCall,
  type Mount,
  openFile,
  queryDirectoryCall,
  queryInfoCall,
} from "../client/raw-files.ts";
import { encodeDescriptor, setSecurityCall } from "../client/security-calls.ts";
import { startServer } from "../client/server.ts";

/** Modes are changed by a server with root alone, and only root searches a folder whose mode forbids it. */
const isRoot = process.getuid?.() === 0;

let server: TestServer;
let mount: Mount;
let root: string;
beforeAll(async () => {
  server = await startServer({
    shares: [
      { name: "test", parameters: { "create mask": "07777", "directory mask": "07777" } },
      { name: "plain", parameters: { "smb3 unix extensions": "no" } },
    ],
  });
  mount = await mountPosix(server);
  root = server.shares.get("test") ?? "";
});
afterAll(async () => {
  mount.client.close();
  await server.stop();
});

describe("negotiation", () => {
  test("NEGOTIATE answers the POSIX context to a client that sends it, and to no other", async () => {
    const contexts = mount.client.negotiated?.contexts ?? [];
    expect(contexts.some(({ kind }) => kind === "posix")).toBe(true);
    const other = await mountTest(server);
    expect(other.client.negotiated?.contexts.some(({ kind }) => kind === "posix")).toBe(false);
    // Not negotiated: the create context is ignored like any unknown one, and level 100 is no known class.
    const { fileId, contexts: answered } = await openFile(other, "", posixly(0o700));
    expect(answered.posix).toBeUndefined();
    const reply = await other.client.request(queryInfoCall(other, fileId, InfoType.FILE, POSIX_INFO_CLASS));
    expect(reply.status).toBe(Status.INVALID_INFO_CLASS);
    other.client.close();
  });

  test("NEGOTIATE ignores a malformed list of versions, and fails on two lists", async () => {
    const ours = [...POSIX_EXTENSIONS_ID];
    const agreed = async (...lists: readonly (readonly number[])[]): Promise<boolean | number> => {
      const contexts = lists.map((list) => ({ kind: "posix", versions: Uint8Array.from(list) }) as const);
      const other = await RawClient.connect(server);
      const reply = await other.request(negotiateCall({ contexts: [...contextsOf({}), ...contexts] }));
      other.close();
      if (reply.status !== Status.SUCCESS) return reply.status;
      return decodeNegotiateResponse(reply.message).contexts.some(({ kind }) => kind === "posix");
    };
    expect(await agreed([])).toBe(false);
    expect(await agreed(ours.slice(0, 15))).toBe(false);
    expect(await agreed([0, ...ours])).toBe(false);
    expect(await agreed([...Array.from({ length: 16 }, () => 7), ...ours, 1])).toBe(true);
    expect(await agreed(ours, ours)).toBe(Status.INVALID_PARAMETER);
  });

  test("CREATE with a context that has no mode fails with STATUS_INVALID_PARAMETER", async () => {
    const tag = String.fromCharCode(...POSIX_EXTENSIONS_ID);
    for (const length of [0, 3]) {
      const contexts = { unknown: [{ tag, data: new Uint8Array(length) }] };
      const reply = await mount.client.request(createCall(mount, "", { contexts }));
      expect(reply.status).toBe(Status.INVALID_PARAMETER);
    }
  });

  test("a share with `smb3 unix extensions = no` ignores the create context", async () => {
    const treeId = await mount.client.connectTree(mount.session, "plain");
    const plain = { ...mount, treeId };
    const { fileId, contexts } = await openFile(plain, "", posixly(0));
    expect(contexts.posix).toBeUndefined();
    const listing = await plain.client.request(
      queryDirectoryCall(plain, fileId, { infoClass: POSIX_INFO_CLASS }),
    );
    expect(listing.status).toBe(Status.INVALID_INFO_CLASS);
  });

  test("an open without the create context finds names in any case and has no level 100", async () => {
    writeFileSync(join(root, "Everybody"), "");
    const { fileId } = await openFile(mount, "eVERYBODY");
    const reply = await mount.client.request(queryInfoCall(mount, fileId, InfoType.FILE, POSIX_INFO_CLASS));
    expect(reply.status).toBe(Status.INVALID_INFO_CLASS);
    await closeFile(mount, fileId);
  });
});

describe("modes and owners", () => {
  test("CREATE of a file sets the requested mode and returns it", async () => {
    for (const mode of [0o640, 0o600, 0o666, 0o755, 0o4711]) {
      const name = `mode ${mode.toString(8)}`;
      const { contexts } = await makeFile(mount, name, mode);
      const stat = lstatSync(join(root, name));
      expect(stat.mode & 0o7777).toBe(mode);
      expect(contexts.posix).toEqual({
        links: 1,
        reparseTag: 0,
        mode,
        fileType: PosixFileType.REGULAR,
        owner: unixUserSid(stat.uid),
        group: unixGroupSid(stat.gid),
      });
    }
  });

  test("CREATE with the mode 0xffff, which means none, gets the share's mode", async () => {
    await makeFile(mount, "no mode", 0xffff);
    expect(lstatSync(join(root, "no mode")).mode & 0o7777).toBe(0o666);
  });

  test("CREATE of a directory sets the requested mode and returns it", async () => {
    const { fileId, contexts } = await openFile(
      mount,
      "directory 750",
      posixly(0o750, {
        createDisposition: CreateDisposition.CREATE,
        createOptions: CreateOption.DIRECTORY_FILE,
      }),
    );
    expect(contexts.posix?.mode).toBe(0o750);
    expect(contexts.posix?.links).toBe(2);
    expect(lstatSync(join(root, "directory 750")).mode & 0o7777).toBe(0o750);
    await closeFile(mount, fileId);
  });

  test.skipIf(!isRoot)("SET_INFO with a DACL that has a mode in its SID changes the mode", async () => {
    await makeFile(mount, "chmod", 0o644);
    for (const mode of [0o600, 0o751]) {
      const { fileId } = await openPosix(mount, "chmod", { desiredAccess: Access.WRITE_DAC });
      const sid = parseSid(`S-1-5-88-3-${mode}`);
      const buffer = encodeDescriptor({
        control: SecurityControl.SELF_RELATIVE | SecurityControl.DACL_PRESENT,
        owner: undefined,
        group: undefined,
        dacl: { revision: ACL_REVISION, aces: [simpleAce(AceType.ACCESS_ALLOWED, 0, 0, sid)] },
        sacl: undefined,
      });
      await mount.client.demand("chmod", setSecurityCall(mount, fileId, buffer, SecurityInformation.DACL));
      await closeFile(mount, fileId);
      expect(lstatSync(join(root, "chmod")).mode & 0o7777).toBe(mode);
    }
  });
});

describe("directories without search or read permission", () => {
  test.skipIf(!isRoot)("are listed if they can be read, and are removed as by rmdir(2)", async () => {
    for (const mode of [0o600, 0o400, 0o300, 0o000]) {
      const name = `closed ${mode.toString(8)}`;
      const options = {
        createDisposition: CreateDisposition.CREATE,
        createOptions: CreateOption.DIRECTORY_FILE,
        desiredAccess: Access.READ_ATTRIBUTES,
      };
      await closeFile(mount, (await openFile(mount, name, posixly(mode, options))).fileId);
      if ((mode & 0o400) !== 0) {
        const { fileId } = await openPosix(mount, name);
        expect((await listPosix(mount, fileId)).map((entry) => entry.name)).toEqual([".", ".."]);
        await closeFile(mount, fileId);
      }
      const { fileId } = await openPosix(mount, name, { desiredAccess: Access.DELETE });
      await mount.client.demand("rmdir", deleteCall(mount, fileId));
      await closeFile(mount, fileId);
      expect(readdirSync(root)).not.toContain(name);
    }
  });
});

describe("level 100", () => {
  test("a file's information is that of stat(2)", async () => {
    writeFileSync(join(root, "facts"), "12345");
    chmodSync(join(root, "facts"), 0o604);
    linkSync(join(root, "facts"), join(root, "facts 2"));
    const stat = lstatSync(join(root, "facts"), { bigint: true });
    const told = await lstat(mount, "facts");
    expect(told.mode).toBe(0o604);
    expect(told.links).toBe(2);
    expect(told.size).toBe(5);
    expect(BigInt(told.inodeHigh) * 2n ** 32n + BigInt(told.inodeLow)).toBe(stat.ino);
    expect(BigInt(told.modifySeconds) * 1_000_000_000n + BigInt(told.modifyNanoseconds)).toBe(
      (stat.mtimeNs / 100n) * 100n,
    );
    expect(told.owner).toEqual(unixUserSid(Number(stat.uid)));
    expect(told.group).toEqual(unixGroupSid(Number(stat.gid)));
  });

  test("a listing shows every object with its type and its name as on disk", async () => {
    const directory = join(root, "kinds");
    mkdirSync(join(directory, "folder"), { recursive: true });
    writeFileSync(join(directory, "c:d*?"), "x");
    writeFileSync(join(directory, "dots."), "");
    symlinkSync("../outside", join(directory, "link"));
    execFileSync("mkfifo", [join(directory, "fifo")]);
    const { fileId } = await openPosix(mount, "kinds");
    const entries = await listPosix(mount, fileId);
    await closeFile(mount, fileId);
    const named = new Map(entries.map((entry) => [entry.name, entry]));
    expect([...named.keys()].toSorted()).toEqual([".", "..", "c:d*?", "dots.", "fifo", "folder", "link"]);
    // A directory is recognized by its DOS attribute, not by a file type.
    expect(named.get("folder")?.attributes).toBe(FileAttribute.DIRECTORY);
    expect(named.get("c:d*?")?.fileType).toBe(PosixFileType.REGULAR);
    expect(named.get("fifo")?.fileType).toBe(PosixFileType.FIFO);
    expect(named.get("link")?.fileType).toBe(PosixFileType.SYMLINK);
    expect(named.get("link")?.reparseTag).toBe(ReparseTag.SYMLINK);
    expect((named.get("link")?.attributes ?? 0) & FileAttribute.REPARSE_POINT).not.toBe(0);
  });

  test("a listing of 300 names comes in several replies and is complete", async () => {
    mkdirSync(join(root, "many"));
    const names = Array.from({ length: 300 }, (_, i) => `entry number ${i}`);
    for (const name of names) writeFileSync(join(root, "many", name), "");
    const { fileId } = await openPosix(mount, "many");
    const entries = await listPosix(mount, fileId);
    expect(entries.map(({ name }) => name).toSorted()).toEqual([".", "..", ...names].toSorted());
    await closeFile(mount, fileId);
  });

  test("a volume's information is that of statvfs(3)", async () => {
    const { fileId } = await openPosix(mount, "");
    const call = queryInfoCall(mount, fileId, InfoType.FILESYSTEM, POSIX_INFO_CLASS);
    const reply = await mount.client.demand("level 100 of a volume", call);
    const facts = decodeFsPosixInformation(decodeBufferResponse(reply.message).buffer);
    const [blockBytes, blocks] = execFileSync("stat", ["-f", "-c", "%S %b", root]).toString().split(" ");
    expect(facts.blockBytes).toBe(Number(blockBytes));
    expect(facts.blocks).toBe(Number(blocks));
    expect(facts.availableBlocks).toBeLessThanOrEqual(facts.freeBlocks);
    await closeFile(mount, fileId);
  });

  test("QUERY_INFO with too little room fails with STATUS_INFO_LENGTH_MISMATCH", async () => {
    const { fileId } = await openPosix(mount, "");
    for (const type of [InfoType.FILE, InfoType.FILESYSTEM]) {
      const reply = await mount.client.request(queryInfoCall(mount, fileId, type, POSIX_INFO_CLASS, 20));
      expect(reply.status).toBe(Status.INFO_LENGTH_MISMATCH);
    }
    await closeFile(mount, fileId);
  });
});
