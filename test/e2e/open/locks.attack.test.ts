// Attacks with byte-range locks: counts and ranges that lie, what nobody holds, and races of lock, cancel and close.
// [MS-SMB2] 3.3.5.14, 3.3.5.16; [MS-FSA] 2.1.5.8, 2.1.5.9; attack class 26.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { BODY } from "../../../src/wire/body.ts";
import { Access } from "../../../src/wire/security/access.ts";
import { LockFlag } from "../../../src/wire/command/lock.ts";
import { Status } from "../../../src/wire/status.ts";
import { againstSmbd } from "../../peer/start.ts";
import type { TestServer } from "../../peer/test-server.ts";
import { element, EXCLUSIVE_NOW, lockCall, lockOne, sendCancel, SHARED_NOW } from "../client/lock-calls.ts";
import {
  closeCall,
  createDirectory,
  createFile,
  type Mount,
  openFile,
  readCall,
  READ_WRITE,
  writeCall,
  writeFile,
} from "../client/raw-files.ts";
import { expectOutcome, expectServing, mountTest, startVictim } from "../client/attack-rig.ts";

const MAX = (1n << 64n) - 1n;
const { UNLOCK, EXCLUSIVE, SHARED } = LockFlag;

let server: TestServer;
beforeAll(async () => {
  server = await startVictim(againstSmbd ? {} : { parameters: { "max locks per open": "200" } });
});
afterAll(() => server.stop());
afterEach(() => expectServing(server));

/** A mount, a file of 100 bytes, and two opens of it. */
async function twoOpens(name: string) {
  const mount = await mountTest(server);
  const first = await createFile(mount, name);
  await writeFile(mount, first, 0, new Uint8Array(100));
  const second = (await openFile(mount, name, { desiredAccess: READ_WRITE })).fileId;
  return { mount, first, second, client: mount.client };
}

describe("26 what a request may say", () => {
  test("LockCount 0, and one larger than the message", async () => {
    const { mount, first, client } = await twoOpens("count");
    for (const count of [0, 2, 0xffff]) {
      const call = lockOne(mount, first, 0, 1, EXCLUSIVE_NOW);
      const edit = (_: Uint8Array, view: DataView): void => view.setUint16(BODY + 2, count, true);
      expectOutcome(
        await client.outcome({ ...call, edit }),
        Status.INVALID_PARAMETER,
        Status.INSUFFICIENT_RESOURCES,
      );
    }
    client.close();
  });

  test.each([
    [MAX, MAX],
    [MAX, 2n],
    [1n, MAX + 0n],
    [1n << 63n, (1n << 63n) + 1n],
  ])("a range that passes 2^64: %d and %d", async (offset, length) => {
    const { mount, first, client } = await twoOpens("wrap");
    const wraps = offset + length > MAX + 1n;
    for (const flags of [EXCLUSIVE_NOW, UNLOCK]) {
      const expected = wraps ? Status.INVALID_LOCK_RANGE : Status.SUCCESS;
      // smbd looks at the range when locking alone.
      const lenient = againstSmbd && flags === UNLOCK ? [Status.RANGE_NOT_LOCKED] : [];
      expectOutcome(await client.outcome(lockOne(mount, first, offset, length, flags)), expected, ...lenient);
    }
    client.close();
  });

  test.each([0, 8, 0xffff_ffe8, SHARED | EXCLUSIVE, UNLOCK | EXCLUSIVE, UNLOCK | SHARED, UNLOCK | 0x10])(
    "flags %d",
    async (flags) => {
      const { mount, first, client } = await twoOpens("flags");
      expectOutcome(await client.outcome(lockOne(mount, first, 0, 1, flags)), Status.INVALID_PARAMETER);
      client.close();
    },
  );

  test("several ranges of which one would have to wait", async () => {
    const { mount, first, client } = await twoOpens("wait");
    const locks = [element(0, 1, EXCLUSIVE_NOW), element(5, 1, EXCLUSIVE)];
    expectOutcome(await client.outcome(lockCall(mount, first, locks)), Status.INVALID_PARAMETER);
    expectOutcome(await client.outcome(lockOne(mount, first, 0, 1, UNLOCK)), Status.RANGE_NOT_LOCKED);
    client.close();
  });

  test("directories, and opens that neither read nor write", async () => {
    const { mount, client } = await twoOpens("access");
    const directory = await createDirectory(mount, "a directory");
    expectOutcome(
      await client.outcome(lockOne(mount, directory, 0, 1, EXCLUSIVE_NOW)),
      Status.INVALID_PARAMETER,
      Status.INVALID_DEVICE_REQUEST,
    );
    const blind = await openFile(mount, "access", { desiredAccess: Access.READ_ATTRIBUTES });
    expectOutcome(
      await client.outcome(lockOne(mount, blind.fileId, 0, 1, EXCLUSIVE_NOW)),
      againstSmbd ? Status.INVALID_HANDLE : Status.ACCESS_DENIED,
    );
    client.close();
  });
});

