// QUERY_DIRECTORY of a slow disk: the client gets an interim response and may cancel. [MS-SMB2] 3.3.4.2, 3.3.5.16.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { encodeCancelRequest } from "../../../src/wire/command/cancel.ts";
import { CreateDisposition, CreateOption } from "../../../src/wire/command/create.ts";
import { decodeQueryDirectoryResponse } from "../../../src/wire/command/query-directory.ts";
import { FILE_ID_ALL_ONES, type FileId } from "../../../src/wire/file-id.ts";
import { decodeDirectoryEntries } from "../../../src/wire/fscc/directory-entry.ts";
import { FileInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { Command, HeaderFlag } from "../../../src/wire/header.ts";
import { Status, statusName } from "../../../src/wire/status.ts";
import { canMountFuse, SlowDisk } from "../../peer/fuse/slow-disk.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import type { Reply } from "../client/raw-calls.ts";
import {
  closeFile,
  createCall,
  createFile,
  type Mount,
  mountShare,
  openFile,
  type Protection,
  queryDirectoryCall,
} from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";

const NAMES = ["one", "two", "three"];
const LISTED = [".", "..", ...NAMES].sort();
/** Each operation of the disk takes so long; a listing needs about forty. */
const HOLD_MS = 60;
const FOLDER = { createDisposition: CreateDisposition.OPEN, createOptions: CreateOption.DIRECTORY_FILE };

function namesIn(reply: Reply): string[] {
  expect(statusName(reply.status)).toBe("STATUS_SUCCESS");
  const { buffer } = decodeQueryDirectoryResponse(reply.message);
  return decodeDirectoryEntries(FileInfoClass.ID_BOTH_DIRECTORY, buffer)
    .map(({ name }) => name)
    .sort();
}

const isAsync = ({ header }: Reply): boolean => (header.flags & HeaderFlag.ASYNC_COMMAND) !== 0;

describe.if(await canMountFuse())("a listing of a slow disk", () => {
  let disk: SlowDisk;
  let server: TestServer;
  let mount: Mount;

  beforeAll(async () => {
    disk = await SlowDisk.mount();
    server = await startServer({ shares: [{ name: "slow", path: disk.folder }] });
  });
  afterEach(async () => {
    await disk.go();
    mount.client.close();
  });
  afterAll(async () => {
    await server.stop();
    await disk.dispose();
  });

  async function connect(protection: Protection = "signed"): Promise<FileId> {
    mount = await mountShare(server, TESTER, "slow", { protection });
    for (const name of NAMES) await closeFile(mount, await createFile(mount, name));
    return (await openFile(mount, "", FOLDER)).fileId;
  }

  for (const protection of ["signed", "sealed"] as const) {
    test(`is announced by an interim response, ${protection}`, async () => {
      const fileId = await connect(protection);
      await disk.hold(HOLD_MS);
      const pending = mount.client.start(queryDirectoryCall(mount, fileId));
      const interim = await pending.interim;
      expect([statusName(interim.status), isAsync(interim)]).toEqual(["STATUS_PENDING", true]);
      const reply = await pending.reply;
      expect(reply.header.asyncId).toBe(interim.header.asyncId);
      expect(namesIn(reply)).toEqual(LISTED);
    }, 30_000);
  }

  test("behind other requests of a compound lets their responses go first", async () => {
    await connect();
    await disk.hold(HOLD_MS);
    const flags = HeaderFlag.RELATED_OPERATIONS;
    const calls = [createCall(mount, "", FOLDER), { ...queryDirectoryCall(mount, FILE_ID_ALL_ONES), flags }];
    const [created, listed] = mount.client.compound(calls).map(async (reply) => ({
      reply: await reply,
      atMs: performance.now(),
    }));
    if (created === undefined || listed === undefined) throw new Error("two replies are expected");
    expect((await created).reply.status).toBe(Status.SUCCESS);
    expect(isAsync((await listed).reply)).toBe(true);
    expect(namesIn((await listed).reply)).toEqual(LISTED);
    expect((await created).atMs).toBeLessThan((await listed).atMs - 10);
    // The next requests of the connection are answered as ever.
    expect(namesIn(await mount.client.request(queryDirectoryCall(mount, await reopened())))).toEqual(LISTED);
  }, 30_000);

  async function reopened(): Promise<FileId> {
    await disk.go();
    return (await openFile(mount, "", FOLDER)).fileId;
  }

  test("ends when the client cancels it", async () => {
    const fileId = await connect();
    await disk.hold(HOLD_MS);
    const pending = mount.client.start(queryDirectoryCall(mount, fileId));
    const { header } = await pending.interim;
    const cancel = mount.client.build({
      command: Command.CANCEL,
      session: mount.session,
      messageId: pending.messageId,
      asyncId: header.asyncId,
      flags: HeaderFlag.ASYNC_COMMAND,
      creditCharge: 0,
      body: encodeCancelRequest,
    });
    mount.client.transmit(cancel.bytes, mount.session);
    expect(statusName((await pending.reply).status)).toBe("STATUS_CANCELLED");
  }, 30_000);
});
