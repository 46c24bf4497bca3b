// Named streams with other commands: locks, caching, durable handles, compounds, server-side copy, FSCTLs,
// and requests for directories only. [MS-SMB2] 3.3.5.9.7, 3.3.5.14, 3.3.5.15; [MS-FSA] 2.1.5.10.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { CreateDisposition, decodeCreateResponse, OplockLevel } from "../../../src/wire/command/create.ts";
import { FILE_ID_ALL_ONES } from "../../../src/wire/file-id.ts";
import { Fsctl } from "../../../src/wire/fscc/fsctl.ts";
import { HeaderFlag } from "../../../src/wire/header.ts";
import { decodeReadResponse } from "../../../src/wire/command/read.ts";
import { statusName } from "../../../src/wire/status.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import { mountTest } from "../client/attack-rig.ts";
import { copied, copyCall, outputOf, pair, rangesOf, resumeKey } from "../client/fsctl-calls.ts";
import { EXCLUSIVE_NOW, lockOne } from "../client/lock-calls.ts";
import type { Call } from "../client/raw-calls.ts";
import {
  closeCall,
  closeFile,
  createCall,
  createDirectory,
  ioctlCall,
  type Mount,
  mountShare,
  openFile,
  queryDirectoryCall,
  READ_WRITE,
  readCall,
  readFile,
  writeCall,
  writeFile,
} from "../client/raw-files.ts";
import { notifyCall } from "../client/raw-notify.ts";
import { startServer } from "../client/server.ts";
import { getText, listOf, openForWriting, putStream } from "../client/stream-calls.ts";

let server: TestServer;
let mount: Mount;
beforeAll(async () => {
  server = await startServer();
  mount = await mountTest(server);
});
afterAll(async () => {
  mount.client.close();
  await server.stop();
});

async function statusOf(call: Call, on = mount): Promise<string> {
  return statusName((await on.client.request(call)).status);
}

test("a lock on a stream does not lock the file's data or another stream", async () => {
  await putStream(mount, "locked", "0123456789");
  await putStream(mount, "locked:s", "0123456789");
  const one = await openForWriting(mount, "locked:s");
  const two = await openForWriting(mount, "locked:S");
  const base = await openForWriting(mount, "locked");
  expect(await statusOf(lockOne(mount, one, 0, 5, EXCLUSIVE_NOW))).toBe("STATUS_SUCCESS");
  expect(await statusOf(lockOne(mount, two, 4, 5, EXCLUSIVE_NOW))).toBe("STATUS_LOCK_NOT_GRANTED");
  expect(await statusOf(readCall(mount, two, 0, 1))).toBe("STATUS_FILE_LOCK_CONFLICT");
  expect(await statusOf(writeCall(mount, base, 0, new Uint8Array(1)))).toBe("STATUS_SUCCESS");
  for (const id of [one, two, base]) await closeFile(mount, id);
});

test("a file and its stream can each have a batch oplock", async () => {
  await putStream(mount, "cached", "");
  const batch = { desiredAccess: READ_WRITE, oplockLevel: OplockLevel.BATCH };
  const base = await openFile(mount, "cached", batch);
  const stream = await openFile(mount, "cached:s", { ...batch, createDisposition: CreateDisposition.CREATE });
  expect([base.oplockLevel, stream.oplockLevel]).toEqual([OplockLevel.BATCH, OplockLevel.BATCH]);
  await closeFile(mount, stream.fileId);
  await closeFile(mount, base.fileId);
});

test("a client reconnects a durable handle of a stream after it lost its connection", async () => {
  const clientGuid = new Uint8Array(randomBytes(16));
  const first = await mountShare(server, TESTER, "test", { clientGuid });
  const { fileId, contexts } = await openFile(first, "durable:s", {
    desiredAccess: READ_WRITE,
    oplockLevel: OplockLevel.BATCH,
    createDisposition: CreateDisposition.CREATE,
    contexts: { durableRequest: true },
  });
  expect(contexts.durable).toBe(true);
  await writeFile(first, fileId, 0, new TextEncoder().encode("kept"));
  const previousSessionId = first.session.id;
  first.client.close();
  const again = await mountShare(server, { ...TESTER, previousSessionId }, "test", { clientGuid });
  try {
    const back = await openFile(again, "durable:s", {
      oplockLevel: OplockLevel.BATCH,
      contexts: { durableReconnect: fileId },
    });
    expect(back.file.size).toBe(4);
    expect((await readFile(again, back.fileId, 0, 4)).toHex()).toBe("6b657074");
    await closeFile(again, back.fileId);
  } finally {
    again.client.close();
  }
});

