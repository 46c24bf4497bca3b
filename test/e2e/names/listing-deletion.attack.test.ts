// Attacks with listings and deletion.
// [MS-SMB2] 3.3.5.18; [MS-FSA] 2.1.4.4 (expressions), 2.1.5.6.3 (listing), 2.1.5.15.3 (deletion).
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Access } from "../../../src/wire/security/access.ts";
import {
  CreateDisposition,
  CreateOption,
  decodeCreateResponse,
  ShareAccess,
} from "../../../src/wire/command/create.ts";
import { FileAttribute } from "../../../src/wire/fscc/attributes.ts";
import { QueryDirectoryFlag } from "../../../src/wire/command/query-directory.ts";
import { Status } from "../../../src/wire/status.ts";
import { giveToTester, type TestServer } from "../../peer/test-server.ts";
import type { Call } from "../client/raw-calls.ts";
import {
  closeCall,
  closeFile,
  createCall,
  createDirectory,
  createFile,
  deleteCall,
  listDirectory,
  type Mount,
  openFile,
  queryDirectoryCall,
  READ_WRITE,
  writeCall,
} from "../client/raw-files.ts";
import { expectOutcome, expectServing, mountTest, type Outcome, startVictim } from "../client/attack-rig.ts";

let server: TestServer;
let share = "";
beforeAll(async () => {
  server = await startVictim();
  share = server.shares.get("test") ?? "";
});
afterAll(() => server.stop());
afterEach(() => expectServing(server));

/** Allowed statuses for a folder that was deleted on the server. */
const GONE: readonly Outcome[] = [Status.DELETE_PENDING, Status.FILE_DELETED, Status.OBJECT_NAME_NOT_FOUND];

async function folderOf(mount: Mount, name: string) {
  return (
    await openFile(mount, name, {
      desiredAccess: Access.LIST_DIRECTORY | Access.READ_ATTRIBUTES | Access.DELETE,
      createDisposition: CreateDisposition.OPEN_IF,
      createOptions: CreateOption.DIRECTORY_FILE,
    })
  ).fileId;
}

describe("listings", () => {
  test("a pattern that is long, empty or full of wildcards is answered within a second", async () => {
    const folder = join(share, "patterns");
    mkdirSync(folder);
    for (let index = 0; index < 200; index++) writeFileSync(join(folder, `${"a".repeat(200)}${index}`), "");
    giveToTester(folder);
    const mount = await mountTest(server);
    for (const pattern of [
      "*a".repeat(60) + "b",
      "<".repeat(100) + "b",
      "*".repeat(250),
      ">".repeat(255),
      "?*".repeat(120),
      '*"'.repeat(100),
    ]) {
      const { fileId } = await openFile(mount, "patterns");
      const start = performance.now();
      const outcome = await mount.client.outcome(queryDirectoryCall(mount, fileId, { pattern }));
      expectOutcome(outcome, Status.SUCCESS, Status.NO_SUCH_FILE, Status.OBJECT_NAME_INVALID);
      expect(performance.now() - start).toBeLessThan(1000);
      await closeFile(mount, fileId);
    }
    for (const pattern of ["", "x".repeat(30_000), "*".repeat(32_000)]) {
      const { fileId } = await openFile(mount, "patterns");
      const call = { ...queryDirectoryCall(mount, fileId, { pattern }), room: 70_000 };
      expectOutcome(
        await mount.client.outcome(call),
        Status.OBJECT_NAME_INVALID,
        Status.NO_SUCH_FILE,
        Status.INVALID_PARAMETER,
        Status.SUCCESS,
      );
      await closeFile(mount, fileId);
    }
    mount.client.close();
  });

  test("a listing of a folder that is changed and deleted meanwhile ends", async () => {
    const folder = join(share, "vanishing");
    mkdirSync(folder);
    giveToTester(folder);
    for (let index = 0; index < 2000; index++) writeFileSync(join(folder, `file ${index}`), "");
    const mount = await mountTest(server);
    const { fileId } = await openFile(mount, "vanishing");
    const small = { outputBufferLength: 2000 };
    expectOutcome(await mount.client.outcome(queryDirectoryCall(mount, fileId, small)), Status.SUCCESS);
    for (let index = 0; index < 1000; index++) rmSync(join(folder, `file ${index}`));
    expectOutcome(await mount.client.outcome(queryDirectoryCall(mount, fileId, small)), Status.SUCCESS);
    rmSync(folder, { recursive: true });
    for (let round = 0; round < 100; round++) {
      const outcome = await mount.client.outcome(queryDirectoryCall(mount, fileId, small));
      if (outcome === Status.NO_MORE_FILES) break;
      expectOutcome(outcome, Status.SUCCESS, ...GONE);
    }
    expectOutcome(
      await mount.client.outcome(
        queryDirectoryCall(mount, fileId, { flags: QueryDirectoryFlag.RESTART_SCANS }),
      ),
      Status.SUCCESS,
      Status.NO_SUCH_FILE,
      Status.NO_MORE_FILES,
      ...GONE,
    );
    await closeFile(mount, fileId);
    mount.client.close();
  });

  test("a buffer too small for one entry, an unknown class and a file are refused", async () => {
    const mount = await mountTest(server);
    for (const outputBufferLength of [0, 1, 63, 104]) {
      const { fileId } = await openFile(mount, "");
      const call = queryDirectoryCall(mount, fileId, { outputBufferLength });
      expectOutcome(
        await mount.client.outcome(call),
        Status.INFO_LENGTH_MISMATCH,
        Status.BUFFER_OVERFLOW,
        Status.BUFFER_TOO_SMALL,
      );
      await closeFile(mount, fileId);
    }
    const { fileId } = await openFile(mount, "");
    for (const infoClass of [0, 4, 99, 255]) {
      const call = queryDirectoryCall(mount, fileId, { infoClass });
      expectOutcome(await mount.client.outcome(call), Status.INVALID_INFO_CLASS, Status.INVALID_PARAMETER);
    }
    const file = await createFile(mount, "no folder");
    expectOutcome(await mount.client.outcome(queryDirectoryCall(mount, file)), Status.INVALID_PARAMETER);
    mount.client.close();
  });
});

