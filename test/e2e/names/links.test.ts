// Symlinks, special files and hard links: listed, queried, opened, renamed and deleted by clients, smbclient
// among them. [MS-SMB2] 2.2.2.2.1; [MS-FSCC] 2.1.2, 2.4.6, 2.4.8; [MS-FSA] 2.1.5.1, 2.1.5.10.14.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Access } from "../../../src/wire/security/access.ts";
import { decodeBufferResponse } from "../../../src/wire/command/buffer-response.ts";
import {
  CreateDisposition,
  CreateOption,
  type CreateRequest,
  decodeCreateResponse,
} from "../../../src/wire/command/create.ts";
import {
  decodeErrorResponse,
  decodeSymlinkError,
  ErrorId,
} from "../../../src/wire/command/error-response.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { FileAttribute, ReparseTag } from "../../../src/wire/fscc/attributes.ts";
import { decodeAttributeTagInformation } from "../../../src/wire/fscc/file-information.ts";
import { Fsctl } from "../../../src/wire/fscc/fsctl.ts";
import { FileInfoClass } from "../../../src/wire/fscc/info-class.ts";
import {
  decodeNfsReparse,
  decodeReparseBuffer,
  decodeSymlinkReparse,
  encodeSymlinkReparse,
  NfsInodeType,
} from "../../../src/wire/fscc/reparse.ts";
import { Dialect } from "../../../src/wire/command/negotiate.ts";
import { InfoType } from "../../../src/wire/command/query-info.ts";
import { Status } from "../../../src/wire/status.ts";
import { TESTER, TESTER_UID, type TestServer } from "../../peer/test-server.ts";
import { expectOutcome, mountTest } from "../client/attack-rig.ts";
import { encode, outputOf } from "../client/fsctl-calls.ts";
import type { Reply } from "../client/raw-calls.ts";
import {
  closeFile,
  createCall,
  createFile,
  ioctlCall,
  linkCall,
  listDirectory,
  type Mount,
  mountShare,
  openFile,
  queryInfoCall,
  readCall,
  readFile,
  renameCall,
} from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";
import { connectionWords, hasSmbclient, runProgram } from "../client/smbclient.ts";

const REPARSE = CreateOption.OPEN_REPARSE_POINT;
const isRoot = process.getuid?.() === 0;

let server: TestServer;
let mount: Mount;
let share = "";
let outside = "";
beforeAll(async () => {
  server = await startServer({
    shares: [
      { name: "test" },
      { name: "following", parameters: { "follow symlinks": "yes" } },
      {
        name: "wide",
        parameters: { "follow symlinks": "yes", "wide links": "yes", "smb3 unix extensions": "no" },
      },
    ],
  });
  mount = await mountTest(server);
  share = server.shares.get("test") ?? "";
  outside = join(server.directory, "outside");
  mkdirSync(outside);
  writeFileSync(join(outside, "secret"), "secret");
  for (const path of [outside, join(outside, "secret")]) own(path);
});
afterAll(async () => {
  mount.client.close();
  await server.stop();
});

function own(path: string): void {
  if (isRoot) chownSync(path, TESTER_UID, TESTER_UID);
}

function plant(directory: string): void {
  mkdirSync(join(directory, "dir"));
  writeFileSync(join(directory, "dir", "file"), "in the share");
  for (const path of ["dir", "dir/file"]) own(join(directory, path));
  symlinkSync("dir/file", join(directory, "inside"));
  symlinkSync("dir", join(directory, "inside dir"));
  symlinkSync("nowhere", join(directory, "dangling"));
  symlinkSync(join(outside, "secret"), join(directory, "outside"));
  symlinkSync("loop", join(directory, "loop"));
  execFileSync("mkfifo", [join(directory, "fifo")]);
  own(join(directory, "fifo"));
  if (!isRoot) return;
  execFileSync("mknod", [join(directory, "device"), "c", "1", "3"]);
  own(join(directory, "device"));
}

function sweep(directory: string): void {
  for (const name of readdirSync(directory)) rmSync(join(directory, name), { recursive: true, force: true });
}

beforeEach(() => plant(share));
afterEach(() => sweep(share));

const LINKS = ["inside", "inside dir", "dangling", "outside", "loop"];

function tryOpen(name: string, options: Partial<CreateRequest> = {}, on: Mount = mount): Promise<Reply> {
  return on.client.request(createCall(on, name, options));
}

async function opened(name: string, options: Partial<CreateRequest> = {}): Promise<FileId> {
  const desiredAccess = Access.READ_ATTRIBUTES | Access.DELETE | Access.WRITE_ATTRIBUTES;
  return (await openFile(mount, name, { desiredAccess, createOptions: REPARSE, ...options })).fileId;
}

