// Attacks with oplocks and leases: invalid acknowledgements, and waiting clients or lease holders that end.
// [MS-SMB2] 3.3.5.22, 3.3.5.16, 3.3.5.6, 3.3.5.8, 3.3.7.1.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { CreateDisposition, OplockLevel } from "../../../src/wire/command/create.ts";
import { Command } from "../../../src/wire/header.ts";
import { Status } from "../../../src/wire/status.ts";
import { againstSmbd } from "../../peer/start.ts";
import type { TestServer } from "../../peer/test-server.ts";
import {
  isQuiet,
  key,
  leaseAck,
  leaseV2,
  mountLeasing,
  nextLeaseBreak,
  nextOplockBreak,
  openLeased,
  oplockAck,
  R,
  READ_WRITE_DATA,
  RH,
  RW,
  RWH,
  startOpen,
} from "../client/lease-rig.ts";
import { LockFlag } from "../../../src/wire/command/lock.ts";
import { EXCLUSIVE_NOW, lockOne, sendCancel } from "../client/lock-calls.ts";
import type { Reply } from "../client/raw-calls.ts";
import {
  callOn,
  closeCall,
  closeFile,
  createCall,
  deleteCall,
  type Mount,
  openFile,
  renameCall,
} from "../client/raw-files.ts";
import { expectOutcome, expectServing, startVictim } from "../client/attack-rig.ts";

const DELETING = READ_WRITE_DATA | 0x1_0000;

let server: TestServer;
let holder: Mount;
let other: Mount;
let count = 0;
/** A new file name for each test. */
let name = "";

beforeAll(async () => {
  server = await startVictim(againstSmbd ? {} : { parameters: { "oplock break timeout": "20" } });
});
afterAll(() => server.stop());
afterEach(async () => {
  holder?.client.close();
  other?.client.close();
  await expectServing(server);
});

async function begin(): Promise<void> {
  holder = await mountLeasing(server);
  other = await mountLeasing(server);
  name = `file${++count}`;
}

function cancel({ header }: Reply): void {
  sendCancel(other, header.messageId, header.asyncId);
}

/** Expects that a third client can open the file alone with an RWH lease and delete it, without a wait. */
async function expectFree(): Promise<void> {
  const third = await mountLeasing(server);
  const startedMs = performance.now();
  const opened = await openLeased(third, name, leaseV2(7, RWH), { shareAccess: 0, desiredAccess: DELETING });
  expect(opened.contexts.lease?.state).toBe(RWH);
  expect(await third.client.outcome(deleteCall(third, opened.fileId))).toBe(Status.SUCCESS);
  expect(performance.now() - startedMs).toBeLessThan(2000);
  third.client.close();
}

