// Attacks with a CREATE that fails once its open is in the server's table: FileIds are numbers in order, so that a
// client can use one before its CREATE is answered, and others delete the file meanwhile. [MS-SMB2] 3.3.5.9.
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { CreateDisposition } from "../../../src/wire/command/create.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { Status } from "../../../src/wire/status.ts";
import type { TestServer } from "../../peer/test-server.ts";
import { expectServing, mountTest, startVictim } from "../client/attack-rig.ts";
import { element, EXCLUSIVE_NOW, lockCall, lockOne } from "../client/lock-calls.ts";
import type { Call } from "../client/raw-calls.ts";
import {
  closeCall,
  closeFile,
  createCall,
  createFile,
  deleteCall,
  type Mount,
  openFile,
  READ_WRITE,
} from "../client/raw-files.ts";
import { startTogether } from "../client/together.ts";

/** More than the disk has: a thread finds out. */
const TOO_LARGE = 2 ** 43;
const LOCKS = 300;

let server: TestServer;
beforeAll(async () => {
  server = await startVictim({ parameters: { "max total locks": "800" } });
});
afterAll(() => server.stop());
afterEach(() => expectServing(server));

function overwriteTooLarge(mount: Mount, name: string): Call {
  return createCall(mount, name, {
    desiredAccess: READ_WRITE,
    createDisposition: CreateDisposition.OVERWRITE_IF,
    contexts: { allocationSize: TOO_LARGE },
  });
}

function idAfter({ persistentLow }: FileId): FileId {
  const id = persistentLow + 1;
  return { persistentLow: id, persistentHigh: 0, volatileLow: id, volatileHigh: 0 };
}

test("locks by the FileId of a CREATE that fails end with it, and are not counted any longer", async () => {
  const mount = await mountTest(server);
  const locks = Array.from({ length: LOCKS }, (_, i) => element(i, 1, EXCLUSIVE_NOW));
  for (let round = 0; round < 4; round++) {
    const held = await createFile(mount, "locked");
    const [created, locked] = startTogether(mount, [
      overwriteTooLarge(mount, "locked"),
      lockCall(mount, idAfter(held), locks),
    ]);
    expect((await locked?.reply)?.status).toBe(Status.SUCCESS);
    expect((await created?.reply)?.status).toBe(Status.DISK_FULL);
    expect(await mount.client.outcome(lockOne(mount, held, 0, 1, EXCLUSIVE_NOW))).toBe(Status.SUCCESS);
    await closeFile(mount, held);
  }
  mount.client.close();
});

test("a file that was deleted while a CREATE was under way is deleted when that fails", async () => {
  const mount = await mountTest(server);
  const { fileId } = await openFile(mount, "deleted", {
    desiredAccess: READ_WRITE,
    createDisposition: CreateDisposition.CREATE,
  });
  const path = join(server.shares.get("test") ?? "", "deleted");
  expect(existsSync(path)).toBe(true);
  const [created, deleted, closed] = startTogether(mount, [
    overwriteTooLarge(mount, "deleted"),
    deleteCall(mount, fileId),
    closeCall(mount, fileId),
  ]);
  expect((await deleted?.reply)?.status).toBe(Status.SUCCESS);
  expect((await closed?.reply)?.status).toBe(Status.SUCCESS);
  expect((await created?.reply)?.status).toBe(Status.DISK_FULL);
  expect(existsSync(path)).toBe(false);
  mount.client.close();
});
