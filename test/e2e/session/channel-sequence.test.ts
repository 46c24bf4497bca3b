// ChannelSequence over the socket: what a client that has lost a channel sends again, while a CHANGE_NOTIFY that
// it sent before is outstanding. [MS-SMB2] 3.3.5.2.10 (verifying), 3.3.4.1 (counting down).
import { afterAll, beforeAll, beforeEach, afterEach, expect, test } from "bun:test";
import { InfoType } from "../../../src/wire/command/query-info.ts";
import { Writer } from "../../../src/wire/cursor.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { encodeBasicChange } from "../../../src/wire/fscc/file-information.ts";
import { FileInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { HeaderFlag } from "../../../src/wire/header.ts";
import { statusName } from "../../../src/wire/status.ts";
import type { TestServer } from "../../peer/test-server.ts";
import { mountTest } from "../client/attack-rig.ts";
import type { Call, Pending } from "../client/raw-calls.ts";
import {
  closeFile,
  createDirectory,
  type Mount,
  openFile,
  queryInfoCall,
  READ_WRITE,
  setInfoCall,
} from "../client/raw-files.ts";
import { startWaiting } from "../client/raw-notify.ts";
import { startSubject } from "../../peer/start.ts";

let server: TestServer;
let mount: Mount;
let directory: FileId;
let waiting: Pending;
let directories = 0;
beforeAll(async () => {
  server = await startSubject();
  mount = await mountTest(server);
});
afterAll(async () => {
  mount?.client.close();
  await server?.stop();
});

// A CHANGE_NOTIFY with number 0 waits on the open in every test.
beforeEach(async () => {
  const name = `sequence ${++directories}`;
  await closeFile(mount, await createDirectory(mount, name));
  directory = (await openFile(mount, name, { desiredAccess: READ_WRITE, createOptions: 1 })).fileId;
  waiting = await startWaiting(mount, directory);
});
afterEach(async () => {
  await closeFile(mount, directory);
  expect(statusName((await waiting.reply).status)).toBe("STATUS_NOTIFY_CLEANUP");
});

async function statusOf(call: Call, number: number, isReplay = false): Promise<string> {
  const flags = isReplay ? HeaderFlag.REPLAY_OPERATION : 0;
  return statusName((await mount.client.request({ ...call, status: number, flags })).status);
}

/** SET_INFO that changes nothing. */
function change(number: number, isReplay = false): Promise<string> {
  const writer = new Writer(new Uint8Array(40));
  const none = { birth: undefined, access: undefined, modify: undefined, change: undefined };
  encodeBasicChange(writer, { ...none, attributes: 0 });
  return statusOf(setInfoCall(mount, directory, FileInfoClass.BASIC, writer.bytes), number, isReplay);
}

function query(number: number, isReplay = false): Promise<string> {
  const call = queryInfoCall(mount, directory, InfoType.FILE, FileInfoClass.BASIC);
  return statusOf(call, number, isReplay);
}

const DONE = "STATUS_SUCCESS";
const NOT_AVAILABLE = "STATUS_FILE_NOT_AVAILABLE";

test("a replay with a newer number fails while a request of the current number is outstanding", async () => {
  expect(await change(1, true)).toBe(NOT_AVAILABLE);
});

test("a replay that fails advances the number: what was sent before it is stale", async () => {
  await change(1, true);
  expect(await change(0)).toBe(NOT_AVAILABLE);
  expect(await change(1)).toBe(DONE);
});

test("queries with a stale number, and replayed ones, are answered and counted nowhere", async () => {
  expect(await query(1)).toBe(DONE);
  for (let i = 0; i < 3; i++) {
    expect(await query(0)).toBe(DONE);
    expect(await query(1, true)).toBe(DONE);
  }
  // The CHANGE_NOTIFY is still outstanding.
  expect(await change(1, true)).toBe(NOT_AVAILABLE);
  expect(await change(1)).toBe(DONE);
});

test("a replay with the current number is carried out while only requests of that number are outstanding", async () => {
  expect(await change(0, true)).toBe(DONE);
});