describe("acknowledgements", () => {
  test("of a lease that is not breaking, of another client's key or of an unknown key fail", async () => {
    await begin();
    await openLeased(holder, name, leaseV2(1, RWH));
    const { client } = holder;
    expect(await client.outcome(leaseAck(holder, key(1), RH))).toBe(Status.UNSUCCESSFUL);
    expect(await client.outcome(leaseAck(holder, key(2), RH))).toBe(Status.OBJECT_NAME_NOT_FOUND);
    expect(await other.client.outcome(leaseAck(other, key(1), 0))).toBe(Status.OBJECT_NAME_NOT_FOUND);
    const still = await openLeased(holder, name, leaseV2(1, R));
    expect(still.contexts.lease?.state).toBe(RWH);
  });

  test("above the new state or with unknown bits fail; a correct one succeeds once", async () => {
    await begin();
    await openLeased(holder, name, leaseV2(1, RWH));
    const pending = startOpen(other, name);
    await nextLeaseBreak(holder);
    for (const state of [RWH, RW, 0x8, 0xffff_ffff]) {
      expect(await holder.client.outcome(leaseAck(holder, key(1), state))).toBe(Status.REQUEST_NOT_ACCEPTED);
    }
    expect(await holder.client.outcome(leaseAck(holder, key(1), R))).toBe(Status.SUCCESS);
    expect(await holder.client.outcome(leaseAck(holder, key(1), R))).toBe(Status.UNSUCCESSFUL);
    expect((await pending.reply).status).toBe(Status.SUCCESS);
  });

  test("for an earlier break fail when a further break is under way", async () => {
    await begin();
    await openLeased(holder, name, leaseV2(1, RWH));
    const reader = startOpen(other, name);
    expect(await nextLeaseBreak(holder)).toMatchObject({ newLeaseState: RH });
    const writer = startOpen(other, name, { createDisposition: CreateDisposition.OVERWRITE });
    await writer.interim;
    expect(await holder.client.outcome(leaseAck(holder, key(1), RH))).toBe(Status.SUCCESS);
    expect(await nextLeaseBreak(holder)).toMatchObject({ currentLeaseState: RH, newLeaseState: R });
    // The first acknowledgement again: its state is above the second break's new state.
    expect(await holder.client.outcome(leaseAck(holder, key(1), RH))).toBe(Status.REQUEST_NOT_ACCEPTED);
    expect(await holder.client.outcome(leaseAck(holder, key(1), 0))).toBe(Status.SUCCESS);
    expect((await reader.reply).status).toBe(Status.SUCCESS);
    expect((await writer.reply).status).toBe(Status.SUCCESS);
  });

  test("bring the next break, whatever waits behind them in their compound", async () => {
    await begin();
    const names = [name, `${name}-2`];
    const writers = [];
    for (const [index, each] of names.entries()) {
      const held = await openLeased(holder, each, leaseV2(index + 1, RWH));
      await holder.client.demand("LOCK", lockOne(holder, held.fileId, 100, 1, EXCLUSIVE_NOW));
      const reader = startOpen(other, each);
      expect(await nextLeaseBreak(holder)).toMatchObject({ newLeaseState: RH });
      const writer = startOpen(other, each, { createDisposition: CreateDisposition.OVERWRITE });
      await writer.interim;
      writers.push({ held, reader, writer });
    }
    const fileId = writers[0]?.held.fileId;
    if (fileId === undefined) throw new Error("nothing is open");
    // Waits for the holder's own lock, for ever, and in front of the ECHO without an interim response.
    const waiting = lockOne(holder, fileId, 100, 1, LockFlag.EXCLUSIVE);
    const echo = callOn(holder, Command.ECHO, four);
    holder.client.compound([leaseAck(holder, key(1), RH), leaseAck(holder, key(2), RH), waiting, echo]);
    for (const index of [1, 2]) {
      expect(await nextLeaseBreak(holder)).toMatchObject({ leaseKey: key(index), newLeaseState: R });
      expect(await holder.client.outcome(leaseAck(holder, key(index), 0))).toBe(Status.SUCCESS);
    }
    for (const { reader, writer } of writers) {
      expect((await reader.reply).status).toBe(Status.SUCCESS);
      expect((await writer.reply).status).toBe(Status.SUCCESS);
    }
  });

  test("after the file was closed fail", async () => {
    await begin();
    const held = await openLeased(holder, name, leaseV2(1, RWH));
    const pending = startOpen(other, name);
    await nextLeaseBreak(holder);
    await closeFile(holder, held.fileId);
    expect(await holder.client.outcome(leaseAck(holder, key(1), RH))).toBe(Status.OBJECT_NAME_NOT_FOUND);
    expect((await pending.reply).status).toBe(Status.SUCCESS);
    const oplock = await openFile(holder, `${name}-oplock`, {
      oplockLevel: OplockLevel.BATCH,
      desiredAccess: READ_WRITE_DATA,
      createDisposition: CreateDisposition.OPEN_IF,
    });
    await closeFile(holder, oplock.fileId);
    const late = oplockAck(holder, oplock.fileId, OplockLevel.NONE);
    expect(await holder.client.outcome(late)).toBe(Status.FILE_CLOSED);
  });

  test("of an oplock without a break, with an invalid level or another client's FileId fail", async () => {
    await begin();
    const options = { desiredAccess: READ_WRITE_DATA, createDisposition: CreateDisposition.OPEN_IF };
    const held = await openFile(holder, name, { ...options, oplockLevel: OplockLevel.BATCH });
    const { client } = holder;
    const ack = (level: number) => client.outcome(oplockAck(holder, held.fileId, level));
    expect(await ack(OplockLevel.NONE)).toBe(Status.INVALID_DEVICE_STATE);
    expect(await other.client.outcome(oplockAck(other, held.fileId, 0))).toBe(Status.FILE_CLOSED);
    for (const [level, status] of [
      [OplockLevel.BATCH, Status.INVALID_OPLOCK_PROTOCOL],
      [OplockLevel.LEASE, Status.INVALID_PARAMETER],
      [0x77, Status.INVALID_OPLOCK_PROTOCOL],
    ] as const) {
      const each = await openFile(holder, `${name}-${level}`, { ...options, oplockLevel: OplockLevel.BATCH });
      const pending = startOpen(other, `${name}-${level}`);
      await nextOplockBreak(holder);
      expect(await client.outcome(oplockAck(holder, each.fileId, level))).toBe(status);
      // An invalid acknowledgement also ends the other client's wait.
      expect((await pending.reply).status).toBe(Status.SUCCESS);
    }
  });

  test("with a StructureSize of neither an oplock nor a lease are refused", async () => {
    await begin();
    for (const size of [0, 23, 25, 35, 37, 44, 0xffff]) {
      const call = callOn(holder, Command.OPLOCK_BREAK, (writer) => {
        writer.u16(size);
        writer.zero(62);
      });
      expectOutcome(await holder.client.outcome(call), Status.INVALID_PARAMETER, Status.FILE_CLOSED);
    }
  });
});

describe("lease contexts", () => {
  test("the server ignores unknown state bits", async () => {
    await begin();
    const opened = await openLeased(holder, name, leaseV2(1, 0xffff_ffff));
    expect(opened.contexts.lease?.state).toBe(RWH);
    const nothing = await openLeased(holder, `${name}-2`, leaseV2(2, 0xffff_fff8));
    expect(nothing.contexts.lease?.state).toBe(0);
  });
});

