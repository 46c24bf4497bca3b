// Named streams: sharing, deletion, renaming, listing, change notifications, and how an open stream affects
// its file. [MS-FSA] 2.1.5.1.2, 2.1.5.5, 2.1.5.12.31, 2.1.5.15.11.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Access, FileGeneric } from "../../../src/wire/security/access.ts";
import { decodeBufferResponse } from "../../../src/wire/command/buffer-response.ts";
import { CompletionFilter } from "../../../src/wire/command/change-notify.ts";
import { CreateDisposition, CreateOption, ShareAccess } from "../../../src/wire/command/create.ts";
import { Writer } from "../../../src/wire/cursor.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { FileAttribute } from "../../../src/wire/fscc/attributes.ts";
import {
  type AllInformation,
  decodeAllInformation,
  encodeBasicChange,
  encodeNameInformation,
} from "../../../src/wire/fscc/file-information.ts";
import { FileInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { InfoType } from "../../../src/wire/command/query-info.ts";
import { statusName } from "../../../src/wire/status.ts";
import type { TestServer } from "../../peer/test-server.ts";
import { mountTest } from "../client/attack-rig.ts";
import { bytesOf } from "../client/attribute-calls.ts";
import type { Call } from "../client/raw-calls.ts";
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
} from "../client/raw-files.ts";
import { linesOf, startWaiting } from "../client/raw-notify.ts";
import { connectionWords, runProgram } from "../client/smbclient.ts";
import { startServer } from "../client/server.ts";
import {
  getBytes,
  getText,
  listOf,
  openForWriting,
  putStream,
  streamLines,
  tryCreate,
} from "../client/stream-calls.ts";

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

