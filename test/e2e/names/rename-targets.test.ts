// Renames over names that exist, as rename(2) of Linux clients and Macs needs them: folders over folders, and files
// over open files. [MS-FSA] 2.1.5.15.11.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Access, FileGeneric } from "../../../src/wire/security/access.ts";
import { CreateOption, type CreateRequest, ShareAccess } from "../../../src/wire/command/create.ts";
import { FILE_ID_ALL_ONES } from "../../../src/wire/file-id.ts";
import { HeaderFlag } from "../../../src/wire/header.ts";
import { statusName } from "../../../src/wire/status.ts";
import { giveToTester, TESTER, type TestServer } from "../../peer/test-server.ts";
import {
  closeCall,
  closeFile,
  createCall,
  type Mount,
  mountShare,
  openFile,
  readFile,
  renameCall,
} from "../client/raw-files.ts";
import { linesOf, notifyCall, startWaiting } from "../client/raw-notify.ts";
import { startServer } from "../client/server.ts";

const RELATED = HeaderFlag.RELATED_OPERATIONS;

let server: TestServer;
let mount: Mount;
let other: Mount;
beforeAll(async () => {
  server = await startServer();
  mount = await mountShare(server, TESTER, "test");
  other = await mountShare(server, TESTER, "test");
});
afterAll(async () => {
  for (const { client } of [mount, other]) client.close();
  await server.stop();
});

const at = (...names: string[]): string => join(server.shares.get("test") ?? "", ...names);

function makeFolder(...names: string[]): void {
  mkdirSync(at(...names));
  giveToTester(at(...names));
}

function makeFile(text: string, ...names: string[]): void {
  writeFileSync(at(...names), text);
  giveToTester(at(...names));
}

/** Renames as a client does that has the object open. */
async function rename(from: string, to: string, replace = true): Promise<string> {
  const { fileId } = await openFile(mount, from, { desiredAccess: Access.DELETE });
  const { status } = await mount.client.request(renameCall(mount, fileId, to, replace));
  await closeFile(mount, fileId);
  return statusName(status);
}

/** Renames with one compound, as the Linux client does for rename(2). */
async function renameAtOnce(from: string, to: string): Promise<string> {
  const replies = mount.client.compound([
    createCall(mount, from, { desiredAccess: Access.DELETE }),
    { ...renameCall(mount, FILE_ID_ALL_ONES, to, true), flags: RELATED },
    { ...closeCall(mount, FILE_ID_ALL_ONES), flags: RELATED },
  ]);
  const [, renamed] = await Promise.all(replies);
  return statusName(renamed?.status ?? -1);
}

describe.each([
  ["SET_INFO", rename],
  ["a compound of CREATE, SET_INFO and CLOSE", renameAtOnce],
])("a folder renamed over a folder by %s", (how, renameIt) => {
  const name = (text: string): string => `${text} ${how.length}`;

  test("replaces it where it is empty, with what is in the renamed one", async () => {
    makeFolder(name("from"));
    makeFile("inside", name("from"), "file");
    makeFolder(name("empty"));
    expect(await renameIt(name("from"), name("empty"))).toBe("STATUS_SUCCESS");
    expect(readFileSync(at(name("empty"), "file"), "utf8")).toBe("inside");
    expect(existsSync(at(name("from")))).toBe(false);
  });

  test("fails with DIRECTORY_NOT_EMPTY where it is not empty, and nothing changes", async () => {
    makeFolder(name("source"));
    makeFile("inside", name("source"), "file");
    makeFolder(name("full"));
    makeFile("kept", name("full"), "kept");
    expect(await renameIt(name("source"), name("full"))).toBe("STATUS_DIRECTORY_NOT_EMPTY");
    expect(readFileSync(at(name("full"), "kept"), "utf8")).toBe("kept");
    expect(readFileSync(at(name("source"), "file"), "utf8")).toBe("inside");
  });

  test("fails with SHARING_VIOLATION where another client has it open without sharing deletion", async () => {
    makeFolder(name("moving"));
    makeFolder(name("held"));
    const shareAccess = ShareAccess.READ | ShareAccess.WRITE;
    const { fileId } = await openFile(other, name("held"), { shareAccess });
    expect(await renameIt(name("moving"), name("held"))).toBe("STATUS_SHARING_VIOLATION");
    await closeFile(other, fileId);
    expect(statSync(at(name("moving"))).isDirectory()).toBe(true);
  });
});

