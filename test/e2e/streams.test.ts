// Named streams at the socket: making, sharing, listing, renaming and deleting them, and what the file they are of
// has to do with it. [MS-FSA] 2.1.5.1, 2.1.5.12.31, 2.1.5.15.11; [MS-SMB2] 3.3.5.9.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { Access, FileGeneric } from "../../src/wire/access.ts";
import { decodeBufferResponse } from "../../src/wire/buffer-response.ts";
import { CompletionFilter } from "../../src/wire/change-notify.ts";
import { CreateAction, CreateDisposition, CreateOption, ShareAccess } from "../../src/wire/create.ts";
import { Writer } from "../../src/wire/cursor.ts";
import type { FileId } from "../../src/wire/file-id.ts";
import { FileAttribute } from "../../src/wire/fscc/attributes.ts";
import {
  type AllInformation,
  decodeAllInformation,
  encodeBasicChange,
  encodeSizeInformation,
} from "../../src/wire/fscc/file-information.ts";
import { FileInfoClass, FsInfoClass } from "../../src/wire/fscc/info-class.ts";
import { InfoType } from "../../src/wire/query-info.ts";
import { statusName } from "../../src/wire/status.ts";
import type { TestServer } from "../peer/test-server.ts";
import { mountTest } from "./attack/rig.ts";
import type { Call } from "./raw-calls.ts";
import {
  closeFile,
  createDirectory,
  deleteCall,
  linkCall,
  type Mount,
  openFile,
  queryInfoCall,
  READ_WRITE,
  readCall,
  readFile,
  renameCall,
  setInfoCall,
  writeCall,
  writeFile,
} from "./raw-files.ts";
import { linesOf, startWaiting } from "./raw-notify.ts";
import { connectionWords, runProgram } from "./smbclient.ts";
import { startServer } from "./server.ts";
import {
  getBytes,
  getText,
  listOf,
  openForWriting,
  putStream,
  streamLines,
  tryCreate,
} from "./stream-calls.ts";

const NAMED_STREAMS = 0x0004_0000;
/** More than a block: ext4 keeps no such value. */
const TOO_LONG = new Uint8Array(200_000).fill(7);

let server: TestServer;
let mount: Mount;
let root: string;
beforeAll(async () => {
  server = await startServer();
  mount = await mountTest(server);
  root = server.shares.get("test") ?? "";
});
afterAll(async () => {
  mount.client.close();
  await server.stop();
});

async function statusOf(call: Call): Promise<string> {
  return statusName((await mount.client.request(call)).status);
}

async function allOf(fileId: FileId): Promise<AllInformation> {
  const call = queryInfoCall(mount, fileId, InfoType.FILE, FileInfoClass.ALL);
  return decodeAllInformation(decodeBufferResponse((await mount.client.demand("ALL", call)).message).buffer);
}

function sizeCall(fileId: FileId, infoClass: number, size: number): Call {
  const writer = new Writer(new Uint8Array(8));
  encodeSizeInformation(writer, size);
  return setInfoCall(mount, fileId, infoClass, writer.bytes);
}

