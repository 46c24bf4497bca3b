// Leases on directories: a client keeps a listing until somebody else changes what it shows; [MS-SMB2] 3.3.4.7,
// [MS-FSA] 2.1.5.18. What is expected is what Samba's newer smbtorture (smb2.dirlease) finds on Windows.
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
/** A directory of each test's own, leased by `holder` with key 1 and RH, and a file in it. */
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

/** Opens `name` in the directory as `other`, with a lease of its own whose parent is `parent`. */
function openChild(name: string, parent: number | undefined, options: Partial<CreateRequest> = {}) {
  return openLeased(other, `${directory}\\${name}`, leaseV2(9, R, parent), {
    desiredAccess: ALL_OF_A_FILE,
    ...options,
  });
}

/** The holder is told to give all up, and may have the lease again. */
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
  ["its attributes", FileInfoClass.BASIC, encoded(40, (w) => (w.zero(32), w.u32(0x2), w.u32(0)))],
  ["its creation time", FileInfoClass.BASIC, withTime(0)],
  ["its last access time", FileInfoClass.BASIC, withTime(1)],
  ["its last write time", FileInfoClass.BASIC, withTime(2)],
  ["its end", FileInfoClass.END_OF_FILE, encoded(8, (w) => w.u64(100))],
  ["its allocation", FileInfoClass.ALLOCATION, encoded(8, (w) => w.u64(4096))],
];
for (const [what, infoClass, buffer] of CHANGES) {
  test(`a change of a file's data in the listing: ${what}`, async () => {
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

test("a file made in it", async () => {
  const known = await openChild("mine", 1);
  expect(known.contexts.lease?.flags).toBe(0x4);
  expect(await isQuiet(holder)).toBe(true);
  await closeFile(other, known.fileId);
  await openChild("made", undefined);
  await expectBreak();
});

test("a directory made in it, and one removed", async () => {
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

test("a file that is only read and closed changes nothing", async () => {
  const opened = await openChild("file", undefined);
  await closeFile(other, opened.fileId);
  expect(await isQuiet(holder)).toBe(true);
});

test("data written shows when the file is closed", async () => {
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

test("a file overwritten", async () => {
  await openChild("file", undefined, { createDisposition: CreateDisposition.OVERWRITE });
  await expectBreak();
});

test("a file renamed within it, into it and out of it", async () => {
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

test("a hard link made in it", async () => {
  const opened = await openChild("file", 1);
  expect(await other.client.outcome(linkCall(other, opened.fileId, `${directory}\\link`, false))).toBe(0);
  expect(await isQuiet(holder)).toBe(true);
  await closeFile(other, opened.fileId);
  const stranger = await openChild("file", undefined);
  expect(await other.client.outcome(linkCall(other, stranger.fileId, `${directory}\\link2`, false))).toBe(0);
  await expectBreak();
});

test("a file deleted: the name goes with the last close", async () => {
  const opened = await openChild("file", undefined);
  expect(await other.client.outcome(deleteCall(other, opened.fileId))).toBe(Status.SUCCESS);
  expect(await isQuiet(holder)).toBe(true);
  await closeFile(other, opened.fileId);
  await expectBreak();
});

test("a file deleted by who knows the lease and closed by who does not", async () => {
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

test("a file deleted by the client that names the lease leaves it", async () => {
  const opened = await openChild("file", 1, { createOptions: CreateOption.DELETE_ON_CLOSE });
  await closeFile(other, opened.fileId);
  expect(await isQuiet(holder)).toBe(true);
});

test("a directory that cannot be shared is asked to give up its handle", async () => {
  const pending = other.client.start(createCall(other, directory, { ...DIRECTORY, shareAccess: 0 }));
  expect(await nextLeaseBreak(holder)).toMatchObject({ currentLeaseState: RH, newLeaseState: R });
  expect((await pending.interim).status).toBe(Status.PENDING);
  expect(await holder.client.outcome(leaseAck(holder, key(1), R))).toBe(Status.SUCCESS);
  expect((await pending.reply).status).toBe(Status.SHARING_VIOLATION);
});

test("neither oplocks nor leases of version 1, nor leases in 2.1, nor for clients that know none", async () => {
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

test("a holder that does not answer is not waited for", async () => {
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
  "a change by a program on the server, and none by the client that knows the lease",
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
      // Some changes are several events.
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