describe("26 all or nothing, and what is not held", () => {
  test("the same range twice in one request leaves nothing behind", async () => {
    const { mount, first, second, client } = await twoOpens("twice");
    const locks = [element(0, 10, EXCLUSIVE_NOW), element(20, 10, SHARED_NOW), element(0, 10, EXCLUSIVE_NOW)];
    expectOutcome(await client.outcome(lockCall(mount, first, locks)), Status.LOCK_NOT_GRANTED);
    expectOutcome(await client.outcome(lockOne(mount, second, 0, 100, EXCLUSIVE_NOW)), Status.SUCCESS);
    client.close();
  });

  test("unlocking stops at what is not held, and keeps what it did", async () => {
    const { mount, first, second, client } = await twoOpens("not held");
    const taken = [element(0, 10, EXCLUSIVE_NOW), element(20, 10, EXCLUSIVE_NOW)];
    expectOutcome(await client.outcome(lockCall(mount, first, taken)), Status.SUCCESS);
    const ended = [element(0, 10, UNLOCK), element(0, 10, UNLOCK), element(20, 10, UNLOCK)];
    expectOutcome(await client.outcome(lockCall(mount, first, ended)), Status.RANGE_NOT_LOCKED);
    expectOutcome(await client.outcome(lockOne(mount, second, 0, 10, SHARED_NOW)), Status.SUCCESS);
    expectOutcome(await client.outcome(lockOne(mount, second, 20, 10, SHARED_NOW)), Status.LOCK_NOT_GRANTED);
    expectOutcome(await client.outcome(lockOne(mount, second, 20, 10, UNLOCK)), Status.RANGE_NOT_LOCKED);
    client.close();
  });

  test("reads and writes against the locks of others, and of one's own", async () => {
    const { mount, first, second, client } = await twoOpens("read and write");
    const byte = new Uint8Array(1);
    const locks = [element(0, 10, EXCLUSIVE_NOW), element(20, 10, SHARED_NOW)];
    expectOutcome(await client.outcome(lockCall(mount, first, locks)), Status.SUCCESS);
    expectOutcome(await client.outcome(readCall(mount, second, 9, 1)), Status.FILE_LOCK_CONFLICT);
    expectOutcome(await client.outcome(readCall(mount, second, 10, 20)), Status.SUCCESS);
    expectOutcome(await client.outcome(readCall(mount, second, 5, 0)), Status.SUCCESS);
    expectOutcome(await client.outcome(writeCall(mount, second, 0, byte)), Status.FILE_LOCK_CONFLICT);
    expectOutcome(await client.outcome(writeCall(mount, second, 29, byte)), Status.FILE_LOCK_CONFLICT);
    expectOutcome(await client.outcome(writeCall(mount, first, 0, byte)), Status.SUCCESS);
    client.close();
  });
});