describe("making and opening", () => {
  test("the file is made where it is missing, and only where the disposition may", async () => {
    for (const createDisposition of [CreateDisposition.OPEN, CreateDisposition.OVERWRITE]) {
      expect(await tryCreate(mount, "none:s", { createDisposition })).toBe("STATUS_OBJECT_NAME_NOT_FOUND");
    }
    expect(readdirSync(root)).not.toContain("none");
    const dispositions = ["CREATE", "OPEN_IF", "OVERWRITE_IF", "SUPERSEDE"] as const;
    for (const name of dispositions) {
      const opened = await openFile(mount, `made-${name}:s`, {
        desiredAccess: READ_WRITE,
        createDisposition: CreateDisposition[name],
      });
      expect([name, opened.createAction]).toEqual([name, CreateAction.CREATED]);
      await writeFile(mount, opened.fileId, 0, new TextEncoder().encode(name));
      await closeFile(mount, opened.fileId);
      expect(await listOf(mount, `made-${name}`)).toEqual(["::$DATA 0", `:s:$DATA ${name.length}`]);
    }
  });

  test("dispositions are about the stream, and leave the others alone", async () => {
    await putStream(mount, "disp", "main");
    await putStream(mount, "disp:a", "aaa");
    await putStream(mount, "disp:b", "bbb");
    const tried = (name: string, createDisposition: CreateDisposition) =>
      tryCreate(mount, name, { desiredAccess: READ_WRITE, createDisposition });
    expect(await tried("disp:A:$data", CreateDisposition.CREATE)).toBe("STATUS_OBJECT_NAME_COLLISION");
    expect(await tried("disp:c", CreateDisposition.OVERWRITE)).toBe("STATUS_OBJECT_NAME_NOT_FOUND");
    expect(await tried("disp:a", CreateDisposition.OVERWRITE)).toBe("STATUS_SUCCESS");
    expect(await listOf(mount, "disp")).toEqual(["::$DATA 4", ":a:$DATA 0", ":b:$DATA 3"]);
    expect(await getText(mount, "DISP:B")).toBe("bbb");
    expect(await getText(mount, "disp::$DATA")).toBe("main");
  });

  test("replacing the file's own data takes all streams", async () => {
    for (const name of ["OVERWRITE", "OVERWRITE_IF", "SUPERSEDE"] as const) {
      await putStream(mount, "base:a", "aaa");
      const createDisposition = CreateDisposition[name];
      expect(await tryCreate(mount, "base", { desiredAccess: READ_WRITE, createDisposition })).toBe(
        "STATUS_SUCCESS",
      );
      expect([name, ...(await listOf(mount, "base"))]).toEqual([name, "::$DATA 0"]);
    }
  });

  test("directories and the root have streams, and no data", async () => {
    await closeFile(mount, await createDirectory(mount, "dir"));
    await putStream(mount, "dir:d", "of a directory");
    await putStream(mount, ":rooted", "of the root");
    expect(await listOf(mount, "dir")).toEqual([":d:$DATA 14"]);
    expect(await listOf(mount, "dir:$I30:$INDEX_ALLOCATION")).toEqual([":d:$DATA 14"]);
    expect(await getText(mount, ":rooted")).toBe("of the root");
    expect(await tryCreate(mount, "dir::$DATA")).toBe("STATUS_FILE_IS_A_DIRECTORY");
    expect(await tryCreate(mount, "disp::$INDEX_ALLOCATION")).toBe("STATUS_NOT_A_DIRECTORY");
    const asDirectory = { createOptions: CreateOption.DIRECTORY_FILE };
    expect(await tryCreate(mount, "dir:d", asDirectory)).toBe("STATUS_NOT_A_DIRECTORY");
    const id = await openForWriting(mount, "dir:d");
    const { attributes, isDirectory, size } = await allOf(id);
    expect([attributes & FileAttribute.DIRECTORY, isDirectory, size]).toEqual([0, false, 14]);
    expect(await statusOf(deleteCall(mount, id))).toBe("STATUS_SUCCESS");
    await closeFile(mount, id);
    expect(await listOf(mount, "dir")).toEqual([]);
  });

  test("what a name makes of a stream", async () => {
    await putStream(mount, "file", "x");
    await closeFile(mount, await createDirectory(mount, "sub"));
    const invalid = "STATUS_OBJECT_NAME_INVALID";
    const outcomes: Readonly<Record<string, string>> = {
      "file:": invalid,
      "file:..\\x": invalid,
      "file:a/b": invalid,
      "file:a\\b": invalid,
      "file:a:b": invalid,
      "file:a:$INDEX_ALLOCATION": invalid,
      "file:a:$ATTRIBUTE_LIST": invalid,
      "file:a\0b": invalid,
      "sub\\:s": invalid,
      "sub\\..\\file:s": invalid,
      [`file:${"s".repeat(235)}`]: invalid,
      [`file:${"s".repeat(256)}`]: invalid,
      // No character at all: refused before it is taken for a name.
      "file:\ud800": "STATUS_INVALID_PARAMETER",
      "..:s": "STATUS_OBJECT_PATH_SYNTAX_BAD",
      "\\file:s": "STATUS_INVALID_PARAMETER",
      "missing\\file:s": "STATUS_OBJECT_PATH_NOT_FOUND",
      "file\\x:s": "STATUS_OBJECT_PATH_NOT_FOUND",
    };
    for (const [name, outcome] of Object.entries(outcomes)) {
      const status = await tryCreate(mount, name, {
        desiredAccess: READ_WRITE,
        createDisposition: CreateDisposition.OPEN_IF,
      });
      expect([name, status]).toEqual([name, outcome]);
    }
    // Nothing of these is a path: they are names, as odd as they look.
    for (const stream of ["..", "a?*<>|", "\u0001", "DOSATTRIB", "$I30", "s".repeat(234)]) {
      await putStream(mount, `file:${stream}`, stream);
      expect(await getText(mount, `file:${stream}:$DATA`)).toBe(stream);
    }
    expect(readdirSync(root).filter((name) => name.includes(":"))).toEqual([]);
    expect(readdirSync(join(root, "sub"))).toEqual([]);
  });

  test("a share without them knows no colon", async () => {
    const plain = await startServer({ shares: [{ name: "test", parameters: { streams: "no" } }] });
    const on = await mountTest(plain);
    try {
      for (const name of ["f:s", "f::$DATA", ":s", "::$INDEX_ALLOCATION"]) {
        const options = { desiredAccess: READ_WRITE, createDisposition: CreateDisposition.OPEN_IF };
        expect([name, await tryCreate(on, name, options)]).toEqual([name, "STATUS_OBJECT_NAME_INVALID"]);
      }
      await putStream(on, "f", "data");
      expect(await listOf(on, "f")).toEqual(["::$DATA 4"]);
      expect((await volumeAttributes(on)) & NAMED_STREAMS).toBe(0);
      expect((await volumeAttributes(mount)) & NAMED_STREAMS).toBe(NAMED_STREAMS);
    } finally {
      on.client.close();
      await plain.stop();
    }
  });
});

