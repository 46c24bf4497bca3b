// Finder waits for changes of the folder of every open window, on one connection; smbfs_notify_change.c of Apple's
// published SMBClient sources. A window that was told of many changes is not waited for again for five seconds.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CompletionFilter } from "../../../src/wire/command/change-notify.ts";
import { CreateOption } from "../../../src/wire/command/create.ts";
import { FILE_ID_ALL_ONES, type FileId } from "../../../src/wire/file-id.ts";
import { HeaderFlag } from "../../../src/wire/header.ts";
import { Access } from "../../../src/wire/security/access.ts";
import { Status } from "../../../src/wire/status.ts";
import type { TestServer } from "../../peer/test-server.ts";
import type { Pending } from "../client/raw-calls.ts";
import { closeFile, createCall, type Mount, openFile } from "../client/raw-files.ts";
import { endOf, linesOf, notifyCall } from "../client/raw-notify.ts";
import { startServer } from "../client/server.ts";
import { mountAsMac } from "./mac.ts";
import { MacFiles } from "./mac-files.ts";

const WINDOWS = 200;
/** Changes of each folder while nobody waits for them. */
const BURST = 16;
const LONG = "x".repeat(200);
const MIB = 1024 * 1024;

const { FILE_NAME, DIR_NAME, ATTRIBUTES, CREATION, SECURITY, STREAM_SIZE, STREAM_WRITE } = CompletionFilter;
const WATCHING = {
  filter: FILE_NAME | DIR_NAME | ATTRIBUTES | CREATION | SECURITY | STREAM_SIZE | STREAM_WRITE,
  outputBytes: 65_536,
};

let server: TestServer;
let mac: Mount;
let files: MacFiles;
beforeAll(async () => {
  server = await startServer();
  mac = await mountAsMac(server, "test");
  files = new MacFiles(mac);
});
afterAll(async () => {
  mac?.client.close();
  await server?.stop();
});

const at = (...names: string[]): string => join(server.shares.get("test") ?? "", ...names);

/** A window: an open folder with a pending notification. */
async function open(name: string): Promise<{ fileId: FileId; pending: Pending }> {
  const { fileId } = await openFile(mac, name, {
    desiredAccess: Access.READ_DATA | Access.READ_ATTRIBUTES | Access.SYNCHRONIZE,
    createOptions: CreateOption.DIRECTORY_FILE,
  });
  const pending = mac.client.start(notifyCall(mac, fileId, WATCHING));
  expect((await pending.interim).status).toBe(Status.PENDING);
  return { fileId, pending };
}

function anonymousBytes(): number {
  const rollup = readFileSync(`/proc/${server.pid}/smaps_rollup`, "latin1");
  return Number(/^Anonymous:\s+(\d+)/m.exec(rollup)?.[1]) * 1024;
}

test("a Mac with two hundred windows hears of a change in each, keeps its credits, and costs bounded memory", async () => {
  const names = Array.from({ length: WINDOWS }, (_, i) => `window ${i}`);
  // One after the other: a client that was just mounted has not the credits for all at once.
  for (const name of names) await files.makeFolder(name);
  const creditsBefore = mac.client.credits;
  const windows = await Promise.all(names.map(open));
  // Waits are answered late: their credits come with the interim responses.
  expect(mac.client.credits).toBeGreaterThanOrEqual(creditsBefore);
  const before = anonymousBytes();
  for (const name of names) writeFileSync(at(name, "by a program"), "");
  const told = await Promise.all(windows.map(async ({ pending }) => linesOf(await pending.reply)));
  for (const lines of told) expect(lines[0]).toBe("+by a program");
  for (const name of names) for (let i = 0; i < BURST; i++) writeFileSync(at(name, `${LONG} ${i}`), "");
  expect((await files.list("window 7")).length).toBe(BURST + 1);
  expect(anonymousBytes() - before).toBeLessThan(48 * MIB);
  const again = windows.map(({ fileId }) => mac.client.start(notifyCall(mac, fileId, WATCHING)));
  const missed = await Promise.all(again.map(async ({ reply }) => linesOf(await reply)));
  for (const lines of missed) expect(lines).toContain(`+${LONG} 0`);
  const last = windows.map(({ fileId }) => mac.client.start(notifyCall(mac, fileId, WATCHING)));
  for (const { fileId } of windows) await closeFile(mac, fileId);
  for (const pending of last)
    expect(["STATUS_SUCCESS", "STATUS_NOTIFY_CLEANUP"]).toContain(await endOf(pending));
});

test("CREATE and CHANGE_NOTIFY in one compound wait, and end with the folder's handle", async () => {
  await files.makeFolder("compound");
  const related = { flags: HeaderFlag.RELATED_OPERATIONS };
  const replies = mac.client.compound([
    createCall(mac, "compound", {
      desiredAccess: Access.READ_DATA,
      createOptions: CreateOption.DIRECTORY_FILE,
    }),
    { ...notifyCall(mac, FILE_ID_ALL_ONES, WATCHING), ...related },
  ]);
  expect((await replies[0])?.status).toBe(Status.SUCCESS);
  writeFileSync(at("compound", "new"), "");
  const [, changes] = await Promise.all(replies);
  if (changes === undefined) throw new Error("no reply");
  expect(linesOf(changes)[0]).toBe("+new");
});