test("a folder renamed over a folder without ReplaceIfExists, or over a file, changes nothing", async () => {
  makeFolder("a");
  makeFolder("b");
  makeFile("c", "c");
  expect(await rename("a", "b", false)).toBe("STATUS_OBJECT_NAME_COLLISION");
  expect(await rename("a", "c")).toBe("STATUS_NOT_A_DIRECTORY");
  expect(await rename("c", "b")).toBe("STATUS_ACCESS_DENIED");
  expect(readFileSync(at("c"), "utf8")).toBe("c");
});

test("a client that watches a folder which is replaced gets DELETE_PENDING; the parent's watch the names", async () => {
  makeFolder("top");
  makeFolder("top", "new");
  makeFolder("top", "old");
  const folder = { createOptions: CreateOption.DIRECTORY_FILE };
  const watched = await openFile(other, "top\\old", folder);
  const parent = await openFile(other, "top", folder);
  const waiting = await startWaiting(other, watched.fileId);
  const above = await startWaiting(other, parent.fileId);
  expect(await rename("top\\new", "top\\old")).toBe("STATUS_SUCCESS");
  expect(statusName((await waiting.reply).status)).toBe("STATUS_DELETE_PENDING");
  const lines = linesOf(await above.reply);
  while (!lines.includes(">old"))
    lines.push(...linesOf(await other.client.request(notifyCall(other, parent.fileId))));
  expect(lines).toEqual(["-old", "<new", ">old"]);
  for (const { fileId } of [watched, parent]) await closeFile(other, fileId);
});

describe("a file renamed over an open file", () => {
  const reading = (shareAccess: number): Partial<CreateRequest> => ({
    desiredAccess: FileGeneric.READ,
    shareAccess,
  });

  test("in one compound replaces it where its opens share deletion; they keep their data", async () => {
    makeFile("1", "target");
    makeFile("2", "fresh");
    const { fileId } = await openFile(
      other,
      "target",
      reading(ShareAccess.READ | ShareAccess.WRITE | ShareAccess.DELETE),
    );
    expect(await renameAtOnce("fresh", "target")).toBe("STATUS_SUCCESS");
    expect(await readFile(other, fileId, 0, 10)).toEqual(new Uint8Array(Buffer.from("1")));
    await closeFile(other, fileId);
    expect(readFileSync(at("target"), "utf8")).toBe("2");
  });

  test("in one compound fails with a status after which Linux deletes nothing, else", async () => {
    makeFile("1", "selfish");
    makeFile("2", "newer");
    const { fileId } = await openFile(other, "selfish", reading(ShareAccess.READ | ShareAccess.WRITE));
    expect(await renameAtOnce("newer", "selfish")).toBe("STATUS_SHARING_VIOLATION");
    await closeFile(other, fileId);
    expect(readFileSync(at("selfish"), "utf8")).toBe("1");
    expect(readFileSync(at("newer"), "utf8")).toBe("2");
  });

  test("by a client that has it open for longer is refused as by Windows", async () => {
    makeFile("1", "plain target");
    makeFile("2", "plain");
    const all = ShareAccess.READ | ShareAccess.WRITE | ShareAccess.DELETE;
    const { fileId } = await openFile(other, "plain target", reading(all));
    expect(await rename("plain", "plain target")).toBe("STATUS_ACCESS_DENIED");
    await closeFile(other, fileId);
  });
});