async function volumeAttributes(on: Mount): Promise<number> {
  const { fileId } = await openFile(on, "");
  const call = queryInfoCall(on, fileId, InfoType.FILESYSTEM, FsInfoClass.ATTRIBUTE);
  const { buffer } = decodeBufferResponse((await on.client.demand("FS", call)).message);
  await closeFile(on, fileId);
  return new DataView(buffer.buffer, buffer.byteOffset).getUint32(0, true);
}

describe("data", () => {
  test("several opens see each other's writes; sizes are told of the stream", async () => {
    const one = await openForWriting(mount, "shared:s", CreateDisposition.CREATE);
    const two = await openForWriting(mount, "shared:S");
    await writeFile(mount, one, 3, new TextEncoder().encode("abc"));
    expect((await readFile(mount, two, 0, 10)).toHex()).toBe("000000616263");
    expect(await statusOf(sizeCall(two, FileInfoClass.END_OF_FILE, 4))).toBe("STATUS_SUCCESS");
    expect((await allOf(one)).size).toBe(4);
    expect((await allOf(one)).name).toBe("\\shared:s");
    expect(await statusOf(sizeCall(two, FileInfoClass.ALLOCATION, 2))).toBe("STATUS_SUCCESS");
    expect((await readFile(mount, one, 0, 10)).toHex()).toBe("0000");
    await closeFile(mount, one);
    await closeFile(mount, two);
    expect(await listOf(mount, "shared")).toEqual(["::$DATA 0", ":s:$DATA 2"]);
  });

  test("offsets beyond every size", async () => {
    const id = await openForWriting(mount, "far:s", CreateDisposition.CREATE);
    const byte = new Uint8Array([1]);
    for (const [offset, wanted] of [
      [16_777_216, "STATUS_DISK_FULL"],
      [2 ** 52, "STATUS_DISK_FULL"],
      [2 ** 62, "STATUS_DISK_FULL"],
      [2 ** 63 + 4096, "STATUS_INVALID_PARAMETER"],
    ] as const) {
      expect([offset, await statusOf(writeCall(mount, id, offset, byte))]).toEqual([offset, wanted]);
      const read = await statusOf(readCall(mount, id, offset, 1));
      expect([offset, read]).toEqual([offset, offset > 2 ** 63 ? wanted : "STATUS_END_OF_FILE"]);
    }
    for (const size of [16_777_216, 2 ** 52, 2 ** 62]) {
      expect(await statusOf(sizeCall(id, FileInfoClass.END_OF_FILE, size))).toBe("STATUS_DISK_FULL");
      expect(await statusOf(sizeCall(id, FileInfoClass.ALLOCATION, size))).toBe("STATUS_DISK_FULL");
    }
    expect((await allOf(id)).size).toBe(0);
    await closeFile(mount, id);
  });

  test("what the disk cannot keep is refused, and the old data stays", async () => {
    const id = await openForWriting(mount, "full:s", CreateDisposition.CREATE);
    await writeFile(mount, id, 0, new TextEncoder().encode("kept"));
    for (let at = 0; at < TOO_LONG.length; at += 50_000) {
      const call = writeCall(mount, id, at, TOO_LONG.subarray(at, at + 50_000));
      if ((await statusOf(call)) === "STATUS_DISK_FULL") break;
    }
    const { size } = await allOf(id);
    expect(size % 50_000).toBe(size === 4 ? 4 : 0);
    const data = await readFile(mount, id, 0, 4);
    expect(data.toHex()).toBe(size === 4 ? "6b657074" : "07070707");
    await closeFile(mount, id);
    expect(await listOf(mount, "full")).toEqual(["::$DATA 0", `:s:$DATA ${size}`]);
  });

  test("a stream's times and attributes are the file's, and writing it moves them", async () => {
    await putStream(mount, "timed:s", "x");
    const id = await openForWriting(mount, "timed:s");
    const past = { seconds: 1_000_000_000, nanoseconds: 0 };
    const writer = new Writer(new Uint8Array(40));
    const none = { birth: undefined, access: undefined, change: undefined };
    encodeBasicChange(writer, { ...none, modify: past, attributes: FileAttribute.HIDDEN });
    expect(await statusOf(setInfoCall(mount, id, FileInfoClass.BASIC, writer.bytes))).toBe("STATUS_SUCCESS");
    await closeFile(mount, id);
    const base = await openForWriting(mount, "timed");
    expect(await allOf(base)).toMatchObject({
      modifySeconds: past.seconds,
      attributes: FileAttribute.HIDDEN,
    });
    const again = await openForWriting(mount, "timed:s");
    await writeFile(mount, again, 0, new Uint8Array([2]));
    expect((await allOf(base)).modifySeconds).toBeGreaterThan(Date.now() / 1000 - 60);
    await closeFile(mount, again);
    await closeFile(mount, base);
  });
});

