// Attacks with file system controls: chunks that are too many, too long, out of range or of another session's
// file; ranges that end before they begin; buffers cut at every byte; controls on objects they are not meant
// for. [MS-SMB2] 3.3.5.15; [MS-FSA] 2.1.5.10.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { Access } from "../../../src/wire/security/access.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { type CopyChunk, encodeDuplicateExtents } from "../../../src/wire/fscc/copychunk.ts";
import { Fsctl } from "../../../src/wire/fscc/fsctl.ts";
import { Status } from "../../../src/wire/status.ts";
import { againstSmbd } from "../../peer/start.ts";
import { TESTER2, type TestServer } from "../../peer/test-server.ts";
import { copied, copyCall, encode, outputOf, pair, resumeKey } from "../client/fsctl-calls.ts";
import {
  chargeFor,
  closeCall,
  createFile,
  ioctlCall,
  type Mount,
  mountShare,
  openFile,
  READ_WRITE,
  readFile,
  writeFile,
} from "../client/raw-files.ts";
import {
  anonymousKib,
  expectOutcome,
  expectServing,
  mountTest,
  type Outcome,
  startVictim,
} from "../client/attack-rig.ts";

let server: TestServer;
let mount: Mount;
let file: FileId;
beforeAll(async () => {
  server = await startVictim();
  mount = await mountTest(server);
  file = await createFile(mount, "victim");
  await writeFile(mount, file, 0, new Uint8Array(10_000).fill(5));
});
afterAll(async () => {
  mount.client.close();
  await server.stop();
});
afterEach(() => expectServing(server));

const MAX = (1n << 64n) - 1n;
const MIB = 1_048_576;

function outcome(ctlCode: number, input: Uint8Array, to: FileId = file): Promise<Outcome> {
  return mount.client.outcome(ioctlCall(mount, ctlCode, input, to));
}

/** The input of a COPYCHUNK with what `CopyChunk` cannot hold: 64-bit offsets, a count that is wrong. */
function rawChunks(
  key: Uint8Array,
  count: number,
  chunks: readonly (readonly [bigint, bigint, number])[],
): Uint8Array {
  const bytes = new Uint8Array(32 + chunks.length * 24);
  bytes.set(key);
  const view = new DataView(bytes.buffer);
  view.setUint32(24, count, true);
  for (const [i, [source, target, length]] of chunks.entries()) {
    view.setBigUint64(32 + i * 24, source, true);
    view.setBigUint64(40 + i * 24, target, true);
    view.setUint32(48 + i * 24, length, true);
  }
  return bytes;
}