async function reparseOf(file: FileId) {
  const call = ioctlCall(mount, Fsctl.GET_REPARSE_POINT, new Uint8Array(0), file);
  return decodeReparseBuffer(outputOf(await mount.client.demand("GET_REPARSE_POINT", call)));
}

describe("a share that follows no links", () => {
  test("lists symlinks and special files as reparse points with their tags", async () => {
    const root = (await openFile(mount, "", {})).fileId;
    const entries = new Map((await listDirectory(mount, root)).map((entry) => [entry.name, entry] as const));
    await closeFile(mount, root);
    for (const name of LINKS) {
      expect([name, entries.get(name)?.eaSize]).toEqual([name, ReparseTag.SYMLINK]);
      expect(entries.get(name)?.stat.attributes).toBe(FileAttribute.REPARSE_POINT);
    }
    expect(entries.get("fifo")?.eaSize).toBe(ReparseTag.NFS);
    expect(entries.get("fifo")?.stat.attributes).toBe(FileAttribute.REPARSE_POINT);
    expect(entries.get("dir")?.eaSize).toBe(0);
  });

  test.each([Dialect.SMB_2_1, Dialect.SMB_3_0_2, Dialect.SMB_3_1_1])(
    "returns the target of an opened symlink in the error response, dialect %i",
    async (dialect) => {
      const other = await mountTest(server, { dialects: [dialect] });
      for (const name of LINKS) {
        const reply = await tryOpen(name, {}, other);
        expect([name, reply.status]).toEqual([name, Status.STOPPED_ON_SYMLINK]);
        const { data, contexts } = decodeErrorResponse(reply.message);
        expect(contexts.map(({ errorId }) => errorId)).toEqual(
          dialect === Dialect.SMB_3_1_1 ? [ErrorId.DEFAULT] : [],
        );
        const target = readlinkSync(join(share, name));
        expect(decodeSymlinkError(contexts[0]?.data ?? data)).toEqual({
          unparsedPathLength: 0,
          isRelative: !target.startsWith("/"),
          substituteName: target.replaceAll("/", "\\"),
          printName: target.replaceAll("/", "\\"),
        });
      }
      other.client.close();
    },
  );

  test("returns the length of the path behind a symlink", async () => {
    const reply = await tryOpen("inside dir\\sub\\file");
    expect(reply.status).toBe(Status.STOPPED_ON_SYMLINK);
    const { contexts } = decodeErrorResponse(reply.message);
    const told = decodeSymlinkError(contexts[0]?.data ?? new Uint8Array(0));
    expect([told.substituteName, told.unparsedPathLength]).toEqual(["dir", "\\sub\\file".length * 2]);
  });

  test("opens the symlink itself with OPEN_REPARSE_POINT, never its target", async () => {
    for (const name of LINKS) {
      const file = await opened(name, { desiredAccess: Access.READ_DATA | Access.READ_ATTRIBUTES });
      const call = queryInfoCall(mount, file, InfoType.FILE, FileInfoClass.ATTRIBUTE_TAG);
      const { buffer } = decodeBufferResponse((await mount.client.demand("QUERY_INFO", call)).message);
      expect(decodeAttributeTagInformation(buffer)).toEqual({
        attributes: FileAttribute.REPARSE_POINT,
        reparseTag: ReparseTag.SYMLINK,
      });
      const { tag, data } = await reparseOf(file);
      expect(tag).toBe(ReparseTag.SYMLINK);
      const target = readlinkSync(join(share, name)).replaceAll("/", "\\");
      expect(decodeSymlinkReparse(data).substituteName).toBe(target);
      const read = await mount.client.outcome(readCall(mount, file, 0, 100));
      expect([name, read === Status.SUCCESS]).toEqual([name, false]);
      await closeFile(mount, file);
    }
  });

  test("cuts a reparse buffer that does not fit, with STATUS_BUFFER_OVERFLOW", async () => {
    const file = await opened("outside");
    const get = (room: number) =>
      mount.client.request(ioctlCall(mount, Fsctl.GET_REPARSE_POINT, new Uint8Array(0), file, room));
    expect((await get(7)).status).toBe(Status.BUFFER_TOO_SMALL);
    const cut = await get(20);
    expect(cut.status).toBe(Status.BUFFER_OVERFLOW);
    expect(outputOf(cut).length).toBe(20);
    await closeFile(mount, file);
  });

  test("describes special files, also without OPEN_REPARSE_POINT, and refuses their data", async () => {
    const wanted = new Map<string, object>([["fifo", { type: NfsInodeType.FIFO, major: 0, minor: 0 }]]);
    if (isRoot) wanted.set("device", { type: NfsInodeType.CHARACTER, major: 1, minor: 3 });
    for (const [name, reparse] of wanted) {
      for (const desiredAccess of [Access.READ_DATA, Access.WRITE_DATA, Access.MAXIMUM_ALLOWED]) {
        expectOutcome((await tryOpen(name, { desiredAccess })).status, Status.IO_REPARSE_TAG_NOT_HANDLED);
      }
      const createDisposition = CreateDisposition.OVERWRITE_IF;
      for (const createOptions of [0, REPARSE]) {
        const reply = await tryOpen(name, {
          createDisposition,
          createOptions,
          desiredAccess: Access.WRITE_DATA,
        });
        expectOutcome(reply.status, Status.IO_REPARSE_TAG_NOT_HANDLED, Status.ACCESS_DENIED);
      }
      await closeFile(mount, await opened(name, { desiredAccess: Access.READ_ATTRIBUTES, createOptions: 0 }));
      const file = await opened(name);
      expect(decodeNfsReparse((await reparseOf(file)).data)).toEqual(reparse as never);
      await closeFile(mount, file);
      expect(lstatSync(join(share, name)).isFile()).toBe(false);
    }
  });

  test("renames and deletes symlinks and FIFOs themselves, with and without OPEN_REPARSE_POINT", async () => {
    for (const createOptions of [REPARSE, 0]) {
      for (const name of [...LINKS, "fifo"]) {
        const file = await opened(name, { createOptions, desiredAccess: Access.DELETE });
        await mount.client.demand("rename", renameCall(mount, file, "moved", false));
        await closeFile(mount, file);
        expect(lstatSync(join(share, name), { throwIfNoEntry: false })).toBeUndefined();
        const again = await opened("moved", {
          createOptions: createOptions | CreateOption.DELETE_ON_CLOSE,
          desiredAccess: Access.DELETE,
        });
        await closeFile(mount, again);
        expect(lstatSync(join(share, "moved"), { throwIfNoEntry: false })).toBeUndefined();
      }
      expect(readFileSync(join(outside, "secret"), "utf8")).toBe("secret");
      expect(readFileSync(join(share, "dir", "file"), "utf8")).toBe("in the share");
      sweep(share);
      plant(share);
    }
  });

  test("creates, overwrites and links nothing through a symlink", async () => {
    for (const createDisposition of Object.values(CreateDisposition)) {
      for (const createOptions of [0, REPARSE]) {
        for (const name of LINKS) {
          const reply = await tryOpen(name, {
            createDisposition,
            createOptions,
            desiredAccess: Access.WRITE_DATA | Access.READ_ATTRIBUTES,
          });
          if (reply.status === Status.SUCCESS) {
            expect([CreateDisposition.OPEN, CreateDisposition.OPEN_IF]).toContain(createDisposition as never);
            expect(createOptions).toBe(REPARSE);
            await closeFile(mount, decodeCreateResponse(reply.message).fileId);
          }
        }
      }
    }
    expect(existsSync(join(share, "nowhere"))).toBe(false);
    expect(readFileSync(join(outside, "secret"), "utf8")).toBe("secret");
    const file = await createFile(mount, "new");
    for (const name of LINKS) {
      await mount.client.demand("replace", linkCall(mount, file, name, true));
      expect(lstatSync(join(share, name)).isFile()).toBe(true);
    }
    expect(readFileSync(join(outside, "secret"), "utf8")).toBe("secret");
    await closeFile(mount, file);
  });

  test("refuses clients that make or remove symlinks by their reparse points", async () => {
    const file = await createFile(mount, "plain");
    const link = { isRelative: false, substituteName: "\\??\\C:\\", printName: "C:\\" };
    const input = encode(200, (writer) => encodeSymlinkReparse(writer, link));
    const outcome = (code: number, bytes: Uint8Array, to: FileId) =>
      mount.client.outcome(ioctlCall(mount, code, bytes, to, 0));
    expectOutcome(await outcome(Fsctl.SET_REPARSE_POINT, input, file), Status.ACCESS_DENIED);
    const empty = new Uint8Array(0);
    expectOutcome(await outcome(Fsctl.GET_REPARSE_POINT, empty, file), Status.NOT_A_REPARSE_POINT);
    const head = new Uint8Array([0x0c, 0, 0, 0xa0, 0, 0, 0, 0]);
    expectOutcome(await outcome(Fsctl.DELETE_REPARSE_POINT, head, file), Status.NOT_A_REPARSE_POINT);
    expectOutcome(await outcome(Fsctl.SET_REPARSE_POINT, empty, file), Status.IO_REPARSE_DATA_INVALID);
    await closeFile(mount, file);
    const dangling = await opened("dangling");
    expectOutcome(await outcome(Fsctl.DELETE_REPARSE_POINT, head, dangling), Status.ACCESS_DENIED);
    await closeFile(mount, dangling);
    expect(lstatSync(join(share, "plain")).isFile()).toBe(true);
    expect(readlinkSync(join(share, "dangling"))).toBe("nowhere");
  });

  test.skipIf(!hasSmbclient())("lets smbclient list and delete symlinks", async () => {
    const script =
      "ls; get inside /dev/null; get fifo /dev/null; del dangling; del outside; rename loop round; del fifo";
    const { output } = await runProgram(
      ["smbclient", `//${server.host}/test`, ...connectionWords(server, {}), "-c", script],
      server.directory,
    );
    for (const name of [...LINKS, "fifo"]) expect(output).toContain(`  ${name} `);
    expect(output).toMatch(/STOPPED_ON_SYMLINK|SYMLINK/);
    expect(output).toContain("IO_REPARSE_TAG_NOT_HANDLED");
    const left = readdirSync(share).filter((name) => name !== "device");
    expect(left.sort()).toEqual(["dir", "inside", "inside dir", "round"]);
    expect(readFileSync(join(outside, "secret"), "utf8")).toBe("secret");
  });
});

