// Attacks with requests that wait for other clients and lie in large buffers: memory stays within the budget,
// and other clients' requests may still wait. [MS-SMB2] 3.3.4.2 (interim responses), 3.3.5.14, 3.3.5.9.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Access } from "../../../src/wire/security/access.ts";
import { OplockLevel } from "../../../src/wire/command/create.ts";
import { LockFlag } from "../../../src/wire/command/lock.ts";
import { CompletionFilter, encodeChangeNotifyRequest } from "../../../src/wire/command/change-notify.ts";
import { Command } from "../../../src/wire/header.ts";
import { Status } from "../../../src/wire/status.ts";
import type { TestServer } from "../../peer/test-server.ts";
import type { Call, Pending } from "../client/raw-calls.ts";
import { anonymousKib, expectServing, mountTest, startVictim } from "../client/attack-rig.ts";
import { leaseV2, mountLeasing, openLeased, RH } from "../client/lease-rig.ts";
import { lockOne } from "../client/lock-calls.ts";
import {
  callOn,
  closeFile,
  createCall,
  createDirectory,
  createFile,
  type Mount,
  openFile,
  READ_WRITE,
  renameCall,
  writeCall,
} from "../client/raw-files.ts";

const MIB = 1024 * 1024;
/** `buffer budget` of the server. */
const BUDGET_KIB = 16 * 1024;
/** What 400 waiting requests and the garbage of 400 MiB that were received may take beside the budget. */
const SLACK_KIB = 64 * 1024;
const COUNT = 400;

let server: TestServer;
beforeAll(async () => {
  server = await startVictim({ parameters: { "buffer budget": "16M", "smb2 max write": "1M" } });
});
afterAll(() => server.stop());

/** The request with a megabyte of bytes behind it, which its structure does not describe. */
function padded(call: Call): Call {
  const padding = new Uint8Array(MIB).fill(0x55);
  return {
    ...call,
    room: MIB + 4096,
    credits: 8,
    body: (writer) => (call.body(writer), writer.raw(padding)),
  };
}

/** Sends `COUNT` requests, and returns when each has its interim response, with what memory grew by in KiB. */
async function growthOfWaiting(mount: Mount, make: (index: number) => Call): Promise<number> {
  const before = anonymousKib(server);
  const waiting: Pending[] = [];
  for (let index = 0; index < COUNT; index++) {
    const pending = mount.client.start(padded(make(index)));
    waiting.push(pending);
    const reply = await Promise.race([pending.interim, pending.reply]);
    expect(reply.status).toBe(Status.PENDING);
  }
  const growth = anonymousKib(server) - before;
  await expectServing(server);
  return growth;
}

/** Messages with their Direct TCP headers. */
function frames(...messages: readonly Uint8Array[]): Uint8Array {
  const parts = messages.flatMap((message) => {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(message.length);
    return [head, message];
  });
  return new Uint8Array(Buffer.concat(parts));
}

/** A mount that neither signs nor seals: 400 MiB are sent. */
const plainMount = () => mountTest(server, { protection: "plain" });

async function openTwice(mount: Mount, name: string) {
  const first = await createFile(mount, name);
  const second = (await openFile(mount, name, { desiredAccess: READ_WRITE })).fileId;
  return { first, second };
}

describe("requests that wait and have 1 MiB of padding", () => {
  test("400 LOCKs keep no more than the buffer budget", async () => {
    const mount = await plainMount();
    const { first, second } = await openTwice(mount, "locks");
    await mount.client.demand("LOCK", lockOne(mount, first, 0, 1, LockFlag.EXCLUSIVE));
    const growth = await growthOfWaiting(mount, () => lockOne(mount, second, 0, 1, LockFlag.EXCLUSIVE));
    expect(growth).toBeLessThan(BUDGET_KIB + SLACK_KIB);
    mount.client.close();
  }, 60_000);

  test("400 CREATEs behind an oplock break keep no more than the buffer budget", async () => {
    const holder = await mountTest(server);
    await closeFile(holder, await createFile(holder, "held"));
    await openFile(holder, "held", { oplockLevel: OplockLevel.BATCH, desiredAccess: READ_WRITE });
    const mount = await plainMount();
    const open = (): Call => createCall(mount, "held", { desiredAccess: READ_WRITE });
    expect(await growthOfWaiting(mount, open)).toBeLessThan(BUDGET_KIB + SLACK_KIB);
    holder.client.close();
    mount.client.close();
  }, 60_000);

  test("400 CHANGE_NOTIFYs keep no more than the buffer budget", async () => {
    const mount = await plainMount();
    const fileId = await createDirectory(mount, "watched");
    const watch = (): Call =>
      callOn(mount, Command.CHANGE_NOTIFY, (writer) =>
        encodeChangeNotifyRequest(writer, {
          flags: 0,
          outputBufferLength: 4096,
          fileId,
          completionFilter: CompletionFilter.FILE_NAME,
        }),
      );
    expect(await growthOfWaiting(mount, watch)).toBeLessThan(BUDGET_KIB + SLACK_KIB);
    mount.client.close();
  }, 60_000);

  test("400 renames behind a lease break keep no more than the buffer budget", async () => {
    const holder = await mountLeasing(server);
    await closeFile(holder, await createFile(holder, "source"));
    const lease = await openLeased(holder, "source", leaseV2(1, RH), { shareAccess: 7 });
    expect(lease.contexts.lease?.state).toBe(RH);
    const mount = await plainMount();
    const { fileId } = await openFile(mount, "source", { desiredAccess: Access.DELETE });
    const rename = (): Call => renameCall(mount, fileId, "target", true);
    expect(await growthOfWaiting(mount, rename)).toBeLessThan(BUDGET_KIB + SLACK_KIB);
    holder.client.close();
    mount.client.close();
  }, 60_000);
});

