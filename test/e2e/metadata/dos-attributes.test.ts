// DOS attributes: which ones are stored, which ones no client may set, and what READONLY means.
// [MS-FSCC] 2.6; [MS-FSA] 2.1.5.1, 2.1.5.1.2, 2.1.5.1.2.1, 2.1.5.15.2.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Access, FileGeneric } from "../../../src/wire/security/access.ts";
import { CreateDisposition, CreateOption, type CreateRequest } from "../../../src/wire/command/create.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { FileAttribute } from "../../../src/wire/fscc/attributes.ts";
import { Status } from "../../../src/wire/status.ts";
import { giveToTester, TESTER, type TestServer } from "../../peer/test-server.ts";
import { mountTest } from "../client/attack-rig.ts";
import { readAll, setBasic } from "../client/attribute-calls.ts";
import {
  closeFile,
  createCall,
  listDirectory,
  type Mount,
  mountShare,
  openFile,
  writeFile,
} from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";

const A = FileAttribute;
const BYTES = new Uint8Array([1]);

let server: TestServer;
let mount: Mount;
beforeAll(async () => {
  const mapped = {
    "store dos attributes": "no",
    "map archive": "yes",
    "map hidden": "yes",
    "map system": "yes",
  };
  server = await startServer({
    shares: [
      { name: "test" },
      { name: "mapped", parameters: { ...mapped, "create mask": "0755" } },
      { name: "shown", parameters: { "hide dot files": "no" } },
    ],
  });
  mount = await mountTest(server);
});
afterAll(async () => {
  mount.client.close();
  await server.stop();
});

function onDisk(name: string, share = "test"): string {
  return join(server.shares.get(share) ?? "", name);
}

async function create(name: string, options: Partial<CreateRequest> = {}, on = mount): Promise<FileId> {
  const opened = await openFile(on, name, {
    desiredAccess: FileGeneric.ALL,
    createDisposition: CreateDisposition.CREATE,
    ...options,
  });
  return opened.fileId;
}

async function statusOfOpen(name: string, options: Partial<CreateRequest>): Promise<number> {
  return (await mount.client.request(createCall(mount, name, options))).status;
}

async function attributesOf(fileId: FileId, on = mount): Promise<number> {
  return (await readAll(on, fileId)).attributes;
}

describe("stored attributes", () => {
  const kept = [A.HIDDEN, A.SYSTEM, A.TEMPORARY, A.OFFLINE, A.NOT_CONTENT_INDEXED, A.READONLY];
  test.each(kept)("CREATE and SET_INFO store attribute %p, and the next open returns it", async (bit) => {
    const made = await create(`made ${bit}`, { fileAttributes: bit });
    expect(await attributesOf(made)).toBe(bit | A.ARCHIVE);
    await closeFile(mount, made);
    const file = await create(`set ${bit}`);
    expect(await setBasic(mount, file, { attributes: bit })).toBe(Status.SUCCESS);
    expect(await attributesOf(file)).toBe(bit);
    await closeFile(mount, file);
    const again = await openFile(mount, `set ${bit}`);
    expect(again.file.attributes).toBe(bit);
    await closeFile(mount, again.fileId);
  });

  test("SET_INFO with NORMAL clears the attributes, and with 0 leaves them", async () => {
    const file = await create("normal");
    expect(await setBasic(mount, file, { attributes: A.NORMAL })).toBe(Status.SUCCESS);
    expect(await attributesOf(file)).toBe(A.NORMAL);
    await setBasic(mount, file, { attributes: A.HIDDEN | A.NORMAL });
    expect(await attributesOf(file)).toBe(A.HIDDEN);
    await setBasic(mount, file, { attributes: 0 });
    expect(await attributesOf(file)).toBe(A.HIDDEN);
    await closeFile(mount, file);
  });

  test("SET_INFO ignores attributes of the file system; DIRECTORY and a directory's TEMPORARY fail", async () => {
    const file = await create("own");
    for (const bit of [A.COMPRESSED, A.ENCRYPTED, A.REPARSE_POINT, A.SPARSE_FILE, A.INTEGRITY_STREAM]) {
      await setBasic(mount, file, { attributes: bit | A.HIDDEN });
      expect(await attributesOf(file)).toBe(A.HIDDEN);
    }
    expect(await setBasic(mount, file, { attributes: A.DIRECTORY })).toBe(Status.INVALID_PARAMETER);
    await closeFile(mount, file);
    const folder = await create("folder", { createOptions: CreateOption.DIRECTORY_FILE });
    expect(await setBasic(mount, folder, { attributes: A.TEMPORARY })).toBe(Status.INVALID_PARAMETER);
    expect(await setBasic(mount, folder, { attributes: A.HIDDEN })).toBe(Status.SUCCESS);
    expect(await attributesOf(folder)).toBe(A.HIDDEN | A.DIRECTORY);
    await closeFile(mount, folder);
  });
});