describe("a share that follows links", () => {
  test.each(["following", "wide"])("%s follows links outside only with wide links", async (name) => {
    const path = server.shares.get(name) ?? "";
    plant(path);
    const other = await mountShare(server, TESTER, name);
    try {
      const file = (await openFile(other, "inside", {})).fileId;
      expect(new TextDecoder().decode(await readFile(other, file, 0, 100))).toBe("in the share");
      await closeFile(other, file);
      const reply = await tryOpen("outside", {}, other);
      if (name === "wide") {
        expect(reply.status).toBe(Status.SUCCESS);
        await closeFile(other, decodeCreateResponse(reply.message).fileId);
      } else {
        expect(reply.status).toBe(Status.STOPPED_ON_SYMLINK);
      }
      for (const dead of ["dangling", "loop"]) {
        expect((await tryOpen(dead, {}, other)).status).toBe(Status.STOPPED_ON_SYMLINK);
      }
      for (const gone of ["inside", "outside", "dangling"]) {
        const options = { desiredAccess: Access.DELETE, createOptions: CreateOption.DELETE_ON_CLOSE };
        await closeFile(other, (await openFile(other, gone, options)).fileId);
        expect(lstatSync(join(path, gone), { throwIfNoEntry: false })).toBeUndefined();
      }
      expect(readFileSync(join(path, "dir", "file"), "utf8")).toBe("in the share");
      expect(readFileSync(join(outside, "secret"), "utf8")).toBe("secret");
    } finally {
      other.client.close();
      sweep(path);
    }
  });
});