test("400 LOCKs that wait, each sent with the start of a large WRITE, keep no more than the budget", async () => {
  const mount = await plainMount();
  const { first, second } = await openTwice(mount, "shared chunk");
  await mount.client.demand("LOCK", lockOne(mount, first, 0, 1, LockFlag.EXCLUSIVE));
  const before = anonymousKib(server);
  const data = new Uint8Array(MIB);
  for (let index = 0; index < COUNT; index++) {
    await mount.client.awaitCredits(40);
    const lock = mount.client.build({ ...lockOne(mount, second, 0, 1, LockFlag.EXCLUSIVE), credits: 8 });
    const write = mount.client.build(writeCall(mount, first, 100, data));
    const lockReply = mount.client.expect(lock.messageId);
    const writeReply = mount.client.expect(write.messageId);
    // One send: the server receives the LOCK and much of the WRITE in one chunk.
    mount.client.socket.send(frames(lock.bytes, write.bytes));
    expect((await lockReply.interim).status).toBe(Status.PENDING);
    expect((await writeReply.reply).status).toBe(Status.SUCCESS);
  }
  expect(anonymousKib(server) - before).toBeLessThan(BUDGET_KIB + SLACK_KIB);
  await expectServing(server);
  mount.client.close();
}, 60_000);

test("waiting requests that are large get STATUS_INSUFFICIENT_RESOURCES before they hold the budget", async () => {
  const holder = await mountTest(server);
  await closeFile(holder, await createFile(holder, "contexts"));
  await openFile(holder, "contexts", { oplockLevel: OplockLevel.BATCH, desiredAccess: READ_WRITE });
  const mount = await plainMount();
  const unknown = [{ tag: "none", data: new Uint8Array(60_000) }];
  const large = (): Call =>
    createCall(mount, "contexts", { desiredAccess: READ_WRITE, contexts: { unknown } });
  const statuses: number[] = [];
  for (let index = 0; index < 100; index++) {
    const pending = mount.client.start({ ...large(), room: 70_000, credits: 8 });
    statuses.push((await Promise.race([pending.interim, pending.reply])).status);
  }
  const waiting = statuses.filter((status) => status === Status.PENDING).length;
  expect(waiting).toBeGreaterThan(10);
  // A quarter of the budget is 4 MiB, and one connection gets half of what is free.
  expect(waiting).toBeLessThan(40);
  expect(new Set(statuses)).toEqual(new Set([Status.PENDING, Status.INSUFFICIENT_RESOURCES]));
  const other = await mountTest(server);
  const { first, second } = await openTwice(other, "others");
  await other.client.demand("LOCK", lockOne(other, first, 0, 1, LockFlag.EXCLUSIVE));
  const lock = other.client.start(lockOne(other, second, 0, 1, LockFlag.EXCLUSIVE));
  expect((await Promise.race([lock.interim, lock.reply])).status).toBe(Status.PENDING);
  for (const { client } of [holder, mount, other]) client.close();
}, 60_000);

/** A mount with a file and the credits for a WRITE of 4 MiB, which is not sent. */
async function mountToWrite(at: TestServer, name: string) {
  const mount = await mountTest(at, { protection: "plain" });
  const file = await createFile(mount, name);
  const echo = callOn(mount, Command.ECHO, (writer) => writer.u32(4));
  for (let round = 0; mount.client.credits < 80 && round < 20; round++)
    await mount.client.request({ ...echo, credits: 100 });
  return { mount, write: writeCall(mount, file, 0, new Uint8Array(4 * MIB).fill(1)) };
}

test("32 connections that send WRITEs of 4 MiB but for their last bytes keep no more than the budget", async () => {
  const parameters = { "buffer budget": "16M", "smb2 max write": "4M" };
  const small = await startVictim({ parameters });
  const late = await mountToWrite(small, "late");
  const slow = [];
  for (let index = 0; index < 32; index++) slow.push(await mountToWrite(small, `slow ${index}`));
  const before = anonymousKib(small);
  for (const { mount, write } of slow) {
    const { bytes } = mount.client.build(write);
    mount.client.socket.sendFrame(bytes.subarray(0, bytes.length - 10), bytes.length);
  }
  await Bun.sleep(1000);
  expect(anonymousKib(small) - before).toBeLessThan(BUDGET_KIB + SLACK_KIB);
  // Small requests are answered meanwhile, and large ones when slow senders are gone.
  await expectServing(small);
  const written = late.mount.client.request(late.write);
  for (const { mount } of slow) mount.client.close();
  expect((await written).status).toBe(Status.SUCCESS);
  late.mount.client.close();
  await small.stop();
}, 60_000);
