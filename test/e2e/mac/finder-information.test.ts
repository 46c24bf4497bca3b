// AFP_AfpInfo, resource forks and empty streams as macOS and vfs_fruit(8) have them.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { CreateDisposition, CreateOption } from "../../../src/wire/command/create.ts";
import { Writer } from "../../../src/wire/cursor.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { encodeSizeInformation } from "../../../src/wire/fscc/file-information.ts";
import { FileInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { Status, statusName } from "../../../src/wire/status.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import {
  closeFile,
  deleteCall,
  type Mount,
  mountShare,
  openFile,
  READ_WRITE,
  readCall,
  readFile,
  setInfoCall,
  writeCall,
  writeFile,
} from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";
import { getBytes, getText, listOf, openForWriting, putStream, tryCreate } from "../client/stream-calls.ts";
import { afpInfo, FORK, INFO, mountAsMac } from "./mac.ts";

const NOT_FOUND = "STATUS_OBJECT_NAME_NOT_FOUND";

let server: TestServer;
let other: Mount;
let mac: Mount;

beforeAll(async () => {
  server = await startServer({
    shares: [{ name: "test" }, { name: "lax", parameters: { "fruit:validate_afpinfo": "no" } }],
  });
  other = await mountShare(server, TESTER, "test");
  mac = await mountAsMac(server, "test");
});
afterAll(async () => {
  other?.client.close();
  mac?.client.close();
  await server?.stop();
});

async function setSize(mount: Mount, fileId: FileId, size: number): Promise<string> {
  const writer = new Writer(new Uint8Array(8));
  encodeSizeInformation(writer, size);
  const call = setInfoCall(mount, fileId, FileInfoClass.END_OF_FILE, writer.bytes);
  return statusName((await mount.client.request(call)).status);
}

async function tryWrite(mount: Mount, name: string, data: Uint8Array, offset = 0): Promise<string> {
  const fileId = await openForWriting(mount, name);
  const reply = await mount.client.request(writeCall(mount, fileId, offset, data));
  await closeFile(mount, fileId);
  return statusName(reply.status);
}

describe("AFP_AfpInfo", () => {
  test("that does not exist cannot be opened, and has 60 bytes without Finder information when created", async () => {
    await putStream(other, "new", "data");
    expect(await tryCreate(other, `new${INFO}`)).toBe(NOT_FOUND);
    const { fileId, file } = await openFile(other, `new${INFO}`, {
      desiredAccess: READ_WRITE,
      createDisposition: CreateDisposition.OPEN_IF,
    });
    expect(file.size).toBe(60);
    expect(await readFile(other, fileId, 0, 60)).toEqual(afpInfo());
    expect(await listOf(mac, "new")).toEqual(["::$DATA 4"]);
    await closeFile(other, fileId);
    expect(await tryCreate(other, `new${INFO}`)).toBe(NOT_FOUND);
  });

  test("is stored as a whole and read from its start; a reader of the rest finds its end", async () => {
    const info = afpInfo("SMB,OLE!");
    await putStream(mac, "typed", "data");
    await putStream(mac, `typed${INFO}`, info);
    expect(await listOf(other, "typed")).toEqual(["::$DATA 4", ":AFP_AfpInfo:$DATA 60"]);
    const { fileId } = await openFile(other, `TYPED${INFO.toLowerCase()}`);
    const read = async (offset: number, length: number): Promise<Uint8Array | string> => {
      const reply = await other.client.request(readCall(other, fileId, offset, length));
      return reply.status === Status.SUCCESS
        ? await readFile(other, fileId, offset, length)
        : statusName(reply.status);
    };
    expect(await read(0, 4096)).toEqual(info);
    expect(await read(16, 8)).toEqual(info.subarray(0, 8));
    expect(await read(60, 1)).toEqual(info.subarray(0, 1));
    expect(await read(60, 4096)).toBe("STATUS_END_OF_FILE");
    expect(await read(61, 1)).toBe("STATUS_END_OF_FILE");
    await closeFile(other, fileId);
  });

  test("is removed by writing it without Finder information, while the handle stays usable", async () => {
    await putStream(mac, "cleared", "data");
    await putStream(mac, `cleared${INFO}`, afpInfo("SMB,OLE!"));
    const fileId = await openForWriting(mac, `cleared${INFO}`, CreateDisposition.OVERWRITE_IF);
    expect(await getBytes(mac, `cleared${INFO}`)).toEqual(afpInfo("SMB,OLE!"));
    await writeFile(mac, fileId, 0, afpInfo());
    expect(await listOf(other, "cleared")).toEqual(["::$DATA 4"]);
    expect(await tryCreate(mac, `cleared${INFO}`)).toBe(NOT_FOUND);
    await writeFile(mac, fileId, 0, afpInfo("TEXTttxt"));
    await closeFile(mac, fileId);
    expect(await getBytes(other, `cleared${INFO}`)).toEqual(afpInfo("TEXTttxt"));
  });

  test("keeps its size: a larger one is refused, a smaller one changes nothing", async () => {
    await putStream(mac, `sized${INFO}`, afpInfo("SMB,OLE!"));
    const fileId = await openForWriting(mac, `sized${INFO}`);
    expect(await setSize(mac, fileId, 61)).toBe("STATUS_ALLOTTED_SPACE_EXCEEDED");
    for (const size of [60, 1, 0]) expect(await setSize(mac, fileId, size)).toBe("STATUS_SUCCESS");
    await closeFile(mac, fileId);
    expect(await getBytes(other, `sized${INFO}`)).toEqual(afpInfo("SMB,OLE!"));
  });

  test("refuses writes of another form, and with fruit:validate_afpinfo = no corrects the header", async () => {
    const wrong = afpInfo("SMB,OLE!");
    wrong.set([0x58, 0x58]);
    await putStream(other, `form${INFO}`, afpInfo("TEXTttxt"));
    for (const data of [wrong, wrong.subarray(0, 59), new Uint8Array(61)]) {
      expect(await tryWrite(other, `form${INFO}`, data)).toBe("STATUS_INVALID_PARAMETER");
    }
    expect(await tryWrite(other, `form${INFO}`, afpInfo("SMB,OLE!"), 1)).toBe("STATUS_INVALID_PARAMETER");
    expect(await getBytes(other, `form${INFO}`)).toEqual(afpInfo("TEXTttxt"));
    const lax = await mountShare(server, TESTER, "lax");
    await putStream(lax, `form${INFO}`, wrong);
    expect(await getBytes(lax, `form${INFO}`)).toEqual(afpInfo("SMB,OLE!"));
    lax.client.close();
  });

  test("is deleted by its name and on close, and by the overwriting of its file", async () => {
    await putStream(other, "gone", "data");
    await putStream(other, `gone${INFO}`, afpInfo("SMB,OLE!"));
    const { fileId } = await openFile(other, `gone${INFO}`, { desiredAccess: READ_WRITE });
    await other.client.demand("delete", deleteCall(other, fileId));
    await closeFile(other, fileId);
    expect(await listOf(other, "gone")).toEqual(["::$DATA 4"]);
    await putStream(other, `gone${INFO}`, afpInfo("SMB,OLE!"));
    const createOptions = CreateOption.DELETE_ON_CLOSE;
    expect(await tryCreate(other, `gone${INFO}`, { desiredAccess: READ_WRITE, createOptions })).toBe(
      "STATUS_SUCCESS",
    );
    await putStream(other, `gone${INFO}`, afpInfo("SMB,OLE!"));
    await putStream(other, "gone", "new");
    expect(await listOf(other, "gone")).toEqual(["::$DATA 3"]);
  });
});

