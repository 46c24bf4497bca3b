// Buffers go from one client to the next: what a client has written is in no reply to another one, whatever that asks for
// and however odd its sizes are.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { CreateDisposition } from "../../../src/wire/command/create.ts";
import { encodeQueryInfoRequest, InfoType } from "../../../src/wire/command/query-info.ts";
import { encodeReadRequest } from "../../../src/wire/command/read.ts";
import { EMPTY } from "../../../src/wire/cursor.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { FileInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { Fsctl } from "../../../src/wire/fscc/fsctl.ts";
import { Command } from "../../../src/wire/header.ts";
import { TESTER, TESTER2, type TestServer } from "../../peer/test-server.ts";
import { mountTest } from "../client/attack-rig.ts";
import type { Call } from "../client/raw-calls.ts";
import {
  callOn,
  createCall,
  createDirectory,
  createFile,
  ioctlCall,
  type Mount,
  mountShare,
  openFile,
  queryDirectoryCall,
  READ_WRITE,
  readCall,
  setInfoCall,
  writeCall,
} from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";

/** Eight bytes that a reply has by chance once in ages; half of it would be found as well. */
const SECRET = new Uint8Array(randomBytes(8).map((byte) => byte | 0x80));
/** Payloads in buffers of every size. */
const SIZES = [64, 300, 1000, 4900, 12_000, 20_000, 60_000, 130_000, 260_000, 520_000, 1_048_576];
const LENGTHS = [
  0, 1, 3, 4, 7, 8, 13, 20, 24, 31, 40, 57, 64, 94, 100, 101, 104, 105, 121, 200, 513, 4097, 65_536,
];
const INFO_CLASSES = 82;
const FS_CLASSES = 14;
const ROUND = 24;

let server: TestServer;
let writer: Mount;
let written: FileId;
const found: string[] = [];

beforeAll(async () => {
  server = await startServer({ users: [TESTER, TESTER2] });
  writer = await mountTest(server);
  written = await createFile(writer, "secrets");
  await writer.client.request({ ...callOn(writer, Command.ECHO, (body) => body.u32(4)), credits: 256 });
});
afterAll(async () => {
  writer?.client.close();
  await server?.stop();
});

/** Leaves the secret in many buffers of every size: in requests, and in the replies to READs. */
async function fill(): Promise<void> {
  const replies: Promise<unknown>[] = [];
  for (const size of SIZES) {
    const data = new Uint8Array(size);
    for (let at = 0; at + SECRET.length <= size; at += SECRET.length) data.set(SECRET, at);
    await writer.client.awaitCredits(40);
    replies.push(writer.client.request(writeCall(writer, written, 0, data)));
    replies.push(writer.client.request(readCall(writer, written, 0, size)));
  }
  await Promise.all(replies);
}

const needle = Buffer.from(SECRET);

/** A client of another user whose received frames are searched. */
async function mountSearched(): Promise<Mount> {
  const mount = await mountShare(server, TESTER2, "test", { protection: "plain" });
  const { socket } = mount.client;
  const { onFrame } = socket;
  socket.onFrame = (frame) => {
    const bytes = Buffer.from(frame);
    // At any alignment, and where a piece of it is left.
    for (let from = 0; from < SECRET.length; from++) {
      const rotated = Buffer.concat([needle.subarray(from), needle.subarray(0, from)]).subarray(0, 5);
      const at = bytes.indexOf(rotated);
      if (at >= 0)
        found.push(
          `command ${bytes.readUInt16LE(12)}, status ${bytes.readUInt32LE(8).toString(16)}: byte ${at}`,
        );
    }
    onFrame(frame);
  };
  return mount;
}

/** Sends the calls in rounds, each after the buffers were filled, alone and in compounds. */
async function search(mount: Mount, calls: readonly Call[]): Promise<void> {
  for (let at = 0; at < calls.length; at += ROUND) {
    if (at % (ROUND * 8) === 0) await fill();
    await mount.client.awaitCredits(ROUND + 40);
    const round = calls.slice(at, at + ROUND);
    const replies =
      at % (ROUND * 2) === 0 ? round.map((call) => mount.client.request(call)) : compounds(mount, round);
    await Promise.all(replies.map((reply) => reply.catch(() => undefined)));
    expect(found).toEqual([]);
  }
}

function compounds(mount: Mount, calls: readonly Call[]): Promise<unknown>[] {
  const replies: Promise<unknown>[] = [];
  for (let at = 0; at < calls.length; at += 4)
    replies.push(...mount.client.compound(calls.slice(at, at + 4)));
  return replies;
}

function queryCalls(mount: Mount, fileId: FileId): Call[] {
  const calls: Call[] = [];
  const ask = (
    infoType: number,
    infoClass: number,
    outputBufferLength: number,
    additionalInformation = 0,
  ): void => {
    calls.push(
      callOn(mount, Command.QUERY_INFO, (body) =>
        encodeQueryInfoRequest(body, {
          infoType,
          infoClass,
          outputBufferLength,
          additionalInformation,
          flags: 0,
          fileId,
          inputBuffer: EMPTY,
        }),
      ),
    );
  };
  for (const length of LENGTHS) {
    for (let infoClass = 0; infoClass < INFO_CLASSES; infoClass++) ask(InfoType.FILE, infoClass, length);
    for (let infoClass = 0; infoClass < FS_CLASSES; infoClass++) ask(InfoType.FILESYSTEM, infoClass, length);
    for (const parts of [0, 1, 2, 4, 7, 15, 0x10]) ask(InfoType.SECURITY, 0, length, parts);
    ask(InfoType.QUOTA, 0, length);
  }
  return calls;
}

