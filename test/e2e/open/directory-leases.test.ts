// Directory leases: a client caches a listing until another client changes something the listing shows;
// [MS-SMB2] 3.3.4.7, [MS-FSA] 2.1.5.18. Samba's newer smbtorture (smb2.dirlease) expects the same of Windows.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { appendFileSync, chmodSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Access } from "../../../src/wire/security/access.ts";
import {
  CreateDisposition,
  CreateOption,
  type CreateRequest,
  OplockLevel,
} from "../../../src/wire/command/create.ts";
import { Writer } from "../../../src/wire/cursor.ts";
import { FileInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { LeaseBreakFlag } from "../../../src/wire/command/oplock-break.ts";
import { Dialect } from "../../../src/wire/command/negotiate.ts";
import { Status } from "../../../src/wire/status.ts";
import { againstSmbd, startSubject } from "../../peer/start.ts";
import type { TestServer } from "../../peer/test-server.ts";
import {
  isQuiet,
  key,
  leaseAck,
  leaseV1,
  leaseV2,
  mountLeasing,
  nextLeaseBreak,
  openLeased,
  R,
  RH,
  RWH,
} from "../client/lease-rig.ts";
import {
  closeFile,
  createCall,
  deleteCall,
  linkCall,
  type Mount,
  openFile,
  renameCall,
  setInfoCall,
  writeFile,
} from "../client/raw-files.ts";

const DIRECTORY: Partial<CreateRequest> = {
  desiredAccess: Access.READ_DATA | Access.READ_ATTRIBUTES,
  createOptions: CreateOption.DIRECTORY_FILE,
};
const ALL_OF_A_FILE =
  Access.READ_DATA |
  Access.WRITE_DATA |
  Access.READ_ATTRIBUTES |
  Access.WRITE_ATTRIBUTES |
  Access.DELETE |
  Access.SYNCHRONIZE;

let server: TestServer;
let holder: Mount;
let other: Mount;
let count = 0;
/** A new directory for each test with one file in it; `holder` has an RH lease on it with key 1. */
let directory = "";

beforeAll(async () => {
  server = await startSubject({ parameters: { "oplock break timeout": "2" } });
});
afterAll(async () => {
  await server?.stop();
});

beforeEach(async () => {
  holder?.client.close();
  other?.client.close();
  holder = await mountLeasing(server);
  other = await mountLeasing(server);
  directory = `directory${++count}`;
  const opened = await openLeased(holder, directory, leaseV2(1, RWH, undefined, 5), DIRECTORY);
  expect(opened.contexts.lease).toMatchObject({ state: RH, epoch: 6 });
  await closeFile(other, (await openChild("file", 1)).fileId);
  expect(await isQuiet(holder)).toBe(true);
});

/** Opens `name` in the directory as `other`, with its own lease whose parent lease key is `parent`. */
function openChild(name: string, parent: number | undefined, options: Partial<CreateRequest> = {}) {
  return openLeased(other, `${directory}\\${name}`, leaseV2(9, R, parent), {
    desiredAccess: ALL_OF_A_FILE,
    ...options,
  });
}

/** Expects a lease break to none at the holder, acknowledges it and takes the lease again. */
async function expectBreak(): Promise<void> {
  const broken = await nextLeaseBreak(holder);
  expect(broken).toMatchObject({
    flags: LeaseBreakFlag.ACK_REQUIRED,
    currentLeaseState: RH,
    newLeaseState: 0,
  });
  expect(broken?.leaseKey).toEqual(key(1));
  expect(await holder.client.outcome(leaseAck(holder, key(1), 0))).toBe(Status.SUCCESS);
  const again = await openLeased(holder, directory, leaseV2(1, RH), DIRECTORY);
  expect(again.contexts.lease?.state).toBe(RH);
  await closeFile(holder, again.fileId);
}

function encoded(length: number, fill: (writer: Writer) => void): Uint8Array {
  const writer = new Writer(new Uint8Array(length));
  fill(writer);
  return writer.bytes;
}

/** FileBasicInformation with one of its four times set. */
function withTime(index: number): Uint8Array {
  return encoded(40, (writer) => {
    for (let i = 0; i < 4; i++) writer.u64(i === index ? 130_000_000_000_000_000 : 0);
    writer.zero(8);
  });
}

const CHANGES: readonly (readonly [string, number, Uint8Array])[] = [
  ["a file's attributes", FileInfoClass.BASIC, encoded(40, (w) => (w.zero(32), w.u32(0x2), w.u32(0)))],
  ["a file's creation time", FileInfoClass.BASIC, withTime(0)],
  ["a file's last access time", FileInfoClass.BASIC, withTime(1)],
  ["a file's last write time", FileInfoClass.BASIC, withTime(2)],
  ["a file's end of file", FileInfoClass.END_OF_FILE, encoded(8, (w) => w.u64(100))],
  ["a file's allocation size", FileInfoClass.ALLOCATION, encoded(8, (w) => w.u64(4096))],
];
for (const [what, infoClass, buffer] of CHANGES) {
  test(`a client that changes ${what} breaks the lease unless it names the parent lease key`, async () => {
    for (const parent of [1, 3, undefined]) {
      const opened = await openChild("file", parent);
      const call = setInfoCall(other, opened.fileId, infoClass, buffer);
      expect(await other.client.outcome(call)).toBe(Status.SUCCESS);
      if (parent === 1) expect(await isQuiet(holder)).toBe(true);
      else await expectBreak();
      await closeFile(other, opened.fileId);
      expect(await isQuiet(holder)).toBe(true);
    }
  });
}

test("a client that creates a file breaks the lease unless it names the parent lease key", async () => {
  const known = await openChild("mine", 1);
  expect(known.contexts.lease?.flags).toBe(0x4);
  expect(await isQuiet(holder)).toBe(true);
  await closeFile(other, known.fileId);
  await openChild("made", undefined);
  await expectBreak();
});

test("a client that creates or removes a subdirectory breaks the lease", async () => {
  const made = await openFile(other, `${directory}\\below`, {
    ...DIRECTORY,
    desiredAccess: Access.DELETE | Access.READ_ATTRIBUTES,
    createDisposition: CreateDisposition.CREATE,
  });
  await expectBreak();
  expect(await other.client.outcome(deleteCall(other, made.fileId))).toBe(Status.SUCCESS);
  expect(await isQuiet(holder)).toBe(true);
  await closeFile(other, made.fileId);
  await expectBreak();
});

test("a client that opens and closes a file without a change does not break the lease", async () => {
  const opened = await openChild("file", undefined);
  await closeFile(other, opened.fileId);
  expect(await isQuiet(holder)).toBe(true);
});

test("a write breaks the lease when the file is closed", async () => {
  const stranger = await openChild("file", undefined);
  await writeFile(other, stranger.fileId, 0, new Uint8Array(100));
  expect(await isQuiet(holder)).toBe(true);
  await closeFile(other, stranger.fileId);
  await expectBreak();
  const known = await openChild("file", 1);
  await writeFile(other, known.fileId, 0, new Uint8Array(200));
  await closeFile(other, known.fileId);
  expect(await isQuiet(holder)).toBe(true);
});

test("a client that overwrites a file with CREATE breaks the lease", async () => {
  await openChild("file", undefined, { createDisposition: CreateDisposition.OVERWRITE });
  await expectBreak();
});

test("a rename within, into or out of the directory breaks the lease", async () => {
  const apart = await openFile(other, `${directory}-apart`, {
    ...DIRECTORY,
    createDisposition: CreateDisposition.OPEN_IF,
  });
  await closeFile(other, apart.fileId);
  for (const parent of [1, undefined]) {
    const opened = await openChild("file", parent);
    for (const target of [`${directory}\\renamed`, `${directory}-apart\\out`, `${directory}\\file`]) {
      expect(await other.client.outcome(renameCall(other, opened.fileId, target, false))).toBe(0);
      if (parent === 1) expect(await isQuiet(holder)).toBe(true);
      else await expectBreak();
    }
    await closeFile(other, opened.fileId);
  }
});

test("a new hard link in the directory breaks the lease", async () => {
  const opened = await openChild("file", 1);
  expect(await other.client.outcome(linkCall(other, opened.fileId, `${directory}\\link`, false))).toBe(0);
  expect(await isQuiet(holder)).toBe(true);
  await closeFile(other, opened.fileId);
  const stranger = await openChild("file", undefined);
  expect(await other.client.outcome(linkCall(other, stranger.fileId, `${directory}\\link2`, false))).toBe(0);
  await expectBreak();
});

test("a deletion breaks the lease at the last close, which removes the name", async () => {
  const opened = await openChild("file", undefined);
  expect(await other.client.outcome(deleteCall(other, opened.fileId))).toBe(Status.SUCCESS);
  expect(await isQuiet(holder)).toBe(true);
  await closeFile(other, opened.fileId);
  await expectBreak();
});

test("a deletion whose last close is by an open without the parent lease key breaks the lease", async () => {
  const first = await openChild("file", 1);
  const second = await openLeased(other, `${directory}\\file`, leaseV2(8, R), {
    desiredAccess: ALL_OF_A_FILE,
  });
  expect(await other.client.outcome(deleteCall(other, first.fileId))).toBe(Status.SUCCESS);
  await closeFile(other, first.fileId);
  expect(await isQuiet(holder)).toBe(true);
  await closeFile(other, second.fileId);
  await expectBreak();
});

test("a deletion by a client that names the parent lease key does not break the lease", async () => {
  const opened = await openChild("file", 1, { createOptions: CreateOption.DELETE_ON_CLOSE });
  await closeFile(other, opened.fileId);
  expect(await isQuiet(holder)).toBe(true);
});

test("an exclusive open breaks handle caching and then gets STATUS_SHARING_VIOLATION", async () => {
  const pending = other.client.start(createCall(other, directory, { ...DIRECTORY, shareAccess: 0 }));
  expect(await nextLeaseBreak(holder)).toMatchObject({ currentLeaseState: RH, newLeaseState: R });
  expect((await pending.interim).status).toBe(Status.PENDING);
  expect(await holder.client.outcome(leaseAck(holder, key(1), R))).toBe(Status.SUCCESS);
  expect((await pending.reply).status).toBe(Status.SHARING_VIOLATION);
});

test("a directory gets no oplock or version 1 lease, and none in 2.1 or without the capability", async () => {
  const name = `${directory}-plain`;
  const create = { ...DIRECTORY, createDisposition: CreateDisposition.OPEN_IF };
  for (const level of [OplockLevel.II, OplockLevel.EXCLUSIVE, OplockLevel.BATCH]) {
    const opened = await openFile(other, name, { ...create, oplockLevel: level });
    expect(opened.oplockLevel).toBe(OplockLevel.NONE);
    await closeFile(other, opened.fileId);
  }
  const old = await openLeased(other, name, leaseV1(4, RH), create);
  expect([old.oplockLevel, old.contexts.lease]).toEqual([OplockLevel.NONE, undefined]);
  for (const options of [{ dialects: [Dialect.SMB_2_1] }, { capabilities: 0x4 }]) {
    const plain = await mountLeasing(server, options);
    const opened = await openLeased(plain, name, leaseV2(5, RH), create);
    expect(opened.oplockLevel).toBe(OplockLevel.NONE);
    plain.client.close();
  }
});

test("CREATEs do not wait for an unacknowledged break, and the holder gets only one", async () => {
  for (const name of ["a", "b", "c"]) {
    await openFile(other, `${directory}\\${name}`, {
      desiredAccess: ALL_OF_A_FILE,
      createDisposition: CreateDisposition.CREATE,
    });
  }
  expect(await nextLeaseBreak(holder)).toMatchObject({ newLeaseState: 0 });
  expect(await isQuiet(holder)).toBe(true);
});

test.skipIf(againstSmbd)(
  "a program on the server breaks the lease; a client that names the parent lease key does not",
  async () => {
    const path = join(server.shares.get("test") ?? "", directory);
    for (const change of [
      () => writeFileSync(join(path, "local"), "made here"),
      () => appendFileSync(join(path, "local"), "longer"),
      () => renameSync(join(path, "local"), join(path, "renamed")),
      () => chmodSync(join(path, "renamed"), 0o600),
      () => unlinkSync(join(path, "renamed")),
    ]) {
      change();
      await expectBreak();
      // Some changes cause several inotify events.
      for (;;) {
        const more = await nextLeaseBreak(holder, 100);
        if (more === undefined) break;
        await holder.client.outcome(leaseAck(holder, key(1), 0));
        await closeFile(holder, (await openLeased(holder, directory, leaseV2(1, RH), DIRECTORY)).fileId);
      }
    }
    const known = await openChild("known", 1, { createDisposition: CreateDisposition.CREATE });
    await writeFile(other, known.fileId, 0, new Uint8Array(100));
    const renamed = renameCall(other, known.fileId, `${directory}\\known2`, false);
    expect(await other.client.outcome(renamed)).toBe(Status.SUCCESS);
    expect(await other.client.outcome(deleteCall(other, known.fileId))).toBe(Status.SUCCESS);
    await closeFile(other, known.fileId);
    expect(await nextLeaseBreak(holder, 300)).toBeUndefined();
  },
);