describe("deletion", () => {
  test("delete-on-close needs DELETE and deletes no full folder, root or READONLY file", async () => {
    const mount = await mountTest(server);
    await closeFile(mount, await createFile(mount, "keep"));
    const asked = (name: string, desiredAccess: number, createOptions = 0): Call =>
      createCall(mount, name, {
        desiredAccess,
        shareAccess: ShareAccess.READ | ShareAccess.WRITE | ShareAccess.DELETE,
        createOptions: createOptions | CreateOption.DELETE_ON_CLOSE,
      });
    expectOutcome(
      await mount.client.outcome(asked("keep", Access.READ_DATA)),
      Status.ACCESS_DENIED,
      Status.INVALID_PARAMETER,
    );
    const reader = (await openFile(mount, "keep", { desiredAccess: Access.READ_DATA })).fileId;
    expectOutcome(await mount.client.outcome(deleteCall(mount, reader)), Status.ACCESS_DENIED);
    await closeFile(mount, reader);
    await closeFile(mount, await createDirectory(mount, "full"));
    await closeFile(mount, await createFile(mount, "full\\x"));
    const full = await folderOf(mount, "full");
    expectOutcome(await mount.client.outcome(deleteCall(mount, full)), Status.DIRECTORY_NOT_EMPTY);
    await closeFile(mount, full);
    const reply = await mount.client.request(asked("full", Access.DELETE, CreateOption.DIRECTORY_FILE));
    if (reply.status === Status.SUCCESS) {
      const closed = await mount.client.outcome(closeCall(mount, decodeCreateResponse(reply.message).fileId));
      expectOutcome(closed, Status.DIRECTORY_NOT_EMPTY);
    }
    const root = await mount.client.request(asked("", Access.DELETE, CreateOption.DIRECTORY_FILE));
    if (root.status === Status.SUCCESS) await closeFile(mount, decodeCreateResponse(root.message).fileId);
    expect(existsSync(join(share, "keep"))).toBe(true);
    expect(existsSync(join(share, "full", "x"))).toBe(true);
    const hard = await openFile(mount, "hard", {
      desiredAccess: READ_WRITE,
      createDisposition: CreateDisposition.CREATE,
      fileAttributes: FileAttribute.READONLY,
    });
    await closeFile(mount, hard.fileId);
    const readOnly = await mount.client.request(asked("hard", Access.DELETE));
    expectOutcome(readOnly.status, Status.CANNOT_DELETE, Status.ACCESS_DENIED);
    expect(existsSync(join(share, "hard"))).toBe(true);
    mount.client.close();
  });

  test("a connection cut in the middle of a WRITE leaves an empty file that can be deleted", async () => {
    const mount = await mountTest(server);
    const file = await createFile(mount, "torn");
    const { bytes } = mount.client.build(writeCall(mount, file, 0, new Uint8Array(60_000).fill(1)));
    mount.client.socket.sendFrame(bytes.subarray(0, 20_000), bytes.length);
    await Bun.sleep(50);
    mount.client.close();
    await Bun.sleep(50);
    const next = await mountTest(server);
    const again = await openFile(next, "torn", { desiredAccess: READ_WRITE, shareAccess: 0 });
    expect(again.file.size).toBe(0);
    await next.client.demand("delete", deleteCall(next, again.fileId));
    await closeFile(next, again.fileId);
    expect((await listDirectory(next, (await openFile(next, "")).fileId)).map((r) => r.name)).not.toContain(
      "torn",
    );
    next.client.close();
  });
});
