// The rename of a stream whose open is closed before it has ended. [MS-FSA] 2.1.5.15.11.
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { Status } from "../../../src/wire/status.ts";
import type { TestServer } from "../../peer/test-server.ts";
import { expectServing, mountTest, startVictim } from "../client/attack-rig.ts";
import { closeCall, closeFile, openFile, READ_WRITE, renameCall, renameFile } from "../client/raw-files.ts";
import { openForWriting, putStream } from "../client/stream-calls.ts";
import { startTogether } from "../client/together.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startVictim();
});
afterAll(() => server.stop());
afterEach(() => expectServing(server));

test("leaves nothing behind: the file can be renamed when all is closed", async () => {
  const mount = await mountTest(server);
  await putStream(mount, "file:first", "1");
  await putStream(mount, "file:second", "2");
  const first = await openForWriting(mount, "file:first");
  const { fileId } = await openFile(mount, "file:second", { desiredAccess: READ_WRITE });
  const [renamed, closed] = startTogether(mount, [
    renameCall(mount, fileId, ":third", false),
    closeCall(mount, fileId),
  ]);
  expect((await closed?.reply)?.status).toBe(Status.SUCCESS);
  expect((await renamed?.reply)?.status).toBe(Status.SUCCESS);
  await closeFile(mount, first);
  await renameFile(mount, "file", "renamed");
  mount.client.close();
});