describe("READONLY", () => {
  test("refuses later opens for writing, but not the open that has the file, nor attribute changes", async () => {
    const file = await create("read only");
    await setBasic(mount, file, { attributes: A.READONLY });
    expect(await writeFile(mount, file, 0, BYTES)).toBe(1);
    for (const access of [Access.WRITE_DATA, Access.APPEND_DATA])
      expect(await statusOfOpen("read only", { desiredAccess: access })).toBe(Status.ACCESS_DENIED);
    for (const createDisposition of [CreateDisposition.OVERWRITE, CreateDisposition.OVERWRITE_IF])
      expect(await statusOfOpen("read only", { createDisposition })).toBe(Status.ACCESS_DENIED);
    await closeFile(mount, file);
    const { fileId } = await openFile(mount, "read only", { desiredAccess: Access.WRITE_ATTRIBUTES });
    expect(await setBasic(mount, fileId, { attributes: A.NORMAL })).toBe(Status.SUCCESS);
    await closeFile(mount, fileId);
    expect(await statusOfOpen("read only", { desiredAccess: Access.WRITE_DATA })).toBe(Status.SUCCESS);
  });

  test("on a directory is stored and does not keep clients from creating files in it", async () => {
    const folder = await create("marked", { createOptions: CreateOption.DIRECTORY_FILE });
    expect(await setBasic(mount, folder, { attributes: A.READONLY })).toBe(Status.SUCCESS);
    expect(await attributesOf(folder)).toBe(A.READONLY | A.DIRECTORY);
    await closeFile(mount, await create("marked\\file"));
    await closeFile(mount, folder);
  });

  test("is shown for a file without its owner's write bit, until SET_INFO clears it and sets the bit", async () => {
    writeFileSync(onDisk("local"), "x");
    giveToTester(onDisk("local"));
    chmodSync(onDisk("local"), 0o444);
    const { fileId, file } = await openFile(mount, "local", {
      desiredAccess: Access.READ_ATTRIBUTES | Access.WRITE_ATTRIBUTES,
    });
    expect(file.attributes & A.READONLY).toBe(A.READONLY);
    expect(await statusOfOpen("local", { desiredAccess: Access.WRITE_DATA })).toBe(Status.ACCESS_DENIED);
    expect(await setBasic(mount, fileId, { attributes: A.NORMAL })).toBe(Status.SUCCESS);
    await closeFile(mount, fileId);
    expect(await statusOfOpen("local", { desiredAccess: Access.WRITE_DATA })).toBe(Status.SUCCESS);
    expect(statSync(onDisk("local")).mode & 0o200).toBe(0o200);
  });
});

describe("overwriting", () => {
  test("replaces the attributes by the requested ones and ARCHIVE", async () => {
    const file = await create("over", { fileAttributes: A.TEMPORARY });
    await closeFile(mount, file);
    const over = await create("over", {
      createDisposition: CreateDisposition.OVERWRITE,
      fileAttributes: A.NOT_CONTENT_INDEXED,
    });
    expect(await attributesOf(over)).toBe(A.NOT_CONTENT_INDEXED | A.ARCHIVE);
    await closeFile(mount, over);
  });

  test("a hidden or a system file needs that attribute in the request; smbtorture smb2.openattr", async () => {
    for (const bit of [A.HIDDEN, A.SYSTEM]) {
      const name = `keeps ${bit}`;
      await closeFile(mount, await create(name, { fileAttributes: bit }));
      const over = { desiredAccess: FileGeneric.ALL, createDisposition: CreateDisposition.OVERWRITE };
      expect(await statusOfOpen(name, over)).toBe(Status.ACCESS_DENIED);
      expect(await statusOfOpen(name, { ...over, fileAttributes: A.ARCHIVE })).toBe(Status.ACCESS_DENIED);
      expect(await statusOfOpen(name, { ...over, fileAttributes: bit })).toBe(Status.SUCCESS);
    }
  });
});

describe("configuration", () => {
  test("`hide dot files` decides whether a file whose name begins with a dot is HIDDEN", async () => {
    const shown = await mountShare(server, TESTER, "shown");
    for (const [on, bits] of [
      [mount, A.HIDDEN | A.ARCHIVE],
      [shown, A.ARCHIVE],
    ] as const) {
      const file = await create(".profile", {}, on);
      expect(await attributesOf(file, on)).toBe(bits);
      await closeFile(on, file);
      const { fileId: root } = await openFile(on, "", { desiredAccess: FileGeneric.READ });
      const entry = (await listDirectory(on, root)).find(({ name }) => name === ".profile");
      expect(entry?.stat.attributes).toBe(bits);
      await closeFile(on, root);
    }
    shown.client.close();
  });

  test("`store dos attributes = no` keeps mapped attributes in the execute bits of the mode", async () => {
    const mapped = await mountShare(server, TESTER, "mapped");
    const file = await create("mapped", {}, mapped);
    expect(await attributesOf(file, mapped)).toBe(A.ARCHIVE);
    expect(statSync(onDisk("mapped", "mapped")).mode & 0o111).toBe(0o100);
    expect(await setBasic(mapped, file, { attributes: A.HIDDEN | A.SYSTEM })).toBe(Status.SUCCESS);
    expect(statSync(onDisk("mapped", "mapped")).mode & 0o111).toBe(0o011);
    expect(await attributesOf(file, mapped)).toBe(A.HIDDEN | A.SYSTEM);
    await closeFile(mapped, file);
    mapped.client.close();
  });
});
