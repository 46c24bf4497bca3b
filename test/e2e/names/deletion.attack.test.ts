// Deletion without the right to delete, of files and folders that must stay, and of files that others have
// open. [MS-FSA] 2.1.5.1, 2.1.5.5, 2.1.5.15.3, 2.1.5.15.4; [MS-SMB2] 3.3.5.9.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Access, FileGeneric } from "../../../src/wire/security/access.ts";
import {
  CreateDisposition,
  CreateOption,
  type CreateRequest,
  ShareAccess,
} from "../../../src/wire/command/create.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { FileAttribute } from "../../../src/wire/fscc/attributes.ts";
import { DispositionFlag } from "../../../src/wire/fscc/file-information.ts";
import { FileInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { Status } from "../../../src/wire/status.ts";
import type { TestServer } from "../../peer/test-server.ts";
import { bytesOf, readAll, setBasic } from "../client/attribute-calls.ts";
import {
  closeFile,
  createCall,
  createFile,
  deleteCall,
  type Mount,
  openFile,
  readFile,
  setInfoCall,
  writeFile,
} from "../client/raw-files.ts";
import { mountTest, startVictim } from "../client/attack-rig.ts";

const { DELETE, POSIX_SEMANTICS, ON_CLOSE, IGNORE_READONLY_ATTRIBUTE } = DispositionFlag;
const BYTES = new Uint8Array([1, 2, 3]);

let server: TestServer;
let mount: Mount;
let other: Mount;
beforeAll(async () => {
  server = await startVictim();
  mount = await mountTest(server);
  other = await mountTest(server);
});
afterAll(async () => {
  mount.client.close();
  other.client.close();
  await server.stop();
});

function isThere(name: string): boolean {
  return existsSync(join(server.shares.get("test") ?? "", name));
}

async function make(name: string, options: Partial<CreateRequest> = {}): Promise<void> {
  const { fileId } = await openFile(mount, name, {
    desiredAccess: FileGeneric.ALL,
    createDisposition: CreateDisposition.CREATE,
    ...options,
  });
  if ((options.createOptions ?? 0) === 0) await writeFile(mount, fileId, 0, BYTES);
  await closeFile(mount, fileId);
}

async function open(on: Mount, name: string, desiredAccess: number, options: Partial<CreateRequest> = {}) {
  return (await openFile(on, name, { desiredAccess, ...options })).fileId;
}

async function dispose(on: Mount, fileId: FileId, flags: number): Promise<number> {
  const buffer = bytesOf((writer) => writer.u32(flags));
  return (await on.client.request(setInfoCall(on, fileId, FileInfoClass.DISPOSITION_EX, buffer))).status;
}

async function statusOfOpen(name: string, options: Partial<CreateRequest>): Promise<number> {
  return (await mount.client.request(createCall(mount, name, options))).status;
}

const DOOMED = { createOptions: CreateOption.DELETE_ON_CLOSE, desiredAccess: Access.DELETE };
const FOLDER = { createOptions: CreateOption.DIRECTORY_FILE };

describe("deletions that the server must refuse", () => {
  test("an open without DELETE access deletes nothing, by either information class", async () => {
    await make("kept");
    const file = await open(mount, "kept", FileGeneric.READ | FileGeneric.WRITE);
    expect((await mount.client.request(deleteCall(mount, file))).status).toBe(Status.ACCESS_DENIED);
    for (const flags of [DELETE, DELETE | POSIX_SEMANTICS, DELETE | ON_CLOSE])
      expect(await dispose(mount, file, flags)).toBe(Status.ACCESS_DENIED);
    await closeFile(mount, file);
    const without = { ...DOOMED, desiredAccess: FileGeneric.READ };
    expect(await statusOfOpen("kept", without)).toBe(Status.INVALID_PARAMETER);
    expect(isThere("kept")).toBe(true);
  });

  test("a deletion of the share's root is refused", async () => {
    expect(await statusOfOpen("", { ...DOOMED })).toBe(Status.ACCESS_DENIED);
    const folder = { ...DOOMED, createOptions: CreateOption.DELETE_ON_CLOSE | CreateOption.DIRECTORY_FILE };
    expect(await statusOfOpen("", folder)).toBe(Status.ACCESS_DENIED);
    const root = await open(mount, "", Access.DELETE | Access.READ_ATTRIBUTES);
    expect((await mount.client.request(deleteCall(mount, root))).status).toBe(Status.CANNOT_DELETE);
    expect(await dispose(mount, root, DELETE | POSIX_SEMANTICS)).toBe(Status.CANNOT_DELETE);
    await closeFile(mount, root);
    expect(isThere("")).toBe(true);
  });

  test("a deletion of a folder that is not empty is refused", async () => {
    await make("full", FOLDER);
    await make("full\\child");
    const folder = await open(mount, "full", FileGeneric.ALL);
    expect((await mount.client.request(deleteCall(mount, folder))).status).toBe(Status.DIRECTORY_NOT_EMPTY);
    expect(await dispose(mount, folder, DELETE | POSIX_SEMANTICS)).toBe(Status.DIRECTORY_NOT_EMPTY);
    await closeFile(mount, folder);
    const byClose = { ...DOOMED, createOptions: CreateOption.DELETE_ON_CLOSE | CreateOption.DIRECTORY_FILE };
    const doomed = (await mount.client.request(createCall(mount, "full", byClose))).status;
    expect([Status.SUCCESS, Status.DIRECTORY_NOT_EMPTY] as number[]).toContain(doomed);
    await mount.client.demand("CREATE", createCall(mount, "full\\child"));
    expect(isThere("full/child")).toBe(true);
  });

  test("a read-only file is deleted only with WRITE_ATTRIBUTES and IGNORE_READONLY_ATTRIBUTE", async () => {
    await make("marked");
    const file = await open(mount, "marked", FileGeneric.ALL);
    await setBasic(mount, file, { attributes: FileAttribute.READONLY });
    expect((await mount.client.request(deleteCall(mount, file))).status).toBe(Status.CANNOT_DELETE);
    expect(await dispose(mount, file, DELETE)).toBe(Status.CANNOT_DELETE);
    expect(await dispose(mount, file, DELETE | ON_CLOSE)).toBe(Status.CANNOT_DELETE);
    expect(await statusOfOpen("marked", DOOMED)).toBe(Status.CANNOT_DELETE);
    await closeFile(mount, file);
    const weak = await open(mount, "marked", Access.DELETE);
    expect(await dispose(mount, weak, DELETE | IGNORE_READONLY_ATTRIBUTE)).toBe(Status.CANNOT_DELETE);
    await closeFile(mount, weak);
    expect(isThere("marked")).toBe(true);
    const strong = await open(mount, "marked", Access.DELETE | Access.WRITE_ATTRIBUTES);
    expect(await dispose(mount, strong, DELETE | IGNORE_READONLY_ATTRIBUTE)).toBe(Status.SUCCESS);
    await closeFile(mount, strong);
    expect(isThere("marked")).toBe(false);
  });

  test("unknown flags are refused, and a cancelled deletion leaves the file", async () => {
    await make("mind");
    const file = await open(mount, "mind", FileGeneric.ALL);
    expect(await dispose(mount, file, DELETE | 0x40)).toBe(Status.INVALID_PARAMETER);
    expect(await dispose(mount, file, DELETE | POSIX_SEMANTICS)).toBe(Status.SUCCESS);
    expect(await dispose(mount, file, 0)).toBe(Status.SUCCESS);
    expect(await dispose(mount, file, DELETE | ON_CLOSE)).toBe(Status.SUCCESS);
    expect((await readAll(mount, file)).deletePending).toBe(false);
    expect(await dispose(mount, file, ON_CLOSE)).toBe(Status.SUCCESS);
    await closeFile(mount, file);
    expect(isThere("mind")).toBe(true);
  });
});

describe("deletion of a file that others have open", () => {
  test("without POSIX semantics the name stays until the last close", async () => {
    await make("shared");
    const reader = await open(other, "shared", FileGeneric.READ);
    const deleter = await open(mount, "shared", Access.DELETE);
    expect(await dispose(mount, deleter, DELETE)).toBe(Status.SUCCESS);
    await closeFile(mount, deleter);
    expect(isThere("shared")).toBe(true);
    expect(await statusOfOpen("shared", {})).toBe(Status.DELETE_PENDING);
    await closeFile(other, reader);
    expect(isThere("shared")).toBe(false);
  });

  test("with POSIX semantics the deleter's close removes the name; other opens keep the data", async () => {
    await make("posix");
    const reader = await open(other, "posix", FileGeneric.READ | FileGeneric.WRITE | Access.DELETE);
    const deleter = await open(mount, "posix", Access.DELETE);
    expect(await dispose(mount, deleter, DELETE | POSIX_SEMANTICS)).toBe(Status.SUCCESS);
    expect(isThere("posix")).toBe(true);
    await closeFile(mount, deleter);
    expect(isThere("posix")).toBe(false);
    expect(await statusOfOpen("posix", {})).toBe(Status.OBJECT_NAME_NOT_FOUND);
    // A new file can take the name; opens of the old file do not change it.
    await make("posix");
    await writeFile(other, reader, 0, new Uint8Array([9, 9, 9]));
    expect(await readFile(other, reader, 0, 10)).toEqual(new Uint8Array([9, 9, 9]));
    const facts = await readAll(other, reader);
    expect([facts.deletePending, facts.links]).toEqual([true, 0]);
    expect(await dispose(other, reader, DELETE)).toBe(Status.FILE_DELETED);
    expect(await dispose(other, reader, 0)).toBe(Status.FILE_DELETED);
    await closeFile(other, reader);
    expect([...readFileSync(join(server.shares.get("test") ?? "", "posix"))]).toEqual([...BYTES]);
  });

  test("an open that does not share DELETE keeps the file", async () => {
    await make("exclusive");
    const shareAccess = ShareAccess.READ | ShareAccess.WRITE;
    const reader = await open(other, "exclusive", FileGeneric.READ, { shareAccess });
    expect(await statusOfOpen("exclusive", { desiredAccess: Access.DELETE })).toBe(Status.SHARING_VIOLATION);
    await closeFile(other, reader);
    expect(isThere("exclusive")).toBe(true);
  });

  test("with POSIX semantics a folder that others list is removed at once and refuses files", async () => {
    await make("listed", FOLDER);
    const lister = await open(other, "listed", FileGeneric.READ);
    const deleter = await open(mount, "listed", Access.DELETE);
    expect(await dispose(mount, deleter, DELETE | POSIX_SEMANTICS)).toBe(Status.SUCCESS);
    await closeFile(mount, deleter);
    expect(isThere("listed")).toBe(false);
    expect(await statusOfOpen("listed\\x", { createDisposition: CreateDisposition.CREATE })).toBe(
      Status.OBJECT_PATH_NOT_FOUND,
    );
    await closeFile(other, lister);
  });

  test("100 opens delete one file: it is removed, and the server holds nothing afterwards", async () => {
    await createFile(mount, "crowd").then((fileId) => closeFile(mount, fileId));
    const handles = await Promise.all(
      Array.from({ length: 100 }, (_, i) => open(i % 2 === 0 ? mount : other, "crowd", Access.DELETE)),
    );
    await Promise.all(
      handles.map((fileId, i) => dispose(i % 2 === 0 ? mount : other, fileId, DELETE | POSIX_SEMANTICS)),
    );
    await Promise.all(handles.map((fileId, i) => closeFile(i % 2 === 0 ? mount : other, fileId)));
    expect(isThere("crowd")).toBe(false);
  });
});
