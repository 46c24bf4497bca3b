// Renames and hard links onto the file itself, its parent, open files and folders, into cycles and to other
// shares. [MS-FSA] 2.1.5.15.6, 2.1.5.15.11; [MS-FSCC] 2.4 (FileRenameInformationEx, FileLinkInformationEx).
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, statSync } from "node:fs";
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
import { FileInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { encodeRenameInformationEx, RenameFlag } from "../../../src/wire/fscc/rename.ts";
import { Status } from "../../../src/wire/status.ts";
import type { TestServer } from "../../peer/test-server.ts";
import { bytesOf, readAll, setBasic } from "../client/attribute-calls.ts";
import {
  closeFile,
  createCall,
  linkCall,
  type Mount,
  openFile,
  readFile,
  renameCall,
  setInfoCall,
  writeFile,
} from "../client/raw-files.ts";
import { mountTest, startVictim } from "../client/attack-rig.ts";

const { REPLACE_IF_EXISTS, POSIX_SEMANTICS, IGNORE_READONLY_ATTRIBUTE } = RenameFlag;
const REPLACE_OPEN = REPLACE_IF_EXISTS | POSIX_SEMANTICS;

let server: TestServer;
let mount: Mount;
let other: Mount;
beforeAll(async () => {
  server = await startVictim({ shares: [{ name: "test" }, { name: "second" }] });
  mount = await mountTest(server);
  other = await mountTest(server);
});
afterAll(async () => {
  mount.client.close();
  other.client.close();
  await server.stop();
});

function onDisk(name: string): string {
  return join(server.shares.get("test") ?? "", name);
}

async function make(name: string, options: Partial<CreateRequest> = {}): Promise<void> {
  const { fileId } = await openFile(mount, name, {
    desiredAccess: FileGeneric.ALL,
    createDisposition: CreateDisposition.CREATE,
    ...options,
  });
  if ((options.createOptions ?? 0) === 0)
    await writeFile(mount, fileId, 0, new Uint8Array(Buffer.from(name)));
  await closeFile(mount, fileId);
}

async function open(on: Mount, name: string, desiredAccess: number = FileGeneric.ALL, shareAccess = 7) {
  return (await openFile(on, name, { desiredAccess, shareAccess })).fileId;
}

async function rename(fileId: FileId, name: string, replace: boolean): Promise<number> {
  return (await mount.client.request(renameCall(mount, fileId, name, replace))).status;
}

async function link(fileId: FileId, name: string, replace: boolean): Promise<number> {
  return (await mount.client.request(linkCall(mount, fileId, name, replace))).status;
}

async function renameEx(
  fileId: FileId,
  name: string,
  flags: number,
  infoClass: number = FileInfoClass.RENAME_EX,
): Promise<number> {
  const buffer = bytesOf((writer) => encodeRenameInformationEx(writer, { flags, name }));
  return (await mount.client.request(setInfoCall(mount, fileId, infoClass, buffer))).status;
}

const FOLDER = { createOptions: CreateOption.DIRECTORY_FILE };
const content = (name: string): string => readFileSync(onDisk(name), "utf8");

describe("a rename or link onto the file itself or its path", () => {
  test("leaves a file unchanged that is renamed or linked onto itself", async () => {
    await make("self");
    const file = await open(mount, "self");
    expect(await rename(file, "self", true)).toBe(Status.SUCCESS);
    expect(await rename(file, "self", false)).toBe(Status.SUCCESS);
    expect(await link(file, "self", true)).toBe(Status.SUCCESS);
    expect(await renameEx(file, "self", REPLACE_OPEN)).toBe(Status.SUCCESS);
    expect(await rename(file, "SELF", true)).toBe(Status.SUCCESS);
    await closeFile(mount, file);
    expect(content("SELF")).toBe("self");
    expect(statSync(onDisk("SELF")).nlink).toBe(1);
  });

  test("keeps the data and one name when one name of a file replaces the other", async () => {
    await make("one");
    const file = await open(mount, "one");
    expect(await link(file, "two", false)).toBe(Status.SUCCESS);
    expect(await link(file, "two", true)).toBe(Status.SUCCESS);
    expect(await rename(file, "two", true)).toBe(Status.SUCCESS);
    await closeFile(mount, file);
    expect(content("two")).toBe("one");
  });

  test("of a file onto the folder that holds it is refused", async () => {
    await make("parent", FOLDER);
    await make("parent\\child");
    const file = await open(mount, "parent\\child");
    for (const replace of [true, false]) {
      const refusal = replace ? Status.ACCESS_DENIED : Status.OBJECT_NAME_COLLISION;
      expect(await rename(file, "parent", replace)).toBe(refusal);
      expect(await link(file, "parent", replace)).toBe(refusal);
    }
    expect(await renameEx(file, "parent", REPLACE_OPEN)).toBe(Status.ACCESS_DENIED);
    await closeFile(mount, file);
    expect(content("parent/child")).toBe("parent\\child");
  });

  test("of a folder into itself or below is refused", async () => {
    await make("cycle", FOLDER);
    await make("cycle\\below", FOLDER);
    const folder = await open(mount, "cycle");
    for (const name of ["cycle\\cycle", "cycle\\below\\cycle", "CYCLE\\below\\x"]) {
      expect(await rename(folder, name, true)).not.toBe(Status.SUCCESS);
      expect(await renameEx(folder, name, REPLACE_OPEN)).not.toBe(Status.SUCCESS);
    }
    expect(await link(folder, "linked", false)).toBe(Status.FILE_IS_A_DIRECTORY);
    await closeFile(mount, folder);
    expect(existsSync(onDisk("cycle/below"))).toBe(true);
  });

  test("of the share's root or onto it is refused", async () => {
    await make("rooted");
    const root = await open(mount, "", Access.DELETE | Access.READ_ATTRIBUTES);
    expect(await rename(root, "elsewhere", true)).toBe(Status.ACCESS_DENIED);
    expect(await renameEx(root, "elsewhere", REPLACE_OPEN)).toBe(Status.ACCESS_DENIED);
    await closeFile(mount, root);
    const file = await open(mount, "rooted");
    for (const name of ["", "\\"]) expect(await rename(file, name, true)).toBe(Status.OBJECT_NAME_INVALID);
    await closeFile(mount, file);
    expect(content("rooted")).toBe("rooted");
  });

  test.each(["..\\second\\x", "\\..\\second\\x", "..\\..\\etc\\x", "a\\..\\..\\x", "x:y:z:w", "a/b"])(
    "to %s is refused",
    async (name) => {
      const own = `from ${name.replace(/\W/g, "_")}`;
      await make(own);
      const file = await open(mount, own);
      expect(await rename(file, name, true)).not.toBe(Status.SUCCESS);
      expect(await link(file, name, true)).not.toBe(Status.SUCCESS);
      await closeFile(mount, file);
      expect(content(own)).toBe(own);
      expect(existsSync(join(server.shares.get("second") ?? "", "x"))).toBe(false);
    },
  );
});

describe("a rename or link onto other files", () => {
  test("never replaces a folder, and an existing file only with ReplaceIfExists", async () => {
    await make("source");
    await make("target");
    await make("empty", FOLDER);
    const file = await open(mount, "source");
    expect(await rename(file, "target", false)).toBe(Status.OBJECT_NAME_COLLISION);
    expect(await link(file, "target", false)).toBe(Status.OBJECT_NAME_COLLISION);
    expect(await rename(file, "empty", true)).toBe(Status.ACCESS_DENIED);
    expect(await link(file, "empty", true)).toBe(Status.ACCESS_DENIED);
    expect(await renameEx(file, "empty", REPLACE_OPEN)).toBe(Status.ACCESS_DENIED);
    expect(await rename(file, "target", true)).toBe(Status.SUCCESS);
    await closeFile(mount, file);
    expect(content("target")).toBe("source");
    expect(existsSync(onDisk("source"))).toBe(false);
  });

  test("replaces an open file only with POSIX semantics when all opens share DELETE", async () => {
    await make("new");
    await make("old");
    const file = await open(mount, "new");
    const selfish = await open(other, "old", FileGeneric.READ, ShareAccess.READ | ShareAccess.WRITE);
    expect(await rename(file, "old", true)).toBe(Status.ACCESS_DENIED);
    expect(await link(file, "old", true)).toBe(Status.ACCESS_DENIED);
    expect(await renameEx(file, "old", REPLACE_OPEN)).toBe(Status.SHARING_VIOLATION);
    await closeFile(other, selfish);
    const reader = await open(other, "old", FileGeneric.READ);
    expect(await renameEx(file, "old", REPLACE_IF_EXISTS)).toBe(Status.ACCESS_DENIED);
    expect(await renameEx(file, "old", REPLACE_OPEN)).toBe(Status.SUCCESS);
    expect(Buffer.from(await readFile(other, reader, 0, 10)).toString()).toBe("old");
    expect((await readAll(other, reader)).links).toBe(0);
    // Closing the old file does not remove the file that has the name now.
    await closeFile(other, reader);
    await closeFile(mount, file);
    expect(content("old")).toBe("new");
  });

  test("replaces a read-only file only with IGNORE_READONLY_ATTRIBUTE", async () => {
    await make("writer");
    await make("marked");
    const marked = await open(mount, "marked");
    await setBasic(mount, marked, { attributes: FileAttribute.READONLY });
    await closeFile(mount, marked);
    const file = await open(mount, "writer");
    expect(await rename(file, "marked", true)).toBe(Status.ACCESS_DENIED);
    expect(await link(file, "marked", true)).toBe(Status.ACCESS_DENIED);
    expect(await renameEx(file, "marked", REPLACE_OPEN)).toBe(Status.ACCESS_DENIED);
    expect(content("marked")).toBe("marked");
    const ignoring = REPLACE_IF_EXISTS | IGNORE_READONLY_ATTRIBUTE;
    expect(await renameEx(file, "marked", ignoring, FileInfoClass.LINK_EX)).toBe(Status.SUCCESS);
    await closeFile(mount, file);
    expect(content("marked")).toBe("writer");
  });

  test("with unknown flags or a wrong name length is refused", async () => {
    await make("flags");
    const file = await open(mount, "flags");
    expect(await renameEx(file, "flagged", 0x8000_0000)).toBe(Status.INVALID_PARAMETER);
    for (const infoClass of [FileInfoClass.RENAME, FileInfoClass.RENAME_EX, FileInfoClass.LINK_EX]) {
      const lie = bytesOf((writer) => {
        writer.zero(16);
        writer.u32(0xffff_fffe);
        writer.utf16("x");
      });
      const { status } = await mount.client.request(setInfoCall(mount, file, infoClass, lie));
      expect([Status.INVALID_PARAMETER, Status.INFO_LENGTH_MISMATCH] as number[]).toContain(status);
      const short = setInfoCall(mount, file, infoClass, new Uint8Array(10));
      expect((await mount.client.request(short)).status).toBe(Status.INFO_LENGTH_MISMATCH);
    }
    await closeFile(mount, file);
    expect(content("flags")).toBe("flags");
  });

  test("completes when two clients move two files between two folders, and keeps both files", async () => {
    await make("left", FOLDER);
    await make("right", FOLDER);
    await make("left\\a");
    await make("right\\b");
    const a = await open(mount, "left\\a");
    const b = await open(other, "right\\b");
    const crossing: Promise<{ status: number }>[] = [];
    for (let i = 0; i < 50; i++) {
      const [to, from] = i % 2 === 0 ? ["right", "left"] : ["left", "right"];
      crossing.push(mount.client.request(renameCall(mount, a, `${to}\\a`, true)));
      crossing.push(other.client.request(renameCall(other, b, `${from}\\b`, true)));
    }
    for (const { status } of await Promise.all(crossing))
      expect([Status.SUCCESS, Status.SHARING_VIOLATION] as number[]).toContain(status);
    await closeFile(mount, a);
    await closeFile(other, b);
    expect(existsSync(onDisk("left/a")) !== existsSync(onDisk("right/a"))).toBe(true);
    expect(existsSync(onDisk("left/b")) !== existsSync(onDisk("right/b"))).toBe(true);
  });

  test("by an open without DELETE access is refused", async () => {
    await make("unmoved");
    const file = await open(mount, "unmoved", FileGeneric.READ | FileGeneric.WRITE);
    expect(await rename(file, "moved", false)).toBe(Status.ACCESS_DENIED);
    expect(await renameEx(file, "moved", REPLACE_OPEN)).toBe(Status.ACCESS_DENIED);
    await closeFile(mount, file);
    expect((await mount.client.request(createCall(mount, "moved"))).status).toBe(
      Status.OBJECT_NAME_NOT_FOUND,
    );
  });
});