describe("sharing and deleting", () => {
  test("delete-on-close of a stream removes only that stream", async () => {
    await putStream(mount, "gone:a", "a");
    await putStream(mount, "gone:b", "b");
    const id = await openForWriting(mount, "gone:a", CreateDisposition.OPEN, {
      createOptions: CreateOption.DELETE_ON_CLOSE,
    });
    await closeFile(mount, id);
    expect(await listOf(mount, "gone")).toEqual(["::$DATA 0", ":b:$DATA 1"]);
  });

  test("a deleted file stays until its open stream is closed, and refuses new opens", async () => {
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

  test("an open stream that shares only READ refuses deletion and overwriting of its file", async () => {
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

  test("an open stream gets STATUS_FILE_CLOSED after its file was overwritten", async () => {
    await putStream(mount, "swept:s", "data");
    const stream = await openForWriting(mount, "swept:s");
    await putStream(mount, "swept", "new");
    expect(await statusOf(readCall(mount, stream, 0, 4))).toBe("STATUS_FILE_CLOSED");
    expect(await statusOf(writeCall(mount, stream, 0, new Uint8Array(1)))).toBe("STATUS_FILE_CLOSED");
    await closeFile(mount, stream);
    expect(await listOf(mount, "swept")).toEqual(["::$DATA 3"]);
  });

  test("a file with an open stream and its directory cannot be renamed; a hard link is allowed", async () => {
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

  test("a read-only file refuses new streams and writes to its streams", async () => {
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

test.skipIf(process.getuid?.() !== 0 || Bun.which("setfattr") === null)(
  "a user with read access to a file reads its streams and cannot create, change or remove one",
  async () => {
    const path = join(root, "others");
    writeFileSync(path, "data", { mode: 0o644 });
    Bun.spawnSync(["setfattr", "-n", "user.DosStream.s:$DATA", "-v", "0x616200", path]);
    expect(await getText(mount, "others:s")).toBe("ab");
    const denied = "STATUS_ACCESS_DENIED";
    for (const desiredAccess of [Access.WRITE_DATA, Access.APPEND_DATA, FileGeneric.ALL]) {
      expect(await tryCreate(mount, "others:s", { desiredAccess })).toBe(denied);
    }
    for (const createDisposition of [CreateDisposition.OVERWRITE, CreateDisposition.SUPERSEDE]) {
      expect(await tryCreate(mount, "others:s", { createDisposition })).toBe(denied);
    }
    for (const createDisposition of [CreateDisposition.CREATE, CreateDisposition.OPEN_IF]) {
      expect(await tryCreate(mount, "others:t", { createDisposition })).toBe(denied);
    }
    expect(await listOf(mount, "others")).toEqual(["::$DATA 4", ":s:$DATA 2"]);
  },
);

describe("renaming", () => {
  test("a renamed stream has the new name in every open of it", async () => {
    await putStream(mount, "moved:old", "data");
    const id = await openForWriting(mount, "moved:old");
    const other = await openForWriting(mount, "moved:old");
    expect(await statusOf(renameCall(mount, id, ":New:$DATA", false))).toBe("STATUS_SUCCESS");
    expect((await allOf(other)).name).toBe("\\moved:New");
    await writeFile(mount, other, 4, new TextEncoder().encode("!"));
    expect(await streamLines(mount, id)).toEqual(["::$DATA 0", ":New:$DATA 5"]);
    // Its own name in another case: done at once.
    expect(await statusOf(renameCall(mount, id, ":NEW", false))).toBe("STATUS_SUCCESS");
    expect(await streamLines(mount, id)).toEqual(["::$DATA 0", ":New:$DATA 5"]);
    expect(await tryCreate(mount, "moved:old")).toBe("STATUS_OBJECT_NAME_NOT_FOUND");
    await closeFile(mount, other);
    await closeFile(mount, id);
    expect(await getText(mount, "moved:new")).toBe("data!");
  });

  test("a rename does not replace a stream that has data or is open", async () => {
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

describe("names of a rename", () => {
  const invalid = "STATUS_INVALID_PARAMETER";
  const mismatch = "STATUS_OBJECT_TYPE_MISMATCH";

  test("a rename of a stream to a malformed name or another type fails, and the stream stays", async () => {
    await putStream(mount, "named:s", "data");
    const id = await openForWriting(mount, "named:s");
    const outcomes: Readonly<Record<string, string>> = {
      ":": invalid,
      "::": invalid,
      ":a:": invalid,
      ":a:$DATA:": invalid,
      ":a:b:c": invalid,
      ":a:b:c:d": invalid,
      ":a/b": invalid,
      ":a\\b": invalid,
      ":a\0b": invalid,
      ":a*": invalid,
      ":a?b": invalid,
      [`:${"a".repeat(256)}`]: invalid,
      [`:${"\u20ac".repeat(200)}`]: "STATUS_OBJECT_NAME_INVALID",
      ":a:$INDEX_ALLOCATION": mismatch,
      ":a:$ATTRIBUTE_LIST": mismatch,
      "::$INDEX_ALLOCATION": mismatch,
      "::$DATA": "STATUS_OBJECT_NAME_COLLISION",
      ":S": "STATUS_SUCCESS",
      ":s:$data": "STATUS_SUCCESS",
    };
    for (const [name, wanted] of Object.entries(outcomes))
      expect([name, await statusOf(renameCall(mount, id, name, false))]).toEqual([name, wanted]);
    expect(await streamLines(mount, id)).toEqual(["::$DATA 0", ":s:$DATA 4"]);
    await closeFile(mount, id);
    expect(await getText(mount, "named:s")).toBe("data");
  });

  test("a rename of an unnamed stream to a stream's name fails as the kind of object demands", async () => {
    const file = await openForWriting(mount, "unnamed");
    const directory = await createDirectory(mount, "unnameddir");
    for (const [name, ofFile, ofDirectory] of [
      [":", invalid, invalid],
      [":a:", invalid, invalid],
      [":a:$INDEX_ALLOCATION", mismatch, invalid],
      [":a", "STATUS_NOT_SUPPORTED", invalid],
      [":a:$DATA", "STATUS_NOT_SUPPORTED", mismatch],
      ["::$DATA", "STATUS_SUCCESS", mismatch],
    ] as const) {
      const got = [
        await statusOf(renameCall(mount, file, name, false)),
        await statusOf(renameCall(mount, directory, name, false)),
      ];
      expect([name, ...got]).toEqual([name, ofFile, ofDirectory]);
    }
    await closeFile(mount, file);
    await closeFile(mount, directory);
  });

  test("SET_INFO of a short name fails for a stream, the root and an invalid name before the privilege counts", async () => {
    await putStream(mount, "short:s", "x");
    const named = (name: string) => bytesOf((writer) => encodeNameInformation(writer, name));
    const set = async (path: string, name: string, desiredAccess = READ_WRITE): Promise<string> => {
      const { fileId } = await openFile(mount, path, { desiredAccess });
      const status = await statusOf(setInfoCall(mount, fileId, FileInfoClass.SHORT_NAME, named(name)));
      await closeFile(mount, fileId);
      return status;
    };
    expect(await set("short:s", "SHORT.TXT")).toBe("STATUS_INVALID_PARAMETER");
    expect(await set("", "ROOT")).toBe("STATUS_INVALID_PARAMETER");
    expect(await set("short", "\\SHORT")).toBe("STATUS_INVALID_PARAMETER");
    expect(await set("short", "much too long.txt")).toBe("STATUS_INVALID_PARAMETER");
    expect(await set("short", "SHORT.TXT", Access.READ_ATTRIBUTES)).toBe("STATUS_ACCESS_DENIED");
    expect(await set("short", "SHORT.TXT")).toBe("STATUS_PRIVILEGE_NOT_HELD");
    expect(await set("short", "")).toBe("STATUS_PRIVILEGE_NOT_HELD");
  });

  test("CREATE of `name::$INDEX_ALLOCATION` as a file reports a missing name first", async () => {
    const asFile = { createOptions: CreateOption.NON_DIRECTORY_FILE };
    expect(await tryCreate(mount, "nothing::$INDEX_ALLOCATION", asFile)).toBe("STATUS_OBJECT_NAME_NOT_FOUND");
    await closeFile(mount, await createDirectory(mount, "kind"));
    await putStream(mount, "kindfile", "x");
    expect(await tryCreate(mount, "kind::$INDEX_ALLOCATION", asFile)).toBe("STATUS_FILE_IS_A_DIRECTORY");
    expect(await tryCreate(mount, "kindfile::$INDEX_ALLOCATION", asFile)).toBe("STATUS_NOT_A_DIRECTORY");
    const making = { ...asFile, createDisposition: CreateDisposition.OPEN_IF };
    expect(await tryCreate(mount, "nothing::$INDEX_ALLOCATION", making)).toBe("STATUS_FILE_IS_A_DIRECTORY");
    expect(await tryCreate(mount, "kindfile:s:$INDEX_ALLOCATION")).toBe("STATUS_INVALID_PARAMETER");
  });
});

describe("listing and change notifications", () => {
  test("a stream list that does not fit ends after a whole entry", async () => {
    for (let i = 0; i < 5; i++) await putStream(mount, `listed:stream${i}`, "x");
    const { fileId } = await openFile(mount, "listed");
    const whole = ["::$DATA 0", ...[0, 1, 2, 3, 4].map((i) => `:stream${i}:$DATA 1`)];
    expect((await streamLines(mount, fileId)).sort()).toEqual(whole);
    for (let bytes = 32; bytes < 400; bytes += 7) {
      const lines = await streamLines(mount, fileId, bytes);
      const isCut = lines.at(-1) === "STATUS_BUFFER_OVERFLOW";
      const entries = isCut ? lines.slice(0, -1) : lines;
      expect([bytes, isCut, entries.every((line) => whole.includes(line))]).toEqual([
        bytes,
        entries.length < 6,
        true,
      ]);
    }
    expect(await streamLines(mount, fileId, 31)).toEqual(["STATUS_INFO_LENGTH_MISMATCH"]);
    await closeFile(mount, fileId);
  });

  test("CHANGE_NOTIFY on the directory reports changes of streams", async () => {
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

test.skipIf(Bun.which("smbclient") === null)("smbclient stores, fetches and lists streams", async () => {
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
