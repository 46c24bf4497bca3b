// Named streams: CREATE, names, data, sizes and times.
// [MS-FSA] 2.1.5.1, 2.1.5.3, 2.1.5.4, 2.1.5.12; [MS-SMB2] 3.3.5.9.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { decodeBufferResponse } from "../../../src/wire/command/buffer-response.ts";
import { CreateAction, CreateDisposition, CreateOption } from "../../../src/wire/command/create.ts";
import { Writer } from "../../../src/wire/cursor.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { FileAttribute } from "../../../src/wire/fscc/attributes.ts";
import {
  type AllInformation,
  decodeAllInformation,
  encodeBasicChange,
  encodeSizeInformation,
} from "../../../src/wire/fscc/file-information.ts";
import { FileInfoClass, FsInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { InfoType } from "../../../src/wire/command/query-info.ts";
import { statusName } from "../../../src/wire/status.ts";
import type { TestServer } from "../../peer/test-server.ts";
import { mountTest } from "../client/attack-rig.ts";
import type { Call } from "../client/raw-calls.ts";
import {
  closeFile,
  createDirectory,
  deleteCall,
  type Mount,
  openFile,
  queryInfoCall,
  READ_WRITE,
  readCall,
  readFile,
  setInfoCall,
  writeCall,
  writeFile,
} from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";
import { getBytes, getText, listOf, openForWriting, putStream, tryCreate } from "../client/stream-calls.ts";

const NAMED_STREAMS = 0x0004_0000;
/** The sidecar's maximum value of 16,777,216 bytes less the byte that ends a stream. */
const MAX_STREAM_BYTES = 1_073_741_824;

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

describe("CREATE", () => {
  test("of a stream creates its missing file if the disposition allows it", async () => {
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

  test("applies the disposition to the stream and leaves other streams unchanged", async () => {
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

  test("that overwrites or supersedes a file removes all its streams", async () => {
    for (const name of ["OVERWRITE", "OVERWRITE_IF", "SUPERSEDE"] as const) {
      await putStream(mount, "base:a", "aaa");
      const createDisposition = CreateDisposition[name];
      expect(await tryCreate(mount, "base", { desiredAccess: READ_WRITE, createDisposition })).toBe(
        "STATUS_SUCCESS",
      );
      expect([name, ...(await listOf(mount, "base"))]).toEqual([name, "::$DATA 0"]);
    }
  });

  test("opens streams of directories and of the root, which have no unnamed stream", async () => {
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

  test("refuses invalid stream names and accepts unusual ones", async () => {
    await putStream(mount, "file", "x");
    await closeFile(mount, await createDirectory(mount, "sub"));
    const invalid = "STATUS_OBJECT_NAME_INVALID";
    const outcomes: Readonly<Record<string, string>> = {
      "file:": invalid,
      "file:..\\x": invalid,
      "file:a/b": invalid,
      "file:a\\b": invalid,
      "file:a:b": invalid,
      "file:a:$INDEX_ALLOCATION": "STATUS_INVALID_PARAMETER",
      "file:a:$ATTRIBUTE_LIST": invalid,
      "file:a\0b": invalid,
      "sub\\:s": invalid,
      [`file:${"s".repeat(235)}`]: invalid,
      [`file:${"s".repeat(256)}`]: invalid,
      // Not a character: the request is refused before the name is parsed.
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
    // None of these is a path: all are valid stream names.
    for (const stream of ["..", "a?*<>|", "\u0001", "DOSATTRIB", "$I30", "s".repeat(234)]) {
      await putStream(mount, `file:${stream}`, stream);
      expect(await getText(mount, `file:${stream}:$DATA`)).toBe(stream);
    }
    expect(readdirSync(root).filter((name) => name.includes(":"))).toEqual([]);
    expect(readdirSync(join(root, "sub"))).toEqual([]);
  });

  test("with a colon in a share without streams gets STATUS_OBJECT_NAME_INVALID", async () => {
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

test.skipIf(Bun.which("setfattr") === null)(
  "with `stream form = ksmbd` a stream is the whole attribute, without an end byte",
  async () => {
    const parameters = { "stream form": "ksmbd" };
    const kept = await startServer({ shares: [{ name: "test", parameters }] });
    const on = await mountTest(kept);
    try {
      await putStream(on, "f:s", new Uint8Array([97, 0]));
      const path = join(kept.shares.get("test") ?? "", "f");
      const name = "user.DosStream.s:$DATA";
      const run = (...words: string[]): string => Bun.spawnSync(words).stdout.toString();
      expect(run("getfattr", "--absolute-names", "--only-values", "-n", name, path)).toBe("a\0");
      run("setfattr", "-n", name, "-v", "0x000000", path);
      expect(await listOf(on, "f")).toEqual(["::$DATA 0", ":s:$DATA 3"]);
      expect(await getBytes(on, "f:s")).toEqual(new Uint8Array(3));
    } finally {
      on.client.close();
      await kept.stop();
    }
  },
);

async function volumeAttributes(on: Mount): Promise<number> {
  const { fileId } = await openFile(on, "");
  const call = queryInfoCall(on, fileId, InfoType.FILESYSTEM, FsInfoClass.ATTRIBUTE);
  const { buffer } = decodeBufferResponse((await on.client.demand("FS", call)).message);
  await closeFile(on, fileId);
  return new DataView(buffer.buffer, buffer.byteOffset).getUint32(0, true);
}

describe("data", () => {
  test("two opens of a stream see each other's writes and size changes", async () => {
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

  test("offsets and sizes beyond the maximum are refused", async () => {
    const id = await openForWriting(mount, "far:s", CreateDisposition.CREATE);
    const byte = new Uint8Array([1]);
    for (const [offset, wanted] of [
      [MAX_STREAM_BYTES, "STATUS_DISK_FULL"],
      [2 ** 52, "STATUS_DISK_FULL"],
      [2 ** 62, "STATUS_DISK_FULL"],
      [2 ** 63 + 4096, "STATUS_INVALID_PARAMETER"],
    ] as const) {
      expect([offset, await statusOf(writeCall(mount, id, offset, byte))]).toEqual([offset, wanted]);
      const read = await statusOf(readCall(mount, id, offset, 1));
      expect([offset, read]).toEqual([offset, offset > 2 ** 63 ? wanted : "STATUS_END_OF_FILE"]);
    }
    for (const size of [MAX_STREAM_BYTES + 1, 2 ** 52, 2 ** 62]) {
      expect(await statusOf(sizeCall(id, FileInfoClass.END_OF_FILE, size))).toBe("STATUS_DISK_FULL");
      expect(await statusOf(sizeCall(id, FileInfoClass.ALLOCATION, size))).toBe("STATUS_DISK_FULL");
    }
    expect((await allOf(id)).size).toBe(0);
    await closeFile(mount, id);
  });

  test("a write beyond the maximum size gets STATUS_DISK_FULL, and the old data stays", async () => {
    const id = await openForWriting(mount, "full:s", CreateDisposition.CREATE);
    await writeFile(mount, id, 0, new TextEncoder().encode("kept"));
    const call = writeCall(mount, id, MAX_STREAM_BYTES - 100, new Uint8Array(101).fill(7));
    expect(await statusOf(call)).toBe("STATUS_DISK_FULL");
    expect((await allOf(id)).size).toBe(4);
    expect((await readFile(mount, id, 0, 4)).toHex()).toBe("6b657074");
    await closeFile(mount, id);
    expect(await listOf(mount, "full")).toEqual(["::$DATA 0", ":s:$DATA 4"]);
  });

  test("a stream has its file's times and attributes, and a write to it updates them", async () => {
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
