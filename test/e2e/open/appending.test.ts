// Concurrent appending WRITEs (offset -1): the server puts each behind the others and overwrites none.
// [MS-SMB2] 3.3.5.13, [MS-FSA] 2.1.5.4.
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { FileId } from "../../../src/wire/file-id.ts";
import { Command } from "../../../src/wire/header.ts";
import { Status } from "../../../src/wire/status.ts";
import { encodeWriteRequest, WriteRequestOffset } from "../../../src/wire/command/write.ts";
import { EMPTY } from "../../../src/wire/cursor.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import type { Call } from "../client/raw-calls.ts";
import { callOn, chargeFor, closeFile, type Mount, mountShare } from "../client/raw-files.ts";
import { getBytes, openForWriting } from "../client/stream-calls.ts";
import { startServer } from "../client/server.ts";

let server: TestServer;
let mounts: Mount[] = [];
beforeAll(async () => {
  server = await startServer();
  mounts = await Promise.all([1, 2].map(() => mountShare(server, TESTER, "test")));
});
afterAll(async () => {
  await server?.stop();
});

function appendCall(mount: Mount, fileId: FileId, data: Uint8Array): Call {
  return {
    ...callOn(mount, Command.WRITE, (writer) => {
      const request = {
        data,
        offset: 0,
        fileId,
        channel: 0,
        remainingBytes: 0,
        channelInfo: EMPTY,
        flags: 0,
      };
      encodeWriteRequest(writer, request);
      const at = writer.origin + WriteRequestOffset.OFFSET;
      writer.bytes.fill(0xff, at, at + 8);
    }),
    creditCharge: chargeFor(mount, data.length),
    room: data.length + 256,
  };
}

function piece(byte: number, length: number): Uint8Array {
  return new Uint8Array(length).fill(byte);
}

/** Counts the bytes of each value. */
function countBytes(bytes: Uint8Array): Map<number, number> {
  const counts = new Map<number, number>();
  for (const byte of bytes) counts.set(byte, (counts.get(byte) ?? 0) + 1);
  return counts;
}

// The server writes small data synchronously, and large data in another thread while the next request runs.
for (const [name, length] of [
  ["small", 100],
  ["large", 70_000],
  ["small:stream", 100],
] as const) {
  test(`two clients append 16 times ${length} bytes to ${name} and no byte is lost`, async () => {
    const [first, second] = mounts as [Mount, Mount];
    const ids = [await openForWriting(first, name), await openForWriting(second, name)];
    await Promise.all(mounts.map(({ client }) => client.awaitCredits(32)));
    const replies = await Promise.all(
      Array.from({ length: 16 }, (_, i) => {
        const mount = mounts[i % 2] as Mount;
        return mount.client.request(appendCall(mount, ids[i % 2] as FileId, piece(i, length)));
      }),
    );
    expect(replies.map(({ status }) => status)).toEqual(replies.map(() => Status.SUCCESS));
    for (const [i, mount] of mounts.entries()) await closeFile(mount, ids[i] as FileId);
    const counts = countBytes(await getBytes(first, name, 16 * length));
    expect([...counts].sort(([a], [b]) => a - b)).toEqual(Array.from({ length: 16 }, (_, i) => [i, length]));
  });
}
