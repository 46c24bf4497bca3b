// Sparse files: the sparse attribute, which stays when the file is closed, holes and queries of allocated
// ranges. [MS-FSA] 2.1.5.10.22, 2.1.5.10.36, 2.1.5.10.37; [MS-FSCC] 2.6.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Access } from "../../../src/wire/security/access.ts";
import { decodeBufferResponse } from "../../../src/wire/command/buffer-response.ts";
import { EMPTY } from "../../../src/wire/cursor.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { FileAttribute } from "../../../src/wire/fscc/attributes.ts";
import { decodeAllInformation, encodeBasicChange } from "../../../src/wire/fscc/file-information.ts";
import { Fsctl } from "../../../src/wire/fscc/fsctl.ts";
import { FileInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { InfoType } from "../../../src/wire/command/query-info.ts";
import { Status } from "../../../src/wire/status.ts";
import type { TestServer } from "../../peer/test-server.ts";
import { expectOutcome, mountTest } from "../client/attack-rig.ts";
import { encode, outputOf, pair, rangesOf } from "../client/fsctl-calls.ts";
import { EXCLUSIVE_NOW, lockOne } from "../client/lock-calls.ts";
import {
  closeFile,
  ioctlCall,
  listDirectory,
  type Mount,
  openFile,
  queryInfoCall,
  READ_WRITE,
  readFile,
  setInfoCall,
} from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";

let server: TestServer;
let mount: Mount;
let directory: string;
beforeAll(async () => {
  server = await startServer();
  mount = await mountTest(server);
  directory = server.shares.get("test") ?? "";
});
afterAll(async () => {
  mount.client.close();
  await server.stop();
});

const MIB = 1_048_576;

/** Writes a file of mode 0666 into the folder of `test`. */
function put(name: string, data: string | Uint8Array): void {
  writeFileSync(join(directory, name), data);
  chmodSync(join(directory, name), 0o666);
}

/** Makes a file of 4 MiB in which every byte is 7, and opens it. */
async function fullFile(name: string, desiredAccess: number = READ_WRITE): Promise<FileId> {
  put(name, new Uint8Array(4 * MIB).fill(7));
  return (await openFile(mount, name, { desiredAccess })).fileId;
}

function outcome(file: FileId, ctlCode: number, input: Uint8Array): Promise<number | "closed"> {
  return mount.client.outcome(ioctlCall(mount, ctlCode, input, file));
}

async function attributesOf(file: FileId): Promise<number> {
  const call = queryInfoCall(mount, file, InfoType.FILE, FileInfoClass.ALL);
  const reply = await mount.client.demand("QUERY_INFO", call);
  return decodeAllInformation(decodeBufferResponse(reply.message).buffer).attributes;
}

async function ranges(file: FileId, offset: number, length: number) {
  const call = ioctlCall(mount, Fsctl.QUERY_ALLOCATED_RANGES, pair(BigInt(offset), BigInt(length)), file);
  return rangesOf(await mount.client.demand("QUERY_ALLOCATED_RANGES", call));
}

test("SET_ZERO_DATA on a sparse file makes a hole that frees its blocks, is queried and reads as zeros", async () => {
  const file = await fullFile("holes");
  expect(await ranges(file, 0, 8 * MIB)).toEqual([{ offset: 0, length: 4 * MIB }]);
  expectOutcome(await outcome(file, Fsctl.SET_SPARSE, EMPTY), Status.SUCCESS);
  const before = statSync(join(directory, "holes")).blocks;
  expectOutcome(await outcome(file, Fsctl.SET_ZERO_DATA, pair(BigInt(MIB), BigInt(2 * MIB))), Status.SUCCESS);
  expect(statSync(join(directory, "holes")).size).toBe(4 * MIB);
  expect(before - statSync(join(directory, "holes")).blocks).toBe(MIB / 512);
  expect(await ranges(file, 0, 8 * MIB)).toEqual([
    { offset: 0, length: MIB },
    { offset: 2 * MIB, length: 2 * MIB },
  ]);
  expect(await ranges(file, MIB + 5, MIB)).toEqual([{ offset: 2 * MIB, length: 5 }]);
  expect(await readFile(mount, file, MIB - 2, 4)).toEqual(new Uint8Array([7, 7, 0, 0]));
  await closeFile(mount, file);
});

test("SET_ZERO_DATA on a file that is not sparse writes zeros and leaves every block allocated", async () => {
  const file = await fullFile("solid");
  expectOutcome(await outcome(file, Fsctl.SET_ZERO_DATA, pair(1n, BigInt(64 * MIB))), Status.SUCCESS);
  expect(statSync(join(directory, "solid")).size).toBe(4 * MIB);
  expect(await readFile(mount, file, 0, 3)).toEqual(new Uint8Array([7, 0, 0]));
  expect(await readFile(mount, file, 4 * MIB - 1, 10)).toEqual(new Uint8Array([0]));
  expect(await ranges(file, 0, 8 * MIB)).toEqual([{ offset: 0, length: 4 * MIB }]);
  await closeFile(mount, file);
});

test("the sparse attribute shows everywhere, survives other changes, and SET_SPARSE clears it", async () => {
  const file = await fullFile("marked");
  await outcome(file, Fsctl.SET_SPARSE, new Uint8Array([1]));
  const basic = encode(64, (writer) =>
    encodeBasicChange(writer, {
      birth: { seconds: 1_000_000_000, nanoseconds: 0 },
      access: undefined,
      modify: undefined,
      change: undefined,
      attributes: FileAttribute.HIDDEN,
    }),
  );
  await mount.client.demand("SET_INFO", setInfoCall(mount, file, FileInfoClass.BASIC, basic));
  expect(await attributesOf(file)).toBe(FileAttribute.HIDDEN | FileAttribute.SPARSE_FILE);
  await closeFile(mount, file);
  const root = (await openFile(mount, "", {})).fileId;
  const entry = (await listDirectory(mount, root, { pattern: "marked" }))[0];
  expect((entry?.stat.attributes ?? 0) & FileAttribute.SPARSE_FILE).not.toBe(0);
  await closeFile(mount, root);
  const again = await openFile(mount, "marked", { desiredAccess: READ_WRITE });
  expect(again.file.attributes & FileAttribute.SPARSE_FILE).not.toBe(0);
  await outcome(again.fileId, Fsctl.SET_SPARSE, new Uint8Array([0]));
  expect(await attributesOf(again.fileId)).toBe(FileAttribute.HIDDEN);
  await closeFile(mount, again.fileId);
});

test("a control without the access that it needs, or on a locked range, fails and changes nothing", async () => {
  const file = await fullFile("guarded");
  const reader = (await openFile(mount, "guarded", { desiredAccess: Access.READ_DATA })).fileId;
  const whole = pair(0n, BigInt(MIB));
  expectOutcome(await outcome(reader, Fsctl.SET_SPARSE, EMPTY), Status.ACCESS_DENIED);
  expectOutcome(await outcome(reader, Fsctl.SET_ZERO_DATA, whole), Status.ACCESS_DENIED);
  const writer = (await openFile(mount, "guarded", { desiredAccess: Access.WRITE_DATA })).fileId;
  expectOutcome(await outcome(writer, Fsctl.QUERY_ALLOCATED_RANGES, whole), Status.ACCESS_DENIED);
  await mount.client.demand("lock", lockOne(mount, file, MIB - 1, 1, EXCLUSIVE_NOW));
  expectOutcome(await outcome(writer, Fsctl.SET_ZERO_DATA, whole), Status.FILE_LOCK_CONFLICT);
  expect(await readFile(mount, file, 0, 1)).toEqual(new Uint8Array([7]));
  for (const id of [file, reader, writer]) await closeFile(mount, id);
  const root = (await openFile(mount, "", { desiredAccess: READ_WRITE })).fileId;
  expectOutcome(await outcome(root, Fsctl.SET_SPARSE, EMPTY), Status.INVALID_PARAMETER);
  await closeFile(mount, root);
});

test("QUERY_ALLOCATED_RANGES with too little room returns the first ranges and STATUS_BUFFER_OVERFLOW", async () => {
  const file = await fullFile("many");
  await outcome(file, Fsctl.SET_SPARSE, EMPTY);
  for (let i = 0; i < 8; i++) {
    const at = BigInt(i * 2 * 65_536);
    expectOutcome(await outcome(file, Fsctl.SET_ZERO_DATA, pair(at, at + 65_536n)), Status.SUCCESS);
  }
  const all = pair(0n, BigInt(MIB));
  const cut = await mount.client.request(ioctlCall(mount, Fsctl.QUERY_ALLOCATED_RANGES, all, file, 40));
  expect(cut.status).toBe(Status.BUFFER_OVERFLOW);
  expect(outputOf(cut).length).toBe(32);
  expect(rangesOf(cut)[1]).toEqual({ offset: 3 * 65_536, length: 65_536 });
  const none = await mount.client.request(ioctlCall(mount, Fsctl.QUERY_ALLOCATED_RANGES, all, file, 15));
  expect(none.status).toBe(Status.BUFFER_TOO_SMALL);
  expect((await ranges(file, 0, MIB)).length).toBe(8);
  await closeFile(mount, file);
});

test("FILE_LEVEL_TRIM frees the blocks of a sparse file and reads as zeros in every file", async () => {
  for (const isSparse of [true, false]) {
    const name = isSparse ? "trimmed" : "trimmed solid";
    const file = await fullFile(name);
    if (isSparse) await outcome(file, Fsctl.SET_SPARSE, EMPTY);
    const before = statSync(join(directory, name)).blocks;
    const input = new Uint8Array([
      0,
      0,
      0,
      0,
      2,
      0,
      0,
      0,
      ...pair(0n, BigInt(MIB)),
      ...pair(BigInt(2 * MIB), 5n),
    ]);
    const reply = await mount.client.demand("trim", ioctlCall(mount, Fsctl.FILE_LEVEL_TRIM, input, file));
    expect([...outputOf(reply)]).toEqual([2, 0, 0, 0]);
    const freed = before - statSync(join(directory, name)).blocks;
    expect(freed).toBe(isSparse ? MIB / 512 : 0);
    expect(await readFile(mount, file, MIB - 1, 2)).toEqual(new Uint8Array([0, 7]));
    expect(await readFile(mount, file, 2 * MIB, 6)).toEqual(new Uint8Array([0, 0, 0, 0, 0, 7]));
    for (const wrong of [input.subarray(0, 24), input.subarray(0, 7), new Uint8Array(8)]) {
      expectOutcome(await outcome(file, Fsctl.FILE_LEVEL_TRIM, wrong), Status.INVALID_PARAMETER);
    }
    await closeFile(mount, file);
  }
});

// [MS-FSA] 2.1.5.10.24.
test("QUERY_FILE_REGIONS reports valid data up to the end of the file", async () => {
  const file = await fullFile("regions");
  const region = (offset: bigint, length: bigint, usage: number) =>
    new Uint8Array([...pair(offset, length), usage, 0, 0, 0, 0, 0, 0, 0]);
  const regionsOf = async (input: Uint8Array): Promise<bigint[]> => {
    const reply = await mount.client.demand(
      "regions",
      ioctlCall(mount, Fsctl.QUERY_FILE_REGIONS, input, file),
    );
    const bytes = outputOf(reply);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    expect([view.getUint32(4, true), view.getUint32(8, true)]).toEqual(bytes.length > 16 ? [1, 1] : [0, 0]);
    if (bytes.length === 16) return [];
    expect(bytes.length).toBe(40);
    return [view.getBigInt64(16, true), view.getBigInt64(24, true), BigInt(view.getUint32(32, true))];
  };
  const size = BigInt(4 * MIB);
  expect(await regionsOf(EMPTY)).toEqual([0n, size, 1n]);
  expect(await regionsOf(region(100n, 50n, 1))).toEqual([100n, 50n, 1n]);
  expect(await regionsOf(region(size - 1n, 50n, 3))).toEqual([size - 1n, 1n, 3n]);
  expect(await regionsOf(region(size, 50n, 1))).toEqual([]);
  for (const wrong of [region(0n, 0n, 1), region(0n, -1n, 1), region(0n, 1n, 0), region(0n, 1n, 4)])
    expectOutcome(await outcome(file, Fsctl.QUERY_FILE_REGIONS, wrong), Status.INVALID_PARAMETER);
  expectOutcome(await outcome(file, Fsctl.QUERY_FILE_REGIONS, new Uint8Array(23)), Status.BUFFER_TOO_SMALL);
  const call = ioctlCall(mount, Fsctl.QUERY_FILE_REGIONS, EMPTY, file, 39);
  expectOutcome(await mount.client.outcome(call), Status.BUFFER_TOO_SMALL);
});