describe("hard links", () => {
  test("a file with two names keeps the second when a client deletes the first", async () => {
    const file = await createFile(mount, "first");
    await mount.client.demand("link", linkCall(mount, file, "dir\\second", false));
    expectOutcome(
      await mount.client.outcome(linkCall(mount, file, "dir\\second", false)),
      Status.OBJECT_NAME_COLLISION,
    );
    await closeFile(mount, file);
    const options = { desiredAccess: Access.DELETE, createOptions: CreateOption.DELETE_ON_CLOSE };
    writeFileSync(join(share, "first"), "both");
    await closeFile(mount, (await openFile(mount, "first", options)).fileId);
    expect(existsSync(join(share, "first"))).toBe(false);
    expect(readFileSync(join(share, "dir", "second"), "utf8")).toBe("both");
  });

  test("a link of a directory, onto a directory or to another file system is refused", async () => {
    const directory = await opened("dir", { createOptions: 0 });
    expectOutcome(
      await mount.client.outcome(linkCall(mount, directory, "dir2", false)),
      Status.FILE_IS_A_DIRECTORY,
    );
    await closeFile(mount, directory);
    const file = await createFile(mount, "one");
    const onto = await mount.client.outcome(linkCall(mount, file, "dir", true));
    expectOutcome(onto, Status.ACCESS_DENIED, Status.FILE_IS_A_DIRECTORY, Status.OBJECT_NAME_COLLISION);
    if (isRoot) {
      mkdirSync(join(share, "other"));
      execFileSync("mount", ["-t", "tmpfs", "none", join(share, "other")]);
      chmodSync(join(share, "other"), 0o777);
      try {
        const over = await mount.client.outcome(linkCall(mount, file, "other\\one", false));
        expectOutcome(over, Status.NOT_SAME_DEVICE);
        const moved = await mount.client.outcome(renameCall(mount, file, "other\\one", false));
        expectOutcome(moved, Status.NOT_SAME_DEVICE);
      } finally {
        execFileSync("umount", ["-l", join(share, "other")]);
      }
    }
    await closeFile(mount, file);
  });
});