describe("sharing and deleting", () => {
  test("a stream goes alone", async () => {
    await putStream(mount, "gone:a", "a");
    await putStream(mount, "gone:b", "b");
    const id = await openForWriting(mount, "gone:a", CreateDisposition.OPEN, {
      createOptions: CreateOption.DELETE_ON_CLOSE,
    });
    await closeFile(mount, id);
    expect(await listOf(mount, "gone")).toEqual(["::$DATA 0", ":b:$DATA 1"]);
  });

  test("a file that is to go waits for its streams, and shuts them", async () => {
    await putStream(mount, "waits:s", "data");
    const stream = await openForWriting(mount, "waits:s");
    const base = await openForWriting(mount, "waits");
    expect(await statusOf(deleteCall(mount, base))).toBe("STATUS_SUCCESS");
    await closeFile(mount, base);
    const again = { desiredAccess: READ_WRITE, createDisposition: CreateDisposition.OPEN_IF };
    for (const name of ["waits", "waits:s", "waits:new"]) {
      expect([name, await tryCreate(mount, name, again)]).toEqual([name, "STATUS_DELETE_PENDING"]);
    }
    expect((await allOf(stream)).deletePending).toBe(true);
    expect((await readFile(mount, stream, 0, 4)).length).toBe(4);
    expect(readdirSync(root)).toContain("waits");
    await closeFile(mount, stream);
    expect(readdirSync(root)).not.toContain("waits");
  });

  test("who keeps a stream keeps the file", async () => {
    await putStream(mount, "kept:s", "data");
    const { fileId } = await openFile(mount, "kept:s", { shareAccess: ShareAccess.READ });
    const violation = "STATUS_SHARING_VIOLATION";
    expect(await tryCreate(mount, "kept", { desiredAccess: Access.DELETE })).toBe(violation);
    const overwriting = {
      desiredAccess: READ_WRITE & ~Access.DELETE,
      createDisposition: CreateDisposition.OVERWRITE,
    };
    expect(await tryCreate(mount, "kept", overwriting)).toBe(violation);
    expect(await tryCreate(mount, "kept:s", { desiredAccess: Access.WRITE_DATA })).toBe(violation);
    expect(await tryCreate(mount, "kept", { desiredAccess: FileGeneric.READ, shareAccess: 0 })).toBe(
      "STATUS_SUCCESS",
    );
    await closeFile(mount, fileId);
    expect(await getText(mount, "kept:s")).toBe("data");
  });

  test("a stream that went with the file's data is closed for those who still have it", async () => {
    await putStream(mount, "swept:s", "data");
    const stream = await openForWriting(mount, "swept:s");
    await putStream(mount, "swept", "new");
    expect(await statusOf(readCall(mount, stream, 0, 4))).toBe("STATUS_FILE_CLOSED");
    expect(await statusOf(writeCall(mount, stream, 0, new Uint8Array(1)))).toBe("STATUS_FILE_CLOSED");
    await closeFile(mount, stream);
    expect(await listOf(mount, "swept")).toEqual(["::$DATA 3"]);
  });

  test("a file with an open stream is not renamed, nor a directory above it; linked it is", async () => {
    await closeFile(mount, await createDirectory(mount, "above"));
    await putStream(mount, "above\\f:s", "data");
    const stream = await openForWriting(mount, "above\\f:s");
    const base = await openForWriting(mount, "above\\f");
    expect(await statusOf(renameCall(mount, base, "above\\g", false))).toBe("STATUS_ACCESS_DENIED");
    expect(await statusOf(linkCall(mount, stream, "above\\l", false))).toBe("STATUS_INVALID_PARAMETER");
    expect(await statusOf(linkCall(mount, base, "above\\l", false))).toBe("STATUS_SUCCESS");
    await closeFile(mount, base);
    const directory = await openForWriting(mount, "above", CreateDisposition.OPEN, {
      desiredAccess: Access.DELETE | Access.READ_ATTRIBUTES,
    });
    expect(await statusOf(renameCall(mount, directory, "below", false))).toBe("STATUS_ACCESS_DENIED");
    await closeFile(mount, stream);
    expect(await statusOf(renameCall(mount, directory, "below", false))).toBe("STATUS_SUCCESS");
    await closeFile(mount, directory);
    expect(await getText(mount, "below\\l:s")).toBe("data");
  });

  test("a read-only file takes no stream more", async () => {
    await putStream(mount, "fixed:s", "data");
    const id = await openForWriting(mount, "fixed");
    const writer = new Writer(new Uint8Array(40));
    const none = { birth: undefined, access: undefined, modify: undefined, change: undefined };
    encodeBasicChange(writer, { ...none, attributes: FileAttribute.READONLY });
    expect(await statusOf(setInfoCall(mount, id, FileInfoClass.BASIC, writer.bytes))).toBe("STATUS_SUCCESS");
    await closeFile(mount, id);
    const denied = "STATUS_ACCESS_DENIED";
    const creating = { createDisposition: CreateDisposition.OPEN_IF };
    expect(await tryCreate(mount, "fixed:t", creating)).toBe(denied);
    expect(await tryCreate(mount, "fixed:s", { desiredAccess: Access.WRITE_DATA })).toBe(denied);
    expect(await getText(mount, "fixed:s")).toBe("data");
  });
});