describe("copies", () => {
  test("COPYCHUNK with too many or too long chunks fails with STATUS_INVALID_PARAMETER and returns the limits", async () => {
    const key = await resumeKey(mount, file);
    const chunk: CopyChunk = { sourceOffset: 0, targetOffset: 0, length: 1 };
    const long: CopyChunk = { sourceOffset: 0, targetOffset: 0, length: MIB };
    const lists = [
      Array.from({ length: 65_535 }, () => chunk),
      Array.from({ length: 257 }, () => chunk),
      Array.from({ length: 17 }, () => long),
      [{ ...chunk, length: MIB + 1 }],
      [{ ...chunk, length: 0xffff_ffff }],
      [{ ...chunk, length: 0 }],
    ];
    for (const chunks of lists) {
      await mount.client.awaitCredits(chargeFor(mount, 32 + chunks.length * 24));
      const reply = await mount.client.request(copyCall(mount, file, key, chunks));
      expect(reply.status).toBe(Status.INVALID_PARAMETER);
      const limits = { chunksWritten: 256, chunkBytesWritten: MIB, totalBytesWritten: 16 * MIB };
      expect(copied(reply)).toEqual(limits);
    }
    expect((await readFile(mount, file, 0, 20_000)).length).toBe(10_000);
  });

  test.each([
    [MAX, 0n, 2, Status.INVALID_VIEW_SIZE],
    [MAX - 1n, 0n, MIB, Status.INVALID_VIEW_SIZE],
    [1n << 63n, 0n, 1, Status.INVALID_VIEW_SIZE],
    [10_000n, 0n, 1, Status.INVALID_VIEW_SIZE],
    [9_999n, 0n, 2, Status.INVALID_VIEW_SIZE],
    [0n, MAX, 2, Status.INVALID_PARAMETER],
    [0n, (1n << 63n) - 1n, 1, Status.DISK_FULL],
    [0n, 1n << 63n, 1, Status.INVALID_PARAMETER],
  ])("COPYCHUNK from offset %p to %p fails and grows nothing", async (from, to, length, status) => {
    const input = rawChunks(await resumeKey(mount, file), 1, [[from, to, length]]);
    expectOutcome(await outcome(Fsctl.SRV_COPYCHUNK, input), status, Status.INVALID_PARAMETER);
    expect((await readFile(mount, file, 0, 20_000)).length).toBe(10_000);
  });

  test("COPYCHUNK with a count above its chunks, or cut at any byte, fails with STATUS_INVALID_PARAMETER", async () => {
    const key = await resumeKey(mount, file);
    for (const count of [2, 256, 0x0aaa_aaab, 0xffff_ffff]) {
      const input = rawChunks(key, count, [[0n, 0n, 1]]);
      expectOutcome(await outcome(Fsctl.SRV_COPYCHUNK, input), Status.INVALID_PARAMETER);
    }
    const whole = rawChunks(key, 1, [[0n, 0n, 1]]);
    for (let length = 0; length < whole.length; length++) {
      expectOutcome(await outcome(Fsctl.SRV_COPYCHUNK, whole.subarray(0, length)), Status.INVALID_PARAMETER);
    }
  });

  test("COPYCHUNK with a guessed key, or one of another session, fails with STATUS_OBJECT_NAME_NOT_FOUND", async () => {
    const stranger = await mountShare(server, TESTER2, "test");
    const own = await createFile(stranger, "own");
    await writeFile(stranger, own, 0, new Uint8Array([1]));
    const foreign = await resumeKey(stranger, own);
    const guesses = [new Uint8Array(24), new Uint8Array(24).fill(255), foreign];
    for (let bit = 0; bit < 24 * 8; bit += 7) {
      const guess = (await resumeKey(mount, file)).slice();
      guess[bit >> 3] = (guess[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      guesses.push(guess);
    }
    for (const key of guesses) {
      const call = copyCall(mount, file, key, [{ sourceOffset: 0, targetOffset: 0, length: 1 }]);
      expectOutcome(await mount.client.outcome(call), Status.OBJECT_NAME_NOT_FOUND);
    }
    stranger.client.close();
  });

  test("CLOSE succeeds while copies of 16 MiB of the file onto itself are under way", async () => {
    const wide = await createFile(mount, "wide");
    await writeFile(mount, wide, 2 * MIB - 1, new Uint8Array([9]));
    const key = await resumeKey(mount, wide);
    const chunks = Array.from({ length: 16 }, () => ({ sourceOffset: 0, targetOffset: 5, length: MIB }));
    const copies = [1, 2, 3].map(() => mount.client.outcome(copyCall(mount, wide, key, chunks)));
    const closed = mount.client.outcome(closeCall(mount, wide));
    for (const copy of copies) {
      expectOutcome(await copy, Status.SUCCESS, Status.FILE_CLOSED, Status.OBJECT_NAME_NOT_FOUND);
    }
    expectOutcome(await closed, Status.SUCCESS);
  });

  test("clients that disconnect in the middle of a copy do not disturb the server", async () => {
    for (let i = 0; i < 5; i++) {
      const guest = await mountTest(server);
      const wide = await createFile(guest, `left${i}`);
      await writeFile(guest, wide, 2 * MIB - 1, new Uint8Array([9]));
      const key = await resumeKey(guest, wide);
      const chunks = Array.from({ length: 16 }, () => ({ sourceOffset: 0, targetOffset: 5, length: MIB }));
      guest.client.start(copyCall(guest, wide, key, chunks));
      guest.client.close();
    }
  });
});

describe("ranges", () => {
  const bad: readonly (readonly [bigint, bigint])[] = [
    [10n, 9n],
    [MAX, 0n],
    [1n << 63n, MAX],
    [0n, MAX],
    [MAX, MAX],
  ];

  test("SET_ZERO_DATA and QUERY_ALLOCATED_RANGES with reversed or negative ranges change nothing and fail", async () => {
    for (const [first, second] of bad) {
      expectOutcome(await outcome(Fsctl.SET_ZERO_DATA, pair(first, second)), Status.INVALID_PARAMETER);
    }
    for (const [first, second] of bad.slice(1)) {
      const input = pair(first, second);
      expectOutcome(await outcome(Fsctl.QUERY_ALLOCATED_RANGES, input), Status.INVALID_PARAMETER);
    }
    expect(await readFile(mount, file, 0, 20_000)).toEqual(new Uint8Array(10_000).fill(5));
  });

  test("a range beyond the end of the file does not grow it", async () => {
    const last = (1n << 63n) - 1n;
    expectOutcome(await outcome(Fsctl.SET_SPARSE, new Uint8Array(0)), Status.SUCCESS);
    expectOutcome(await outcome(Fsctl.SET_ZERO_DATA, pair(10_000n, last)), Status.SUCCESS);
    expectOutcome(await outcome(Fsctl.SET_ZERO_DATA, pair(last, last)), Status.SUCCESS);
    expectOutcome(await outcome(Fsctl.QUERY_ALLOCATED_RANGES, pair(last - 1n, 1n)), Status.SUCCESS);
    expectOutcome(await outcome(Fsctl.QUERY_ALLOCATED_RANGES, pair(0n, last)), Status.SUCCESS);
    expectOutcome(await outcome(Fsctl.QUERY_ALLOCATED_RANGES, pair(1n, last)), Status.INVALID_PARAMETER);
    expect((await readFile(mount, file, 0, 20_000)).length).toBe(10_000);
  });

  test("SET_ZERO_DATA and QUERY_ALLOCATED_RANGES with fewer than 16 bytes fail with STATUS_INVALID_PARAMETER", async () => {
    for (let length = 0; length < 16; length++) {
      const cut = new Uint8Array(length);
      expectOutcome(await outcome(Fsctl.SET_ZERO_DATA, cut), Status.INVALID_PARAMETER);
      expectOutcome(await outcome(Fsctl.QUERY_ALLOCATED_RANGES, cut), Status.INVALID_PARAMETER);
    }
  });

  test.skipIf(againstSmbd)("exabytes of holes are zeroed and queried within 32 MiB of memory", async () => {
    const huge = await createFile(mount, "huge");
    await writeFile(mount, huge, 2 ** 43, new Uint8Array([1]));
    await outcome(Fsctl.SET_SPARSE, new Uint8Array(0), huge);
    const before = anonymousKib(server);
    const zeroing = outcome(Fsctl.SET_ZERO_DATA, pair(0n, 1n << 62n), huge);
    await expectServing(server);
    expectOutcome(await zeroing, Status.SUCCESS);
    expectOutcome(await outcome(Fsctl.QUERY_ALLOCATED_RANGES, pair(0n, 1n << 62n), huge), Status.SUCCESS);
    expect(anonymousKib(server) - before).toBeLessThan(32_768);
    await mount.client.demand("close", closeCall(mount, huge));
  });
});

describe("controls that are not offered", () => {
  test.skipIf(againstSmbd).each([
    ["OFFLOAD_READ", Status.INVALID_DEVICE_REQUEST],
    ["OFFLOAD_WRITE", Status.INVALID_DEVICE_REQUEST],
    ["REFS_STREAM_SNAPSHOT_MANAGEMENT", Status.NOT_SUPPORTED],
    ["SRV_READ_HASH", Status.HASH_NOT_SUPPORTED],
    ["LMR_REQUEST_RESILIENCY", Status.INVALID_DEVICE_REQUEST],
    ["GET_INTEGRITY_INFORMATION", Status.INVALID_DEVICE_REQUEST],
    ["SET_INTEGRITY_INFORMATION", Status.INVALID_DEVICE_REQUEST],
    ["QUERY_SHARED_VIRTUAL_DISK_SUPPORT", Status.INVALID_DEVICE_REQUEST],
    ["SVHDX_SYNC_TUNNEL_REQUEST", Status.INVALID_DEVICE_REQUEST],
    ["GET_OBJECT_ID", Status.INVALID_DEVICE_REQUEST],
    ["SET_OBJECT_ID", Status.INVALID_DEVICE_REQUEST],
    ["DELETE_OBJECT_ID", Status.INVALID_DEVICE_REQUEST],
    ["DUPLICATE_EXTENTS_TO_FILE_EX", Status.INVALID_DEVICE_REQUEST],
  ] as const)("%s fails with its status for a control that is not supported", async (name, status) => {
    expectOutcome(await outcome(Fsctl[name], new Uint8Array(64)), status);
  });

  test("CREATE_OR_GET_OBJECT_ID returns an id that the file keeps, as smbd does", async () => {
    const idOf = async (to: FileId): Promise<string> => {
      const call = ioctlCall(mount, Fsctl.CREATE_OR_GET_OBJECT_ID, new Uint8Array(0), to, 64);
      return outputOf(await mount.client.demand("CREATE_OR_GET_OBJECT_ID", call)).toHex();
    };
    const first = await idOf(file);
    expect(first).toMatch(/^[0-9a-f]{128}$/);
    const again = await openFile(mount, "victim");
    expect(await idOf(again.fileId)).toBe(first);
    expect(await idOf(await createFile(mount, "another file"))).not.toBe(first);
    const short = ioctlCall(mount, Fsctl.CREATE_OR_GET_OBJECT_ID, new Uint8Array(0), file, 63);
    expectOutcome(await mount.client.outcome(short), Status.INVALID_PARAMETER);
  });

  test("GET_COMPRESSION returns none, and SET_COMPRESSION to LZNT1 fails with STATUS_NOT_SUPPORTED", async () => {
    const reply = await mount.client.demand(
      "GET_COMPRESSION",
      ioctlCall(mount, Fsctl.GET_COMPRESSION, new Uint8Array(0), file, 2),
    );
    expect([...outputOf(reply)]).toEqual([0, 0]);
    expectOutcome(await outcome(Fsctl.SET_COMPRESSION, new Uint8Array([2, 0])), Status.NOT_SUPPORTED);
    expectOutcome(
      await outcome(Fsctl.SET_COMPRESSION, new Uint8Array([0, 0])),
      Status.SUCCESS,
      Status.NOT_SUPPORTED,
    );
  });
});

describe("controls on the wrong object or handle", () => {
  const codes = Object.entries(Fsctl).filter(([name]) => !name.startsWith("PIPE_"));

  test.each(codes)("%s with too little or too much input is no internal error", async (_name, code) => {
    const { fileId } = await openFile(mount, "", { desiredAccess: Access.READ_DATA });
    for (const length of [0, 1, 15, 16, 23, 24, 31, 32, 4096]) {
      const input = new Uint8Array(length).fill(0xff);
      for (const target of [fileId, file]) {
        const ended = await mount.client.outcome(ioctlCall(mount, code, input, target, 7));
        expect(ended).not.toBe("closed");
        expect(ended).not.toBe(Status.INTERNAL_ERROR);
      }
    }
    await mount.client.demand("close", closeCall(mount, fileId));
  });

  test("DUPLICATE_EXTENTS_TO_FILE from another session's file, onto itself or beyond all offsets fails", async () => {
    const stranger = await mountShare(server, TESTER2, "test");
    const own = await createFile(stranger, "blocks");
    const values = [
      { source: own, sourceOffset: 0, targetOffset: 0, byteCount: 4096 },
      { source: file, sourceOffset: 0, targetOffset: 1, byteCount: 4096 },
      { source: file, sourceOffset: 2 ** 63, targetOffset: 0, byteCount: 4096 },
      { source: file, sourceOffset: 0, targetOffset: 2 ** 63, byteCount: 2 ** 63 },
    ];
    for (const value of values) {
      const input = encode(40, (writer) => encodeDuplicateExtents(writer, value));
      expectOutcome(
        await outcome(Fsctl.DUPLICATE_EXTENTS_TO_FILE, input),
        Status.INVALID_HANDLE,
        Status.INVALID_PARAMETER,
        Status.NOT_SUPPORTED,
        Status.INVALID_DEVICE_REQUEST,
      );
    }
    stranger.client.close();
  });

  test("a handle that may only read is no target of a copy, is not made sparse and not zeroed", async () => {
    const reader = (await openFile(mount, "victim", { desiredAccess: Access.READ_DATA })).fileId;
    const writer = (await openFile(mount, "victim", { desiredAccess: READ_WRITE })).fileId;
    const key = await resumeKey(mount, writer);
    const chunk = { sourceOffset: 0, targetOffset: 0, length: 1 };
    expectOutcome(await mount.client.outcome(copyCall(mount, reader, key, [chunk])), Status.ACCESS_DENIED);
    for (const code of [Fsctl.SET_SPARSE, Fsctl.SET_ZERO_DATA]) {
      expectOutcome(await outcome(code, pair(0n, 1n), reader), Status.ACCESS_DENIED);
    }
    for (const id of [reader, writer]) await mount.client.demand("close", closeCall(mount, id));
  });
});
