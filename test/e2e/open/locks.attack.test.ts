// Attacks with byte-range locks: wrong counts and ranges, unlocks of ranges not held, races of lock, cancel
// and close. [MS-SMB2] 3.3.5.14, 3.3.5.16; [MS-FSA] 2.1.5.8, 2.1.5.9.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { BODY } from "../../../src/wire/body.ts";
import { Access } from "../../../src/wire/security/access.ts";
import { LockFlag } from "../../../src/wire/command/lock.ts";
import { Status } from "../../../src/wire/status.ts";
import { againstSmbd } from "../../peer/start.ts";
import { TESTER2, type TestServer } from "../../peer/test-server.ts";
import { element, EXCLUSIVE_NOW, lockCall, lockOne, sendCancel, SHARED_NOW } from "../client/lock-calls.ts";
import {
  closeCall,
  createDirectory,
  createFile,
  type Mount,
  mountShare,
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

/** Makes a mount, a file of 100 bytes, and two opens of it. */
async function twoOpens(name: string) {
  const mount = await mountTest(server);
  const first = await createFile(mount, name);
  await writeFile(mount, first, 0, new Uint8Array(100));
  const second = (await openFile(mount, name, { desiredAccess: READ_WRITE })).fileId;
  return { mount, first, second, client: mount.client };
}

describe("invalid LOCK requests", () => {
  test("a LockCount of 0 or beyond the message is refused", async () => {
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
  ])(
    "a range at offset %d of length %d gets STATUS_INVALID_LOCK_RANGE if it passes 2^64",
    async (offset, length) => {
      const { mount, first, client } = await twoOpens("wrap");
      const wraps = offset + length > MAX + 1n;
      for (const flags of [EXCLUSIVE_NOW, UNLOCK]) {
        const expected = wraps ? Status.INVALID_LOCK_RANGE : Status.SUCCESS;
        // smbd checks the range only when it locks.
        const lenient = againstSmbd && flags === UNLOCK ? [Status.RANGE_NOT_LOCKED] : [];
        expectOutcome(
          await client.outcome(lockOne(mount, first, offset, length, flags)),
          expected,
          ...lenient,
        );
      }
      client.close();
    },
  );

  test.each([0, 8, 0xffff_ffe8, SHARED | EXCLUSIVE, UNLOCK | EXCLUSIVE, UNLOCK | SHARED, UNLOCK | 0x10])(
    "flags %d get STATUS_INVALID_PARAMETER",
    async (flags) => {
      const { mount, first, client } = await twoOpens("flags");
      expectOutcome(await client.outcome(lockOne(mount, first, 0, 1, flags)), Status.INVALID_PARAMETER);
      client.close();
    },
  );

  test("several ranges of which one may wait get STATUS_INVALID_PARAMETER, and none is locked", async () => {
    const { mount, first, client } = await twoOpens("wait");
    const locks = [element(0, 1, EXCLUSIVE_NOW), element(5, 1, EXCLUSIVE)];
    expectOutcome(await client.outcome(lockCall(mount, first, locks)), Status.INVALID_PARAMETER);
    expectOutcome(await client.outcome(lockOne(mount, first, 0, 1, UNLOCK)), Status.RANGE_NOT_LOCKED);
    client.close();
  });

  test("a lock of a directory, or by an open without read or write access, is refused", async () => {
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

describe("the locks that a request leaves", () => {
  test("a request that locks one range twice fails and locks nothing", async () => {
    const { mount, first, second, client } = await twoOpens("twice");
    const locks = [element(0, 10, EXCLUSIVE_NOW), element(20, 10, SHARED_NOW), element(0, 10, EXCLUSIVE_NOW)];
    expectOutcome(await client.outcome(lockCall(mount, first, locks)), Status.LOCK_NOT_GRANTED);
    expectOutcome(await client.outcome(lockOne(mount, second, 0, 100, EXCLUSIVE_NOW)), Status.SUCCESS);
    client.close();
  });

  test("an unlock stops at the first range that is not held; earlier ranges stay unlocked", async () => {
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

  test("READ and WRITE conflict with another open's locks, not with the open's own", async () => {
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

describe("races of lock, cancel and close", () => {
  /** Sends a LOCK that must wait; returns the pending request and its AsyncId. */
  async function waiting(mount: Mount, fileId: Parameters<typeof lockOne>[1]) {
    const pending = mount.client.start(lockOne(mount, fileId, 0, 10, EXCLUSIVE));
    const interim = await pending.interim;
    expect(interim.status).toBe(Status.PENDING);
    return { ...pending, asyncId: interim.header.asyncId };
  }

  test("waiting locks are granted in order of arrival when the holder's connection is cut", async () => {
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

  test("CANCEL with an unknown AsyncId has no effect; with the right one it cancels once", async () => {
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

  test("unlock, cancel and close sent together get one answer, and nothing stays locked", async () => {
    for (let round = 0; round < 50; round++) {
      const { mount, first, second, client } = await twoOpens("race");
      expectOutcome(await client.outcome(lockOne(mount, first, 0, 10, EXCLUSIVE)), Status.SUCCESS);
      const pending = await waiting(mount, second);
      const actions = [
        () => void client.start(lockOne(mount, first, 0, 10, UNLOCK)),
        () => sendCancel(mount, pending.messageId, pending.asyncId),
        () => void client.start(closeCall(mount, second)),
      ];
      // Each round takes another of the six orders.
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

  test("a waiting lock is not granted after its connection was cut", async () => {
    const { mount, first, client } = await twoOpens("dead");
    expectOutcome(await client.outcome(lockOne(mount, first, 0, 10, EXCLUSIVE)), Status.SUCCESS);
    const other = await mountTest(server);
    const fileId = (await openFile(other, "dead", { desiredAccess: READ_WRITE })).fileId;
    await waiting(other, fileId);
    other.client.close();
    expectOutcome(await client.outcome(lockOne(mount, first, 0, 10, UNLOCK)), Status.SUCCESS);
    // This LOCK may wait: the server may notice the cut connection a moment later.
    const { reply } = client.start(lockOne(mount, first, 0, 10, EXCLUSIVE));
    expectOutcome((await reply).status, Status.SUCCESS);
    client.close();
  });
});

describe.skipIf(againstSmbd)("limits on the number of locks", () => {
  test("2000 ranges in one request get STATUS_INSUFFICIENT_RESOURCES", async () => {
    const { mount, first, client } = await twoOpens("many");
    const locks = Array.from({ length: 2000 }, (_, i) => element(i, 1, EXCLUSIVE_NOW));
    expectOutcome(await client.outcome(lockCall(mount, first, locks)), Status.INSUFFICIENT_RESOURCES);
    client.close();
  });

  test("locks beyond `max locks per file` are refused, and those of other files are not", async () => {
    const own = await startVictim({
      parameters: { "max locks per open": "200", "max locks per file": "300" },
    });
    try {
      const mount = await mountTest(own);
      const opens = [await createFile(mount, "shared")];
      opens.push((await openFile(mount, "shared", { desiredAccess: READ_WRITE })).fileId);
      const lock = (fileId: (typeof opens)[number], from: number, count: number) => {
        const locks = Array.from({ length: count }, (_, i) => element(from + i, 1, EXCLUSIVE_NOW));
        return mount.client.outcome(lockCall(mount, fileId, locks));
      };
      const [first, second] = opens as [(typeof opens)[number], (typeof opens)[number]];
      expectOutcome(await lock(first, 0, 200), Status.SUCCESS);
      expectOutcome(await lock(second, 1000, 101), Status.INSUFFICIENT_RESOURCES);
      expectOutcome(await lock(second, 1000, 100), Status.SUCCESS);
      expectOutcome(await lock(await createFile(mount, "other"), 0, 200), Status.SUCCESS);
      mount.client.close();
    } finally {
      await own.stop();
    }
  });

  test("locks beyond `max total locks` are refused: one user leaves some to others", async () => {
    const own = await startVictim({ parameters: { "max total locks": "800" } });
    try {
      const lockFiles = async (mount: Mount, prefix: string): Promise<number> => {
        for (let granted = 0; ; granted += 50) {
          const file = await createFile(mount, `${prefix} ${granted}`);
          const locks = Array.from({ length: 50 }, (_, i) => element(i, 1, EXCLUSIVE_NOW));
          const outcome = await mount.client.outcome(lockCall(mount, file, locks));
          if (outcome === Status.SUCCESS) continue;
          expectOutcome(outcome, Status.INSUFFICIENT_RESOURCES);
          return granted;
        }
      };
      const one = await mountTest(own);
      const other = await mountShare(own, TESTER2, "test");
      expect(await lockFiles(one, "one")).toBe(700);
      expect(await lockFiles(other, "other")).toBe(100);
      one.client.close();
      await expectServing(own);
      expect(await lockFiles(other, "again")).toBe(600);
      other.client.close();
    } finally {
      await own.stop();
    }
  });

  test("locks beyond `max locks per open` are refused, and a close releases all of them", async () => {
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