describe("renaming", () => {
  test("a stream has another name, for all who have it open", async () => {
    await putStream(mount, "moved:old", "data");
    const id = await openForWriting(mount, "moved:old");
    const other = await openForWriting(mount, "moved:old");
    expect(await statusOf(renameCall(mount, id, ":New:$DATA", false))).toBe("STATUS_SUCCESS");
    expect((await allOf(other)).name).toBe("\\moved:New");
    await writeFile(mount, other, 4, new TextEncoder().encode("!"));
    expect(await streamLines(mount, id)).toEqual(["::$DATA 0", ":New:$DATA 5"]);
    // A change of case is one as well.
    expect(await statusOf(renameCall(mount, id, ":NEW", false))).toBe("STATUS_SUCCESS");
    expect(await streamLines(mount, id)).toEqual(["::$DATA 0", ":NEW:$DATA 5"]);
    expect(await tryCreate(mount, "moved:old")).toBe("STATUS_OBJECT_NAME_NOT_FOUND");
    await closeFile(mount, other);
    await closeFile(mount, id);
    expect(await getText(mount, "moved:new")).toBe("data!");
  });

  test("nothing that has data, or is open, is replaced", async () => {
    for (const name of ["from", "empty", "full", "open"])
      await putStream(mount, `onto:${name}`, name === "empty" ? "" : name);
    const id = await openForWriting(mount, "onto:from");
    const open = await openForWriting(mount, "onto:open");
    const rename = (name: string, replace: boolean) => statusOf(renameCall(mount, id, name, replace));
    expect(await rename(":full", false)).toBe("STATUS_OBJECT_NAME_COLLISION");
    expect(await rename(":full", true)).toBe("STATUS_INVALID_PARAMETER");
    expect(await rename(":open", true)).toBe("STATUS_INVALID_PARAMETER");
    expect(await rename("onto:other", true)).toBe("STATUS_SHARING_VIOLATION");
    expect(await rename("elsewhere", true)).toBe("STATUS_INVALID_PARAMETER");
    expect(await rename("::$DATA", true)).toBe("STATUS_NOT_SUPPORTED");
    expect(await rename(":a/b", true)).toBe("STATUS_OBJECT_NAME_INVALID");
    expect(await rename(":Empty", true)).toBe("STATUS_SUCCESS");
    await closeFile(mount, open);
    await closeFile(mount, id);
    expect((await listOf(mount, "onto")).sort()).toEqual([
      "::$DATA 0",
      ":Empty:$DATA 4",
      ":full:$DATA 4",
      ":open:$DATA 4",
    ]);
  });
});

