// Renames in a directory that is open: which opens of the directory prevent them. [MS-FSA] 2.1.5.15.11.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { CreateDisposition, CreateOption, ShareAccess } from "../../../src/wire/command/create.ts";
import { CompletionFilter } from "../../../src/wire/command/change-notify.ts";
import { Access } from "../../../src/wire/security/access.ts";
import { Status, statusName } from "../../../src/wire/status.ts";
import { startSubject } from "../../peer/start.ts";
import type { TestServer } from "../../peer/test-server.ts";
import { mountLeasing } from "../client/lease-rig.ts";
import {
  closeFile,
  createDirectory,
  deleteCall,
  type Mount,
  openFile,
  READ_WRITE,
  renameCall,
} from "../client/raw-files.ts";
import { linesOf, startWaiting } from "../client/raw-notify.ts";

let server: TestServer;
let mount: Mount;
let other: Mount;
beforeAll(async () => {
  server = await startSubject();
  mount = await mountLeasing(server);
  other = await mountLeasing(server);
  for (const name of ["from", "to"]) await closeFile(mount, await createDirectory(mount, name));
});
afterAll(async () => {
  for (const { client } of [mount, other]) client.close();
  await server?.stop();
});

/** SEC_FILE_ALL: all rights of a file, without DELETE and the other standard rights. */
const FILE_RIGHTS = 0x1ff;
const READ = ShareAccess.READ;
const READ_AND_WRITE = ShareAccess.READ | ShareAccess.WRITE;
const ALL = READ_AND_WRITE | ShareAccess.DELETE;

/** Renames `from\x` to `target` while `holder` has `directory` open; returns the status. */
async function renameWhileOpen(
  holder: Mount,
  directory: string,
  desiredAccess: number,
  shareAccess: number,
  { isDirectory = false, target = "to\\x" } = {},
): Promise<string> {
  const createOptions = isDirectory ? CreateOption.DIRECTORY_FILE : CreateOption.NON_DIRECTORY_FILE;
  const renamed = await openFile(mount, "from\\x", {
    desiredAccess: READ_WRITE,
    createDisposition: CreateDisposition.OPEN_IF,
    createOptions,
  });
  const held = await openFile(holder, directory, {
    desiredAccess,
    shareAccess,
    createOptions: CreateOption.DIRECTORY_FILE,
  });
  const reply = await mount.client.request(renameCall(mount, renamed.fileId, target, false));
  await closeFile(holder, held.fileId);
  await mount.client.demand("delete", deleteCall(mount, renamed.fileId));
  await closeFile(mount, renamed.fileId);
  return statusName(reply.status);
}

const SUCCESS = "STATUS_SUCCESS";
const VIOLATION = "STATUS_SHARING_VIOLATION";

describe.each([false, true])("renaming an object (a directory: %p)", (isDirectory) => {
  test.each([
    ["all file rights, sharing READ and WRITE", FILE_RIGHTS, READ_AND_WRITE, SUCCESS],
    ["all file rights, sharing all", FILE_RIGHTS, ALL, SUCCESS],
    ["all file rights, sharing WRITE", FILE_RIGHTS, ShareAccess.WRITE, SUCCESS],
    ["all file rights, sharing READ", FILE_RIGHTS, READ, VIOLATION],
    ["all file rights, sharing nothing", FILE_RIGHTS, 0, VIOLATION],
    ["LIST_DIRECTORY, sharing READ and WRITE", Access.LIST_DIRECTORY, READ_AND_WRITE, SUCCESS],
    ["LIST_DIRECTORY, sharing READ", Access.LIST_DIRECTORY, READ, VIOLATION],
    ["READ_ATTRIBUTES, sharing nothing", Access.READ_ATTRIBUTES, 0, SUCCESS],
  ])("into a directory that another client has open for %s", async (_, access, share, expected) => {
    expect(await renameWhileOpen(other, "to", access, share, { isDirectory })).toBe(expected);
  });

  test.each([
    ["another client", () => other, isDirectory ? SUCCESS : VIOLATION],
    ["the same client", () => mount, isDirectory ? SUCCESS : VIOLATION],
  ])("into a directory that %s has open for DELETE", async (_, holder, expected) => {
    const access = FILE_RIGHTS | Access.DELETE;
    for (const share of [READ_AND_WRITE, ALL])
      expect(await renameWhileOpen(holder(), "to", access, share, { isDirectory })).toBe(expected);
  });

  test("out of a directory that another client has open without sharing", async () => {
    expect(await renameWhileOpen(other, "from", FILE_RIGHTS, 0, { isDirectory })).toBe(SUCCESS);
  });

  test("within a directory that another client has open", async () => {
    const within = { isDirectory, target: "from\\y" };
    expect(await renameWhileOpen(other, "from", FILE_RIGHTS, READ_AND_WRITE, within)).toBe(SUCCESS);
    expect(await renameWhileOpen(other, "from", FILE_RIGHTS, 0, within)).toBe(VIOLATION);
  });
});

test("a rename into a directory that another client watches is allowed and reported", async () => {
  const watched = await openFile(other, "to", {
    desiredAccess: FILE_RIGHTS,
    shareAccess: READ_AND_WRITE,
    createOptions: CreateOption.DIRECTORY_FILE,
  });
  const pending = await startWaiting(other, watched.fileId, { filter: CompletionFilter.FILE_NAME });
  const { fileId } = await openFile(mount, "from\\seen", {
    desiredAccess: READ_WRITE,
    createDisposition: CreateDisposition.CREATE,
  });
  expect(await mount.client.outcome(renameCall(mount, fileId, "to\\seen", false))).toBe(Status.SUCCESS);
  expect(linesOf(await pending.reply)).toEqual(["+seen"]);
});
