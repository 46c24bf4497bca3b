// Server-side copies (FSCTL_SRV_COPYCHUNK): resume keys, chunks, access, locks, overlapping ranges, and what
// other clients see while a copy runs. [MS-SMB2] 3.3.5.15.5, 3.3.5.15.6.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Access } from "../../../src/wire/security/access.ts";
import { CreateDisposition } from "../../../src/wire/command/create.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { Fsctl } from "../../../src/wire/fscc/fsctl.ts";
import { Status } from "../../../src/wire/status.ts";
import { canMountFuse, SlowDisk } from "../../peer/fuse/slow-disk.ts";
import { TESTER, TESTER2, type TestServer } from "../../peer/test-server.ts";
import { expectOutcome } from "../client/attack-rig.ts";
import { copied, copyCall, resumeKey } from "../client/fsctl-calls.ts";
import { EXCLUSIVE_NOW, lockOne, sendCancel } from "../client/lock-calls.ts";
import {
  closeFile,
  createFile,
  type Mount,
  mountShare,
  openFile,
  READ_WRITE,
  readFile,
  writeFile,
} from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";

let server: TestServer;
let mount: Mount;
let directory: string;
beforeAll(async () => {
  server = await startServer({ shares: [{ name: "test" }, { name: "other" }] });
  mount = await mountShare(server, TESTER, "test");
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

async function opened(name: string, desiredAccess: number): Promise<FileId> {
  return (await openFile(mount, name, { desiredAccess, createDisposition: CreateDisposition.OPEN_IF }))
    .fileId;
}

test("a client copies a file in 16 chunks of 1 MiB, within the share and to another share", async () => {
  const data = randomBytes(16 * MIB);
  put("source", data);
  const source = await opened("source", Access.READ_DATA);
  const key = await resumeKey(mount, source);
  const otherTree = await mount.client.connectTree(mount.session, "other");
  const other = { ...mount, treeId: otherTree };
  const chunks = Array.from({ length: 16 }, (_, i) => ({
    sourceOffset: i * MIB,
    targetOffset: i * MIB,
    length: MIB,
  }));
  for (const place of [mount, other]) {
    const target = await createFile(place, "copy");
    const reply = await place.client.demand("copy", copyCall(place, target, key, chunks));
    expect(copied(reply)).toEqual({ chunksWritten: 16, chunkBytesWritten: 0, totalBytesWritten: 16 * MIB });
    await closeFile(place, target);
  }
  await closeFile(mount, source);
  expect(readFileSync(join(directory, "copy")).equals(data)).toBe(true);
  expect(readFileSync(join(server.shares.get("other") ?? "", "copy")).equals(data)).toBe(true);
});

test("a chunk that overlaps itself in either direction is copied as if it had been read whole first", async () => {
  const data = randomBytes(MIB + 5000);
  const overlapping = [
    { sourceOffset: 0, targetOffset: 5000, length: MIB },
    { sourceOffset: 5000, targetOffset: 0, length: MIB },
  ];
  for (const chunk of overlapping) {
    put("moving", data);
    const file = await opened("moving", READ_WRITE);
    await mount.client.demand("copy", copyCall(mount, file, await resumeKey(mount, file), [chunk]));
    await closeFile(mount, file);
    const expected = Buffer.from(data);
    data.copy(expected, chunk.targetOffset, chunk.sourceOffset, chunk.sourceOffset + MIB);
    expect(readFileSync(join(directory, "moving")).equals(expected)).toBe(true);
  }
});

test("a chunk from or onto a range that another open has locked fails and copies nothing", async () => {
  put("locked", "0123456789");
  const holder = await opened("locked", READ_WRITE);
  const file = await opened("locked", READ_WRITE);
  const target = await createFile(mount, "unlocked");
  await writeFile(mount, target, 0, new TextEncoder().encode("abcdefghij"));
  await mount.client.demand("lock", lockOne(mount, holder, 5, 1, EXCLUSIVE_NOW));
  const chunk = { sourceOffset: 0, targetOffset: 0, length: 10 };
  const fromLocked = copyCall(mount, target, await resumeKey(mount, file), [chunk]);
  const ontoLocked = copyCall(mount, file, await resumeKey(mount, target), [chunk]);
  for (const call of [fromLocked, ontoLocked]) {
    const reply = await mount.client.request(call);
    expect(reply.status).toBe(Status.FILE_LOCK_CONFLICT);
    expect(copied(reply).totalBytesWritten).toBe(0);
  }
  expect(readFileSync(join(directory, "unlocked"), "utf8")).toBe("abcdefghij");
  expect(readFileSync(join(directory, "locked"), "utf8")).toBe("0123456789");
  for (const id of [holder, file, target]) await closeFile(mount, id);
});

test("the chunks before the one that fails are copied and counted", async () => {
  const data = randomBytes(10_000);
  put("short", data);
  const chunks = [0, 4000, 8000, 12_000].map((at) => ({ sourceOffset: at, targetOffset: at, length: 4000 }));
  const source = await opened("short", Access.READ_DATA);
  const target = await createFile(mount, "counted");
  const key = await resumeKey(mount, source);
  const reply = await mount.client.request(copyCall(mount, target, key, chunks));
  expect(reply.status).toBe(Status.INVALID_VIEW_SIZE);
  expect(copied(reply)).toEqual({ chunksWritten: 2, chunkBytesWritten: 0, totalBytesWritten: 8000 });
  for (const id of [source, target]) await closeFile(mount, id);
  expect(readFileSync(join(directory, "counted")).equals(data.subarray(0, 8000))).toBe(true);
});

test("a chunk within one file reads what the chunk before has written", async () => {
  put("repeated", "abcd............");
  const file = await opened("repeated", READ_WRITE);
  const chunks = [0, 4, 8].map((at) => ({ sourceOffset: at, targetOffset: at + 4, length: 4 }));
  await mount.client.demand("copy", copyCall(mount, file, await resumeKey(mount, file), chunks));
  await closeFile(mount, file);
  expect(readFileSync(join(directory, "repeated"), "utf8")).toBe("abcdabcdabcdabcd");
});

test("COPYCHUNK needs READ_DATA on both opens and WRITE_DATA on the target, COPYCHUNK_WRITE no READ_DATA there", async () => {
  put("s", "data");
  put("t", "");
  const chunk = { sourceOffset: 0, targetOffset: 0, length: 4 };
  const blind = await opened("s", Access.READ_ATTRIBUTES);
  const source = await opened("s", Access.READ_DATA);
  const target = await opened("t", READ_WRITE);
  const writeOnly = await opened("t", Access.WRITE_DATA);
  const key = await resumeKey(mount, source);
  const outcome = (to: FileId, by: Uint8Array, code?: number) =>
    mount.client.outcome(copyCall(mount, to, by, [chunk], code));
  expectOutcome(await outcome(target, await resumeKey(mount, blind)), Status.ACCESS_DENIED);
  expectOutcome(await outcome(source, key), Status.ACCESS_DENIED);
  expectOutcome(await outcome(writeOnly, key), Status.ACCESS_DENIED);
  expect(statSync(join(directory, "t")).size).toBe(0);
  expectOutcome(await outcome(writeOnly, key, Fsctl.SRV_COPYCHUNK_WRITE), Status.SUCCESS);
  expect(readFileSync(join(directory, "t"), "utf8")).toBe("data");
  for (const id of [blind, source, target, writeOnly]) await closeFile(mount, id);
});

test("a resume key is unknown in another session, and unknown after its file is closed", async () => {
  put("private", "secret");
  const source = await opened("private", Access.READ_DATA);
  const key = await resumeKey(mount, source);
  const stranger = await mountShare(server, TESTER2, "test");
  const target = await createFile(stranger, "loot");
  const chunk = { sourceOffset: 0, targetOffset: 0, length: 6 };
  const call = copyCall(stranger, target, key, [chunk]);
  expectOutcome(await stranger.client.outcome(call), Status.OBJECT_NAME_NOT_FOUND);
  expect(statSync(join(directory, "loot")).size).toBe(0);
  stranger.client.close();
  const own = await createFile(mount, "own");
  await closeFile(mount, source);
  expectOutcome(await mount.client.outcome(copyCall(mount, own, key, [chunk])), Status.OBJECT_NAME_NOT_FOUND);
  await closeFile(mount, own);
});

test("a client that has the target open reads the copied bytes at once", async () => {
  const target = await createFile(mount, "seen");
  await writeFile(mount, target, 0, new TextEncoder().encode("before"));
  put("after", "after!");
  const source = await opened("after", Access.READ_DATA);
  const chunk = { sourceOffset: 0, targetOffset: 0, length: 6 };
  await mount.client.demand("copy", copyCall(mount, target, await resumeKey(mount, source), [chunk]));
  expect(new TextDecoder().decode(await readFile(mount, target, 0, 6))).toBe("after!");
  await closeFile(mount, target);
  await closeFile(mount, source);
});

describe.if(await canMountFuse())("on a slow disk", () => {
  let disk: SlowDisk;
  let slow: TestServer;
  beforeAll(async () => {
    disk = await SlowDisk.mount();
    slow = await startServer({ shares: [{ name: "fast" }, { name: "slow", path: disk.folder }] });
  });
  afterAll(async () => {
    await disk.go();
    await slow.stop();
    await disk.dispose();
  });

  test("a slow copy is answered with STATUS_PENDING, other clients are served, and CANCEL ends it", async () => {
    const copier = await mountShare(slow, TESTER, "slow");
    const source = await createFile(copier, "source");
    await writeFile(copier, source, 0, new Uint8Array(65_536).fill(1));
    const target = await createFile(copier, "target");
    const key = await resumeKey(copier, source);
    const chunks = Array.from({ length: 200 }, (_, i) => ({
      sourceOffset: 0,
      targetOffset: i * 65_536,
      length: 65_536,
    }));
    await disk.hold(1000);
    const { reply, interim, messageId } = copier.client.start(copyCall(copier, target, key, chunks));
    const told = await interim;
    expect(told.status).toBe(Status.PENDING);
    const other = await mountShare(slow, TESTER2, "fast");
    const began = performance.now();
    const file = await createFile(other, "meanwhile");
    await writeFile(other, file, 0, new Uint8Array(1000));
    await closeFile(other, file);
    expect(performance.now() - began).toBeLessThan(500);
    other.client.close();
    sendCancel(copier, messageId, told.header.asyncId);
    expectOutcome((await reply).status, Status.CANCELLED);
    expect(performance.now() - began).toBeLessThan(1000);
    await disk.go();
    await closeFile(copier, target);
    await closeFile(copier, source);
    expect(statSync(join(disk.folder, "target")).size).toBeLessThan(100 * 65_536);
    copier.client.close();
  }, 30_000);

  test("a cancelled copy does not overwrite what a client writes after the CANCEL", async () => {
    const copier = await mountShare(slow, TESTER, "slow");
    const source = await createFile(copier, "from");
    await writeFile(copier, source, 0, new Uint8Array(65_536).fill(1));
    const target = await createFile(copier, "onto");
    const key = await resumeKey(copier, source);
    const chunks = [{ sourceOffset: 0, targetOffset: 0, length: 65_536 }];
    await disk.hold(700);
    const { reply, interim, messageId } = copier.client.start(copyCall(copier, target, key, chunks));
    const told = await interim;
    sendCancel(copier, messageId, told.header.asyncId);
    expectOutcome((await reply).status, Status.CANCELLED);
    await disk.hold(50);
    expect(await writeFile(copier, target, 0, new Uint8Array(65_536).fill(2))).toBe(65_536);
    await disk.go();
    await Bun.sleep(1000);
    expect(countOf(readFileSync(join(disk.folder, "onto")), 2)).toBe(65_536);
    await closeFile(copier, target);
    await closeFile(copier, source);
    copier.client.close();
  }, 30_000);
});

function countOf(bytes: Uint8Array, value: number): number {
  return bytes.reduce((count, byte) => count + (byte === value ? 1 : 0), 0);
}