test("the search finds what a client has written itself", async () => {
  const mount = await mountSearched();
  const file = await createFile(mount, "own secret");
  await mount.client.request(writeCall(mount, file, 3, SECRET));
  await mount.client.request(readCall(mount, file, 0, 11));
  expect(found.splice(0).length).toBeGreaterThan(0);
  mount.client.close();
});

test("QUERY_INFO of every class, for a file, a stream and a folder", async () => {
  const mount = await mountSearched();
  const file = await createFile(mount, "asked");
  const { fileId: stream } = await openFile(mount, "asked:stream", {
    desiredAccess: READ_WRITE,
    createDisposition: CreateDisposition.OPEN_IF,
  });
  const folder = await createDirectory(mount, "asked folder");
  for (const fileId of [file, stream, folder]) await search(mount, queryCalls(mount, fileId));
  mount.client.close();
}, 120_000);

test("QUERY_DIRECTORY of every class and CHANGE_NOTIFY", async () => {
  const mount = await mountSearched();
  const folder = await createDirectory(mount, "listed");
  for (let i = 0; i < 12; i++) await createFile(mount, `listed\\${"name".repeat(i)}${i}`);
  const { DIRECTORY, FULL_DIRECTORY, BOTH_DIRECTORY, NAMES, ID_BOTH_DIRECTORY, ID_FULL_DIRECTORY } =
    FileInfoClass;
  const classes = [
    DIRECTORY,
    FULL_DIRECTORY,
    BOTH_DIRECTORY,
    NAMES,
    ID_BOTH_DIRECTORY,
    ID_FULL_DIRECTORY,
    50,
    60,
    63,
    64,
    78,
    79,
    80,
    81,
  ];
  const calls: Call[] = [];
  for (const infoClass of classes)
    for (const outputBufferLength of [...LENGTHS, 300, 301, 999, 1500])
      for (const flags of [0x10, 0, 2, 1])
        calls.push(queryDirectoryCall(mount, folder, { infoClass, flags, outputBufferLength }));
  await search(mount, calls);
  mount.client.close();
}, 120_000);

test("IOCTL of every code, READ of holes and ends, and failed requests", async () => {
  const mount = await mountSearched();
  const file = await createFile(mount, "read");
  const { fileId: stream } = await openFile(mount, "read:holes", {
    desiredAccess: READ_WRITE,
    createDisposition: CreateDisposition.OPEN_IF,
  });
  const calls: Call[] = [];
  for (const ctlCode of Object.values(Fsctl)) {
    // VALIDATE_NEGOTIATE_INFO ends the connection where it does not match.
    if (ctlCode === Fsctl.VALIDATE_NEGOTIATE_INFO) continue;
    for (const fileId of [file, stream, undefined])
      for (const length of [0, 8, 16, 24, 33, 64, 4097])
        for (const input of [EMPTY, new Uint8Array(16), new Uint8Array(57)])
          calls.push(ioctlCall(mount, ctlCode, input, fileId, length));
  }
  await search(mount, calls);
  // Sizes grow without data.
  for (const fileId of [file, stream]) {
    await mount.client.request(writeCall(mount, fileId, 0, new Uint8Array([1, 2, 3])));
    for (const size of [5, 9000, 70_001]) {
      const end = new Uint8Array(8);
      new DataView(end.buffer).setUint32(0, size, true);
      await mount.client.request(setInfoCall(mount, fileId, FileInfoClass.END_OF_FILE, end));
      await mount.client.request(writeCall(mount, fileId, size + 777, new Uint8Array([4])));
      const reads: Call[] = [];
      for (const offset of [0, 1, 3, 4096, size - 1, size, size + 770, size + 778, 2 ** 40])
        for (const length of [0, 1, 5, 777, 4096, 65_000])
          for (const minimumCount of [0, 1, 66_000])
            reads.push({
              ...readCall(mount, fileId, offset, length),
              body: (body) =>
                encodeReadRequest(body, {
                  padding: 0x50,
                  flags: 0,
                  length,
                  offset,
                  fileId,
                  minimumCount,
                  channel: 0,
                  remainingBytes: 0,
                  channelInfo: EMPTY,
                }),
            });
      await search(mount, reads);
    }
  }
  const failing: Call[] = [];
  for (const name of ["missing", "read\\below", "a*b", "", "\\", "x".repeat(300)])
    for (const createDisposition of Object.values(CreateDisposition))
      failing.push(createCall(mount, name, { createDisposition, createOptions: 1 }), createCall(mount, name));
  for (let command = 1; command < 20; command++)
    if (command !== Command.LOGOFF && command !== Command.TREE_DISCONNECT && command !== Command.CANCEL)
      failing.push(callOn(mount, command, (body) => body.zero(40)));
  await search(mount, failing);
  mount.client.close();
}, 120_000);