describe("26 lock, cancel and close racing", () => {
  /** A lock that waits for the first open's; the request's reply to come and its AsyncId. */
  async function waiting(mount: Mount, fileId: Parameters<typeof lockOne>[1]) {
    const pending = mount.client.start(lockOne(mount, fileId, 0, 10, EXCLUSIVE));
    const interim = await pending.interim;
    expect(interim.status).toBe(Status.PENDING);
    return { ...pending, asyncId: interim.header.asyncId };
  }

  test("granted in order of arrival when the holder's connection is cut", async () => {
    const holder = await twoOpens("cut");
    expectOutcome(await holder.client.outcome(lockOne(holder.mount, holder.first, 0, 10, EXCLUSIVE)), 0);
    const mount = await mountTest(server);
    const a = (await openFile(mount, "cut", { desiredAccess: READ_WRITE })).fileId;
    const b = (await openFile(mount, "cut", { desiredAccess: READ_WRITE })).fileId;
    const first = await waiting(mount, a);
    const second = await waiting(mount, b);
    holder.client.close();
    expectOutcome((await first.reply).status, Status.SUCCESS);
    expectOutcome(
      await mount.client.outcome(lockOne(mount, b, 0, 1, EXCLUSIVE_NOW)),
      Status.LOCK_NOT_GRANTED,
    );
    expectOutcome(await mount.client.outcome(closeCall(mount, a)), Status.SUCCESS);
    expectOutcome((await second.reply).status, Status.SUCCESS);
    mount.client.close();
  });

  test("cancelled by a number that never was, by the right one, and once more", async () => {
    const { mount, first, second, client } = await twoOpens("cancel");
    expectOutcome(await client.outcome(lockOne(mount, first, 0, 10, EXCLUSIVE)), Status.SUCCESS);
    const pending = await waiting(mount, second);
    sendCancel(mount, pending.messageId, pending.asyncId + 1000);
    sendCancel(mount, pending.messageId, pending.asyncId);
    sendCancel(mount, pending.messageId, pending.asyncId);
    expectOutcome((await pending.reply).status, Status.CANCELLED);
    expectOutcome(await client.outcome(lockOne(mount, first, 0, 10, UNLOCK)), Status.SUCCESS);
    expectOutcome(await client.outcome(lockOne(mount, second, 0, 10, EXCLUSIVE_NOW)), Status.SUCCESS);
    client.close();
  });

  test("unlock, cancel and close in one breath: one answer, and nothing stays locked", async () => {
    for (let round = 0; round < 50; round++) {
      const { mount, first, second, client } = await twoOpens("race");
      expectOutcome(await client.outcome(lockOne(mount, first, 0, 10, EXCLUSIVE)), Status.SUCCESS);
      const pending = await waiting(mount, second);
      const actions = [
        () => void client.start(lockOne(mount, first, 0, 10, UNLOCK)),
        () => sendCancel(mount, pending.messageId, pending.asyncId),
        () => void client.start(closeCall(mount, second)),
      ];
      // All orders in turn.
      for (let left = 3, choice = round; left > 0; choice = Math.floor(choice / left), left--) {
        for (const action of actions.splice(choice % left, 1)) action();
      }
      const { status } = await pending.reply;
      expectOutcome(status, Status.SUCCESS, Status.CANCELLED, Status.RANGE_NOT_LOCKED);
      const third = (await openFile(mount, "race", { desiredAccess: READ_WRITE })).fileId;
      expectOutcome(await client.outcome(lockOne(mount, third, 0, 100, EXCLUSIVE_NOW)), Status.SUCCESS);
      expect(client.unclaimed).toEqual([]);
      client.close();
    }
  });

  test("the connection that waits is cut: the lock is not given to the dead", async () => {
    const { mount, first, client } = await twoOpens("dead");
    expectOutcome(await client.outcome(lockOne(mount, first, 0, 10, EXCLUSIVE)), Status.SUCCESS);
    const other = await mountTest(server);
    const fileId = (await openFile(other, "dead", { desiredAccess: READ_WRITE })).fileId;
    await waiting(other, fileId);
    other.client.close();
    expectOutcome(await client.outcome(lockOne(mount, first, 0, 10, UNLOCK)), Status.SUCCESS);
    // The server may learn of the cut a moment later.
    const { reply } = client.start(lockOne(mount, first, 0, 10, EXCLUSIVE));
    expectOutcome((await reply).status, Status.SUCCESS);
    client.close();
  });
});

describe.skipIf(againstSmbd)("26 by number", () => {
  test("more ranges than anybody needs", async () => {
    const { mount, first, client } = await twoOpens("many");
    const locks = Array.from({ length: 2000 }, (_, i) => element(i, 1, EXCLUSIVE_NOW));
    expectOutcome(await client.outcome(lockCall(mount, first, locks)), Status.INSUFFICIENT_RESOURCES);
    client.close();
  });

  test("no more locks than the limit, held or awaited, and closing gives them all back", async () => {
    const { mount, first, second, client } = await twoOpens("limit");
    const locks = Array.from({ length: 200 }, (_, i) => element(i, 1, SHARED_NOW));
    expectOutcome(await client.outcome(lockCall(mount, first, locks)), Status.SUCCESS);
    const refused = [lockOne(mount, first, 500, 1, SHARED_NOW), lockOne(mount, first, 0, 1, EXCLUSIVE)];
    for (const call of refused) {
      expectOutcome(await client.outcome(call), Status.INSUFFICIENT_RESOURCES);
    }
    expectOutcome(await client.outcome(closeCall(mount, first)), Status.SUCCESS);
    expectOutcome(await client.outcome(lockOne(mount, second, 0, MAX, EXCLUSIVE_NOW)), Status.SUCCESS);
    client.close();
  });
});