describe("listing and watching", () => {
  test("a list that does not fit is cut between two entries", async () => {
    for (let i = 0; i < 5; i++) await putStream(mount, `listed:stream${i}`, "x");
    const { fileId } = await openFile(mount, "listed");
    const whole = ["::$DATA 0", ...[0, 1, 2, 3, 4].map((i) => `:stream${i}:$DATA 1`)];
    expect((await streamLines(mount, fileId)).sort()).toEqual(whole);
    for (let bytes = 24; bytes < 400; bytes += 7) {
      const lines = await streamLines(mount, fileId, bytes);
      const isCut = lines.at(-1) === "STATUS_BUFFER_OVERFLOW";
      const entries = isCut ? lines.slice(0, -1) : lines;
      expect([bytes, isCut, entries.every((line) => whole.includes(line))]).toEqual([
        bytes,
        entries.length < 6,
        true,
      ]);
    }
    expect(await streamLines(mount, fileId, 23)).toEqual(["STATUS_INFO_LENGTH_MISMATCH"]);
    await closeFile(mount, fileId);
  });

  test("changes are told to who watches the directory", async () => {
    const directory = await createDirectory(mount, "watched");
    const filter =
      CompletionFilter.STREAM_NAME | CompletionFilter.STREAM_SIZE | CompletionFilter.STREAM_WRITE;
    const next = async (act: () => Promise<unknown>): Promise<string[]> => {
      const pending = await startWaiting(mount, directory, { filter });
      await act();
      return linesOf(await pending.reply);
    };
    const on = await mountTest(server);
    try {
      let id = await openForWriting(on, "watched\\f", CreateDisposition.CREATE);
      await closeFile(on, id);
      expect(
        await next(async () => {
          id = await openForWriting(on, "watched\\f:s", CreateDisposition.CREATE);
        }),
      ).toEqual(["s+f:s"]);
      await writeFile(on, id, 0, new Uint8Array(3));
      expect(await next(() => closeFile(on, id))).toEqual(["s~f:s"]);
      id = await openForWriting(on, "watched\\F:S");
      expect(await next(() => on.client.demand("rename", renameCall(on, id, ":t", false)))).toEqual([
        "s-f:s",
        "s+f:t",
      ]);
      await on.client.demand("delete", deleteCall(on, id));
      expect(await next(() => closeFile(on, id))).toEqual(["s-f:t"]);
    } finally {
      on.client.close();
      await closeFile(mount, directory);
    }
  });
});

test("smbclient copies and lists streams", async () => {
  const source = join(server.directory, "source");
  await Bun.write(source, "from smbclient");
  const run = (command: string) =>
    runProgram(["smbclient", "//127.0.0.1/test", ...connectionWords(server, {}), "-c", command]);
  const put = await run(`put ${source} copied.txt; put ${source} copied.txt:Zone.Identifier`);
  expect([put.status, put.output]).toEqual([0, expect.stringContaining("copied.txt:Zone.Identifier")]);
  expect((await run("allinfo copied.txt")).output).toContain("[:Zone.Identifier:$DATA], 14 bytes");
  const target = join(server.directory, "target");
  expect((await run(`get copied.txt:Zone.Identifier ${target}`)).status).toBe(0);
  expect(await Bun.file(target).text()).toBe("from smbclient");
  expect((await getBytes(mount, "copied.txt:zone.identifier")).length).toBe(14);
});