describe("an empty stream", () => {
  test("does not exist for a Mac, and does for others unless it is a resource fork", async () => {
    await putStream(other, "empty", "data");
    for (const name of ["empty:s", `empty${FORK}`]) {
      await putStream(other, name, "");
      expect(await tryCreate(mac, name)).toBe(NOT_FOUND);
    }
    expect(await tryCreate(other, "empty:s")).toBe("STATUS_SUCCESS");
    expect(await tryCreate(other, `empty${FORK}`)).toBe(NOT_FOUND);
    expect(await listOf(other, "empty")).toEqual(["::$DATA 4", ":s:$DATA 0"]);
    expect(await listOf(mac, "empty")).toEqual(["::$DATA 4"]);
    const createDisposition = CreateDisposition.CREATE;
    const made = await openForWriting(mac, `EMPTY${FORK}`, createDisposition);
    await writeFile(mac, made, 0, new TextEncoder().encode("fork"));
    await closeFile(mac, made);
    expect(await tryCreate(other, `empty${FORK}`, { createDisposition })).toBe(
      "STATUS_OBJECT_NAME_COLLISION",
    );
    expect(await getText(other, `empty${FORK}`)).toBe("fork");
    expect(await listOf(mac, "empty")).toEqual(["::$DATA 4", ":AFP_Resource:$DATA 4"]);
  });

  test("is what a resource fork is until a Mac writes it and after it truncates it", async () => {
    await putStream(mac, "forked", "data");
    const first = await openForWriting(mac, `forked${FORK}`);
    expect(await tryCreate(mac, `forked${FORK}`)).toBe(NOT_FOUND);
    expect(await listOf(mac, "forked")).toEqual(["::$DATA 4"]);
    await writeFile(mac, first, 0, new TextEncoder().encode("1234567890"));
    expect(await setSize(mac, first, 0)).toBe("STATUS_SUCCESS");
    expect(await tryCreate(mac, `forked${FORK}`)).toBe(NOT_FOUND);
    const second = await openForWriting(mac, `forked${FORK}`);
    await writeFile(mac, second, 0, new TextEncoder().encode("foo"));
    await closeFile(mac, second);
    await closeFile(mac, first);
    expect(await getText(mac, `forked${FORK}`)).toBe("foo");
  });
});