test("a related compound opens, reads and closes a stream", async () => {
  await putStream(mount, "compound:s", "abc");
  const related = (call: Call): Call => ({ ...call, flags: HeaderFlag.RELATED_OPERATIONS });
  const replies = await Promise.all(
    mount.client.compound([
      createCall(mount, "compound:s"),
      related(readCall(mount, FILE_ID_ALL_ONES, 0, 3)),
      related(closeCall(mount, FILE_ID_ALL_ONES)),
    ]),
  );
  expect(replies.map(({ status }) => statusName(status))).toEqual(Array<string>(3).fill("STATUS_SUCCESS"));
  const [created, read] = replies;
  if (created === undefined || read === undefined) throw new Error("no replies");
  expect(decodeCreateResponse(created.message).file.size).toBe(3);
  expect(new TextDecoder().decode(decodeReadResponse(read.message).data)).toBe("abc");
});

test("server-side copy copies from stream to stream", async () => {
  await putStream(mount, "source", "of the file");
  await putStream(mount, "source:s", "of the stream");
  const from = await openForWriting(mount, "source:s");
  const to = await openForWriting(mount, "target:t", CreateDisposition.CREATE);
  const key = await resumeKey(mount, from);
  const chunks = [{ sourceOffset: 3, targetOffset: 1, length: 10 }];
  const reply = await mount.client.demand("copy", copyCall(mount, to, key, chunks));
  expect(copied(reply).totalBytesWritten).toBe(10);
  await closeFile(mount, to);
  await closeFile(mount, from);
  expect(await getText(mount, "target:t")).toBe("\0the stream");
  expect(await listOf(mount, "target")).toEqual(["::$DATA 0", ":t:$DATA 11"]);
});

test("SET_ZERO_DATA and QUERY_ALLOCATED_RANGES work on a stream's data", async () => {
  await putStream(mount, "holes:s", "0123456789");
  const id = await openForWriting(mount, "holes:s");
  const zero = ioctlCall(mount, Fsctl.SET_ZERO_DATA, pair(2n, 5n), id, 0);
  expect(await statusOf(zero)).toBe("STATUS_SUCCESS");
  expect((await readFile(mount, id, 0, 10)).toHex()).toBe("30310000003536373839");
  const ranges = ioctlCall(mount, Fsctl.QUERY_ALLOCATED_RANGES, pair(0n, 100n), id, 64);
  expect(rangesOf(await mount.client.demand("ranges", ranges)).map(({ length }) => Number(length))).toEqual([
    10,
  ]);
  await closeFile(mount, id);
});

test("QUERY_DIRECTORY and CHANGE_NOTIFY on a directory's stream get STATUS_INVALID_PARAMETER", async () => {
  await closeFile(mount, await createDirectory(mount, "dir"));
  await putStream(mount, "dir:s", "data");
  const id = await openForWriting(mount, "dir:s");
  expect(await statusOf(queryDirectoryCall(mount, id))).toBe("STATUS_INVALID_PARAMETER");
  expect(await statusOf(notifyCall(mount, id))).toBe("STATUS_INVALID_PARAMETER");
  for (const code of Object.values(Fsctl)) {
    if (code === Fsctl.PIPE_WAIT) continue;
    const reply = await mount.client.request(ioctlCall(mount, code, new Uint8Array(4), id, 64));
    expect(statusName(reply.status)).toStartWith("STATUS_");
    if (reply.status === 0 && code !== Fsctl.SET_SPARSE) outputOf(reply);
  }
  await closeFile(mount, id);
  expect(await getText(mount, "dir:s")).toBe("data");
});