describe("a client or holder that ends during a break", () => {
  test.each([
    ["the request is cancelled", "cancel"],
    ["the tree is disconnected", "tree"],
    ["the session logs off", "session"],
    ["the connection is lost", "connection"],
  ])("%s while a CREATE waits for a break: the CREATE ends and the file is free", async (_, end) => {
    await begin();
    const held = await openLeased(holder, name, leaseV2(1, RWH));
    const pending = startOpen(other, name);
    const interim = await pending.interim;
    expect(interim.status).toBe(Status.PENDING);
    if (end === "cancel") cancel(interim);
    if (end === "tree") other.client.start(callOn(other, Command.TREE_DISCONNECT, four));
    if (end === "session") other.client.start(callOn(other, Command.LOGOFF, four));
    if (end === "connection") other.client.close();
    else expect((await pending.reply).status).toBe(Status.CANCELLED);
    // The holder acknowledges the break as usual, and no other client holds the file.
    await nextLeaseBreak(holder);
    expect(await holder.client.outcome(leaseAck(holder, key(1), RH))).toBe(Status.SUCCESS);
    await closeFile(holder, held.fileId);
    await expectFree();
  });

  test("waiting CREATEs succeed when the holder closes, disconnects, logs off or is cut off", async () => {
    for (const end of ["close", "tree", "session", "connection"]) {
      await begin();
      const held = await openLeased(holder, name, leaseV2(1, RWH));
      const waiting = [1, 2, 3].map(() => startOpen(other, name));
      await Promise.all(waiting.map(({ interim }) => interim));
      if (end === "close") holder.client.start(closeCall(holder, held.fileId));
      if (end === "tree") holder.client.start(callOn(holder, Command.TREE_DISCONNECT, four));
      if (end === "session") holder.client.start(callOn(holder, Command.LOGOFF, four));
      if (end === "connection") holder.client.close();
      for (const { reply } of waiting) expect((await reply).status).toBe(Status.SUCCESS);
      other.client.close();
      await expectFree();
    }
  });

  test("a waiting rename or deletion gets STATUS_FILE_CLOSED when the client closes the open", async () => {
    for (const make of [
      (mount: Mount, fileId: Parameters<typeof deleteCall>[1]) => deleteCall(mount, fileId),
      (mount: Mount, fileId: Parameters<typeof deleteCall>[1]) =>
        renameCall(mount, fileId, "elsewhere", true),
    ]) {
      await begin();
      const held = await openLeased(holder, name, leaseV2(1, RH));
      const mine = await openFile(other, name, { desiredAccess: DELETING });
      const pending = other.client.start(make(other, mine.fileId));
      await pending.interim;
      await closeFile(other, mine.fileId);
      await nextLeaseBreak(holder);
      await closeFile(holder, held.fileId);
      expect((await pending.reply).status).toBe(Status.FILE_CLOSED);
      await expectFree();
    }
  });

  test("of 100 CREATEs that wait for one holder 50 are cancelled and 50 succeed", async () => {
    await begin();
    await openLeased(holder, name, leaseV2(1, RWH));
    const pending: ReturnType<typeof startOpen>[] = [];
    for (let i = 0; i < 100; i++) {
      await other.client.awaitCredits(1);
      pending.push(startOpen(other, name));
    }
    const interims = await Promise.all(pending.map(({ interim }) => interim));
    const statusesOf = (requests: typeof pending) =>
      Promise.all(requests.map(async ({ reply }) => (await reply).status));
    for (const [i, interim] of interims.entries()) if (i % 2 === 0) cancel(interim);
    // Another connection's acknowledgement may overtake a CANCEL.
    const cancelled = await statusesOf(pending.filter((_, i) => i % 2 === 0));
    expect(cancelled).toEqual(Array(50).fill(Status.CANCELLED));
    expect(await nextLeaseBreak(holder)).toMatchObject({ newLeaseState: RH });
    expect(await isQuiet(holder)).toBe(true);
    await holder.client.outcome(leaseAck(holder, key(1), RH));
    const kept = await statusesOf(pending.filter((_, i) => i % 2 === 1));
    expect(kept).toEqual(Array(50).fill(Status.SUCCESS));
    other.client.close();
    holder.client.close();
    await expectFree();
  });

  test("a CREATE in the middle of a compound waits without an interim response", async () => {
    await begin();
    await openLeased(holder, name, leaseV2(1, RWH));
    const replies = other.client.compound([
      createCall(other, name, { desiredAccess: READ_WRITE_DATA }),
      { ...createCall(other, `${name}-2`, { createDisposition: CreateDisposition.OPEN_IF }) },
    ]);
    await nextLeaseBreak(holder);
    await holder.client.outcome(leaseAck(holder, key(1), RH));
    for (const reply of replies) expect((await reply).status).toBe(Status.SUCCESS);
  });
});

function four(writer: { u16(value: number): void }): void {
  writer.u16(4);
  writer.u16(0);
}
